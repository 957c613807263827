"""Retrievers inside scikit-learn's search and validation tools."""

import copy
import json
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skxmr import CCA, MLCCA, LabelGraph, Pairs, PerModality, SemanticMatching
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import RecallScores, RetrievalScorer, RetrievalScores, cross_modal_map

CV = KFold(3, shuffle=True, random_state=0)
GRID = {"ridge": [0.1, 1.0], "n_components": [2, 4]}


def forms(labels):
    names = [f"tag{j}" for j in range(labels.shape[1])]
    return {
        "array": labels,
        "csr": sp.csr_array(labels),
        "frame": pd.DataFrame(labels, columns=names),
        "tags": [[names[j] for j in np.flatnonzero(row)] for row in labels],
        "ids": labels.argmax(axis=1),
    }


def shared(pairs):
    """The same texts, three per image."""
    return Pairs(pairs.image[: len(pairs) // 3], pairs.text, image_index=np.arange(len(pairs)) // 3)


def pipeline():
    views = PerModality(image=StandardScaler(), text=TfidfTransformer())
    return Pipeline([("views", views), ("graph", LabelGraph(tau=0.2)), ("model", MLCCA(n_components=3))])


def by_hand(estimator, pairs, labels, params):
    """Mean score over the folds, without any of scikit-learn's tools."""
    scores = []
    for train, test in CV.split(labels):
        fitted = clone(estimator).set_params(**params).fit(pairs[train], labels[train])
        out = fitted.transform(pairs[test])
        scores.append(cross_modal_map(out.image, out.text, labels[test])["map"])
    return np.mean(scores)


@pytest.mark.parametrize(("form", "sparse"), [("array", False), ("csr", True), ("frame", False), ("tags", True)])
def test_grid_search_over_pairs(small, form, sparse):
    pairs, labels = small
    pairs = pairs.replace(text=sp.csr_array(pairs.text)) if sparse else pairs
    search = GridSearchCV(MLCCA(), GRID, cv=CV, error_score="raise").fit(pairs, forms(labels)[form])
    for params, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        assert_allclose(score, by_hand(MLCCA(), pairs, labels, params), rtol=1e-9)
    assert search.score(pairs, forms(labels)[form]) == search.best_estimator_.score(pairs, labels)
    assert search.transform(Pairs(text=pairs.text[:3])).text.shape[0] == 3


def test_tags_seen_only_in_the_test_fold_count(small):
    pairs, labels = small
    tags = forms(labels)["tags"]
    tags[0], tags[1] = ["rare"], ["rare"]  # rows 0 and 1 come to the same test fold below
    fold = np.arange(120) // 40
    scores = cross_val_score(MLCCA(), pairs, tags, groups=fold, cv=GroupKFold(3), error_score="raise")
    rows = [r for r, (_, test) in enumerate(GroupKFold(3).split(pairs, groups=fold)) if 0 in test]
    fitted = MLCCA().fit(pairs[40:], tags[40:])
    assert "rare" not in fitted.classes_
    out = fitted.transform(pairs[:40])
    expected = cross_modal_map(out.image, out.text, tags[:40])
    assert expected["i2t_skipped"] == 0
    assert_allclose(scores[rows[0]], expected["map"], rtol=1e-9)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("scoring", [None, RetrievalScores(), RetrievalScorer("map")], ids=str)
@pytest.mark.parametrize("spelling", ["pairs", "arrays"])
@pytest.mark.parametrize("piped", [False, True])
def test_the_right_number_or_a_clear_error(small, routing, scoring, spelling, piped):
    """Routing on or off, default or own scorer, Pairs or arrays, alone or in a pipeline."""
    pairs, labels = small
    refit = "map" if isinstance(scoring, RetrievalScores) else True
    model, grid = (Pipeline([("m", MLCCA())]), {"m__ridge": [0.1, 1.0]}) if piped else (MLCCA(), {"ridge": [0.1, 1.0]})
    search = GridSearchCV(model, grid, cv=CV, scoring=scoring, refit=refit, error_score="raise")
    with sklearn.config_context(enable_metadata_routing=routing):
        if spelling == "arrays" and not routing:
            message = "Pipeline.fit does not accept" if piped else "fitted with labels but is scored without"
            with pytest.raises(ValueError, match=message):
                search.fit(pairs.image, pairs.text, labels=labels)
            return
        if spelling == "arrays" and piped and scoring is None and parse_version(sklearn.__version__).release < (1, 8):
            with pytest.raises(ValueError, match="fitted with labels but is scored without"):  # see the user guide
                search.fit(pairs.image, pairs.text, labels=labels)
            return
        fitted = (
            search.fit(pairs, labels) if spelling == "pairs" else search.fit(pairs.image, pairs.text, labels=labels)
        )
    means = fitted.cv_results_["mean_test_map" if refit == "map" else "mean_test_score"]
    assert_allclose(means, [by_hand(MLCCA(), pairs, labels, {"ridge": r}) for r in (0.1, 1.0)], rtol=1e-9)


def test_without_routing_the_default_error_score_says_why(small):
    """scikit-learn turns a failed score into nan; the reason must stand in its warning."""
    pairs, labels = small
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = GridSearchCV(MLCCA(), {"ridge": [0.1]}, cv=CV).fit(pairs.image, pairs.text, labels=labels)
    assert np.isnan(search.cv_results_["mean_test_score"]).all()
    assert any("scored without; pass them" in str(w.message) for w in caught)


@pytest.mark.slow
def test_large_views_are_memory_mapped_between_processes():
    """Above 1 MB joblib hands out read-only memory maps."""
    pairs, labels = make_multilabel_pairs(3000, n_image_features=60, random_state=0)
    search = GridSearchCV(MLCCA(), {"ridge": [0.1, 1.0]}, cv=CV, n_jobs=2, error_score="raise").fit(pairs, labels)
    assert_allclose(
        search.cv_results_["mean_test_score"][0], by_hand(MLCCA(), pairs, labels, {"ridge": 0.1}), rtol=1e-9
    )


def test_a_scorer_may_decline_routed_labels(small):
    pairs, labels = small
    scorer = RetrievalScores().set_score_request(labels=False)
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(MLCCA(), {"ridge": [0.1]}, cv=CV, scoring=scorer, refit="map", error_score="raise")
        with pytest.raises(ValueError, match="scored without"):
            search.fit(pairs.image, pairs.text, labels=labels)


def test_unlabelled_search(small):
    """Fitted and scored without labels, relevance is the same row."""
    pairs, _ = small
    search = GridSearchCV(CCA(), GRID, cv=CV, error_score="raise").fit(pairs)
    out = search.transform(pairs)
    assert_allclose(search.score(pairs), cross_modal_map(out.image, out.text)["map"], rtol=1e-12)


def test_a_search_without_a_model_is_not_scored_by_the_one_it_started_from(small):
    """refit=False leaves a search without a fitted model, but what it was given may be fitted already."""
    pairs, _ = small
    search = GridSearchCV(CCA(2).fit(pairs), GRID, cv=CV, refit=False, error_score="raise").fit(pairs)
    with pytest.raises(ValueError, match=r"GridSearchCV was fitted with refit=False.*set refit=True"):
        RetrievalScorer()(search, pairs)


@pytest.mark.slow
def test_two_processes_give_the_same_numbers(small):
    pairs, labels = small
    serial, parallel = (
        GridSearchCV(
            pipeline(),
            {"model__ridge": [0.1, 1.0]},
            cv=CV,
            n_jobs=jobs,
            scoring=RetrievalScores(),
            refit="map",
            error_score="raise",
        ).fit(pairs, labels)
        for jobs in (None, 2)
    )
    assert_allclose(parallel.cv_results_["mean_test_map"], serial.cv_results_["mean_test_map"], rtol=1e-12)


def test_a_pipeline_is_searched_in_all_its_steps(small):
    pairs, labels = small
    pairs = pairs.replace(text=sp.csr_array(pairs.text))
    grid = {
        "views__text__sublinear_tf": [False, True],
        "views__image": [StandardScaler(), "passthrough"],
        "graph__tau": [0.2, 0.5],
        "graph__kind": ["cooccurrence", "identity"],
        "model__ridge": [0.1],
    }
    search = GridSearchCV(pipeline(), grid, cv=CV, error_score="raise").fit(pairs, labels)
    assert len(search.cv_results_["params"]) == 16
    model = search.best_estimator_
    assert_allclose(search.best_score_, by_hand(pipeline(), pairs, labels, search.best_params_), rtol=1e-9)
    assert 0 < RetrievalScorer("precision", k=5)(model, pairs, labels) <= 1
    assert RetrievalScores()(search, pairs, labels)["map"] == model.score(pairs, labels)
    with pytest.raises(ValueError, match="fitted with labels"):
        RetrievalScores()(search, pairs)


def test_a_pipeline_with_memory(small, tmp_path):
    pairs, labels = small
    plain = GridSearchCV(pipeline(), {"model__ridge": [0.1, 1.0]}, cv=CV, error_score="raise").fit(pairs, labels)
    for _ in range(2):  # the second time everything comes from the cache
        cached = GridSearchCV(
            pipeline().set_params(memory=str(tmp_path)), {"model__ridge": [0.1, 1.0]}, cv=CV, error_score="raise"
        ).fit(pairs, labels)
        assert_allclose(cached.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], rtol=1e-12)


SLOW_FORMS = [
    pytest.param(*form, marks=pytest.mark.slow) for form in (("array", True), ("frame", False), ("ids", False))
]


@pytest.mark.parametrize(("form", "sparse"), [("tags", True), *SLOW_FORMS])
def test_other_tools(small, form, sparse):
    pairs, labels = small
    pairs = pairs.replace(text=sp.csr_array(pairs.text)) if sparse else pairs
    y = forms(labels)[form]
    random = RandomizedSearchCV(
        SemanticMatching(), {"ridge": [0.1, 1.0, 10.0]}, n_iter=2, cv=CV, random_state=0, error_score="raise"
    ).fit(pairs, y)
    assert 0 < random.best_score_ <= 1
    halving = HalvingGridSearchCV(
        SemanticMatching(),
        {"ridge": [0.1, 1.0]},
        cv=CV,
        min_resources=40,
        factor=2,
        error_score="raise",
        random_state=0,
    ).fit(pairs, y)
    assert halving.n_resources_ == [40, 80]
    results = cross_validate(CCA(), pairs, y, cv=CV, scoring=RetrievalScores(), error_score="raise")
    assert_allclose(results["test_map"], (results["test_i2t_map"] + results["test_t2i_map"]) / 2)
    assert_allclose(cross_val_score(CCA(), pairs, y, cv=CV, error_score="raise"), results["test_map"], rtol=1e-9)
    sizes, _, scores = learning_curve(CCA(), pairs, y, cv=CV, train_sizes=[0.5, 1.0], error_score="raise")
    assert sizes.tolist() == [40, 80] and (scores > 0).all()
    curve = validation_curve(CCA(), pairs, y, param_name="ridge", param_range=[0.1, 1.0], cv=CV, error_score="raise")[1]
    assert_allclose(curve[0], results["test_map"], rtol=1e-9)
    train, test, y_train, y_test = train_test_split(pairs, y, test_size=0.25, random_state=0)
    assert (len(train), len(test)) == (90, 30)
    assert 0 < MLCCA().fit(train, y_train).score(test, y_test) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("search", [HalvingGridSearchCV, HalvingRandomSearchCV])
@pytest.mark.parametrize("options", [{}, {"refit": "map"}, {"n_jobs": 2}, {"error_score": "raise"}], ids=str)
def test_several_scores_are_refused_by_halving_searches(small, search, options):
    pairs, labels = small
    options = {"cv": CV, "min_resources": 40, "factor": 2, "random_state": 0, **options}
    message = r"gives several scores, i2t_map, t2i_map, map, and a halving search chooses by one; pass scoring=Retr"
    with pytest.raises(ValueError, match=message):
        search(CCA(), {"ridge": [0.1, 0.2, 0.5, 1.0]}, scoring=RetrievalScores(), **options).fit(pairs, labels)
    with pytest.raises(
        ValueError, match=r"gives several scores, i2t_r1, .*, t2i_median_rank, and a halving search chooses by one"
    ):
        search(CCA(), {"ridge": [0.1, 0.2, 0.5, 1.0]}, scoring=RecallScores((1, 5)), **options).fit(pairs)


def test_several_scores_may_choose_within_a_halving_search(small):
    pairs, labels = small
    inner = GridSearchCV(CCA(), {"n_components": [2, 4]}, cv=2, scoring=RetrievalScores(), refit="map")
    halving = HalvingGridSearchCV(
        inner,
        {"estimator__ridge": [0.1, 1.0]},
        cv=2,
        min_resources=60,
        factor=2,
        scoring=RetrievalScorer(),
        error_score="raise",
    ).fit(pairs, labels)
    assert 0 < halving.best_score_ <= 1


def test_several_scores_are_a_dict(small):
    scores = RetrievalScores()(CCA().fit(small[0]), small[0])
    assert isinstance(scores, dict) and scores == dict(scores) == pickle.loads(pickle.dumps(scores))
    assert list(copy.deepcopy(scores)) == ["i2t_map", "t2i_map", "map"] and json.loads(json.dumps(scores)) == scores
    assert {**scores, "map": 1}["map"] == 1 and "map" in scores and len(scores) == 3


def test_sparse_labels_are_refused_by_cross_validate_itself(small):
    """Documented: GridSearchCV takes CSR labels, cross_validate does not."""
    pairs, labels = small
    with pytest.raises(ValueError, match="'y' parameter of cross_validate"):
        cross_validate(CCA(), pairs, sp.csr_array(labels), cv=CV)


def test_scoring_embeds_once(small, monkeypatch):
    pairs, labels = small
    calls = []
    original = CCA.transform
    monkeypatch.setattr(CCA, "transform", lambda self, X, y=None: calls.append(1) or original(self, X, y))
    cross_validate(CCA(), pairs, labels, cv=CV, scoring=RetrievalScores(), error_score="raise")
    assert len(calls) == 3


def test_single_scorers_agree_with_the_dictionary(small):
    pairs, labels = small
    fitted = CCA().fit(pairs, labels)
    both = RetrievalScores()(fitted, pairs, labels)
    assert RetrievalScorer("map", "image_to_text")(fitted, pairs, labels) == both["i2t_map"]
    assert RetrievalScorer("map", "text_to_image")(fitted, pairs, labels) == both["t2i_map"]
    assert RetrievalScorer()(fitted, pairs, labels) == both["map"] == fitted.score(pairs, labels)
    assert RetrievalScorer()(fitted, pairs.image, pairs.text, labels) == both["map"]
    assert RetrievalScores(k=5)(fitted, pairs, labels)["map"] == RetrievalScorer(k=5)(fitted, pairs, labels)
    for measure in ("precision", "recall", "hit", "ndcg"):
        assert 0 < RetrievalScorer(measure, k=3, metric="euclidean")(fitted, pairs, labels) <= 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p, y: RetrievalScorer("auc"), ValueError, "measure must be one of"),
        (lambda p, y: RetrievalScorer("map", "i2t"), ValueError, "direction must be one of"),
        (lambda p, y: RetrievalScorer("hit"), ValueError, "needs a cut-off"),
        (lambda p, y: RetrievalScorer(k=2.5), ValueError, "k must be a positive integer"),
        (lambda p, y: RetrievalScores(k=-1), ValueError, "k must be a positive integer"),
        (lambda p, y: RetrievalScores(metric="l1"), ValueError, "metric must be one of"),
        (lambda p, y: RetrievalScorer(k=121)(CCA().fit(p, y), p, y), ValueError, "k=121 is larger than the gallery"),
        (lambda p, y: RetrievalScorer()(CCA().fit(p, y), Pairs(p.image), y), ValueError, "text is missing"),
        (lambda p, y: RetrievalScorer()(CCA().fit(p, y), p, [[f"t{i}"] for i in range(119)]), ValueError, "labels has"),
        (lambda p, y: RetrievalScorer()(StandardScaler().fit(p.image), p, y), TypeError, "PerModality"),
        (lambda p, y: RetrievalScores()(CCA().fit(p, y), p, y * 0), ValueError, "no query has a relevant item"),
        (lambda p, y: CCA().fit(p).score(p[:0]), ValueError, "the Pairs to score has no rows"),
        (lambda p, y: CCA().fit(p, y).score(p[:0], y[:0]), ValueError, "the Pairs to score has no rows"),
        (
            lambda p, y: RetrievalScorer()(CCA().fit(p), p.image[:0], p.text[:0]),
            ValueError,
            "Pairs to score has no row",
        ),
        (lambda p, y: RetrievalScores()(CCA().fit(p), shared(p)[:0]), ValueError, "the Pairs to score has no rows"),
    ],
)
def test_bad_scoring_is_named(small, call, error, message):
    with pytest.raises(error, match=message):
        call(*small)


def test_a_graph_fitted_before_the_search_warns(small):
    pairs, labels = small
    leaking = LabelGraph(tau=0.2).fit_transform(pairs, labels)
    with pytest.warns(UserWarning, match="has seen the labels of the held-out rows"):
        GridSearchCV(CCA(), {"ridge": [0.1]}, cv=CV, error_score="raise").fit(leaking, labels)


def test_the_graph_of_a_pipeline_sees_the_training_fold_only(small):
    pairs, labels = small
    train, test = next(iter(CV.split(labels)))
    fitted = pipeline().fit(pairs[train], labels[train])
    expected = LabelGraph(tau=0.2).fit(None, labels[train]).matrix_
    assert_allclose(fitted[:-1].transform(pairs[test]).label_graph.matrix_, expected)
