"""Views of float16 and bfloat16 are as exact as they came: what lies beyond, they do not tell."""

import copy
import pickle

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import torch

from skxmr import CCA, MLCCA, PLS, Pairs, PerModality, SemanticMatching
from skxmr._data.precision import eps_of, precision
from tests.methods.test_numerical_rank import CLOSED_FORM, fitted, low_rank


def chunks(X):
    return da.from_array(X.astype(np.float16), chunks=(90, -1))


# Forms of an array, and how exact its values are then.
FORMS = {
    "float16": (lambda X: X.astype(np.float16), 2**-10),
    "frame": (lambda X: pd.DataFrame(X.astype(np.float16)), 2**-10),
    "list of rows": (lambda X: list(X.astype(np.float16)), 2**-10),
    "tensor": (lambda X: torch.from_numpy(X).half(), 2**-10),
    "bfloat16": (lambda X: torch.from_numpy(X).bfloat16(), 2**-7),
    "list of tensors": (lambda X: list(torch.from_numpy(X).bfloat16()), 2**-7),
    "nullable": (lambda X: pd.DataFrame(X).astype("Float32"), 2**-23),
    "two types": (lambda X: pd.DataFrame(X).astype({0: np.float16}), 2**-52),
    "chunks": (chunks, 2**-10),
    "big-endian": (lambda X: X.astype(">f4"), 2**-23),
    "integers": (lambda X: X.astype(np.int8), 2**-52),
}


@pytest.mark.parametrize("form", FORMS)
def test_how_exact_a_view_came(form):
    make, eps = FORMS[form]
    X = np.random.default_rng(0).normal(size=(9, 3))
    assert precision(make(X)) == eps
    pairs = Pairs(make(X), X)
    assert pairs._eps == (eps, 2**-52)
    assert Pairs(X, image_index=np.arange(9), text=make(X))._eps == (2**-52, eps)


def test_pairs_remember_it():
    X = np.random.default_rng(0).normal(size=(9, 3))
    pairs = Pairs(torch.from_numpy(X).bfloat16(), X)
    eps = (2**-7, 2**-52)
    kept = [
        pairs[2:],
        pairs[[1, 3]],
        pairs.replace(text=X),
        pairs.replace(label_graph=None),
        Pairs.concatenate([Pairs(pairs.image, X), pairs]),
        pickle.loads(pickle.dumps(pairs)),
        copy.deepcopy(pairs),
        PerModality().fit_transform(pairs),
    ]
    assert [other._eps for other in kept] == [eps] * len(kept)
    assert pairs.replace(image=X)._eps == (2**-52, 2**-52)
    assert pairs.replace(text=None).replace(image=X)._eps[0] == 2**-52


def test_eps_are_those_of_torch():
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float64):
        assert eps_of(dtype) == torch.finfo(dtype).eps
    for dtype in (np.float16, np.float32, np.float64):
        assert eps_of(dtype) == eps_of(np.dtype(dtype)) == np.finfo(dtype).eps


@pytest.mark.parametrize("name", CLOSED_FORM)
@pytest.mark.parametrize("form", ["float16", "bfloat16", "frame", "chunks"])
@pytest.mark.parametrize("d", [12, *(pytest.param(d, marks=pytest.mark.slow) for d in (64, 65, 300, 500))])
def test_rounding_to_few_bits_makes_no_components(name, form, d):
    model = CLOSED_FORM[name]
    image, text, labels = low_rank(3, d, np.float64)
    make, _ = FORMS[form]
    ways = ["fit", "partial_fit"] if hasattr(model, "partial_fit") and form == "float16" else ["fit"]
    given = make(image)
    if form == "chunks":
        text = da.from_array(text, chunks=(90, -1))
    for how in ways:
        found, messages = fitted(model, given, text, labels, how)
        assert found.n_components_ == 3, how
        assert len(messages) == isinstance(model, SemanticMatching)


@pytest.mark.parametrize("form", ["float16", "bfloat16"])
@pytest.mark.parametrize("model", [CCA(), CCA(ridge=0.0), PLS(), MLCCA(), SemanticMatching()])
def test_full_rank_is_kept(form, model):
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(400, 5))
    image = hidden @ rng.normal(size=(5, 20)) + rng.normal(size=(400, 20))
    text = hidden @ rng.normal(size=(5, 15)) + rng.normal(size=(400, 15))
    labels = (hidden > 0).astype(int)
    make, _ = FORMS[form]
    wanted, _ = fitted(model, image, text, labels)
    found, messages = fitted(model, make(image), make(text), labels)
    assert messages == []
    assert found.n_components_ == wanted.n_components_
    assert abs(found.score(image, text, labels) - wanted.score(image, text, labels)) < 0.02
