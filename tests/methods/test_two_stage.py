"""Two-stage search: candidates, their order, and what lies below them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import (
    CCA,
    PLS,
    RACG,
    SCAN,
    ComparingRetriever,
    MeanRegions,
    Pairs,
    PerModality,
    Regions,
    Sentences,
    TwoStage,
)
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs
from skxmr.methods.two_stage import _with_vectors
from skxmr.metrics import RecallScores, SameGroup, retrieval_recalls

TINY = {"n_components": 16, "word_width": 8, "lr": 1e-3, "batch_size": 20, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def told():
    made = make_captioned_scenes(30, random_state=0)
    return Pairs(Regions(made.regions, mask=made.mask), made.sentences, image_index=made.image_index)


@pytest.fixture(scope="module")
def scan(told):
    return SCAN(**TINY).fit(told)


@pytest.fixture(scope="module")
def views():
    return make_multilabel_pairs(80, random_state=0)[0]


ASKED = []


class Counting(ComparingRetriever):
    """A retriever that compares pairs by the cosines of CCA, and says how many pairs it was asked for."""

    def __init__(self, n_components=None):
        self.n_components = n_components

    def _fit(self, pairs, labels):
        self.cca_ = CCA(self.n_components).fit(pairs)

    def _similarity(self, image, text, where):
        S = self.cca_.similarity(image, text)
        ASKED.append(S.size if where is None else where.nnz)
        if where is None:
            return S
        where = where.astype(float)
        where.data = S[where.nonzero()]
        return where


def test_only_candidates_are_compared(views):
    ASKED.clear()
    model = TwoStage(first=PLS(3), second=Counting(3), k=4).fit(views)
    S = model.similarity(views)
    near = model.candidates(views).toarray()
    assert ASKED == [near.sum()] and near.sum() < 0.15 * near.size
    first = model.first_.similarity(views)
    for i in range(80):
        assert set(np.argsort(-first[i])[:4]) <= set(np.flatnonzero(near[i]))
        assert set(np.argsort(-first[:, i])[:4]) <= set(np.flatnonzero(near[:, i]))
    assert_allclose(S[near], model.second_.cca_.similarity(views)[near])


def test_the_rest_follows_in_the_order_of_the_first(views):
    model = TwoStage(first=PLS(3), second=Counting(3), k=4).fit(views)
    S, near, first = model.similarity(views), model.candidates(views).toarray(), model.first_.similarity(views)
    assert S[~near].max() < S[near].min()
    assert_array_equal(np.argsort(S[~near], kind="stable"), np.argsort(first[~near], kind="stable"))


class Far(ComparingRetriever):
    """A retriever whose similarities are all the same."""

    def __init__(self, value=1.0):
        self.value = value

    def _fit(self, pairs, labels):
        pass

    def _similarity(self, image, text, where):
        return where.astype(float) * self.value


@pytest.mark.parametrize("value", [1e9, -1e9, 1.0, -1.0])
def test_large_similarities_of_the_second_leave_the_order_of_the_first(views, value):
    single = Pairs(views.image.astype(np.float32), views.text.astype(np.float32))
    model = TwoStage(first=PLS(3), second=Far(value), k=4).fit(single)
    S, near = model.similarity(single), model.candidates(single).toarray()
    first = model.first_.similarity(single)[~near]
    assert S.dtype == np.float32 and S[~near].max() < S[near].min()
    assert (np.diff(S[~near][np.argsort(first)]) >= 0).all()
    assert len(np.unique(S[~near])) > 0.8 * len(np.unique(first))


def test_with_all_as_candidates_it_is_the_second(views):
    model = TwoStage(first=PLS(3), second=Counting(3), k=10**6).fit(views)
    assert_allclose(model.similarity(views), model.second_.cca_.similarity(views))


def test_an_embedding_method_may_be_the_second(views):
    model = TwoStage(first=PLS(2), second=CCA(4), k=80).fit(views)
    assert_allclose(model.similarity(views), model.second_.similarity(views), atol=1e-7)
    assert model.score(views) == pytest.approx(model.second_.score(views))


def test_a_bare_first_method_is_given_means_and_words(told, scan):
    model = TwoStage(first=CCA(4), second=FrozenEstimator(scan), k=5).fit(told)
    by_hand = model.first_.fit(told)
    assert [type(step).__name__ for _, step in model.first_.steps] == ["PerModality", "CCA"]
    means = by_hand[0].transform(told).image.view
    assert_allclose(means, MeanRegions().transform(told.image.view))
    S = model.similarity(told)
    assert S.shape == (30, 150) and np.isfinite(S).all()
    assert model.candidates(told).mean() < 0.3


def test_lists_of_words_are_taken_too(told):
    words = told.replace(text=[text.split() for text in told.text])
    model = TwoStage(first=CCA(4), second=SCAN(**TINY), k=5).fit(words)
    assert model.similarity(words).shape == (30, 150)


def test_texts_may_be_of_another_type_in_search_than_in_fit(told):
    """The words decide, not whether they come as strings, lists, Sentences or a column of a table."""
    import pandas as pd

    strings = list(told.text)
    forms = [strings, [text.split() for text in strings], Sentences(strings), pd.Series(strings, index=range(7, 157))]
    images = told.image.view
    for form in forms:
        rows = Pairs(images, form, image_index=told.groups)
        fitted = TwoStage(first=CCA(4), second=CCA(2), k=5)
        fitted.first_ = _with_vectors(CCA(4), rows).fit(rows)
        fitted.second_, fitted.fitted_with_labels_ = None, False
        wanted = fitted.candidates(images, strings).toarray()
        for other in forms[1:]:
            assert_array_equal(fitted.candidates(images, other).toarray(), wanted)


def test_a_pipeline_is_taken_as_it_is(views):
    first = make_pipeline(PerModality(image=StandardScaler()), PLS(3))
    model = TwoStage(first=first, second=CCA(3), k=5).fit(views)
    assert model.first_[-1].n_components == 3 and len(model.first_.steps) == 2


@pytest.mark.slow
def test_searches_reach_inside(told):
    model = TwoStage(first=CCA(4), second=SCAN(**TINY), k=5)
    search = GridSearchCV(model, {"k": [2, 20], "second__max_epochs": [1]}, cv=GroupKFold(2), scoring=RecallScores(),
                          refit="mr", error_score="raise")  # fmt: skip
    search.fit(told, groups=told.groups)
    assert RecallScores()(search, told)["mr"] > 0.1


def test_two_stages_keep_what_matters(told, scan):
    whole = retrieval_recalls(scan.similarity(told), SameGroup(np.arange(30), told.groups), [1])
    model = TwoStage(first=CCA(8), second=FrozenEstimator(scan), k=15).fit(told)
    assert RecallScores([1])(model, told)["mr"] >= 0.9 * whole["mr"]


def test_bad_stages_are_named(views, told):
    with pytest.raises(TypeError, match="first=SCAN compares pair by pair itself"):
        TwoStage(first=SCAN(), second=RACG()).fit(told)
    with pytest.raises(TypeError, match="second must be a retriever"):
        TwoStage(first=CCA(), second=None).fit(views)
    for k in (0, 2.5, True, None):
        with pytest.raises(ValueError, match="k must be a positive integer"):
            TwoStage(first=CCA(), second=CCA(), k=k).fit(views)
    fitted = TwoStage(first=CCA(2), second=CCA(2), k=3).fit(views)
    with pytest.raises(ValueError, match="text is missing"):
        fitted.similarity(views.image)
    with pytest.raises(ValueError, match="where has shape"):
        fitted.similarity(views, where=np.ones((2, 2)))


def test_a_refit_that_fails_halfway_keeps_both_stages(views):
    model = TwoStage(first=CCA(2), second=CCA(3), k=5).fit(views)
    before = model.similarity(views)
    with pytest.raises(ValueError, match="n_components"):
        model.set_params(first=CCA(1), second=CCA(10_000)).fit(views)
    assert_array_equal(model.similarity(views), before)
