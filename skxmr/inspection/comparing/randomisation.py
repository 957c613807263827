"""Paired randomisation tests: how often chance makes a difference as large, if two methods are equally good.

If they are, the values that they have for a query may as well be exchanged, which changes the
sign of their difference. A p-value is the share of the choices of signs that make the mean at least as far from 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.utils import gen_batches

from skxmr._data.kinds import BoolArray, Float64Array

# Signs that are held at once.
_SIGNS = 2**20
# Differences of sums that are smaller than this part of the values come of rounding.
_ROUNDING = 1e-10


def randomisation_p(differences: Float64Array, n_resamples: int, rng: np.random.Generator) -> Float64Array:
    """Return the two-sided p-value (r,) for each row of differences (r, n).

    All choices of signs are tried where they are at most `n_resamples`. Else so many are drawn, and the observed one
    counts among them, so that no p-value is 0.
    """
    p = np.ones(len(differences))
    drawn = []
    for row, values in enumerate(differences):
        # Equal queries have no sign to be changed.
        unequal = values[values != 0]
        if 2 ** len(unequal) <= n_resamples:
            p[row] = _as_far(unequal[None, :], _all_signs(len(unequal)))[0] / 2 ** len(unequal)
        else:
            drawn.append(row)
    if drawn:
        signs = _drawn_signs(differences.shape[1], n_resamples, rng)
        p[drawn] = (1 + _as_far(differences[drawn], signs)) / (1 + n_resamples)
    return p


def _as_far(differences: Float64Array, signs: Iterator[BoolArray]) -> Float64Array:
    """Return for each row (r, n) how many of the signs (b, n) make its sum at least as far from 0 as it is."""
    sums = differences.sum(axis=1)
    size = np.abs(differences).sum(axis=1)
    count = np.zeros(len(differences))
    for kept in signs:
        changed = 2 * kept.astype(np.float64) @ differences.T - sums
        count += (np.abs(changed) >= np.abs(sums) - _ROUNDING * size).sum(axis=0)
    return count


def _all_signs(n: int) -> Iterator[BoolArray]:
    """Yield all choices (b, n) of n signs."""
    for block in gen_batches(2**n, _SIGNS // max(1, n)):
        yield np.arange(block.start, block.stop)[:, None] >> np.arange(n) & 1 == 1


def _drawn_signs(n: int, n_resamples: int, rng: np.random.Generator) -> Iterator[BoolArray]:
    """Yield random choices (b, n) of n signs."""
    for block in gen_batches(n_resamples, max(1, _SIGNS // n)):
        bits = np.frombuffer(rng.bytes((block.stop - block.start) * (n // 8 + 1)), np.uint8)
        yield np.unpackbits(bits.reshape(block.stop - block.start, -1), axis=1, count=n).astype(np.bool_)


def holm(p: Float64Array) -> Float64Array:
    """Return p-values (r,) that are corrected for so many tests (Holm, 1979)."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1)
    return corrected
