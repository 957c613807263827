"""An explanation says what made a similarity, and its parts sum up to it."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from PIL import Image
from sklearn.base import clone
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

from skxmr import (
    CCA,
    CCA3V,
    CFA,
    GMA,
    JFSSL,
    LCFS,
    MLCCA,
    PLS,
    AlignedEmbeddings,
    LabelGraph,
    Pairs,
    PerModality,
    RetrievalIndex,
    RetrieverEnsemble,
    SemanticMatching,
    TwoStage,
    similarity,
)
from skxmr.base import CrossModalRetriever
from skxmr.datasets import make_multilabel_pairs
from skxmr.inspection import explain
from skxmr.inspection.explaining.linear_steps import is_linear

CAPTIONS = ["a red bird", "a blue bird", "a red boat", "the blue boat", "two birds", "a boat and a bird"] * 5


def sums(explanation):
    return explanation.to_frame("features").groupby("side")["contribution"].sum()


def assert_sums(model, pairs, i=3, j=8):
    """Check that the parts of each side are the similarity that the model itself gives, both ways."""
    image = pairs[i : i + 1].replace(text=None)
    text = pairs[j : j + 1].replace(image=None)
    expected = similarity(model, image.image, text.text)[0, 0]
    for query, item in ((image, text), (text, image)):
        found = explain(model, query, item)
        assert found.similarity == pytest.approx(expected, abs=1e-6)
        assert sums(found).to_dict() == pytest.approx({"query": expected, "item": expected}, abs=1e-6)
    return found


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    "method",
    [CCA(4), PLS(3), CCA3V(4), CFA(3), GMA(3), LCFS(), JFSSL(), MLCCA(), SemanticMatching(), CCA(2, ridge=0.0)],
)
def test_linear_methods_split_the_similarity_into_features(method, sparse):
    pairs, labels = make_multilabel_pairs(120, sparse_text=sparse, random_state=0)
    assert_sums(method.fit(pairs, labels), pairs)


def test_a_contribution_is_what_the_definition_says(small):
    pairs, _ = small
    model = CCA(3).fit(pairs)
    u = model.encode_image(pairs.image[:1])[0]
    v = model.encode_text(pairs.text[5:6])[0]
    scale = np.linalg.norm(u) * np.linalg.norm(v)
    expected = []
    for i in range(20):
        centred = pairs.image[0, i] - model.image_mean_[i]
        expected.append(sum(centred * model.image_projection_[i, k] * v[k] for k in range(3)) / scale)
    frame = explain(model, pairs.image[0], pairs.text[5]).to_frame()
    assert frame.loc[frame["side"] == "query", "contribution"].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "steps",
    [
        (StandardScaler(), MinMaxScaler()),
        (RobustScaler(), MaxAbsScaler()),
        (PCA(6, whiten=True), make_pipeline(StandardScaler(), PCA(9))),
        (SelectKBest(k=5), TruncatedSVD(8, random_state=0)),
        (make_pipeline(SelectKBest(k=9), IncrementalPCA(4)), "passthrough"),
    ],
)
def test_linear_steps_are_followed_back_to_the_features_before_them(steps, small):
    pairs, labels = small
    model = make_pipeline(PerModality(*steps), LabelGraph(tau=0.2), MLCCA(3)).fit(pairs, labels)
    frame = assert_sums(model, pairs).to_frame()
    features = frame[frame["feature"] != "(constant)"]
    assert features.groupby("modality").size().to_dict() == {"image": 20, "text": 30}
    images = features[features["modality"] == "image"]
    assert images["value"].tolist() == pairs.image[3].tolist() and images["feature"].tolist()[:2] == ["x0", "x1"]


def test_features_are_those_after_the_last_step_that_is_not_linear(small):
    pairs, labels = small
    text = make_pipeline(StandardScaler(), TruncatedSVD(4, random_state=0), Normalizer(), StandardScaler())
    frame = assert_sums(make_pipeline(PerModality(text=text), CCA(2)).fit(pairs, labels), pairs).to_frame()
    assert frame.loc[frame["modality"] == "text", "feature"].tolist() == [f"truncatedsvd{i}" for i in range(4)]
    assert not is_linear(MinMaxScaler(clip=True))

    class Own(StandardScaler):
        """A class of somebody's own, which may do anything."""

    assert not is_linear(Own()) and is_linear(StandardScaler())


