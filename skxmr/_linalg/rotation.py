"""Few rows of many features: a view in coordinates of the space that its rows span.

A view with at most half as many rows as features is rotated before anything else. CCA, ml-CCA and ridge regression
depend on lengths and angles only, so the answer is the same, at a cost of n^2 d instead of d^3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from skxmr._linalg.moments import Array, Matrix, column_mean

_COLUMNS = 4096  # of a dense view, held in float64 at a time


class Rotation(NamedTuple):
    """`rows` (n, r) of a view in an orthonormal `basis` (d, r) around its `mean`; without a basis the view itself.

    Whatever depends on lengths and angles alone, such as ridge regression and CCA, has the same solution in these
    coordinates, whose directions are lifted back. `share` is r / d: a ridge in units of the mean variance of d
    features is `share` times as many units of r coordinates.
    """

    rows: Matrix
    mean: Array | None = None
    basis: Array | None = None
    share: float = 1.0

    def lift(self, directions: Array) -> Array:
        """Return directions (r, k) as (d, k)."""
        return directions if self.basis is None else np.asarray(self.basis @ directions)

    def origin(self, mean: Array) -> Array:
        """Return the mean (d,) of the view, given that of its rows (r,)."""
        return mean if self.basis is None or self.mean is None else np.asarray(self.mean + self.basis @ mean)


def rotated(X: Matrix) -> Rotation:
    """Rotate a view of far fewer rows than features (dense or CSR); others are returned as they are.

    From half as many rows as features on, products of (d, d) are the cheaper way.
    """
    n, d = X.shape
    if 2 * n > d:
        return Rotation(X)
    mean = column_mean(X)
    values, U = scipy.linalg.eigh(_inner_products(X, mean), check_finite=False)
    keep = values > max(float(values[-1]), 0.0) * d * float(np.finfo(np.float64).eps)
    if not keep.any():  # no row differs from another: one direction, in which nothing varies
        return Rotation(np.zeros((n, 1)), mean, np.eye(d, 1), 1 / d)
    lengths, U = np.sqrt(values[keep]), U[:, keep]
    return Rotation(U * lengths, mean, _spanned(X, mean, U / lengths), int(keep.sum()) / d)


def _inner_products(X: Matrix, mean: Array) -> Array:
    """Return (X - mean)(X - mean)^T."""
    if sp.issparse(X):
        X = X.astype(np.float64)
        offset = X @ mean
        return np.asarray((X @ X.T).toarray() - offset[:, None] - offset + mean @ mean)
    return sum((block @ block.T for block in _columns(X, mean)), np.zeros((len(X), len(X))))


def _spanned(X: Matrix, mean: Array, U: Array) -> Array:
    """Return (X - mean)^T U."""
    if sp.issparse(X):
        return np.asarray(X.T.astype(np.float64) @ U - np.outer(mean, U.sum(axis=0)))
    return np.concatenate([block.T @ U for block in _columns(X, mean)])


def _columns(X: Matrix, mean: Array) -> Iterator[Array]:
    return (X[:, a : a + _COLUMNS] - mean[a : a + _COLUMNS] for a in range(0, X.shape[1], _COLUMNS))
