"""Collections that several tests search."""

import numpy as np
import pytest

from skxmr import AlignedEmbeddings, RetrievalIndex


@pytest.fixture
def vectors():
    """Return a function that makes rows of a given number, all different."""

    def make(n, width=24, seed=0):
        return np.random.default_rng(seed).standard_normal((n, width)).astype(np.float32)

    return make


@pytest.fixture
def aligned(vectors):
    return AlignedEmbeddings().fit(vectors(2), vectors(2))


@pytest.fixture
def empty(aligned):
    """Return a function that makes an index without items."""

    def make(backend="exact", **options):
        return RetrievalIndex(aligned, backend, options)

    return make


def unit(X):
    X = np.asarray(X, np.float64)
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return (X / np.where(norms > 0, norms, 1)).astype(np.float32)


def sorted_by_hand(queries, items, ids, k):
    """Return scores and ids of the best k by sorting all of them: float64, rounded to float32, then by id."""
    scores = (unit(queries).astype(np.float64) @ unit(items).astype(np.float64).T).astype(np.float32)
    ids = np.asarray(ids)
    order = np.lexsort((np.broadcast_to(ids, scores.shape), -scores))[:, :k]
    return np.take_along_axis(scores, order, 1), ids[order]
