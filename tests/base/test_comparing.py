"""Retrievers that compare pairs have no embeddings, and everybody who asks is told so."""

import copy
import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr, get_tags

from skxmr import (
    CCA,
    DAGNN,
    RACG,
    SCAN,
    ComparingRetriever,
    CrossModalRetriever,
    LabelGraph,
    Pairs,
    PerModality,
    Retriever,
    RetrieverEnsemble,
    TwoStage,
)
from skxmr.datasets import make_multilabel_pairs
from skxmr.metrics import RecallScores, RetrievalScorer, RetrievalScores
from skxmr.testing import check_retriever

EMBEDDINGS = ("transform", "fit_transform", "encode_image", "encode_text")
COMPARE = [RACG(), SCAN(), TwoStage(CCA(), CCA()), RetrieverEnsemble([("scan", SCAN())])]


class Manhattan(ComparingRetriever):
    """The first columns of both views, compared by minus the sum of their distances."""

    def __init__(self, d=3):
        self.d = d

    def _fit(self, pairs, labels):
        self.means_ = pairs.image[:, : self.d].mean(axis=0), pairs.text[:, : self.d].mean(axis=0)

    def _similarity(self, image, text, where):
        image, text = image[:, : self.d] - self.means_[0], text[:, : self.d] - self.means_[1]
        S = -np.abs(image[:, None] - text).sum(axis=2)
        return S if where is None else where.multiply(S).tocsr()


def wrapped(model, **grid):
    steps = Pipeline([("views", PerModality(image=StandardScaler(), text=StandardScaler())), ("model", model)])
    search = GridSearchCV(model, grid, cv=KFold(2))
    return {
        "bare": model,
        "pipeline": steps,
        "search": search,
        "search of a pipeline": GridSearchCV(steps, {f"model__{key}": grid[key] for key in grid}, cv=KFold(2)),
        "pipeline of a search": Pipeline([("views", PerModality()), ("search", search)]),
    }


WRAPPINGS = list(wrapped(None))


@pytest.fixture(scope="module")
def data():
    return make_multilabel_pairs(60, sparse_text=False, random_state=0)


@pytest.mark.parametrize("model", COMPARE, ids=lambda model: type(model).__name__)
def test_what_compares_has_no_embeddings(model):
    assert isinstance(model, ComparingRetriever) and not isinstance(model, CrossModalRetriever)
    for name in EMBEDDINGS:
        assert not hasattr(model, name)
        who = type(model).__name__
        with pytest.raises(AttributeError, match=rf"{who}.*{name}.* makes no embeddings.*similarity.*TwoStage"):
            getattr(model, name)
    assert get_tags(model).transformer_tags is None and not get_tags(model).input_tags.two_d_array


def test_what_embeds_has_them():
    for model in (CCA(), DAGNN()):
        assert isinstance(model, CrossModalRetriever) and not isinstance(model, ComparingRetriever)
        assert isinstance(model, Retriever) and all(hasattr(model, name) for name in EMBEDDINGS)
        assert get_tags(model).transformer_tags is not None


def test_other_missing_attributes_are_ordinary():
    with pytest.raises(AttributeError, match=r"^'SCAN' object has no attribute 'predict'$") as raised:
        SCAN().predict  # noqa: B018
    assert raised.value.name == "predict"


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize(("model", "embeds"), [(Manhattan(), False), (CCA(3), True)])
def test_transform_tells_the_kinds_apart_before_and_after_fit(model, embeds, wrapping, data):
    grid = {"n_components": [2, 3]} if embeds else {"d": [2, 3]}
    estimator = wrapped(model, **grid)[wrapping]
    assert hasattr(estimator, "transform") == embeds
    estimator = clone(estimator).fit(*data)
    assert hasattr(estimator, "transform") == embeds
    assert hasattr(pickle.loads(pickle.dumps(estimator)), "transform") == embeds


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_scores_are_the_same_through_pipelines_and_searches(wrapping, data):
    pairs, labels = data
    estimator = wrapped(Manhattan(), d=[3])[wrapping].fit(pairs, labels)
    seen = pairs
    if "of a pipeline" in wrapping or wrapping == "pipeline":
        seen = PerModality(image=StandardScaler(), text=StandardScaler()).fit_transform(pairs)
    expected = Manhattan(3).fit(seen, labels).score(seen, labels)
    assert estimator.score(pairs, labels) == pytest.approx(expected)
    for asked in (estimator, FrozenEstimator(estimator)):
        assert RetrievalScores()(asked, pairs, labels)["map"] == pytest.approx(expected)
        with pytest.raises(ValueError, match="fitted with labels"):
            RetrievalScores()(asked, pairs)


