"""Few rows of many features: a view is described in coordinates of the space that its rows span.

A view with at most half as many rows as features is rotated before anything else. CCA, ml-CCA and ridge regression
depend on lengths and angles only, so the answer is the same, at a cost of n^2 d instead of d^3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg

from skxmr._data.kinds import Matrix
from skxmr._data.precision import EPS
from skxmr._linalg.centred import Centred, centred
from skxmr._linalg.exactness import (
    Array,
    exactness,
    rounding,
    rounding_energy,
    unit,
    warn_of_vanishing,
)
from skxmr._linalg.moments import check_overflow, column_mean
from skxmr._linalg.solvers import deviations


class Span(NamedTuple):
    """An orthonormal basis (d, r), which consists of the centred rows, summed with the `weights` (n, r).

    It is not formed, because few directions are expressed in it, which costs less.
    """

    centred: Centred
    weights: Array

    def spread(self, directions: Array) -> Array:
        """Return the basis times directions (r, k)."""
        return self.centred.summed(self.weights @ directions)


class Rotation(NamedTuple):
    """Rows (n, r) of a view in the basis of a `span` around its `mean`; without a span the view itself.

    Methods that depend on lengths and angles only, such as ridge regression and CCA, have the same solution in these
    coordinates, and `lift` turns its directions back. `share` is r / d: a ridge in units of the mean variance of d
    features is `share` times as many units of r coordinates. The rows are the view times `unit`, which is not 1 where
    the squares of its values would vanish, and `eps` is how exact these values are. Columns were divided by `scales`
    before they were rotated.
    """

    rows: Matrix
    mean: Array | None = None
    span: Span | None = None
    share: float = 1.0
    unit: float = 1.0
    eps: float = EPS
    scales: Array | float = 1.0

    @property
    def basis(self) -> Array | None:
        """The basis (d, r) of the rows, if they were rotated."""
        return None if self.span is None else self.span.spread(np.eye(self.rows.shape[1]))

    def spread(self, directions: Array) -> Array:
        """Return directions (r, k) as (d, k), in the unit of the rows."""
        return directions if self.span is None else self.span.spread(directions)

    def lift(self, directions: Array) -> Array:
        """Return directions (r, k) as (d, k)."""
        return self.unit * self.spread(directions)

    def origin(self, mean: Array) -> Array:
        """Return the mean (d,) of the view, given that of its rows (r,)."""
        if self.mean is not None:
            # Columns that do not vary have infinite scales, and are their mean.
            scales = np.where(np.isfinite(self.scales), self.scales, 0.0)
            mean = self.mean + self.spread(mean[:, None])[:, 0] * scales
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


def rotated(X: Matrix, eps: float, standardised: bool = False) -> Rotation:
    """Rotate a view (dense or CSR) of far fewer rows than features; other views are returned as they are.

    With at least half as many rows as features, products of shape (d, d) are cheaper. `eps` is how exact its values
    came. Columns may be `standardised` first, but only of views that are rotated; those that do not vary become 0.
    """
    n, d = X.shape
    plain = as_it_is(X, eps)
    if 2 * n > d:
        return plain
    mean = column_mean(plain.rows)
    warn_of_vanishing(mean)
    view = centred(plain.rows, mean)
    scales: Array | float = 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        if standardised:
            variances = view.variances()
            check_overflow(variances)
            scales = deviations(variances, rounding(plain.eps, variances, mean))
            view = view.scaled(scales)
        products = view.inner_products()
    check_overflow(products)
    values, U = scipy.linalg.eigh(products, driver="evd", check_finite=False)
    largest = max(float(values[-1]), 0.0)
    # Rounding is relative to the whole values, mean included. That of the mean itself is the same in all rows.
    level = float(((mean / scales) ** 2).sum())
    noise = rounding_energy((plain.eps / 2) ** 2 * (float(np.trace(products)) / n + level)) * (1 + (n / d) ** 0.5) ** 2
    common = rounding_energy((EPS / 2) ** 2 * n * level)
    keep = values > max(largest * d * EPS, noise, common)
    # Where all rows are equal, one direction is left, in which nothing varies.
    lengths = np.sqrt(values[keep]) if keep.any() else np.zeros(1)
    weights = U[:, keep] / lengths if keep.any() else np.zeros((n, 1))
    share = int(keep.sum()) / d if keep.any() else 1 / d
    return Rotation(weights * lengths**2, mean, Span(view, weights), share, plain.unit, plain.eps, scales)
