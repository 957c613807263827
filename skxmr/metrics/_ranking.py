"""Ranked relevance with ties: what every retrieval measure is computed from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxmr._validation import FloatArray
from skxmr.metrics._keys import Keys, packed_keys, relevance_of, sort_keys

Array = NDArray[np.float64]


class Ties(NamedTuple):
    """Groups of equal scores, all (g,): `row` and first rank `start` (from 0), `size`, relevance `above`, `within`.

    Groups whose items are all relevant, or all irrelevant, may be left out: their order does not matter.
    """

    row: NDArray[np.intp]
    start: NDArray[np.intp]
    size: NDArray[np.intp]
    above: Array
    within: Array


class Ranking(NamedTuple):
    """Relevance (b, m) in ranked order, best first, and the ties; None where they change nothing."""

    relevance: NDArray[Any]
    ties: Ties | None

    @property
    def n_relevant(self) -> Array:
        """Number of relevant items (b,)."""
        if self.relevance.dtype == np.bool_:
            return np.count_nonzero(self.relevance, axis=1).astype(np.float64)
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
        keys = packed_keys(scores, relevance)
        if own is not None:
            keys[np.arange(len(keys)), own] = np.iinfo(keys.dtype).max
        sort_keys(keys)
        keys = keys if own is None else keys[:, :-1]
        ordered: NDArray[Any] = relevance_of(keys)
        if not every_tie:
            return Ranking(ordered, _mixed_ties(keys, ordered))
        tied = (keys[:, 1:] ^ keys[:, :-1]) >> 1 == 0
    else:
        if own is not None:
            scores = scores.copy()
            scores[np.arange(len(scores)), own] = -np.inf
        order = np.argsort(-scores, axis=1)
        order = order if own is None else order[:, :-1]
        ordered = np.take_along_axis(relevance, order, axis=1)
        values = np.take_along_axis(scores, order, axis=1)
        tied = values[:, 1:] == values[:, :-1]
    return Ranking(ordered, _ties(ordered, tied) if tied.any() else None)


def _mixed_ties(keys: Keys, relevance: NDArray[np.bool_]) -> Ties | None:
    """Collect the groups with relevant and irrelevant items from sorted keys: where the keys of a score change."""
    row, last = np.nonzero((keys[:, 1:] ^ keys[:, :-1]) == 1)  # of each group, the last relevant item
    if len(row) == 0:
        return None
    start, stop, above = np.empty_like(row), np.empty_like(row), np.empty(len(row))
    bounds = np.searchsorted(row, np.arange(len(keys) + 1))
    for i in np.flatnonzero(np.diff(bounds)):
        groups, ordered = slice(bounds[i], bounds[i + 1]), keys[i]
        relevant = ordered[last[groups]]
        start[groups] = np.searchsorted(ordered, relevant)
        stop[groups] = np.searchsorted(ordered, relevant + keys.dtype.type(1), side="right")
        above[groups] = np.searchsorted(np.flatnonzero(relevance[i]), start[groups])
    return Ties(row, start, stop - start, above, (last - start + 1).astype(np.float64))


def _ties(relevance: NDArray[Any], tied: NDArray[np.bool_]) -> Ties:
    """Collect the groups from `tied` (b, m - 1), which says of each item whether it equals the one before."""
    b, m = relevance.shape
    as_before, as_next = np.zeros((b, m), bool), np.zeros((b, m), bool)
    as_before[:, 1:] = as_next[:, :-1] = tied
    first, last = np.flatnonzero(as_next & ~as_before), np.flatnonzero(as_before & ~as_next)
    found = np.cumsum(relevance, axis=1, dtype=np.int32 if relevance.dtype == np.bool_ else np.float64).ravel()
    above = (found[first] - relevance.ravel()[first]).astype(np.float64)
    return Ties(first // m, first % m, last - first + 1, above, found[last] - above)