def test_searches_and_steps_fitted_on_data_frames(small):
    pairs, _ = small
    frame = pd.DataFrame(pairs.image, columns=[f"colour {i}" for i in range(20)])
    steps = PerModality(make_pipeline(StandardScaler(), PCA(5)))
    search = GridSearchCV(make_pipeline(steps, CCA(2)), {"cca__ridge": [0.1, 1.0]}, cv=2)
    search.fit(Pairs(frame, pairs.text))
    for query in (frame.iloc[4:5], frame.iloc[4]):
        found = explain(search, query, pairs.text[4])
        assert found.to_frame()["feature"][1] == "colour 1"
        assert sums(found)["query"] == pytest.approx(found.similarity, abs=1e-9)


def test_words_have_their_names_and_absent_ones_are_one_line():
    pairs = Pairs(np.random.default_rng(0).normal(size=(30, 6)), CAPTIONS)
    text = make_pipeline(TfidfVectorizer(), TruncatedSVD(4, random_state=0))
    model = make_pipeline(PerModality(text=text), CCA(2)).fit(pairs)
    found = explain(model, Pairs(text=["a red bird and a stone"]), pairs.image[0])
    frame = found.to_frame()
    words = frame[frame["modality"] == "text"]
    assert set(words.loc[~words["absent"] & (words["feature"] != "(constant)"), "feature"]) == {"and", "bird", "red"}
    assert sums(found).tolist() == pytest.approx([found.similarity] * 2, abs=1e-9)
    assert "5 absent features" in found.text and "bird = 0." in found.text
    # None of these words is known.
    assert sums(explain(model, Pairs(text=["stones"]), pairs.image[0])).notna().all()


def test_float32_is_explained_in_double_precision(small):
    pairs, _ = small
    pairs = Pairs(pairs.image.astype(np.float32), pairs.text.astype(np.float32))
    assert_sums(CCA(4).fit(pairs), pairs)


def test_a_side_without_a_linear_model_has_no_features(small):
    pairs, labels = small
    found = explain(SemanticMatching(text=Ridge(), tag_folds=None).fit(pairs, labels), pairs.image[0], pairs.text[0])
    assert set(found.to_frame()["side"]) == {"query"} and sums(found)["query"] == pytest.approx(found.similarity)
    found.plot()


def test_the_labels_of_semantic_matching_split_the_similarity_as_well(small):
    pairs, labels = small
    tags = [[f"tag {j}" for j in np.flatnonzero(row)] for row in labels]
    found = explain(SemanticMatching().fit(pairs, tags), pairs.image[0], pairs.text[0], query_labels=tags[0])
    table = found.to_frame("labels")
    assert table["contribution"].sum() == pytest.approx(found.similarity, abs=1e-9)
    assert table.loc[table["in_query"], "label"].tolist() == tags[0]
    assert set(table.columns) >= {"query_score", "item_score", "in_item", "shared"}
    assert "Labels of both: " in found.text


def test_labels_may_be_given_in_every_form(small):
    pairs, labels = small
    model = CCA(3).fit(pairs, labels)
    rows = (labels[3], sp.csr_array(labels[3:4]), np.flatnonzero(labels[3]).tolist())
    for row in rows:
        table = explain(model, pairs.image[0], pairs.text[0], query_labels=row, item_labels=labels[3]).to_frame(
            "labels"
        )
        assert table.loc[table["shared"], "label"].tolist() == np.flatnonzero(labels[3]).tolist()
    assert explain(model, pairs.image[0], pairs.text[0], item_labels=[]).to_frame("labels").empty
    with pytest.raises(ValueError, match=r"query_labels is an array of shape \(3,\); a row of 8 values 0 and 1"):
        explain(model, pairs.image[0], pairs.text[0], query_labels=labels[0, :3])
    with pytest.raises(TypeError, match="item_labels is 5, a int; pass a list of tags, or a row of 0 and 1"):
        explain(model, pairs.image[0], pairs.text[0], item_labels=5)


