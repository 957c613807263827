"""Few rows of many features: a view is described in coordinates of the space that its rows span.

A view with at most half as many rows as features is rotated before anything else. CCA, ml-CCA and ridge regression
depend on lengths and angles only, so the answer is the same, at a cost of n^2 d instead of d^3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from sklearn.utils import gen_batches

from skxmr._data.kinds import Matrix
from skxmr._data.precision import EPS
from skxmr._linalg.exactness import (
    Array,
    centred_columns,
    exactness,
    rounding,
    rounding_energy,
    unit,
    warn_of_vanishing,
)
from skxmr._linalg.moments import check_overflow, column_mean
from skxmr._linalg.solvers import deviations

# Columns of a dense view that are held in float64 together.
_COLUMNS = 4096


class Rotation(NamedTuple):
    """Rows (n, r) of a view in an orthonormal `basis` (d, r) around its `mean`; without a basis the view itself.

    Methods that depend on lengths and angles only, such as ridge regression and CCA, have the same solution in these
    coordinates, and `lift` turns its directions back. `share` is r / d: a ridge in units of the mean variance of d
    features is `share` times as many units of r coordinates. The rows are the view times `unit`, which is not 1 where
    the squares of its values would vanish, and `eps` is how exact these values are. Columns were divided by `scales`
    before they were rotated.
    """

    rows: Matrix
    mean: Array | None = None
    basis: Array | None = None
    share: float = 1.0
    unit: float = 1.0
    eps: float = EPS
    scales: Array | float = 1.0

    def spread(self, directions: Array) -> Array:
        """Return directions (r, k) as (d, k), in the unit of the rows."""
        return directions if self.basis is None else np.asarray(self.basis @ directions)

    def lift(self, directions: Array) -> Array:
        """Return directions (r, k) as (d, k)."""
        return self.unit * self.spread(directions)

    def origin(self, mean: Array) -> Array:
        """Return the mean (d,) of the view, given that of its rows (r,)."""
        if self.basis is not None and self.mean is not None:
            mean = np.asarray(self.mean + self.basis @ mean)
        return mean / self.unit


def as_it_is(X: Matrix, eps: float, factor: float | None = None) -> Rotation:
    """Return a view without a basis, in a unit in which its squares do not vanish, or in the given one.

    `eps` is how exact its values came, which its dtype may not tell.
    """
    if factor is None:
        factor = unit(X)
    if factor == 1.0:
        return Rotation(X, eps=eps)
    return Rotation(X.astype(np.float64) * factor, unit=factor, eps=max(eps, exactness(X)))


def rotated_to_scale(X: Matrix, eps: float) -> Rotation:
    """Rotate a view as `rotated` does, but standardise its columns first; those that do not vary become 0.

    Views that are not rotated are not standardised either.
    """
    n, d = X.shape
    plain = as_it_is(X, eps)
    if 2 * n > d:
        return plain
    mean = column_mean(plain.rows)
    warn_of_vanishing(mean)
    variances = _column_variances(plain.rows, mean)
    scales = deviations(variances, rounding(plain.eps, variances, mean))
    if isinstance(plain.rows, np.ndarray):
        scaled = plain.rows / scales
    else:
        rows = plain.rows.astype(np.float64)
        scaled = sp.csr_array((rows.data / scales[rows.indices], rows.indices, rows.indptr), rows.shape)
    return rotated(scaled, plain.eps)._replace(mean=mean, unit=plain.unit, scales=scales)


def _column_variances(X: Matrix, mean: Array) -> Array:
    """Return the sample variances (d,) of the columns."""
    n, d = X.shape
    if isinstance(X, np.ndarray):
        return np.concatenate([(block**2).sum(axis=0) for block in _columns(X, mean)]) / (n - 1)
    X, shift = centred_columns(X, mean)
    squares = np.bincount(X.indices, X.data.astype(np.float64) ** 2, minlength=d)
    return (squares - n * (mean - shift) ** 2) / (n - 1)


def rotated(X: Matrix, eps: float) -> Rotation:
    """Rotate a view (dense or CSR) of far fewer rows than features; other views are returned as they are.

    With at least half as many rows as features, products of shape (d, d) are cheaper. `eps` is how exact its values
    came.
    """
    n, d = X.shape
    plain = as_it_is(X, eps)
    if 2 * n > d:
        return plain
    X = plain.rows
    mean = column_mean(X)
    warn_of_vanishing(mean)
    with np.errstate(over="ignore", invalid="ignore"):
        products = _inner_products(X, mean)
    check_overflow(products)
    values, U = scipy.linalg.eigh(products, check_finite=False)
    largest = max(float(values[-1]), 0.0)
    # Rounding is relative to the whole values, mean included. That of the mean itself is the same in all rows.
    level = float(mean @ mean)
    noise = rounding_energy((plain.eps / 2) ** 2 * (float(np.trace(products)) / n + level)) * (1 + (n / d) ** 0.5) ** 2
    common = rounding_energy((EPS / 2) ** 2 * n * level)
    keep = values > max(largest * d * EPS, noise, common)
    # All rows are equal: one direction is left, in which nothing varies.
    if not keep.any():
        return Rotation(np.zeros((n, 1)), mean, np.eye(d, 1), 1 / d, plain.unit, plain.eps)
    lengths = np.sqrt(values[keep])
    U = U[:, keep]
    share = int(keep.sum()) / d
    return Rotation(U * lengths, mean, _spanned(X, mean, U / lengths), share, plain.unit, plain.eps)


def _inner_products(X: Matrix, mean: Array) -> Array:
    """Return (X - mean)(X - mean)^T."""
    if not isinstance(X, np.ndarray):
        X, shift = centred_columns(X, mean)
        mean = mean - shift
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
        X, shift = centred_columns(X, mean)
        mean = mean - shift
        return np.asarray(X.T.astype(np.float64) @ U - np.outer(mean, U.sum(axis=0)))
    return np.concatenate([block.T @ U for block in _columns(X, mean)])


def _columns(X: Matrix, mean: Array) -> Iterator[Array]:
    """Yield centred blocks of columns."""
    for columns in gen_batches(X.shape[1], _COLUMNS):
        yield X[:, columns] - mean[columns]
