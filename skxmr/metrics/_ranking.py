"""Ranked relevance with ties: what every retrieval measure is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import FloatArray
from skxmr.metrics._keys import Keys, last_key, packed_keys, relevance_of, sort_keys

Array = NDArray[np.float64]
_FEW = 256  # groups are looked for among their neighbours where there are fewer than one in so many items
_NEAR = np.arange(-8, 9)  # the neighbours
# Of each group, in places of all rows: its first item, its last relevant one, one past its last, and how many items
# before it are relevant.
_Groups: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


class Ties(NamedTuple):
    """Groups of equal scores, all (g,): `row` and first rank `start` (from 0), `size`, relevance `above`, `within`.

    In the order, relevant items are the first of their group; gains, which are graded, stand in any order. Groups
    whose items are all relevant, or all irrelevant, may be left out: their order does not matter.
    """

    row: NDArray[np.intp]
    start: NDArray[np.intp]
    size: NDArray[np.intp]
    above: Array
    within: Array


@dataclass
class Ranking:
    """Relevance (b, m) in ranked order, best first, and the ties; None where they change nothing."""

    relevance: NDArray[Any]
    ties: Ties | None = None

    @cached_property
    def position(self) -> NDArray[np.intp]:
        """Places of the relevant items, row after row: item j of row i is i m + j."""
        return np.flatnonzero(self.relevance)

    @cached_property
    def bounds(self) -> NDArray[np.intp]:
        """Where the relevant items of each row begin in `position`, and where those of the last one end (b + 1,)."""
        b, m = self.relevance.shape
        return np.searchsorted(self.position, np.arange(b + 1) * m)

    @property
    def n_relevant(self) -> Array:
        """Number of relevant items (b,)."""
        if self.relevance.dtype == np.bool_:
            return np.diff(self.bounds).astype(np.float64)
        return self.relevance.sum(axis=1, dtype=np.float64)

    def expected(self) -> NDArray[Any]:
        """Return the expected relevance at each rank (b, m): the mean of the group where scores are equal."""
        if self.ties is None:
            return self.relevance
        out = self.relevance.astype(np.float64)
        group, place = spread(self.ties.size)
        out[self.ties.row[group], self.ties.start[group] + place] = (self.ties.within / self.ties.size)[group]
        return out


def spread(sizes: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, for every member of groups of these sizes, its group and its place in the group."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    return group, np.arange(len(group)) - (np.cumsum(sizes) - sizes)[group]


def rank(
    scores: FloatArray,
    relevance: NDArray[Any],
    own: NDArray[np.intp] | None = None,
    every_tie: bool = False,
) -> Ranking:
    """Order the gallery of each query by falling score and find the ties.

    `own` (b,) is an item of each query that is left out; `every_tie` wants the groups of one relevance as well.
    """
    if scores.dtype == np.float32 and relevance.dtype == np.bool_:
        return _by_keys(scores, relevance, own, every_tie)
    return _by_order(scores, relevance, own, every_tie)


def _by_keys(
    scores: NDArray[np.float32], relevance: NDArray[np.bool_], own: NDArray[np.intp] | None, every_tie: bool
) -> Ranking:
    keys = packed_keys(scores, relevance)
    if own is not None:
        keys[np.arange(len(keys)), own] = last_key(keys.dtype)
    sort_keys(keys)
    keys = keys if own is None else np.ascontiguousarray(keys[:, :-1])
    ranking = Ranking(relevance_of(keys))
    if every_tie:
        steps = (keys[:, 1:] ^ keys[:, :-1]).view(f"u{keys.itemsize}")
        ranking.ties = _collected(ranking.relevance, steps <= 1, every_tie)
    else:
        ranking.ties = _mixed(keys, ranking)
    return ranking


def _by_order(scores: FloatArray, relevance: NDArray[Any], own: NDArray[np.intp] | None, every_tie: bool) -> Ranking:
    falling = -scores
    if own is not None:
        falling[np.arange(len(scores)), own] = np.inf
    order = np.argsort(falling, axis=1)
    order = order if own is None else order[:, :-1]
    ordered, values = np.take_along_axis(relevance, order, axis=1), np.take_along_axis(scores, order, axis=1)
    ties = _collected(ordered, values[:, 1:] == values[:, :-1], every_tie)
    if ties is not None and ordered.dtype == np.bool_:
        group, place = spread(ties.size)
        ordered[ties.row[group], ties.start[group] + place] = place < ties.within[group]
    return Ranking(ordered, ties)


def _mixed(keys: Keys, ranking: Ranking) -> Ties | None:
    """Collect the groups of sorted keys (b, m) that hold relevant and irrelevant items, the former first."""
    flat, m = keys.ravel(), keys.shape[1]
    steps = np.empty(flat.size, f"u{keys.itemsize}")
    np.bitwise_xor(flat[1:], flat[:-1], out=steps[:-1].view(keys.dtype))
    steps[m - 1 :: m] = 2  # a row ends, and no group goes on
    turns = steps == 1  # from relevant to irrelevant at the same score
    if (n_groups := np.count_nonzero(turns)) == 0:
        return None
    groups = _near(flat, np.flatnonzero(turns), ranking, m) if n_groups * _FEW < flat.size else None
    start, last, stop, found = _runs(flat, steps) if groups is None else groups
    row = last // m
    above = found - ranking.bounds[row]
    return Ties(row, start - row * m, stop - start, above.astype(np.float64), (last + 1 - start).astype(np.float64))


def _near(flat: NDArray[Any], last: NDArray[np.intp], ranking: Ranking, m: int) -> _Groups | None:
    """Look for the groups among their neighbours; None if one is larger than that."""
    near = flat.take(last[:, None] + _NEAR, mode="clip")
    relevant, middle = flat[last][:, None], len(_NEAR) // 2
    before, after = near[:, middle - 1 :: -1] != relevant, near[:, middle + 1 :] != relevant + 1
    if not (before.any(axis=1).all() and after.any(axis=1).all()):
        return None
    low = last // m * m
    start, stop = np.maximum(last - before.argmax(axis=1), low), np.minimum(last + 1 + after.argmax(axis=1), low + m)
    return start, last, stop, np.searchsorted(ranking.position, start)


def _runs(flat: NDArray[Any], steps: NDArray[Any]) -> _Groups:
    """Find the groups by all runs of equal keys, within which `steps` are 0."""
    edges = np.append(-1, np.flatnonzero(steps != 0))  # the last item of each run, after one that holds nothing
    turn = np.flatnonzero(steps[edges[1:]] == 1)
    found = np.append(0, np.cumsum(np.diff(edges) * (~flat[edges[1:]] & 1)))
    return edges[turn] + 1, edges[turn + 1], edges[turn + 2] + 1, found[turn]


def _collected(relevance: NDArray[Any], tied: NDArray[np.bool_], every_tie: bool) -> Ties | None:
    """Collect the groups from `tied` (b, m - 1), which says of each item whether it equals the one before."""
    b, m = relevance.shape
    same = np.zeros((b, m + 1), bool)
    same[:, 1:-1] = tied
    edges = np.flatnonzero(same.ravel()[1:] != same.ravel()[:-1])  # the first and the last items of groups, in turn
    first, last = edges[::2], edges[1::2]
    found = np.zeros((b, m + 1), np.int32 if relevance.dtype == np.bool_ else np.float64)
    np.cumsum(relevance, axis=1, out=found[:, 1:])
    above = found.ravel()[first]
    within = found.ravel()[1:][last] - above
    if relevance.dtype == np.bool_ and not every_tie:
        mixed = (within > 0) & (within <= last - first)
        first, last, above, within = first[mixed], last[mixed], above[mixed], within[mixed]
    if len(first) == 0:
        return None
    row = np.repeat(np.arange(b), np.diff(np.searchsorted(first, np.arange(b + 1) * (m + 1))))
    return Ties(row, first - row * (m + 1), last - first + 1, above.astype(np.float64), within.astype(np.float64))
