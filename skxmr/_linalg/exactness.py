"""How exact a view came: what the rounding of its values does to its columns, and how small values are handled.

A float32 value is known to seven digits, a float64 value to sixteen, and rounding is relative to the value, not to its
distance from the mean. So a column far from zero is less exact, measured in its own standard deviation, and directions
of a view that vary less than this rounding are noise, whatever the arithmetic that finds them.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import AnyArray, Float64Array, Matrix
from skxmr._data.precision import EPS, eps_of
from skxmr._data.warn import warn

# Everything that is solved is in float64.
Array: TypeAlias = Float64Array
Numbers = TypeVar("Numbers", float, Array)
# Products of float32 views may be computed in float32 from this ridge on, which then outweighs their rounding.
SAFE_RIDGE = 0.01
# Variances up to this many times the square of the rounding, and standard deviations up to this many times the rounding
# of a column that is constant, may be nothing but rounding.
_CERTAIN = 4.0
# The square of this is the smallest number of float64 with all its digits.
_VANISHING = 1e-154
# Rows in which a view is looked at before all of it is.
_SAMPLE = 64


def rounding(eps: float, variances: Array, means: Array) -> Array:
    """Return how far rounding moves the values of each column (d,), from their size, mean included."""
    return eps / 2 * np.sqrt(means**2 + np.maximum(variances, 0.0))


def rounding_energy(squares: Numbers) -> Numbers:
    """Return the variance that rounding may have, given the squares of how far it moves values."""
    return _CERTAIN * squares


def product_rounding(eps: float, n: int, exact: bool) -> float:
    """Return how inexact the covariances of n rows are, relative to the standard deviations of their columns.

    `eps` is how exact the views are; their products are exact to float64 if so asked for, whatever the width. Found by
    trial on views of low rank, dense and CSR: sums of float32 are at most some thousand rows long.
    """
    # Views of fewer bits than float32 are multiplied in float32.
    own = 4 * min(eps, eps_of(np.float32))
    return EPS * (4 + n**0.5) if exact else max(own, EPS * (4 + n**0.5))


def varying(variances: Array, noise: Array) -> AnyArray:
    """Tell which columns (d,) vary by more than their rounding `noise`."""
    return variances > (_CERTAIN * noise) ** 2


def unit(X: Matrix) -> float:
    """Return the power of two that brings a view to the order of 1 if its squares would vanish, and 1 for all others.

    Most views are known not to be that small after a few rows.
    """
    values = X if isinstance(X, np.ndarray) else X.data
    tiny = 1e-12 if X.dtype == np.float32 else 1e-140
    if _peak(values[:_SAMPLE]) >= tiny:
        return 1.0
    peak = _peak(values)
    if peak == 0 or peak >= tiny:
        return 1.0
    # More would not be a number of float64.
    return float(2.0 ** min(-int(np.frexp(peak)[1]), 1000))


def warn_of_vanishing(mean: Array) -> None:
    """Warn if columns of a view hold values so small that their squares are 0, where those of others are not.

    The mean (d,) tells them without another look at the rows, since it is made without squares.
    """
    lost = int(((mean != 0) & (np.abs(mean) < _VANISHING)).sum())
    if lost:
        warn(
            f"{lost} of the {len(mean)} features of a view hold values below {_VANISHING:.0e}, whose squares are 0 in "
            "float64, so that they count as constant; scale them up, e.g. by MaxAbsScaler in a PerModality step."
        )


def exactness(X: Matrix) -> float:
    """Return how exact the values of a view are, relative to their size; subnormal numbers have fewer digits."""
    eps = eps_of(X.dtype)
    if unit(X) == 1.0:
        return eps
    peak = _peak(X if isinstance(X, np.ndarray) else X.data)
    return max(eps, float(np.finfo(X.dtype).smallest_subnormal) / peak)


def _peak(values: AnyArray) -> float:
    return max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))


def centred_columns(X: sp.csr_array, mean: Array | None = None) -> tuple[sp.csr_array, Array]:
    """Subtract the `mean` of the columns of a sparse view that hold no zero; return what was subtracted (d,), too.

    All values of such columns are stored, so the view stays as sparse as it was. Other columns are left as they are:
    the mean of a column with zeros cancels without harm, because it varies about as much as it is large.
    """
    full = np.bincount(X.indices, minlength=X.shape[1]) == X.shape[0]
    if not full.any():
        return X, np.zeros(X.shape[1])
    if mean is None:
        mean = np.asarray(X.astype(np.float64, copy=False).mean(axis=0)).ravel()
    shift = np.where(full, mean, 0.0)
    return sp.csr_array((X.data - shift[X.indices], X.indices, X.indptr), X.shape), shift