def test_a_two_stage_search_takes_wrapped_retrievers(data):
    pairs, _ = data
    for first in (CCA(2), GridSearchCV(CCA(), {"n_components": [2]}, cv=KFold(2))):
        model = TwoStage(first=first, second=wrapped(Manhattan())["pipeline"], k=60).fit(pairs)
        seen = PerModality(image=StandardScaler(), text=StandardScaler()).fit_transform(pairs)
        assert_allclose(model.similarity(pairs), Manhattan().fit(seen).similarity(seen))
    for wrapping in WRAPPINGS:
        with pytest.raises(TypeError, match="compares pair by pair itself"):
            TwoStage(first=wrapped(Manhattan(), d=[2])[wrapping], second=CCA()).fit(pairs)


def test_combined_retrievers_keep_label_names(data):
    pairs, labels = data
    tags = [[f"tag{j}" for j in np.flatnonzero(row)] for row in labels]
    model = TwoStage(CCA(2), CCA(3)).fit(pairs, tags)
    assert list(model.classes_) == list(model.second_.classes_) and model.fitted_with_labels_
    assert not hasattr(model.fit(pairs), "classes_") and not model.fitted_with_labels_


def test_copies_are_equal(data):
    pairs, _ = data
    for model in (Manhattan().fit(pairs), TwoStage(CCA(2), Manhattan(), k=5).fit(pairs)):
        expected = model.similarity(pairs)
        for twin in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
            assert_array_equal(twin.similarity(pairs), expected)


def test_a_missing_view_is_named(data):
    pairs, _ = data
    for model in (Manhattan().fit(pairs), CCA(2).fit(pairs)):
        for asked, missing in ((pairs.replace(image=None), "image"), (pairs.replace(text=None), "text")):
            with pytest.raises(ValueError, match=f"{missing} is missing; similarity needs both views"):
                model.similarity(asked)
        with pytest.raises(ValueError, match="image is missing; similarity needs both views"):
            model.similarity(pairs.replace(image=None), pairs.text)


def test_what_is_no_retriever_is_named(data):
    with pytest.raises(TypeError, match="object has neither transform nor similarity"):
        RetrievalScores()(object(), data[0])
    with pytest.raises(NotFittedError):
        RetrievalScores()(GridSearchCV(Manhattan(), {"d": [1]}), data[0])
    with pytest.raises(NotFittedError):
        Manhattan().similarity(data[0])


NO_RETRIEVERS = [
    StandardScaler(),
    LogisticRegression(),
    make_pipeline(StandardScaler(), PCA(2)),
    GridSearchCV(Ridge(), {"alpha": [1]}),
    FrozenEstimator(StandardScaler()),
    CCA,
    SCAN,
    object(),
    "CCA",
    None,
]


