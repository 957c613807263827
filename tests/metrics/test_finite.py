"""Values that are not finite are refused wherever they stand, although large inputs are read only once."""

import warnings

import numpy as np
import pytest

from skxmr.metrics import Similarity, average_precision

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("metric", ["cosine", "inner", "euclidean"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_value_of_a_gallery_passes(metric, value, dtype):
    """Also where it is the last one of many rows, and where other values are too large to be squared."""
    gallery = RNG.normal(size=(20_000, 20)).astype(dtype)
    gallery[0] *= np.finfo(dtype).max / 100
    Similarity(gallery[:2], gallery, "cosine")
    gallery[-1, -1] = value
    with warnings.catch_warnings(), pytest.raises(ValueError, match=r"^gallery contains 1 NaN or infinite values"):
        warnings.simplefilter("error")
        Similarity(gallery[:2], gallery, metric)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_score_passes(value):
    S = RNG.normal(size=(600, 1000)).astype(np.float32)
    relevance = RNG.uniform(size=S.shape) < 0.5
    S[-1, -1] = value
    with pytest.raises(ValueError, match="scores contains NaN or infinite values"):
        average_precision(S, relevance)
