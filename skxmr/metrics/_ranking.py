"""Ranked relevance with ties: what every retrieval measure is computed from.

Groups of equal scores change a measure only if they hold both relevant and irrelevant items. A few such groups are
looked up among their neighbours, many are collected from the runs of equal keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import BoolArray, Float64Array, FloatArray, IndexArray
from skxmr.metrics._keys import Keys, packed_keys, relevance_of
from skxmr.metrics._matrices import Relevance

# Groups are looked for among their neighbours where there is less than one group per this many items.
_FEW = 256
# The neighbours, counted from the last relevant item of a group.
_NEAR = np.arange(-8, 9)


class Ties(NamedTuple):
    """Groups of equal scores, all fields (g,).

    They are the row, the first rank (from 0), the size, the relevance above the group, and the relevance within it. In
    the order, relevant items come first within their group; graded gains stand in any order. Groups whose items are all
    relevant, or all irrelevant, may be left out, because their order does not matter.
    """

    row: IndexArray
    start: IndexArray
    size: IndexArray
    above: Float64Array
    within: Float64Array


@dataclass
class Ranking:
    """Relevance (b, m) in ranked order, best first, and the ties; None where they change nothing."""

    relevance: Relevance
    ties: Ties | None = None

    @cached_property
    def position(self) -> IndexArray:
        """Places of the relevant items, row after row: item j of row i has place i m + j."""
        return np.flatnonzero(self.relevance)

    @cached_property
    def bounds(self) -> IndexArray:
        """Where the relevant items of each row begin in `position`, and where those of the last one end (b + 1,)."""
        b, m = self.relevance.shape
        return np.searchsorted(self.position, np.arange(b + 1) * m)

    @property
    def n_relevant(self) -> Float64Array:
        """Number of relevant items, or sum of the gains (b,)."""
        if self.relevance.dtype == np.bool_:
            return np.diff(self.bounds).astype(np.float64)
        return self.relevance.sum(axis=1, dtype=np.float64)

    def expected(self) -> Relevance:
        """Return the expected relevance at each rank (b, m): the mean of the group where scores are equal."""
        if self.ties is None:
            return self.relevance
        out = self.relevance.astype(np.float64)
        group, place = _members(self.ties.size)
        out[self.ties.row[group], self.ties.start[group] + place] = (self.ties.within / self.ties.size)[group]
        return out


def rank(scores: FloatArray, relevance: Relevance, own: IndexArray | None = None, every_tie: bool = False) -> Ranking:
    """Order the gallery of each query by falling score and find the ties.

    `own` (b,) is an item of each query that is left out; `every_tie` collects also the groups whose items are all
    relevant or all irrelevant.
    """
    if scores.dtype == np.float32 and relevance.dtype == np.bool_:
        return _by_keys(scores, relevance, own, every_tie)
    return _by_order(scores, relevance, own, every_tie)


def _by_keys(scores: FloatArray, relevance: Relevance, own: IndexArray | None, every_tie: bool) -> Ranking:
    keys = packed_keys(scores, relevance)
    if own is not None:
        # The largest number sorts behind the keys of all scores.
        keys[np.arange(len(keys)), own] = np.iinfo(keys.dtype).max
    keys.sort(axis=1)
    if own is not None:
        keys = np.ascontiguousarray(keys[:, :-1])
    ranking = Ranking(relevance_of(keys))
    if every_tie:
        # Keys of equal scores differ in the lowest bit at most.
        tied = (keys[:, 1:] ^ keys[:, :-1]).view(f"u{keys.itemsize}") <= 1
        ranking.ties = _collected(ranking.relevance, tied, every_tie)
    else:
        ranking.ties = _mixed(keys, ranking)
    return ranking


def _by_order(scores: FloatArray, relevance: Relevance, own: IndexArray | None, every_tie: bool) -> Ranking:
    falling = -scores
    if own is not None:
        falling[np.arange(len(scores)), own] = np.inf
    order = np.argsort(falling, axis=1)
    if own is not None:
        order = order[:, :-1]
    ordered = np.take_along_axis(relevance, order, axis=1)
    values = np.take_along_axis(scores, order, axis=1)
    ties = _collected(ordered, values[:, 1:] == values[:, :-1], every_tie)
    if ties is not None and ordered.dtype == np.bool_:
        # Relevant items come first within their group.
        group, place = _members(ties.size)
        ordered[ties.row[group], ties.start[group] + place] = place < ties.within[group]
    return Ranking(ordered, ties)


def _members(sizes: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Return, for every member of groups of these sizes, its group and its place in the group."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.cumsum(sizes) - sizes
    return group, np.arange(len(group)) - starts[group]


def _mixed(keys: Keys, ranking: Ranking) -> Ties | None:
    """Collect the groups of sorted keys (b, m) that hold relevant and irrelevant items; relevant ones come first."""
    m = keys.shape[1]
    flat = keys.ravel()
    differences = np.empty(flat.size, f"u{keys.itemsize}")
    np.bitwise_xor(flat[1:], flat[:-1], out=differences[:-1].view(keys.dtype))
    # No group goes on beyond the end of a row.
    differences[m - 1 :: m] = 2
    # At the same score, keys of relevant and irrelevant items differ by the lowest bit.
    turns = differences == 1
    n_groups = np.count_nonzero(turns)
    if n_groups == 0:
        return None
    last = np.flatnonzero(turns)
    spans = _near(flat, last, m) if n_groups * _FEW < flat.size else None
    first, stop = _runs(differences) if spans is None else spans
    row = last // m
    within = last + 1 - first
    above = np.searchsorted(ranking.position, first) - ranking.bounds[row]
    return Ties(row, first - row * m, stop - first, above.astype(np.float64), within.astype(np.float64))


def _near(flat: Keys, last: IndexArray, m: int) -> tuple[IndexArray, IndexArray] | None:
    """Look for the first item and the end of each group among its neighbours; None if one is larger than that.

    `last` holds the place of the last relevant item of each group in the rows laid end to end.
    """
    near = flat.take(last[:, None] + _NEAR, mode="clip")
    relevant = flat[last][:, None]
    middle = len(_NEAR) // 2
    differs_before = near[:, middle - 1 :: -1] != relevant
    differs_after = near[:, middle + 1 :] != relevant + 1
    if not (differs_before.any(axis=1).all() and differs_after.any(axis=1).all()):
        return None
    row_start = last // m * m
    first = np.maximum(last - differs_before.argmax(axis=1), row_start)
    stop = np.minimum(last + 1 + differs_after.argmax(axis=1), row_start + m)
    return first, stop


def _runs(differences: NDArray[np.unsignedinteger]) -> tuple[IndexArray, IndexArray]:
    """Find the same by all runs of equal keys, within which the differences are 0."""
    # The last item of each run, after one run that holds nothing.
    edges = np.append(-1, np.flatnonzero(differences != 0))
    turn = np.flatnonzero(differences[edges[1:]] == 1)
    return edges[turn] + 1, edges[turn + 2] + 1


def _collected(relevance: Relevance, tied: BoolArray, every_tie: bool) -> Ties | None:
    """Collect the groups from `tied` (b, m - 1), which says of each item whether it equals the one before."""
    b, m = relevance.shape
    padded = np.zeros((b, m + 1), bool)
    padded[:, 1:-1] = tied
    same = padded.ravel()
    # The first and the last items of groups, in turn.
    edges = np.flatnonzero(same[1:] != same[:-1])
    first = edges[::2]
    last = edges[1::2]
    found = np.zeros((b, m + 1), np.int32 if relevance.dtype == np.bool_ else np.float64)
    np.cumsum(relevance, axis=1, out=found[:, 1:])
    above = found.ravel()[first]
    within = found.ravel()[1:][last] - above
    if relevance.dtype == np.bool_ and not every_tie:
        mixed = (within > 0) & (within <= last - first)
        first = first[mixed]
        last = last[mixed]
        above = above[mixed]
        within = within[mixed]
    if len(first) == 0:
        return None
    row = np.repeat(np.arange(b), np.diff(np.searchsorted(first, np.arange(b + 1) * (m + 1))))
    return Ties(row, first - row * (m + 1), last - first + 1, above.astype(np.float64), within.astype(np.float64))
