"""Data that tests of several modules use."""

import numpy as np

from skxmr import Pairs


def correlated(n=300, d1=7, d2=5, seed=0, dtype=np.float64):
    """Two views of four hidden variables of decreasing strength, in as many dimensions as asked for."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 4)) * [3, 2, 1, 0.5]
    image = hidden @ rng.normal(size=(4, d1)) + rng.normal(size=(n, d1))
    text = hidden @ rng.normal(size=(4, d2)) + rng.normal(size=(n, d2)) + 5
    return Pairs(image.astype(dtype), text.astype(dtype))


def labelled_views(n=40, m=300, d=12, c=5, seed=0, dtype=np.float32):
    """Views of queries and of a gallery, and the labels of both."""
    rng = np.random.default_rng(seed)
    query, gallery = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(m, d)).astype(dtype)
    return (query, gallery), (rng.integers(2, size=(n, c)), rng.integers(2, size=(m, c)))
