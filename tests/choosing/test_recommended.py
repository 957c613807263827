"""Recommend: which facts lead to which retriever."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.pipeline import Pipeline

import skxmr
from skxmr import (
    CCA,
    IGNN,
    MLCCA,
    RACG,
    SCAN,
    VSEPP,
    AutoRetriever,
    NeighborVotes,
    Pairs,
    Recommendation,
    Regions,
    RetrieverEnsemble,
    SemanticMatching,
    Sentences,
    recommend,
)
from skxmr.choosing.facts import facts_of
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs


def features(n, non_negative=True):
    """Return views that look like those of pictures: units of a network, and many weights of words."""
    rng = np.random.default_rng(0)
    image = np.abs(rng.normal(size=(n, 500))) if non_negative else rng.normal(size=(n, 500))
    labels = np.zeros((n, 4), int)
    labels[np.arange(n), np.arange(n) % 4] = 1
    return Pairs(image, sp.random_array((n, 600), density=0.02, format="csr", rng=rng)), labels


def scenes(n, parsed):
    made = make_captioned_scenes(3, random_state=0)
    text = Sentences(
        ["a cat", "a dog"] * n, tags=[["DET", "NOUN"]] * 2 * n, heads=[[1, -1]] * 2 * n if parsed else None
    )
    regions = Regions(np.repeat(made.regions[:1], n, axis=0))
    return Pairs(regions, text, image_index=np.repeat(np.arange(n), 2))


def test_facts_are_counted():
    text = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 2.0, 0.0], [1.0, 1.0, 0.0]])
    pairs = Pairs(-np.eye(2), sp.csr_array(text), image_index=[0, 0, 1, 1])
    facts = facts_of(pairs, [["a"], ["a", "b"], ["a"], ["b", "c"]])
    assert (facts.n_rows, facts.n_images, facts.n_labels) == (4, 2, 3)
    assert facts.labels_per_row == 1.5 and facts.rows_per_label == 2
    assert not facts.image.non_negative and not facts.image.sparse and facts.image.filled == 0.5
    assert facts.text.non_negative and facts.text.sparse and facts.text.filled == 4 / 12
    assert facts.text.n_columns == 3 and not facts.of_sets and not facts.of_features


@pytest.mark.parametrize(
    ("n", "non_negative", "expected"),
    [(600, True, RetrieverEnsemble), (400, False, RetrieverEnsemble), (600, False, Pipeline)],
)
def test_features_of_pictures_lead_to_an_ensemble_on_kernels(n, non_negative, expected):
    pairs, labels = features(n, non_negative)
    found = recommend(pairs, labels)
    assert type(found.pipeline) is expected
    assert facts_of(pairs, labels).of_features == non_negative


def test_labels_decide():
    pairs, labels = make_multilabel_pairs(600, random_state=0)
    found = recommend(pairs, labels).pipeline
    assert isinstance(found["model"], MLCCA) and isinstance(found["votes"], NeighborVotes)
    assert isinstance(recommend(pairs).pipeline, CCA)
    assert repr(recommend(pairs.image, pairs.text, labels).pipeline) == repr(found)
    with pytest.raises(ValueError, match="no label in any row"):
        recommend(pairs, np.zeros_like(labels))
    with pytest.raises(ValueError, match="text is missing"):
        recommend(Pairs(pairs.image))


def test_few_rows_are_fitted_by_several_methods_of_equal_weight():
    pairs, labels = make_multilabel_pairs(120, random_state=0)
    found = recommend(pairs[:80], labels[:80])
    assert isinstance(found.pipeline, RetrieverEnsemble) and found.pipeline.weights is None
    assert found.reasons[0].why.startswith("few rows")
    quick = found.pipeline.set_params(IGNN__model__max_epochs=2, IGNN__model__n_components=8, IGNN__model__hidden=8)
    assert 0 < quick.fit(pairs[:80], labels[:80]).score(pairs[80:], labels[80:]) < 1


def test_many_rows_lead_to_a_deep_method(monkeypatch):
    monkeypatch.setattr("skxmr.choosing.recommended.KERNEL_ROWS", 50)
    pairs, labels = make_multilabel_pairs(100, random_state=0)
    found = recommend(pairs, labels)
    assert isinstance(found.pipeline, IGNN) and "more than 50 rows" in found.reasons[1].why
    one = recommend(pairs, np.arange(100) % 3)
    assert one.reasons[-1].choice == "DAGNN and DSCMR are worth a try"


def test_texts_of_any_scale_are_recommended_the_same_and_fitted_alike(monkeypatch):
    pairs, labels = make_multilabel_pairs(150, random_state=0)
    monkeypatch.setattr("skxmr.choosing.recommended._ENOUGH_ROWS", 50)
    found = recommend(pairs, labels).pipeline.fit(pairs[:100], labels[:100])
    longer = pairs.replace(text=np.asarray(pairs.text) * 1000, image=np.asarray(pairs.image) * 1e-3)
    other = recommend(longer, labels).pipeline.fit(longer[:100], labels[:100])
    test = slice(100, 150)
    assert other.score(longer[test], labels[test]) == pytest.approx(found.score(pairs[test], labels[test]), abs=1e-6)


def test_rows_without_image_or_text_want_a_method_that_learns_from_them():
    pairs, labels = make_multilabel_pairs(100, random_state=0)
    gaps = np.arange(100) < 30
    partial = Pairs(pairs.image, pairs.text, text_missing=gaps)
    found = recommend(partial, labels)
    assert isinstance(found.pipeline, SemanticMatching) and "30 rows" in found.reasons[0].why
    assert found.facts.startswith("70 rows")
    found.pipeline.fit(partial, labels)
    without = recommend(partial)
    assert isinstance(without.pipeline, CCA) and without.reasons[-1].choice == "fit on pairs.complete()"
    without.pipeline.fit(partial.complete())
    with pytest.raises(ValueError, match="missing"):
        AutoRetriever([("CCA", CCA(), {})]).fit(partial, labels)


def test_regions_and_words():
    assert isinstance(recommend(scenes(1000, parsed=True)).pipeline, RACG)
    assert isinstance(recommend(scenes(999, parsed=True)).pipeline, SCAN)
    unparsed = recommend(scenes(1000, parsed=False))
    assert isinstance(unparsed.pipeline, SCAN) and "parse_sentences" in unparsed.reasons[0].why
    assert unparsed.reasons[-1].choice == "rows of one image stay together"
    assert isinstance(recommend(Pairs(np.ones((2, 3)), Sentences(["a cat", "a dog"]))).pipeline, VSEPP)


def test_raw_items_are_read_first():
    captions = ["a small red circle", "two large blue squares", "a green line", "red and blue"] * 10
    labels = np.arange(40) % 4
    found = recommend(np.random.default_rng(0).normal(size=(40, 5)), captions, labels)
    assert [name for name, _ in found.pipeline.steps] == ["views", "model"]
    assert found.reasons[-1].choice == "tf-idf of parts of words"
    small = {f"model__IGNN__model__{name}": 8 for name in ("n_components", "hidden", "max_epochs")}
    clone(found.pipeline).set_params(**small).fit(
        Pairs(np.random.default_rng(0).normal(size=(40, 5)), captions), labels
    )
    files = recommend(["a.png", "b.png"], captions[:2], labels[:2])
    assert files.pipeline["views"].image.model == "efficientnet_lite0"


def test_what_is_recommended_without_labels_can_be_fitted():
    pairs, _ = make_multilabel_pairs(100, random_state=0)
    assert recommend(pairs).pipeline.fit(pairs).score(pairs) > 0.1


def test_it_prints_and_has_a_page():
    pairs, labels = features(600)
    found = recommend(pairs, labels)
    assert isinstance(found, Recommendation) and all(reason.why for reason in found.reasons)
    text = str(found)
    assert text.startswith("Data: 600 rows, images: 500 columns (dense, 100% filled, none negative)")
    assert all(f"* {reason.choice}: {reason.why}" in text for reason in found.reasons)
    page = found._repr_html_()
    assert page.count("<li>") == len(found.reasons) and "RetrieverEnsemble" in page
    assert skxmr.recommend is recommend
