"""Sums of the rows of each view with labels, and of both views with them, which may come in parts."""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches

from skxmr._data.kinds import Chunked, Matrix, View
from skxmr._data.pairs import Pairs
from skxmr._data.partial import PartialRows, present_rows
from skxmr._data.precision import EPS
from skxmr._linalg.chunks import total
from skxmr._linalg.exactness import unit
from skxmr._linalg.moments import Covariances, Moments
from skxmr._linalg.rotation import Rotation, as_it_is

# Rows of a dense view that labels are put beside at a time, unless it is wider.
_ROWS = 2048


def label_units(pairs: Pairs) -> tuple[float, float]:
    """Return the units of both views; those of dask arrays are not looked for."""
    if isinstance(pairs.image, Chunked):
        return 1.0, 1.0
    return unit(present_rows(pairs.image)), unit(present_rows(pairs.text))


def label_sums(pairs: Pairs, Y: sp.csr_array, exact: bool, units: tuple[float, float] = (1.0, 1.0)) -> list[Moments]:
    """Return the sums of each view, in given units, with the labels."""
    return total(pairs, partial(_parts, exact, pairs._eps, units), merged, [Y])


def _parts(
    exact: bool, eps: tuple[float, float], units: tuple[float, float], image: View, text: View, Y: sp.csr_array
) -> list[Moments]:
    sums = []
    for view, own_eps, own_unit in zip((image, text), eps, units, strict=True):
        rows = as_it_is(present_rows(view), own_eps, own_unit)
        sums.append(with_labels(exact, rows, Y[view.rows] if isinstance(view, PartialRows) else Y))
    return sums


def with_labels(exact: bool, view: Rotation, Y: sp.csr_array) -> Moments:
    """Return the sums of a view with labels."""
    # The covariances of labels are no more than those with the view, unless there are more labels than features.
    moments = Moments(view.rows.shape[1], Y.shape[1], second=Y.shape[1] <= view.rows.shape[1], exact=exact)
    return moments.update(view.rows, Y, eps=(view.eps, EPS))


def possible_rank(cov: Covariances, d: int) -> int:
    """Return how many independent predictions of labels a view of d features can have, given the sums with labels."""
    used = int(((cov.text_mean > 0) & (cov.text_mean < 1)).sum())
    if len(cov.tt):
        # Labels that depend on each other, as those of rows with one label each, have predictions that do. Eigenvalues
        # of such counts are either 0 up to rounding or of the order of 1 / rows.
        tolerance = 1e-10 * float(np.trace(cov.tt))
        used = min(used, int(np.linalg.matrix_rank(cov.tt, tol=tolerance, hermitian=True)))
    return min(used, d, cov.n - 1)


def merged(sums: list[Moments], more: list[Moments]) -> list[Moments]:
    """Add the sums of more rows to those of each view."""
    return [sums[0].merge(more[0]), sums[1].merge(more[1])]


def joint_sums(pairs: Pairs, Y: sp.csr_array, exact: bool, units: tuple[float, float] = (1.0, 1.0)) -> Moments:
    """Return the sums of images, and of texts with labels as further columns: all products of the three."""
    return total(pairs, partial(_joint_part, exact, pairs._eps, units), Moments.merge, [Y])


def _joint_part(
    exact: bool, eps: tuple[float, float], units: tuple[float, float], image: Matrix, text: Matrix, Y: sp.csr_array
) -> Moments:
    return beside_labels(exact, as_it_is(image, eps[0], units[0]), as_it_is(text, eps[1], units[1]), Y)


def beside_labels(exact: bool, x: Rotation, t: Rotation, Y: sp.csr_array) -> Moments:
    """Return the sums of a view, and of another one with labels as further columns."""
    width = t.rows.shape[1] + Y.shape[1]
    moments = Moments(x.rows.shape[1], width, exact=exact)
    if not isinstance(t.rows, np.ndarray):
        both = sp.hstack([t.rows, Y.astype(t.rows.dtype)], format="csr")
        return moments.update(x.rows, both, eps=(x.eps, t.eps))
    for rows in gen_batches(len(t.rows), max(_ROWS, x.rows.shape[1], width)):
        both = np.hstack([t.rows[rows], Y[rows].toarray().astype(t.rows.dtype)])
        moments.update(x.rows[rows], both, eps=(x.eps, t.eps))
    return moments
