"""Graphs that join every row with its nearest rows, and how far apart weights of features put the rows that they join.

Distances are computed for a part of the rows at a time, and only the nearest ones are kept.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import laplacian

from skxmr._data.kinds import Matrix
from skxmr._linalg.exactness import Array, centred_columns
from skxmr._linalg.moments import column_mean
from skxmr.methods._marginal_graphs import smallest, squared_distances


def centred(X: Matrix) -> Matrix:
    """Return a view in float64 around its mean; of a sparse one, only columns without zeros are moved."""
    if isinstance(X, np.ndarray):
        return X - column_mean(X)
    return centred_columns(X)[0].astype(np.float64)


def joined_rows(X: Matrix, k: int) -> sp.csr_array:
    """Join every row with its k nearest ones, in both directions; returns 1 for these, symmetric (n, n)."""
    graph = _nearest_rows(X, k)
    graph.data = np.ones(graph.nnz)
    return sp.csr_array(graph.maximum(graph.T))


def near_rows(X: Matrix, k: int) -> sp.csr_array:
    """Join the same rows with weights ``exp(-d^2 / (2 m))``; m is the mean squared distance of those joined."""
    graph = _nearest_rows(X, k)
    mean = float(graph.data.mean())
    # All rows that are joined may be equal.
    graph.data = np.exp(graph.data / (-2 * mean)) if mean > 0 else np.ones(graph.nnz)
    return sp.csr_array(graph.maximum(graph.T))


def smoothness(X: Matrix, graph: sp.csr_array) -> Array:
    """Return ``X^T (I - D^-1/2 W D^-1/2) X / n`` as (d, d) for the weights W of a graph and a view around its mean.

    The degrees D are the row sums of W, none of them 0.
    """
    n = X.shape[0]
    normalised = sp.csr_array(laplacian(graph, normed=True))
    mean = column_mean(X)
    through = normalised @ X
    products = X.T @ through
    level = X.T @ (normalised @ np.ones(n))
    crossed = np.outer(level, mean)
    dense = np.asarray(products if isinstance(products, np.ndarray) else products.toarray())
    return np.asarray((dense - crossed - crossed.T + float(normalised.sum()) * np.outer(mean, mean)) / n)


def _nearest_rows(X: Matrix, k: int) -> sp.csr_array:
    """Return the squared distances of every row to its k nearest others, as (n, n)."""
    n = X.shape[0]
    columns = np.zeros((n, min(k, n - 1)), np.intp)
    found = np.zeros(columns.shape)
    for place, block in squared_distances(X, slice(None), slice(None)):
        own = np.arange(len(block))
        block[own, place + own] = np.inf
        i, j = smallest(block, k).nonzero()
        columns[place : place + len(block)] = j.reshape(len(block), -1)
        found[place : place + len(block)] = block[i, j].reshape(len(block), -1)
    starts = np.arange(0, columns.size + 1, columns.shape[1])
    return sp.csr_array((found.ravel(), columns.ravel(), starts), shape=(n, n))
