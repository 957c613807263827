"""What the ranks of relevant items add up to: average precision, the first relevant rank and the chance of a hit.

The expected gain of a group of ties has a closed form up to a sum of reciprocals, which comes from one table of
harmonic numbers that carries its own rounding.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from skxmr._data.kinds import Float64Array, IndexArray
from skxmr.metrics._ranking import Ranking, Ties


def precision_at_relevant(ranking: Ranking, k: int | None, ties: str) -> Float64Array:
    """Sum, over the first k ranks, of the expected relevance at a rank times the precision there."""
    b, m = ranking.relevance.shape
    depth = m if k is None else k
    total = np.zeros(b)
    if ranking.ties is not None:
        # The loop below assumes that relevant items come first within a tie; this corrects for it.
        groups = ranking.ties
        if ties == "sklearn":
            # Each relevant item has the precision at the end of its group.
            gains = groups.within * (groups.above + groups.within) / (groups.start + groups.size)
        else:
            gains = _expected_gains(groups, depth)
        gains -= _gains_if_first(groups, depth)
        total = np.bincount(groups.row, gains, minlength=b).astype(np.float64, copy=False)
    starts = ranking.bounds[:-1]
    stops = ranking.bounds[1:] if depth == m else np.searchsorted(ranking.position, np.arange(b) * m + depth)
    found = np.arange(1, int((stops - starts).max(initial=0)) + 1, dtype=np.float64)
    for i, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        ranks = ranking.position[start:stop] - (i * m - 1)
        total[i] += (found[: stop - start] / ranks).sum()
    return total


def _gains_if_first(groups: Ties, depth: int) -> Float64Array:
    """Return what groups of ties add if relevant items come first, (g,): sums of (above + t) / (start + t)."""
    taken = np.clip(depth - groups.start, 0, groups.within)
    return taken + (groups.above - groups.start) * _reciprocals(groups.start, taken.astype(np.intp))


def _expected_gains(groups: Ties, depth: int) -> Float64Array:
    """Return what groups of ties add on average over their orders, (g,): within / size times a sum over the places.

    The precision at place t = 1, 2, ... is (above + 1 + (t - 1) slope) / (start + t), where slope is how many further
    relevant items are met per place.
    """
    slope = (groups.within - 1) / (groups.size - 1)
    taken = np.clip(depth - groups.start, 0, groups.size)
    sums = slope * taken + (groups.above + 1 - slope * (groups.start + 1)) * _reciprocals(groups.start, taken)
    return sums * groups.within / groups.size


def _reciprocals(start: IndexArray, count: IndexArray) -> Float64Array:
    """Return the sums of 1 / (start + t) over t = 1, ..., count."""
    stop = start + count
    # Sizes are powers of two, so that one table serves all blocks.
    sums, rounding = _harmonic(1 << int(stop.max()).bit_length())
    return (sums[stop] - sums[start]) + (rounding[stop] - rounding[start])


@lru_cache(maxsize=2)
def _harmonic(n: int) -> tuple[Float64Array, Float64Array]:
    """Return the sums of 1 / r over r <= 0, 1, ..., n - 1, and what rounding took from them.

    With the second, the sum of a few late reciprocals is as exact as if they had been added up by themselves.
    """
    terms = 1 / np.maximum(np.arange(n, dtype=np.float64), 1)
    terms[0] = 0
    sums = np.cumsum(terms)
    before = np.append(0, sums[:-1])
    added = sums - before
    return sums, np.cumsum((before - (sums - added)) + (terms - added))


def expected_first(ranking: Ranking) -> Float64Array:
    """Return the expected rank of the first relevant item (b,), of no meaning where there is none."""
    first = np.asarray(ranking.relevance.argmax(axis=1) + 1.0)
    if ranking.ties is not None:
        groups = ranking.ties
        leading = (groups.above == 0) & (groups.within > 0)
        # If w of s places are drawn at random, the first of them is expected at (s + 1) / (w + 1).
        expected = groups.start + (groups.size + 1) / (groups.within + 1)
        first[groups.row[leading]] = expected[leading]
    return first


def hit_probability(ranking: Ranking, k: int) -> Float64Array:
    """Return the probability (b,) that a relevant item is among the first k, over the orders of ties."""
    hit = np.asarray(ranking.relevance[:, :k].any(axis=1), np.float64)
    if ranking.ties is None:
        return hit
    for row, start, size, above, within in zip(*ranking.ties, strict=True):
        # The cut goes through this group, so k - start of its items are drawn.
        if start < k < start + size:
            drawn = np.arange(k - start)
            missed = np.prod(np.maximum(size - within - drawn, 0) / (size - drawn))
            hit[row] = 1.0 if above else 1.0 - missed
    return hit
