"""Ensembles of retrievers: the weighted mean of their similarities."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV

from skxmr import CCA, PLS, RACG, AlignedEmbeddings, Pairs, Regions, RetrieverEnsemble
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs
from skxmr.metrics import RetrievalScores

TINY = {"n_components": 16, "word_width": 8, "lr": 1e-3, "batch_size": 20, "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def told():
    made = make_captioned_scenes(20, n_sentences=3, random_state=0)
    return Pairs(Regions(made.regions, mask=made.mask), made.sentences, image_index=made.image_index)


@pytest.fixture(scope="module")
def views():
    return make_multilabel_pairs(80, random_state=0)[0]


def test_an_ensemble_is_the_weighted_mean(views):
    parts = [("cca", CCA(3)), ("pls", PLS(3))]
    alone = [clone(part).fit(views).similarity(views) for _, part in parts]
    found = RetrieverEnsemble(parts).fit(views)
    assert_allclose(found.similarity(views), np.mean(alone, axis=0), atol=1e-7)
    weighted = RetrieverEnsemble(parts, weights=[3, 1]).fit(views).similarity(views)
    assert_allclose(weighted, 0.75 * alone[0] + 0.25 * alone[1], atol=1e-7)
    where = np.random.default_rng(0).uniform(size=alone[0].shape) < 0.2
    assert_allclose(found.similarity(views, where=where).toarray()[where], np.mean(alone, axis=0)[where], atol=1e-7)
    assert RetrievalScores()(found, views)["map"] == pytest.approx(found.score(views))


def test_a_row_without_a_direction_in_one_method_has_the_same_similarity_everywhere(views):
    """The image of 0 is the origin for aligned embeddings, and not for CCA, which centres it."""
    views = views.replace(text=views.text[:, :20])
    model = RetrieverEnsemble([("cca", CCA(3)), ("as_they_are", AlignedEmbeddings())]).fit(views)
    image = np.vstack([np.zeros((1, 20)), views.image[:4]])
    expected = cosine_similarity(model.encode_image(image), model.encode_text(views.text))
    alone = model.estimators_[0].similarity(image[:1], views.text)
    lengths = np.linalg.norm(model.encode_text(views.text), axis=1)
    assert_allclose(expected[0], alone[0] * np.sqrt(0.5) / lengths, atol=1e-6)
    assert_allclose(model.similarity(image, views.text), expected, atol=1e-6)
    where = np.random.default_rng(0).uniform(size=expected.shape) < 0.2
    assert_allclose(model.similarity(image, views.text, where=where).toarray(), where * expected, atol=1e-6)


def test_racg_star_is_the_mean_of_both_graphs(told):
    tiny = TINY | {"n_heads": 4}
    both = RetrieverEnsemble([("sparse", RACG(**tiny)), ("dense", RACG(**tiny, text_graph="dense"))]).fit(told)
    alone = [model.similarity(told) for model in both.estimators_]
    assert_allclose(both.similarity(told), np.mean(alone, axis=0), atol=1e-6)


def test_parameters_of_an_ensemble_by_name(views):
    model = RetrieverEnsemble([("a", CCA(3)), ("b", PLS(3))])
    assert model.get_params()["a__n_components"] == 3
    model.set_params(a__n_components=5, b=CCA(2))
    assert model.estimators[0][1].n_components == 5 and isinstance(dict(model.estimators)["b"], CCA)
    search = GridSearchCV(model, {"a__n_components": [2, 4]}, cv=3).fit(views)
    assert search.best_params_["a__n_components"] in (2, 4)


def test_bad_ensembles_are_named(views):
    with pytest.raises(ValueError, match="estimators must be a list of one or more"):
        RetrieverEnsemble([]).fit(views)
    with pytest.raises(ValueError, match="not unique"):
        RetrieverEnsemble([("a", CCA()), ("a", CCA())]).fit(views)
    with pytest.raises(ValueError, match="estimators must be a list"):
        RetrieverEnsemble([CCA()]).fit(views)
    two = [("a", CCA()), ("b", PLS())]
    for weights in ([1], 3, [[1, 1]]):
        with pytest.raises(ValueError, match="one for each of 2 is needed"):
            RetrieverEnsemble(two, weights=weights).fit(views)
    for weights in ([0, 0], [np.nan, 1], [1, -1], ["a", "b"]):
        with pytest.raises(ValueError, match="weights must be finite, at least 0 and not all 0"):
            RetrieverEnsemble(two, weights=weights).fit(views)