def test_a_path_leads_through_the_label_graph(small):
    pairs, _ = small
    graph = np.eye(4)
    graph[[1, 2], [0, 1]] = 1
    tags = [["a", "b", "c", "d"][i % 4] for i in range(120)]
    model = make_pipeline(LabelGraph(kind=graph), SemanticMatching()).fit(pairs, tags)
    found = explain(model, pairs.image[0], pairs.text[0], query_labels=["a"], item_labels=["c"])
    assert found.path == ["a", "b", "c"] and "Path in the label graph: a - b - c." in found.text
    none = explain(model, pairs.image[0], pairs.text[0], query_labels=["a"], item_labels=["d"])
    assert none.path == [] and "no path" in none.text


def test_equal_modalities_are_compared_in_the_common_space(small):
    pairs, _ = small
    model = CCA(3).fit(pairs)
    found = explain(model, Pairs(text=pairs.text[:1]), Pairs(text=pairs.text[:1]))
    assert found.similarity == pytest.approx(1) and found.modalities == ("text", "text")
    assert sums(found).tolist() == pytest.approx([1, 1])


def test_embeddings_that_are_aligned_already_and_the_origin():
    X = np.eye(3)
    found = explain(AlignedEmbeddings().fit(X, X), [1.0, 1.0, 0.0], [0, 2, 0])
    assert found.to_frame()["contribution"].tolist() == pytest.approx([0, 0.5**0.5, 0, 0, 0.5**0.5, 0])
    zero = explain(AlignedEmbeddings().fit(X, X), [0.0, 0.0, 0.0], X[0])
    assert zero.similarity == 0 and "mapped to the origin" in zero.text


def test_items_of_an_index_are_known_by_their_ids():
    features = np.random.default_rng(0).normal(size=(30, 6))
    model = make_pipeline(PerModality(text=TfidfVectorizer()), CCA(2)).fit(Pairs(features, CAPTIONS))
    index = RetrievalIndex(model)
    index.add(text=CAPTIONS, ids=[f"caption {i}" for i in range(30)])
    index.add(image=features[:2], ids=["picture 0", "picture 1"])
    found = explain(index, features[4], "caption 3")
    assert found.similarity == pytest.approx(similarity(model, features[4:5], CAPTIONS[3:4])[0, 0])
    assert explain(index, features[4], Pairs(text=CAPTIONS[3:4])).similarity == found.similarity
    with pytest.raises(ValueError, match="item is 'caption 99', which is no id of the index"):
        explain(index, features[4], "caption 99")
    with pytest.raises(ValueError, match=r"the index keeps the vector of item 'picture 1'.*pass the item itself"):
        explain(index, Pairs(text=["a boat"]), "picture 1")


class Curved(CrossModalRetriever):
    """A method that is not linear."""

    def _fit(self, pairs, labels):
        self.fitted_ = True

    def _encode_image(self, X):
        return np.tanh(X[:, :5])

    def _encode_text(self, X):
        return np.tanh(X[:, 1:6])


def test_methods_that_say_nothing_of_themselves_have_their_similarity(small):
    pairs, _ = small
    model = Curved().fit(pairs)
    found = explain(model, pairs.image[0], pairs.text[0])
    assert found.similarity == pytest.approx(model.similarity(pairs.image[:1], pairs.text[:1])[0, 0])
    assert "nothing more can be said" in found.text
    with pytest.raises(ValueError, match="has no tables; its parts are: none"):
        found.to_frame()
    with pytest.raises(ValueError, match="there is nothing to draw"):
        found.plot()


@pytest.mark.parametrize("weights", [None, [3.0, 1.0]])
def test_features_of_a_mean_of_methods_add_the_mean_of_what_they_add_to_each(small, weights):
    pairs, labels = small
    model = RetrieverEnsemble([("a", CCA(2)), ("b", SemanticMatching())], weights).fit(pairs, labels)
    found = assert_sums(model, pairs)
    methods = found.to_frame("methods").set_index("method")
    assert methods["contribution"].sum() == pytest.approx(found.similarity)
    assert methods.loc["a", "contribution"] == pytest.approx(model.weights_[0] * methods.loc["a", "similarity"])
    features = found.to_frame("features").set_index(["side", "feature"])["contribution"]
    alone = [explain(member, pairs.image[8], pairs.text[3]).to_frame("features") for member in model.estimators_]
    alone = [table.set_index(["side", "feature"])["contribution"] for table in alone]
    both = explain(model, pairs.image[8], pairs.text[3]).to_frame("features").set_index(["side", "feature"])
    expected = model.weights_[0] * alone[0]["query", "x4"] + model.weights_[1] * alone[1]["query", "x4"]
    assert both["contribution"]["query", "x4"] == pytest.approx(expected)
    assert features.index.is_unique
    assert "What the methods add" in found.text and "Labels of both" in found.text
    assert found.plot(n_largest=3).ax_.patches


