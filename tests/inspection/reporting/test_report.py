"""A report holds what was measured, and its page is one harmless file."""

import re
import sys
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skxmr import CCA, Pairs, PerModality, SemanticMatching
from skxmr.datasets import make_multilabel_pairs
from skxmr.inspection import report
from skxmr.inspection.reporting.pictures import pictures
from skxmr.inspection.reporting.rankings import _first_items
from skxmr.metrics import RetrievalScorer, SharedLabels, average_precision, map_per_class

NASTY = ["$x_1$", "<script>alert(1)</script>", "שלום", "😀 grin", 'a" onload="x', "b\nc", "\u202eevil", "\ud800"]


@pytest.fixture(scope="module")
def fitted():
    """(model, test pairs, test labels, train pairs)."""
    pairs, labels = make_multilabel_pairs(160, random_state=0)
    model = SemanticMatching().fit(pairs[:100], labels[:100])
    return model, pairs[100:], labels[100:], pairs[:100]


@pytest.fixture
def without_drawings(monkeypatch):
    """Leave out the curves and bars of a page, which take most of its time."""
    monkeypatch.setattr("skxmr.inspection.reporting.page.pictures", lambda report: "")


class Page(HTMLParser):
    """Reads a page as a browser does: its tags, their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.words = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def saved(found, tmp_path):
    found.save(tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_measures_are_those_of_skxmr_metrics(fitted):
    model, pairs, labels, _ = fitted
    found = report(model, pairs, labels, k=5)
    scores = model.similarity(pairs)
    relevance = SharedLabels(labels)[:]
    for direction, S in (("image_to_text", scores), ("text_to_image", scores.T)):
        line = found.to_frame().set_index("direction").loc[direction]
        assert line["map"] == pytest.approx(RetrievalScorer("map", direction)(model, pairs, labels))
        assert line["precision_at_k"] == pytest.approx(
            RetrievalScorer("precision", direction, k=5)(model, pairs, labels)
        )
        queries = found.to_frame("queries")
        own = queries[queries["direction"] == direction]
        assert own["average_precision"].tolist() == pytest.approx(average_precision(S, relevance).tolist())
        assert own["first"].tolist() == S.argmax(axis=1).tolist()
        per_label = found.to_frame("labels").set_index("label")[f"{direction}_map"]
        assert per_label.to_dict() == pytest.approx(map_per_class(S, relevance, labels))
    scope = found.to_frame("scope").set_index(["direction", "scope"])["precision"]
    assert scope["image_to_text", 5] == pytest.approx(found.to_frame()["precision_at_k"][0])


def test_the_hardest_queries_are_those_with_the_lowest_precision(fitted):
    model, pairs, labels, _ = fitted
    found = report(model, pairs, labels, n_hardest=4)
    queries = found.to_frame("queries")
    for direction, own in found.to_frame("hardest").groupby("direction"):
        all_of_it = queries[queries["direction"] == direction]["average_precision"]
        assert own["average_precision"].tolist() == sorted(all_of_it)[:4]


def test_confusions_count_the_labels_of_wrong_items(fitted):
    model, pairs, labels, _ = fitted
    scores = model.similarity(pairs)
    counts = np.zeros((8, 8))
    for S in (scores, scores.T):
        for i, row in enumerate(S):
            for j in np.argsort(-row)[:3]:
                if not labels[i] @ labels[j]:
                    counts += np.outer(labels[i], labels[j])
    frame = report(model, pairs, labels, k=3).to_frame("confusions")
    assert frame["wrong"].is_monotonic_decreasing and frame["wrong"].sum() == counts.sum()
    for label, other, wrong, share in frame.itertuples(index=False):
        assert wrong == counts[label, other]
        assert share == pytest.approx(wrong / (2 * 3 * labels[:, label].sum()))


def test_tags_are_measured_at_the_thresholds_of_fit_and_at_the_best_ones(fitted):
    model, pairs, labels, _ = fitted
    frame = report(model, pairs, labels).to_frame("tags")
    for modality, view in (("image", pairs.image), ("text", pairs.text)):
        named = model.decision_function(**{modality: view}) >= model.tag_thresholds_[modality]
        own = frame[frame["modality"] == modality]
        assert own["named"].tolist() == named.sum(axis=0).tolist()
        expected = precision_score(labels, named, average=None, zero_division=np.nan)
        assert own["precision"].tolist() == pytest.approx(expected.tolist(), nan_ok=True)
    assert (frame["best_f1"] >= frame["f1"].fillna(0) - 1e-12).all()


def test_without_thresholds_the_best_ones_are_left(fitted, without_drawings, tmp_path):
    _, pairs, labels, _ = fitted
    model = SemanticMatching(tag_folds=None).fit(*make_multilabel_pairs(100, random_state=1))
    found = report(model, pairs, labels)
    frame = found.to_frame("tags")
    assert frame["f1"].isna().all() and frame["best_f1"].notna().all()
    assert "has set no thresholds" in saved(found, tmp_path)


def test_facts_are_about_rows_labels_and_the_split(fitted):
    model, pairs, labels, train = fitted
    tags = [["alone"], [], *([f"tag {j}" for j in np.flatnonzero(row)] for row in labels[2:])]
    model = SemanticMatching(tag_folds=None).fit(train, [["tag 0", "tag 1"][i % 2 :] for i in range(100)])
    mixed = Pairs.concatenate([pairs[:59], train[7:8]])
    found = report(model, mixed, tags, train=train)
    facts = found.to_frame("facts").set_index("fact")["value"]
    assert facts["rows"] == 60 and facts["rows without labels"] == 1
    assert facts["labels that never occur with another one"] == "1: alone"
    assert facts["labels of a single row"] == "1: alone"
    assert facts["labels that the model has not learned"].startswith("7: alone, tag 2")
    assert facts["rows whose image is nearly that of a training row"] == 1
    duplicates = found.to_frame("duplicates")
    assert duplicates.loc[duplicates["view"] == "image", ["test_row", "train_row"]].to_numpy().tolist() == [[59, 7]]
    assert set(found.to_frame("unanswerable")["row"]) == {1} | (
        {0} if len(found.to_frame("unanswerable")) > 2 else set()
    )
    assert set(found.to_frame("tags")["label"]) == {"tag 0", "tag 1"}


def test_images_with_several_texts_are_one_query_each(fitted):
    _, pairs, _, _ = fitted
    repeated = Pairs(pairs.image[:20], pairs.text[:40], image_index=np.repeat(np.arange(20), 2))
    found = report(CCA(3).fit(repeated), repeated)
    frame = found.to_frame()
    assert frame["queries"].tolist() == [20, 40] and frame["items"].tolist() == [40, 20]
    own = found.to_frame("queries").query("direction == 'image_to_text'")
    assert own["row"].tolist() == list(range(0, 40, 2)) and (own["n_relevant"] == 2).all()
    with pytest.raises(ValueError, match="this report has no part 'labels'; pass labels to report"):
        found.to_frame("labels")


def test_the_page_is_one_file_that_loads_and_runs_nothing(fitted, tmp_path):
    model, pairs, labels, train = fitted
    text = saved(report(model, pairs, labels, train=train), tmp_path)
    page = Page(text)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert text.startswith("<!DOCTYPE html>") and not re.search(r"https?:|url\(|@import", text)
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "form") and not any(name[:2] == "on" for name in attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
        assert tag != "img" or attributes["alt"]
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert "default-src 'none'" in text and "@media print" in text
    assert sum(tag == "img" for tag, _ in page.tags) == 2


def test_names_cannot_become_markup(fitted, without_drawings, tmp_path):
    labels = fitted[2]
    tags = [[NASTY[j] for j in np.flatnonzero(row)] for row in labels]
    captions = np.array([f"{NASTY[i % 7]} word{i % 5}" for i in range(60)], dtype=object)
    pictures = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    views = PerModality(FunctionTransformer(_flat), TfidfVectorizer())
    raw = Pairs(pictures, captions)
    model = make_pipeline(views, SemanticMatching(tag_folds=None)).fit(raw, tags)
    text = saved(report(model, raw, tags), tmp_path)
    page = Page(text)
    assert not any(tag == "script" or "onload" in attributes for tag, attributes in page.tags)
    words = "".join(page.words)
    for name in NASTY[:7]:
        assert " ".join(name.split()) in words
    # Half a sign, which no file can hold.
    assert "\ud800" not in text
    # The hardest queries and what came first are shown as small pictures.
    assert sum(attributes.get("src", "").startswith("data:image/jpeg") for _, attributes in page.tags) == 20


def _flat(pictures):
    return np.reshape(pictures, (len(pictures), -1)).astype(float)


def test_nothing_that_can_be_answered(fitted, tmp_path):
    model, pairs, _, _ = fitted
    labels = np.zeros((60, 8), dtype=int)
    found = report(model, pairs, labels)
    assert found.to_frame()["map"].isna().all() and found.to_frame()["unanswerable"].tolist() == [60, 60]
    assert found.to_frame("hardest").empty and len(found.to_frame("unanswerable")) == 120
    assert "No query has a relevant item" in saved(found, tmp_path)


def test_one_query(fitted, tmp_path):
    model, pairs, labels, train = fitted
    found = report(model, pairs[:1], labels[:1], train=train)
    assert found.to_frame()[["queries", "map", "k"]].to_numpy().tolist() == [[1, 1, 1]] * 2
    assert found.to_frame("confusions").empty
    assert "no wrong item is among the first ones" in saved(found, tmp_path)


def test_a_report_of_nothing_is_refused(fitted):
    model, pairs, labels, train = fitted
    with pytest.raises(ValueError, match="pairs has no rows, so there is nothing to report"):
        report(model, pairs[:0], labels[:0])
    with pytest.raises(ValueError, match="the model was fitted with labels but is scored without"):
        report(model, pairs)
    with pytest.raises(ValueError, match="text is missing; a report needs both views"):
        report(model, pairs.replace(text=None), labels)
    with pytest.raises(ValueError, match="labels has 3 rows but the views have 60"):
        report(model, pairs, labels[:3])
    with pytest.raises(TypeError, match="report got a ndarray"):
        report(model, pairs.image, labels)
    with pytest.raises(TypeError, match="train of report got a tuple"):
        report(model, pairs, labels, train=(train, None))
    with pytest.raises(TypeError, match="model must be a retriever"):
        report("CCA", pairs, labels)
    with pytest.raises(ValueError, match="k must be a positive integer"):
        report(model, pairs, labels, k=0)
    with pytest.raises(ValueError, match="part must be one of"):
        report(model, pairs, labels).to_frame("everything")


def test_a_page_is_written_as_a_whole_or_not_at_all(fitted, without_drawings, tmp_path, monkeypatch):
    model, pairs, labels, _ = fitted
    found = report(model, pairs, labels)
    file = tmp_path / "new" / "report.html"
    found.save(file)
    before = file.read_bytes()
    with monkeypatch.context() as context:
        context.setattr("os.fsync", _no_space)
        with pytest.raises(OSError, match=r"could not be written \(No space left\); what was there is unchanged"):
            found.save(file)
    assert file.read_bytes() == before and [entry.name for entry in file.parent.iterdir()] == ["report.html"]
    with pytest.raises(IsADirectoryError, match="is a folder; pass the path of a file"):
        found.save(tmp_path)


def test_nothing_is_written_without_matplotlib(fitted, tmp_path, monkeypatch):
    model, pairs, labels, _ = fitted
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"Report.save draws with matplotlib .* pip install 'skxmr\[plot\]'"):
        report(model, pairs, labels).save(tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def _no_space(handle):
    raise OSError(28, "No space left")


def test_a_report_shows_itself(fitted):
    model, pairs, labels, _ = fitted
    found = report(model, pairs, labels)
    assert repr(found).startswith("Report(SemanticMatching: image to text mAP 0.")
    assert found._repr_html_().count("<tr") == 3


def test_rows_may_be_sparse(fitted):
    model, pairs, labels, train = fitted
    sparse, before = (Pairs(sp.csr_array(own.image), sp.csr_matrix(own.text)) for own in (pairs, train))
    found = report(model, sparse, labels, train=before)
    wanted = report(model, pairs, labels, train=train)
    for part in ("summary", "facts", "duplicates"):
        pd.testing.assert_frame_equal(found.to_frame(part), wanted.to_frame(part))


class _Embedder(BaseEstimator):
    """It only embeds, as a method of another package may."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return Pairs(X.image[:, :4], X.text[:, :4])

    def __sklearn_is_fitted__(self):
        return True


