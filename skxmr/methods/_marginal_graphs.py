"""The two graphs of marginal Fisher analysis, and how far the rows that they join lie apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import laplacian
from sklearn.metrics import pairwise_distances_chunked
from sklearn.utils.extmath import row_norms

from skxmr._data.kinds import BoolArray, IndexArray, Matrix
from skxmr._linalg.exactness import Array, centred_columns
from skxmr._linalg.fisher import Scatters
from skxmr._linalg.moments import column_mean

# Digits of squared distances, in units of the mean squared length of a row, beyond which they are the same.
_DIGITS = 9
# Distances that are held at a time; several arrays of this size are made of them.
_MEGABYTES = 256


def marginal_scatters(X: Matrix, Y: sp.csr_array, n_neighbors: int, n_pairs: int) -> Scatters:
    """Return half the mean squared distance of the rows that the penalty and the intrinsic graph join, as (d, d)."""
    if isinstance(X, np.ndarray):
        rows: Matrix = X - column_mean(X)
    else:
        rows = centred_columns(X)[0].astype(np.float64)
    between = scatter_along(rows, penalty_graph(rows, Y, n_pairs))
    return Scatters(between, scatter_along(rows, intrinsic_graph(rows, Y, n_neighbors)))


def intrinsic_graph(X: Matrix, Y: sp.csr_array, k: int) -> sp.csr_array:
    """Join every row with the k nearest rows of each of its labels; returns 0 and 1, symmetric (n, n)."""
    edges = [np.zeros((0, 2), np.intp)]
    for members in _members(Y):
        if len(members) == 1:
            continue
        for place, distances in squared_distances(X, members, members):
            own = np.arange(len(distances))
            distances[own, place + own] = np.inf
            i, j = smallest(distances, min(k, len(members) - 1)).nonzero()
            edges.append(np.column_stack([members[place + i], members[j]]))
    return _joined(edges, X.shape[0])


def penalty_graph(X: Matrix, Y: sp.csr_array, k: int) -> sp.csr_array:
    """Join, for each label, the k nearest pairs of a row with it and a row that shares no label with that row.

    Rows without labels are in no pair. Returns 0 and 1, symmetric (n, n).
    """
    labelled = np.flatnonzero(Y.sum(axis=1) > 0)
    labels_of_others = Y[labelled].T
    edges = [np.zeros((0, 2), np.intp)]
    for members in _members(Y):
        nearest = np.zeros(0)
        pairs = np.zeros((0, 2), np.intp)
        for place, distances in squared_distances(X, members, labelled):
            rows = members[place : place + len(distances)]
            distances[(Y[rows] @ labels_of_others).nonzero()] = np.inf
            i, j = np.unravel_index(np.flatnonzero(smallest(distances.reshape(1, -1), k)), distances.shape)
            nearest = np.concatenate([nearest, distances[i, j]])
            pairs = np.concatenate([pairs, np.column_stack([rows[i], labelled[j]])])
            best = smallest(nearest[None], k)[0]
            nearest = nearest[best]
            pairs = pairs[best]
        edges.append(pairs)
    return _joined(edges, X.shape[0])


def _members(Y: sp.csr_array) -> list[IndexArray]:
    """Return the rows of each label that has any."""
    columns = sp.csc_array(Y)
    rows = np.split(columns.indices.astype(np.intp), columns.indptr[1:-1])
    return [members for members in rows if len(members)]


def squared_distances(
    X: Matrix, members: IndexArray | slice, others: IndexArray | slice
) -> Iterator[tuple[int, Array]]:
    """Yield the squared distances (b, m) of b members at a time from others, and the place of the first of these.

    They are in units of the mean squared length of all rows.
    """
    yield from distances_between(X[members], X[others], mean_square(X))


def mean_square(X: Matrix) -> float:
    """Return the mean squared length of the rows, or a tiny number if it is 0."""
    return max(float(row_norms(X, squared=True).mean()), np.finfo(np.float64).tiny)


def distances_between(X: Matrix, Z: Matrix, unit: float) -> Iterator[tuple[int, Array]]:
    """Yield squared distances (b, m) of b rows of X at a time from Z in a unit, and the place of the first of them.

    They are rounded, so that equal distances are equal in every form of the view.
    """
    place = 0
    for distances in pairwise_distances_chunked(X, Z, squared=True, working_memory=_MEGABYTES):
        yield place, np.round(distances / unit, _DIGITS)
        place += len(distances)


def smallest(distances: Array, k: int) -> BoolArray:
    """Tell which are the k smallest finite distances (b, m) of each row, the first ones of those that are equal."""
    finite = np.isfinite(distances)
    if k >= distances.shape[1]:
        return finite
    last = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    nearer = distances < last
    tied = distances == last
    left = k - nearer.sum(axis=1, keepdims=True)
    return finite & (nearer | (tied & (np.cumsum(tied, axis=1) <= left)))


def _joined(edges: list[IndexArray], n: int) -> sp.csr_array:
    """Return the symmetric matrix (n, n) with 1 where two rows are joined in either direction."""
    first, second = np.concatenate(edges).T
    graph = sp.coo_array((np.ones(len(first)), (first, second)), shape=(n, n)).tocsr()
    return sp.csr_array((graph + graph.T > 0).astype(np.float64))


def scatter_along(X: Matrix, graph: sp.csr_array) -> Array:
    """Return the mean of (x_i - x_j)(x_i - x_j)^T / 2 over the edges of a graph (n, n); zeros without edges."""
    edges = float(graph.sum())
    if edges == 0:
        return np.zeros((X.shape[1], X.shape[1]))
    products = X.T @ (laplacian(graph) @ X)
    return np.asarray(products if isinstance(products, np.ndarray) else products.toarray()) / edges
