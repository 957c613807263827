"""Views of float16 give embeddings of float32."""

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skxmr import CCA, CCA3V, CFA, GMA, LCFS, MLCCA, PLS, MeanRegions, Pairs, Regions, SemanticMatching
from skxmr.metrics import Similarity

HALF = {
    "array": lambda X: X.astype(np.float16),
    "frame": lambda X: pd.DataFrame(X.astype(np.float16)),
    "tensor": lambda X: torch.as_tensor(X).half(),
}


@pytest.mark.parametrize("form", HALF)
def test_views_of_float16_become_float32(form, small):
    pairs, labels = small
    half = Pairs(HALF[form](pairs.image), HALF[form](pairs.text))
    rounded = [getattr(pairs, name).astype(np.float16).astype(np.float32) for name in ("image", "text")]
    single = Pairs(*rounded)
    for model in (CCA(3), PLS(3), CCA3V(3), CFA(3), GMA(3), LCFS(), MLCCA(3), SemanticMatching()):
        fitted = model.fit(half, labels)
        out = fitted.transform(half)
        assert out.image.dtype == out.text.dtype == np.float32
        expected = clone(model).fit(single, labels).transform(single)
        assert_allclose(out.image, expected.image, atol=1e-5)
        assert fitted.similarity(half).dtype == np.float32


def test_chunks_of_float16_give_what_their_array_gives(small):
    pairs, _ = small
    half = Pairs(pairs.image.astype(np.float16), pairs.text.astype(np.float16))
    chunks = Pairs(da.from_array(half.image, (50, 20)), da.from_array(half.text, (50, 30)))
    out = CCA(3).fit(chunks).transform(half)
    assert out.image.dtype == np.float32
    assert_allclose(np.abs(out.image), np.abs(CCA(3).fit(half).transform(half).image), atol=1e-4)


def test_large_values_of_float16_do_not_overflow():
    X = np.random.default_rng(0).uniform(3e4, 6e4, size=(30, 3)).astype(np.float16)
    out = CCA(2).fit(X, X).encode_image(X)
    assert out.dtype == np.float32 and np.isfinite(out).all()
    assert Similarity(X, X)[:].dtype == np.float32


def test_means_of_regions_of_float16_are_float32():
    regions = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float16)
    out = MeanRegions().transform(Regions(regions))
    assert out.dtype == np.float32
    assert_array_equal(out, regions.mean(axis=1, dtype=np.float32))
