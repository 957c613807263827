"""RecallScores: the recalls of a fitted estimator, alone and inside scikit-learn's tools."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, MLCCA, Pairs, PerModality
from skxmr.metrics import RecallScores, retrieval_recalls

GRID = {"ridge": [0.1, 100.0]}


@pytest.fixture
def shared(small):
    """(pairs, labels) of 40 images with three texts each, not side by side."""
    pairs, labels = small
    index = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 3))
    return Pairs(pairs.image[:40], pairs.text + 3 * pairs.text[index], image_index=index), labels


def by_hand(model, pairs, ks=(1, 5, 10), folds=1):
    """From the matrix of cosines and from which text belongs to which image."""
    images, index = pairs.distinct_images()
    S, R = model.similarity(images, pairs.text), np.arange(len(images))[:, None] == index
    return retrieval_recalls(S, R, ks, folds=folds)


def test_scores_are_the_recalls_of_the_similarity(small, shared):
    for pairs in (small[0], shared[0], shared[0][10:70]):
        model = CCA(4).fit(pairs)
        for ks, folds in (((1, 5, 10), 1), ((2,), 1), ([1, 3], 2)):
            expected = by_hand(model, pairs, ks, folds)
            assert RecallScores(ks, folds)(model, pairs) == pytest.approx(expected, rel=1e-12)
    assert len(shared[0][10:70].distinct_images()[0]) % 2 == 0  # so that two runs are possible
    image, text = small[0].image, small[0].text
    assert RecallScores()(CCA(4).fit(image, text), image, text) == RecallScores()(CCA(4).fit(*small[:1]), small[0])


def test_r_at_1_counts_texts_that_find_their_own_image_first(shared):
    pairs, _ = shared
    model = CCA(4).fit(pairs)
    images, index = pairs.distinct_images()
    S = model.similarity(images, pairs.text)
    found = RecallScores([1])(model, pairs)
    assert_allclose(found["t2i_r1"], np.mean(S.argmax(axis=0) == index))
    assert_allclose(found["i2t_r1"], np.mean(index[S.argmax(axis=1)] == np.arange(40)))
    assert_allclose(found["mr"], (found["t2i_r1"] + found["i2t_r1"]) / 2)


def test_labels_change_nothing(small, shared):
    for pairs, labels in (small, shared):
        model = MLCCA(3).fit(pairs, labels)
        found = RecallScores()(model, pairs)
        assert found == pytest.approx(by_hand(model, pairs), rel=1e-12)
        for given in (labels, labels * 0, [["all"]] * 120):
            assert RecallScores()(model, pairs, given) == RecallScores()(model, pairs, labels=given) == found


def test_a_search_keeps_the_texts_of_an_image_together(shared):
    pairs, _ = shared
    cv = GroupKFold(3)
    search = GridSearchCV(CCA(4), GRID, scoring=RecallScores(), refit="mr", cv=cv, error_score="raise")
    search.fit(pairs, groups=pairs.groups)
    expected = {name: [] for name in ("mr", "i2t_r5", "t2i_r10", "t2i_median_rank")}
    for ridge in GRID["ridge"]:
        folds = [
            by_hand(CCA(4, ridge=ridge).fit(pairs[train]), pairs[test])
            for train, test in cv.split(pairs, groups=pairs.groups)
        ]
        for name, values in expected.items():
            values.append(np.mean([fold[name] for fold in folds]))
    for name, values in expected.items():
        assert_allclose(search.cv_results_[f"mean_test_{name}"], values, rtol=1e-9)
    assert search.best_index_ == np.argmax(expected["mr"])
    assert RecallScores()(search, pairs) == pytest.approx(by_hand(search.best_estimator_, pairs))


@pytest.mark.parametrize("labelled", [False, True])
def test_pipelines(small, shared, labelled):
    for pairs, labels in (small, shared):
        model = Pipeline([("views", PerModality(image=StandardScaler())), ("model", MLCCA(3) if labelled else CCA(3))])
        model.fit(pairs, labels if labelled else None)
        images, index = pairs.distinct_images()
        ready = Pairs(model[0].image_.transform(images), pairs.text, image_index=index)
        assert RecallScores()(model, pairs) == pytest.approx(by_hand(model[-1], ready), rel=1e-12)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("spelling", ["pairs", "arrays"])
@pytest.mark.parametrize("request_labels", [True, False])
def test_routed_labels_are_taken_and_ignored(small, routing, spelling, request_labels):
    """Also without routing, when labels reach `fit` but no scorer: none are needed here."""
    pairs, labels = small
    scorer = RecallScores([1, 5]).set_score_request(labels=request_labels)
    search = GridSearchCV(MLCCA(), GRID, scoring=scorer, refit="mr", cv=KFold(3), error_score="raise")
    with sklearn.config_context(enable_metadata_routing=routing):
        X = (pairs, labels) if spelling == "pairs" else (pairs.image, pairs.text)
        search.fit(*X, **({} if spelling == "pairs" else {"labels": labels}))
    for ridge, found in zip(GRID["ridge"], search.cv_results_["mean_test_mr"], strict=True):
        models = [(MLCCA(ridge=ridge).fit(pairs[train], labels[train]), test) for train, test in KFold(3).split(labels)]
        assert_allclose(found, np.mean([by_hand(model, pairs[test], (1, 5))["mr"] for model, test in models]))


def test_validation_with_folds_and_clones(small):
    pairs, _ = small
    results = cross_validate(CCA(), pairs, scoring=RecallScores([1, 5], folds=4), cv=KFold(3), error_score="raise")
    expected = [by_hand(CCA().fit(pairs[a]), pairs[b], (1, 5), 4)["mr"] for a, b in KFold(3).split(pairs.text)]
    assert_allclose(results["test_mr"], expected, rtol=1e-9)
    again = clone(RecallScores([1, 5], folds=4), safe=False)
    assert repr(again) == "RecallScores(ks=(1, 5), folds=4)"
    assert again(CCA().fit(pairs), pairs) == RecallScores([1, 5], folds=4)(CCA().fit(pairs), pairs)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: RecallScores(5), TypeError, "ks is 5; pass a sequence"),
        (lambda p: RecallScores(np.int64(5)), TypeError, "ks is 5; pass a sequence"),
        (lambda p: RecallScores([]), ValueError, "ks is empty"),
        (lambda p: RecallScores([1, 0]), ValueError, "each of ks must be a positive integer"),
        (lambda p: RecallScores(folds=0), ValueError, "folds must be a positive integer; got 0"),
        (
            lambda p: RecallScores([41])(CCA().fit(p), p),
            ValueError,
            "ks holds 41, but text-to-image .* ranks 40 images",
        ),
        (lambda p: RecallScores([121])(CCA().fit(p), p), ValueError, "image-to-text retrieval ranks 120 texts"),
        (lambda p: RecallScores(folds=8)(CCA().fit(p), p), ValueError, "images 0 to 4 ranks 5 images; .* fewer folds"),
        (lambda p: RecallScores(folds=3)(CCA().fit(p), p), ValueError, "folds=3, but 40 images cannot be cut"),
        (lambda p: RecallScores()(CCA().fit(p), p[:0]), ValueError, "the Pairs to score has no rows"),
        (
            lambda p: RecallScores()(CCA().fit(p), p.replace(text=None)),
            ValueError,
            "text is missing; scoring needs both",
        ),
        (lambda p: RecallScores()(CCA().fit(p), p, [1, 2]), ValueError, "labels has 2 rows but the views have 120"),
    ],
)
def test_bad_input_is_named(shared, call, error, message):
    with pytest.raises(error, match=message):
        call(shared[0])
