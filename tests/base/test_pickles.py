"""Pickles carry the version of the library."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skxmr
from skxmr import CCA, DSCMR, LabelGraph, PerModality, RetrieverEnsemble, TwoStage
from skxmr.features import ImageFeatures


class Own(CCA):
    """A method of another package."""


ESTIMATORS = [
    CCA(2),
    Own(2),
    DSCMR(**DSCMR._get_test_params()[0]),
    LabelGraph(tau=0.2),
    PerModality(),
    RetrieverEnsemble([("a", CCA(2))]),
    TwoStage(CCA(2), CCA(3), k=5),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_another_version_warns(estimator, small, monkeypatch):
    stored = pickle.dumps(estimator.fit(*small))
    assert "_skxmr_version" not in vars(estimator) and "_skxmr_version" not in vars(pickle.loads(stored))
    monkeypatch.setattr(skxmr, "__version__", "9.0")
    message = r"this \w+ was pickled by skxmr \d+\.\d+\.\d+ and is opened by 9\.0, where its attributes may"
    with pytest.warns(UserWarning, match=message) as caught:
        opened = pickle.loads(stored)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copy.deepcopy(opened)
        pickle.loads(pickle.dumps(opened))


@pytest.mark.parametrize("tools", [(joblib.dump, joblib.load), (torch.save, torch.load)], ids=["joblib", "torch"])
def test_the_line_that_opens_is_named(tools, small, tmp_path, monkeypatch):
    """Whichever tool opens it, and however deep the retriever is."""
    save, load = tools
    search = GridSearchCV(make_pipeline(PerModality(), CCA(2)), {"cca__ridge": [0.1]}, cv=2).fit(*small)
    save(search, tmp_path / "model")
    monkeypatch.setattr(skxmr, "__version__", "9.0")
    with pytest.warns(UserWarning, match=r"this (CCA|PerModality) was pickled by skxmr .* is opened by 9\.0") as caught:
        opened = load(tmp_path / "model", **({} if load is joblib.load else {"weights_only": False}))
    assert {warning.filename for warning in caught} == {__file__}
    assert opened.score(*small) == search.score(*small)


def test_the_same_version_does_not_warn(small, tmp_path):
    model = make_pipeline(PerModality(), CCA(2)).fit(*small)
    joblib.dump(model, tmp_path / "model.joblib")
    assert_array_equal(
        joblib.load(tmp_path / "model.joblib").transform(small[0]).image, model.transform(small[0]).image
    )
    assert isinstance(pickle.loads(pickle.dumps(ImageFeatures())), ImageFeatures)


def test_pickles_without_a_version_are_older(small):
    fitted = CCA(2).fit(*small)
    old = CCA.__new__(CCA)
    with pytest.warns(UserWarning, match=r"this CCA was pickled by skxmr 0\.2\.0 or before and is opened by"):
        old.__setstate__(dict(vars(fitted)))
    assert np.array_equal(old.image_projection_, fitted.image_projection_)
