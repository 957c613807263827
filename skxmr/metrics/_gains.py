"""What the ranks of relevant items add up to in an average precision."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxmr.metrics._ranking import Array, Ranking, Ties


def precision_at_relevant(ranking: Ranking, k: int | None, ties: str) -> Array:
    """Sum, over the first k ranks, of the expected relevance at a rank times the precision there."""
    b, m = ranking.relevance.shape
    depth, found, total = m if k is None else k, np.arange(1, m + 1, dtype=np.float64), np.zeros(b)
    if (groups := ranking.ties) is not None:  # what follows takes relevant items for the first of their groups
        gains = _at_end(groups) if ties == "sklearn" else _expected_gains(groups, depth)
        gains -= _gains_if_first(groups, depth)
        total = np.asarray(np.bincount(groups.row, gains, minlength=b), np.float64)
    stops = ranking.bounds[1:] if depth == m else np.searchsorted(ranking.position, np.arange(b) * m + depth)
    for i, (start, stop) in enumerate(zip(ranking.bounds[:-1].tolist(), stops.tolist(), strict=True)):
        total[i] += (found[: stop - start] / (ranking.position[start:stop] - (i * m - 1))).sum()
    return total


def _at_end(groups: Ties) -> Array:
    """Return what groups of ties add if each relevant item has the precision at the end of its group, (g,)."""
    return groups.within * (groups.above + groups.within) / (groups.start + groups.size)


def _gains_if_first(groups: Ties, depth: int) -> Array:
    """Return what groups of ties add if relevant items come first, (g,): sums of (above + t) / (start + t)."""
    taken = np.clip(depth - groups.start, 0, groups.within)
    return taken + (groups.above - groups.start) * _reciprocals(groups.start, taken.astype(np.intp))


def _expected_gains(groups: Ties, depth: int) -> Array:
    """Return what groups of ties add on average over their orders, (g,): within / size times a sum over the places.

    The precision at place t = 1, 2, ... is (above + 1 + (t - 1) slope) / (start + t), where slope is how many further
    relevant items are met per place.
    """
    slope = (groups.within - 1) / (groups.size - 1)
    taken = np.clip(depth - groups.start, 0, groups.size)
    sums = slope * taken + (groups.above + 1 - slope * (groups.start + 1)) * _reciprocals(groups.start, taken)
    return sums * groups.within / groups.size


def _reciprocals(start: NDArray[np.intp], count: NDArray[np.intp]) -> Array:
    """Return the sums of 1 / (start + t) over t = 1, ..., count."""
    stop = start + count
    high, low = _harmonic(1 << int(stop.max()).bit_length())  # few sizes, so that one table serves all blocks
    return (high[stop] - high[start]) + (low[stop] - low[start])


@lru_cache(maxsize=2)
def _harmonic(n: int) -> tuple[Array, Array]:
    """Return the sums of 1 / r over r <= 0, 1, ..., n - 1, and what rounding took from them.

    With the second, the sum of a few late reciprocals is as exact as if it had been added up by itself.
    """
    terms = 1 / np.maximum(np.arange(n, dtype=np.float64), 1)
    terms[0] = 0
    sums = np.cumsum(terms)
    before = np.append(0, sums[:-1])
    added = sums - before
    return sums, np.cumsum((before - (sums - added)) + (terms - added))


def expected_first(ranking: Ranking) -> Array:
    """Return the expected rank of the first relevant item (b,), nan where there is none."""
    first = ranking.relevance.argmax(axis=1) + 1.0
    if (ties := ranking.ties) is not None:
        leading = ties.above == 0  # w of s places drawn: the first of them is expected at (s + 1) / (w + 1)
        leading &= ties.within > 0
        expected = ties.start + (ties.size + 1) / (ties.within + 1)
        first[ties.row[leading]] = expected[leading]
    return np.where(ranking.n_relevant > 0, first, np.nan)


def hit_probability(ranking: Ranking, k: int) -> Array:
    """Return the probability (b,) that a relevant item is among the first k, over the orders of ties."""
    hit: Any = ranking.relevance[:, :k].any(axis=1).astype(np.float64)
    for row, start, size, above, within in zip(*ranking.ties or [()] * 5, strict=True):
        if start < k < start + size:  # the cut goes through this group: k - start of its items are drawn
            drawn = np.arange(k - start)
            missed = np.prod(np.maximum(size - within - drawn, 0) / (size - drawn))
            hit[row] = 1.0 if above else 1.0 - missed
    return np.asarray(hit)