def test_methods_of_a_mean_with_other_steps_or_without_features_keep_their_names(small):
    pairs, labels = small
    scaled = make_pipeline(PerModality(StandardScaler()), MLCCA())
    unit = make_pipeline(PerModality(Normalizer(), Normalizer()), CCA(2))
    model = RetrieverEnsemble([("all", scaled), ("unit", unit), ("curved", Curved())]).fit(pairs, labels)
    found = assert_sums(model, pairs)
    names = found.to_frame("features")["feature"].tolist()
    assert "all: x0" in names and "unit: x0" in names and names.count("curved as a whole") == 2
    whole = found.to_frame("methods").set_index("method")["contribution"]["curved"]
    lines = found.to_frame("features").set_index("feature")
    assert lines.loc["curved as a whole", "contribution"].tolist() == pytest.approx([whole] * 2)


def test_a_mean_of_methods_without_features_says_what_each_adds(small):
    pairs, _ = small
    model = RetrieverEnsemble([("one", Curved()), ("two", Curved())]).fit(pairs)
    found = explain(model, pairs.image[0], pairs.text[0])
    assert found.to_frame()["method"].tolist() == ["one", "two"]
    assert "nothing more" not in found.text and len(found.plot().ax_.patches) == 2


def test_two_stages_are_explained_by_the_second_one(small):
    pairs, labels = small
    model = make_pipeline(PerModality(StandardScaler()), TwoStage(CCA(2), SemanticMatching())).fit(pairs, labels)
    found = explain(model, pairs.image[0], pairs.text[4])
    assert found.similarity == pytest.approx(similarity(model, pairs.image[:1], pairs.text[4:5])[0, 0], abs=1e-6)
    assert sums(found).tolist() == pytest.approx([found.similarity] * 2)
    assert found.text.startswith("TwoStage by SemanticMatching: similarity")


def test_a_pipeline_without_a_retriever_has_no_common_space(small):
    pairs, _ = small
    model = make_pipeline(PerModality(StandardScaler())).fit(pairs)
    with pytest.raises(
        ValueError, match="maps the query to 20 dimensions and the item to 30, which is no common space"
    ):
        explain(model, pairs.image[0], pairs.text[0])


def test_a_picture_is_one_row_by_itself():
    pictures = np.random.default_rng(0).integers(0, 256, (30, 4, 5, 3), dtype=np.uint8)
    flat = FunctionTransformer(lambda rows: np.reshape(list(map(np.asarray, rows)), (len(rows), -1)) / 255)
    model = make_pipeline(PerModality(flat, TfidfVectorizer()), CCA(2)).fit(Pairs(pictures, CAPTIONS))
    expected = similarity(model, pictures[3:4], ["a bird"])[0, 0]
    for picture in (pictures[3], pictures[3:4], Image.fromarray(pictures[3]), Pairs(pictures[3:4])):
        assert explain(model, picture, "a bird").similarity == pytest.approx(expected, abs=1e-9)