def test_what_only_embeds_is_reported_as_well(fitted):
    _, pairs, labels, _ = fitted
    for model in (_Embedder(), make_pipeline(PerModality(image=FunctionTransformer()), _Embedder())):
        model.fit(pairs)
        found = report(model, pairs, labels)
        assert found.method == "_Embedder"
        assert found.to_frame()["map"].mean() == pytest.approx(RetrievalScorer()(model, pairs, labels))


class _Coarse(BaseEstimator):
    """Its similarities are 0, 1 or 2, so that there are many ties."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def similarity(self, image, text):
        return np.random.default_rng(0).integers(3, size=(len(image), len(text))).astype(float)


def test_of_equal_scores_the_first_item_comes_first(fitted):
    _, pairs, labels, _ = fitted
    model = _Coarse().fit(pairs)
    found = report(model, pairs, labels, k=7).to_frame("queries")
    scores = model.similarity(pairs.image, pairs.text)
    for direction, own in (("image_to_text", scores), ("text_to_image", scores.T)):
        assert found.loc[found["direction"] == direction, "first"].tolist() == own.argmax(axis=1).tolist()
    first, wrong = _first_items(scores, labels @ labels.T > 0, 7)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :7]
    assert np.array_equal(first, expected)
    irrelevant = labels @ labels.T == 0
    assert wrong.sum() == sum(irrelevant[i, expected[i]].sum() for i in range(len(scores)))


def test_where_no_file_can_be_is_told_by_its_path(fitted, without_drawings, tmp_path):
    model, pairs, labels, _ = fitted
    found = report(model, pairs, labels)
    for path in (None, 3):
        with pytest.raises(TypeError, match=f"path is {path}; pass the path of a file"):
            found.save(path)
    for path in (str(tmp_path / "a\0b.html"), str(tmp_path / ("x" * 300))):
        with pytest.raises(OSError, match=r"could not be written \("):
            found.save(path)
    (tmp_path / "page").touch()
    with pytest.raises(OSError, match=r"could not be written \('.*page' is a file, not a folder\)"):
        found.save(tmp_path / "page" / "within" / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_training_rows_may_lack_a_view(fitted):
    model, pairs, labels, train = fitted
    facts = report(model, pairs, labels, train=Pairs(train.image)).to_frame("facts").set_index("fact")["value"]
    assert facts["rows whose text is nearly that of a training row"] == "not compared, because train has no text"


def test_the_page_does_not_depend_on_the_style_of_other_pictures(fitted):
    model, pairs, labels, _ = fitted
    found = report(model, pairs, labels)
    before = pictures(found)
    with plt.style.context(["dark_background", {"font.size": 30, "lines.linewidth": 9}]):
        assert pictures(found) == before
        assert plt.rcParams["font.size"] == 30