@pytest.mark.parametrize("wrong", NO_RETRIEVERS, ids=lambda wrong: type(wrong).__name__)
def test_every_door_of_retrievers_names_what_is_none(data, wrong):
    pairs, labels = data
    doors = {
        "first": lambda: TwoStage(wrong, CCA()).fit(pairs),
        "second": lambda: TwoStage(CCA(), wrong).fit(pairs),
        "'a' of estimators": lambda: RetrieverEnsemble([("a", wrong), ("b", CCA())]).fit(pairs),
        "estimator": lambda: check_retriever(wrong),
    }
    scorers = (RetrievalScorer(), RetrievalScores(), RecallScores([1]))
    asked = list(doors.items())
    asked += [("estimator", partial(scorer, wrong, pairs, labels)) for scorer in scorers]
    for name, ask in asked:
        with pytest.raises(
            TypeError, match=f"^{name} must be a retriever, such as CCA\\(\\), or a pipeline or search"
        ) as caught:
            ask()
        if isinstance(wrong, type):
            assert str(caught.value).endswith(f"got the class {wrong.__name__}, so call it: {wrong.__name__}().")


@pytest.mark.parametrize("wrong", [PerModality(), LabelGraph(), make_pipeline(PerModality(), CCA(2))], ids=repr)
def test_only_a_retriever_itself_is_checked(wrong):
    with pytest.raises(TypeError, match=r"^estimator must be a retriever itself, such as CCA\(\)"):
        check_retriever(wrong)


def test_pipelines_and_searches_around_retrievers_are_retrievers(data):
    pairs, labels = data
    pipeline = make_pipeline(PerModality(), CCA(2))
    steps = make_pipeline(PerModality())
    for good in (pipeline, GridSearchCV(pipeline, {"cca__ridge": [0.1]}, cv=3), steps, CCA(2)):
        fitted = TwoStage(good, CCA(2), k=5).fit(pairs)
        if good is not steps:
            assert fitted.similarity(pairs).shape == (len(pairs), len(pairs))
            assert RetrievalScorer()(good.fit(pairs, labels), pairs, labels) == good.score(pairs, labels)


def test_similarity_checks_what_is_compared(data):
    """A method is given checked views and a sparse matrix of pairs, whatever form they came in."""
    pairs, _ = data
    image, text = pairs.image[:4], pairs.text[:5]
    model = Manhattan().fit(pairs)
    S = model.similarity(image, text)
    assert_allclose(model.similarity(image.tolist(), pd.DataFrame(text)), S)
    where = [[True, False, False, False, True]] * 4
    assert_allclose(model.similarity(image.tolist(), text, where=where).toarray(), S * where)
    for message, asked in (
        ("image is missing; similarity needs both views", (None, text)),
        ("image is missing; similarity needs both views", (Pairs(text=text), text)),
        (r"image contains \d+ NaN", (image * np.nan, text)),
        ("text has 3 features", (image, text[:, :3])),
        ("text must be 2-D", (image, text[0])),
        (r"where has shape \(2, 2\), but there are 4 images and 5 texts", (image, text, np.eye(2))),
    ):
        with pytest.raises(ValueError, match=message):
            model.similarity(*asked)


class Deaf(BaseEstimator):
    """Embeds by the first columns, and does not look at labels."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X.replace(image=X.image[:, :3], text=X.text[:, :3])


def test_wrong_labels_are_refused_before_anything_is_fitted(data):
    pairs, _ = data
    for model, part in ((RetrieverEnsemble([("deaf", Deaf())]), "estimators_"), (TwoStage(Deaf(), Deaf()), "first_")):
        before = getattr(model.fit(pairs), part)
        with pytest.raises(ValueError, match="a float; labels are strings or whole numbers"):
            model.fit(pairs, np.linspace(0, 1, len(pairs)))
        assert getattr(model, part) is before


def test_scikit_learn_can_show_route_and_chain_what_compares(data):
    pairs, labels = data
    assert "Manhattan" in estimator_html_repr(Manhattan())
    with sklearn.config_context(enable_metadata_routing=True):
        routing = Manhattan().set_score_request(labels=False).get_metadata_routing()
    assert routing.fit.requests["labels"] is True and routing.score.requests["labels"] is False
    piped = Pipeline([("views", PerModality()), ("model", Manhattan())]).set_output(transform="pandas")
    assert piped.fit(pairs, labels).score(pairs, labels) == Manhattan().fit(pairs, labels).score(pairs, labels)
