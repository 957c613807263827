"""Names of the columns that fit has seen, and of those that come out."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from skxmr import (
    CCA,
    DSCMR,
    AlignedEmbeddings,
    LabelGraph,
    MeanRegions,
    Pairs,
    PerModality,
    Regions,
    RetrieverEnsemble,
    SemanticMatching,
    TwoStage,
)

SMALL = {"n_components": 4, "hidden": 8, "max_epochs": 1, "random_state": 0}


def framed(pairs):
    images = pd.DataFrame(pairs.image).add_prefix("pixel")
    return Pairs(images, pd.DataFrame(pairs.text).add_prefix("word"))


def names(prefix, n):
    return [f"{prefix}{i}" for i in range(n)]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (CCA(3), names("cca", 3)),
        (CCA(), names("cca", 20)),
        (SemanticMatching(), names("semanticmatching", 8)),
        (DSCMR(**SMALL), names("dscmr", 4)),
    ],
    ids=str,
)
@pytest.mark.parametrize("form", [framed, lambda p: p, lambda p: p.replace(text=sp.csr_array(p.text))])
def test_columns_of_embeddings_are_named_by_the_class(small, model, expected, form):
    pairs, labels = small
    with pytest.raises(NotFittedError):
        clone(model).get_feature_names_out()
    fitted = clone(model).fit(form(pairs), labels)
    out = fitted.get_feature_names_out()
    assert out.dtype == object and out.tolist() == expected
    assert len(out) == fitted.transform(form(pairs)).text.shape[1]
    assert_array_equal(fitted.get_feature_names_out(["ignored"]), out)


def test_names_that_fit_has_seen(small):
    pairs, labels = small
    fitted = CCA(2).fit(framed(pairs), labels)
    assert list(fitted.feature_names_in_) == ["image", "text"]
    assert fitted.feature_names_in_["image"].tolist() == names("pixel", 20)
    assert fitted.feature_names_in_["text"].dtype == object
    half = CCA(2).fit(framed(pairs).image, pairs.text)
    assert list(half.feature_names_in_) == ["image"]
    assert not hasattr(half.fit(pairs), "feature_names_in_")
    numbers = CCA(2).fit(pd.DataFrame(pairs.image), pd.DataFrame(pairs.text))
    assert not hasattr(numbers, "feature_names_in_")


@pytest.mark.parametrize("model", [TwoStage(CCA(2), CCA(3), k=5), RetrieverEnsemble([("a", CCA(2))])], ids=repr)
def test_names_that_retrievers_of_retrievers_have_seen(small, model):
    pairs, _ = small
    assert model.fit(framed(pairs)).feature_names_in_["image"].tolist() == names("pixel", 20)
    assert model.feature_names_in_["text"].tolist() == names("word", 30)
    assert not hasattr(model.fit(pairs), "feature_names_in_")


def test_names_of_both_views_of_a_step(small):
    pairs, _ = small
    step = PerModality(image=PCA(2), text="passthrough").fit(framed(pairs))
    assert step.get_feature_names_out().tolist() == ["image__pca0", "image__pca1", *names("text__word", 30)]
    assert step.feature_names_in_["text"].tolist() == names("word", 30)
    plain = PerModality(image=StandardScaler()).fit(pairs)
    assert plain.get_feature_names_out().tolist() == [*names("image__x", 20), *names("text__x", 30)]
    assert not hasattr(plain, "feature_names_in_")
    one = PerModality(text=TfidfVectorizer()).fit(Pairs(text=["red sea", "sea"]))
    assert one.get_feature_names_out().tolist() == ["text__red", "text__sea"]
    with pytest.raises(NotFittedError):
        PerModality().get_feature_names_out()


def test_a_transformer_without_names_is_named(small):
    class Halve(sklearn.base.BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X / 2

    step = PerModality(image=Halve()).fit(small[0])
    with pytest.raises(AttributeError, match="the transformer of image, Halve, does not provide get_feature_names_out"):
        step.get_feature_names_out()


@pytest.mark.parametrize("config", ["default", "pandas"])
def test_pipelines_and_searches_have_names(small, config):
    pairs, labels = small
    with sklearn.config_context(transform_output=config):
        model = make_pipeline(PerModality(image=StandardScaler()), LabelGraph(tau=0.2), CCA(2))
        fitted = model.fit(framed(pairs), labels)
        assert fitted.get_feature_names_out().tolist() == ["cca0", "cca1"]
        assert fitted.feature_names_in_["image"].tolist() == names("pixel", 20)
        assert len(fitted[:-1].get_feature_names_out()) == 50
        graph_first = make_pipeline(LabelGraph(tau=0.2), CCA(2)).fit(pairs, labels)
        assert graph_first.get_feature_names_out().tolist() == ["cca0", "cca1"]
        search = GridSearchCV(model, {"cca__ridge": [0.1]}, cv=2).fit(framed(pairs), labels)
        assert search.feature_names_in_["text"].tolist() == names("word", 30)
        assert isinstance(search.transform(framed(pairs)), Pairs)
        assert isinstance(fitted[-1].transform(pairs.image), np.ndarray)
        assert isinstance(fitted[-1].transform(pairs.image, pairs.text)[0], np.ndarray)
        assert "CCA" in estimator_html_repr(fitted)


@pytest.mark.parametrize("kind", [np.asarray, list, Regions], ids=["array", "list", "Regions"])
@pytest.mark.parametrize("config", ["default", "pandas"])
def test_means_of_regions_have_names(kind, config):
    regions = np.random.default_rng(0).normal(size=(4, 3, 2))
    pairs = Pairs(kind(regions), ["red sea", "sea", "red", "sky"])
    with sklearn.config_context(transform_output=config):
        step = PerModality(image=MeanRegions(), text=CountVectorizer())
        if config == "default":
            step.fit(pairs)
            words = ["text__red", "text__sea", "text__sky"]
            assert step.get_feature_names_out().tolist() == ["image__meanregions0", "image__meanregions1", *words]
        out = PerModality(image=MeanRegions()).fit_transform(Pairs(kind(regions)))
    assert isinstance(out.image, np.ndarray) and out.image.shape == (4, 2)
    with pytest.raises(TypeError, match="MeanRegions got a ndarray; pass Regions"):
        MeanRegions().fit(np.eye(3))


def test_aligned_embeddings_have_names_by_number():
    fitted = AlignedEmbeddings().fit(np.eye(3), np.eye(3))
    assert fitted.get_feature_names_out().tolist() == names("alignedembeddings", 3)
