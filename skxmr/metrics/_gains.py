"""What the ranks of relevant items add up to in an average precision."""

from __future__ import annotations

import numpy as np

from skxmr.metrics._ranking import Array, Ranking, Ties, spread

_LARGE = 64  # places of a tie group from which a difference of sums is as exact as the sum of its terms


def precision_at_relevant(ranking: Ranking, k: int | None, ties: str) -> Array:
    """Sum, over the first k ranks, of the expected relevance at a rank times the precision there."""
    b, m = ranking.relevance.shape
    depth, groups = m if k is None else k, ranking.ties
    total: Array = np.zeros(b)
    found, tied, bounds = np.arange(1, m + 1, dtype=np.float64), np.empty(0, np.intp), np.zeros(b + 1, np.intp)
    if groups is not None:
        members = groups.within.astype(np.intp)
        group, place = spread(members)
        tied = groups.above.astype(np.intp)[group] + place  # numbers of relevant items that are in a group
        bounds = np.searchsorted(groups.row[group], np.arange(b + 1))
        gains = _at_end(groups) if ties == "sklearn" else _expected_gains(groups, depth)
        total = np.asarray(np.bincount(groups.row, gains, minlength=b), np.float64)
    for i, row in enumerate(ranking.relevance):
        position = np.flatnonzero(row)
        gain = found[: len(position)] / (position + 1)
        gain[tied[bounds[i] : bounds[i + 1]]] = 0
        total[i] += gain[: len(position) if depth == m else np.searchsorted(position, depth)].sum()
    return total


def _at_end(groups: Ties) -> Array:
    """Return what groups of ties add if each relevant item has the precision at the end of its group, (g,)."""
    return groups.within * (groups.above + groups.within) / (groups.start + groups.size)


def _expected_gains(groups: Ties, depth: int) -> Array:
    """Return what groups of ties add on average over their orders, (g,): within / size times a sum over the places.

    The precision at place t = 0, 1, ... is (above + 1 + t slope) / (start + 1 + t), where slope is how many further
    relevant items are met per place.
    """
    above, slope = groups.above + 1, (groups.within - 1) / (groups.size - 1)
    taken = np.clip(depth - groups.start, 0, groups.size)
    large = taken >= _LARGE
    group, place = spread(np.where(large, 0, taken))
    terms = (above[group] + place * slope[group]) / (groups.start[group] + place + 1)
    sums = np.asarray(np.bincount(group, terms, minlength=len(taken)), np.float64)
    if large.any():  # a line over a line: two sums of reciprocals, which every group shares
        start, count = groups.start[large], taken[large]
        reciprocals = np.append(1 / np.arange(1, (start + count).max() + 1), 0)
        harmonic = np.add.reduceat(reciprocals, np.column_stack([start, start + count]).ravel())[::2]
        sums[large] = above[large] * harmonic + slope[large] * (count - (start + 1) * harmonic)
    return sums * groups.within / groups.size
