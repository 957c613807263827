"""Few rows of many features: a view is described in coordinates of the space that its rows span.

A view with at most half as many rows as features is rotated before anything else. CCA, ml-CCA and ridge regression
depend on lengths and angles only, so the answer is the same, at a cost of n^2 d instead of d^3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.linalg
from sklearn.utils import gen_batches

from skxmr._data.kinds import Matrix
from skxmr._linalg.moments import Array, check_overflow, column_mean

# Columns of a dense view that are held in float64 together.
_COLUMNS = 4096


class Rotation(NamedTuple):
    """Rows (n, r) of a view in an orthonormal `basis` (d, r) around its `mean`; without a basis the view itself.

    Methods that depend on lengths and angles only, such as ridge regression and CCA, have the same solution in these
    coordinates, and `lift` turns its directions back. `share` is r / d: a ridge in units of the mean variance of d
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
    """Rotate a view (dense or CSR) of far fewer rows than features; other views are returned as they are.

    With at least half as many rows as features, products of shape (d, d) are cheaper.
    """
    n, d = X.shape
    if 2 * n > d:
        return Rotation(X)
    mean = column_mean(X)
    with np.errstate(over="ignore", invalid="ignore"):
        products = _inner_products(X, mean)
    check_overflow(products)
    values, U = scipy.linalg.eigh(products, check_finite=False)
    keep = values > max(float(values[-1]), 0.0) * d * float(np.finfo(np.float64).eps)
    # All rows are equal: one direction is left, in which nothing varies.
    if not keep.any():
        return Rotation(np.zeros((n, 1)), mean, np.eye(d, 1), 1 / d)
    lengths = np.sqrt(values[keep])
    U = U[:, keep]
    return Rotation(U * lengths, mean, _spanned(X, mean, U / lengths), int(keep.sum()) / d)


def _inner_products(X: Matrix, mean: Array) -> Array:
    """Return (X - mean)(X - mean)^T."""
    if not isinstance(X, np.ndarray):
        X = X.astype(np.float64)
        offset = X @ mean
        return np.asarray((X @ X.T).toarray() - offset[:, None] - offset + mean @ mean)
    products = np.zeros((len(X), len(X)))
    for block in _columns(X, mean):
        products += block @ block.T
    return products


def _spanned(X: Matrix, mean: Array, U: Array) -> Array:
    """Return (X - mean)^T U."""
    if not isinstance(X, np.ndarray):
        return np.asarray(X.T.astype(np.float64) @ U - np.outer(mean, U.sum(axis=0)))
    return np.concatenate([block.T @ U for block in _columns(X, mean)])


def _columns(X: Matrix, mean: Array) -> Iterator[Array]:
    """Yield centred blocks of columns."""
    for columns in gen_batches(X.shape[1], _COLUMNS):
        yield X[:, columns] - mean[columns]