def test_what_is_no_single_row_is_refused(small):
    pairs, labels = small
    model = CCA(2).fit(pairs, labels)
    with pytest.raises(ValueError, match="query has 2 rows, and one image or text is explained at a time"):
        explain(model, pairs.image[:2], pairs.text[0])
    with pytest.raises(ValueError, match="item has 0 rows"):
        explain(model, pairs.image[:1], pairs.text[:0])
    with pytest.raises(ValueError, match="both hold an image and a text, so that it is open which is meant"):
        explain(model, pairs[:1], pairs[1:2])
    with pytest.raises(ValueError, match="query is missing"):
        explain(model, None, pairs.text[0])
    with pytest.raises(TypeError, match="item is 3, a int; pass an image or a text"):
        explain(model, pairs.image[0], 3)
    with pytest.raises(ValueError, match="3 features"):
        explain(model, pairs.image[0, :3], pairs.text[0])
    with pytest.raises(ValueError, match="finite"):
        explain(model, np.full(20, np.nan), pairs.text[0])
    with pytest.raises(TypeError, match="model must be a retriever"):
        explain(StandardScaler(), pairs.image[0], pairs.text[0])
    with pytest.raises(NotFittedError):
        explain(CCA(), pairs.image[0], pairs.text[0])
    with pytest.raises(ValueError, match="part must be one of"):
        explain(model, pairs.image[0], pairs.text[0]).to_frame("words")
    with pytest.raises(ValueError, match="has no pairs; its parts are: 'features'"):
        explain(model, pairs.image[0], pairs.text[0]).to_frame("pairs")


NASTY = ["$x_1$", "<script>alert(1)</script>", "שלום", "😀 grin", "a" * 400, "b\nc", "\u202eevil", "🛸"]


def test_pictures_show_any_name_and_draw_on_given_axes(small):
    import matplotlib.pyplot as plt

    pairs, labels = small
    tags = [[NASTY[j] for j in np.flatnonzero(row)] for row in labels]
    columns = pd.DataFrame(pairs.image, columns=NASTY + [f"x{i}" for i in range(8, 20)])
    model = SemanticMatching().fit(Pairs(columns, pairs.text), tags)
    found = explain(model, columns.iloc[:1], pairs.text[0])
    figure, axes = plt.subplots(1, 2)
    assert found.plot(axes[0], n_largest=20).ax_ is axes[0] and found.figure_ is figure
    found.tables.pop("features")
    found.plot(axes[1])
    figure.canvas.draw()
    assert min(text.get_fontsize() for text in axes[0].get_yticklabels()) >= 8
    bars = [bar.get_width() for bar in axes[1].patches]
    assert len(bars) == 16
    plt.close(figure)
    with pytest.raises(TypeError, match="ax is a"):
        found.plot("axes")
    with pytest.raises(ValueError, match="n_largest must be a positive integer"):
        found.plot(n_largest=0)


def test_the_bars_of_a_side_add_up_to_the_similarity(small):
    pairs, labels = small
    found = explain(SemanticMatching().fit(pairs, labels), pairs.image[0], pairs.text[0]).plot(n_largest=3)
    widths = [[bar.get_width() for bar in container] for container in found.ax_.containers]
    assert [sum(side) for side in widths] == pytest.approx([found.similarity] * 2, abs=1e-9)
    assert {container.patches[0].get_hatch() for container in found.ax_.containers} == {"", "///"}


@pytest.mark.parametrize("scaler", [StandardScaler(copy=False), MinMaxScaler(copy=False), RobustScaler(copy=False)])
def test_steps_that_write_into_their_input_change_neither_model_nor_rows(scaler, small):
    pairs, _ = small
    steps = PerModality(image=scaler, text=make_pipeline(Normalizer(copy=False), clone(scaler)))
    model = make_pipeline(steps, CCA(3)).fit(Pairs(pairs.image.copy(), pairs.text.copy()))
    before = similarity(model, pairs.image[:5].copy(), pairs.text[:5].copy())
    image = pairs.image[3:4].copy()
    text = pairs.text[4:5].copy()
    found = explain(model, Pairs(image), Pairs(text=text))
    assert found.similarity == pytest.approx(before[3, 4], abs=1e-6)
    assert sums(found).tolist() == pytest.approx([before[3, 4]] * 2, abs=1e-6)
    assert np.array_equal(image, pairs.image[3:4]) and np.array_equal(text, pairs.text[4:5])
    assert np.array_equal(similarity(model, pairs.image[:5].copy(), pairs.text[:5].copy()), before)


@pytest.mark.skipif("clip" not in MaxAbsScaler().get_params(), reason="this version of scikit-learn cannot clip")
def test_a_scaler_that_clips_is_not_linear(small):
    pairs, _ = small
    model = make_pipeline(PerModality(image=MaxAbsScaler(clip=True), text=StandardScaler()), CCA(3)).fit(pairs)
    far = pairs.replace(image=5 * pairs.image)
    assert_sums(model, far)
