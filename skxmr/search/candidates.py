"""Candidates: the few items that may be among the best k of a query, and the rule by which they are ordered.

Products of matrices give scores whose last bits depend on what else is multiplied. So items whose score lies within
`TOLERANCE` of the k-th best are candidates, and each is scored again on its own, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

import numpy as np

from skxmr._data.kinds import AnyArray, FloatArray, IndexArray
from skxmr.search.ids import order_of

TOLERANCE = 1e-5
# Rows that are scored again together: 8 MB of float64 at 256 dimensions.
_AGAIN = 4096
_LOWEST = np.finfo(np.float32).min

# The numbers of some rows, a slice of all or an array, and the scores (b, w) of b queries with them.
Block: TypeAlias = tuple[slice | IndexArray, FloatArray]


class Candidates(NamedTuple):
    """Entry i says that query ``query[i]`` has the score ``score[i]`` with the row ``row[i]``."""

    query: IndexArray
    row: IndexArray
    score: FloatArray

    @classmethod
    def none(cls) -> Candidates:
        """Return no candidates."""
        return cls(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32))

    def picked(self, which: AnyArray) -> Candidates:
        """Return some entries."""
        return Candidates(self.query[which], self.row[which], self.score[which])


def joined(parts: Iterable[Candidates]) -> Candidates:
    """Return the candidates of several parts."""
    return Candidates(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def scan(n_queries: int, k: int, blocks: Iterable[Block]) -> Candidates:
    """Walk over blocks of scores; return all rows within the tolerance of the k-th best score of a query.

    Scores of -inf are left out. Only what reaches the best known bound of a query is looked at, so that a block costs
    little more than a comparison.
    """
    bound = np.full(n_queries, _LOWEST, np.float32)
    kept = Candidates.none()
    for rows, scores in blocks:
        above = scores >= bound[:, None]
        if np.count_nonzero(above) > 8 * k * n_queries:
            np.maximum(bound, _bound_of_groups(scores, k), out=bound)
            above = scores >= bound[:, None]
        found = np.flatnonzero(above)
        if len(found) == 0:
            continue
        query, place = np.divmod(found, scores.shape[1])
        row = place + rows.start if isinstance(rows, slice) else rows[place]
        kept = joined([kept, Candidates(query, row, scores.ravel()[found])])
        np.maximum(bound, _kth_best(kept, n_queries, k), out=bound)
        kept = kept.picked(kept.score >= bound[kept.query])
    return kept


def _bound_of_groups(scores: FloatArray, k: int) -> FloatArray:
    """Return a score that at least k items of each query reach: k groups of items have such a maximum."""
    width = scores.shape[1]
    size = max(1, min(16, width // (4 * k)))
    n_groups = width // size
    if n_groups < k:
        return np.full(len(scores), _LOWEST, np.float32)
    # Every item of the first part leads a group, whose other members stand in the other parts.
    maxima = scores[:, : n_groups * size].reshape(len(scores), size, n_groups).max(axis=1)
    kth = np.partition(maxima, n_groups - k, axis=1)[:, n_groups - k]
    return np.maximum(kth - np.float32(TOLERANCE), _LOWEST)


def _kth_best(found: Candidates, n_queries: int, k: int) -> FloatArray:
    """Return the k-th best score of every query less the tolerance, or the lowest number if it has fewer."""
    order = np.lexsort((-found.score, found.query))
    ends = np.searchsorted(found.query[order], np.arange(n_queries + 1))
    kth = ends[:-1] + k - 1
    has_k = kth < ends[1:]
    out = np.full(n_queries, _LOWEST, np.float32)
    out[has_k] = found.score[order[kth[has_k]]] - np.float32(TOLERANCE)
    return out


def scored_again(found: Candidates, queries: FloatArray, take: Callable[[IndexArray], FloatArray]) -> Candidates:
    """Score every candidate on its own, in float64, rounded to float32; `take` returns the vectors of rows."""
    exact = np.empty(len(found.row), np.float32)
    wide = queries.astype(np.float64)
    for start in range(0, len(exact), _AGAIN):
        some = slice(start, start + _AGAIN)
        vectors = take(found.row[some]).astype(np.float64)
        exact[some] = np.einsum("ij,ij->i", vectors, wide[found.query[some]])
    return found._replace(score=exact)


class Best(NamedTuple):
    """The k best items of every query, in order; -inf and row -1 stand where there are fewer."""

    scores: FloatArray
    rows: IndexArray


def best(found: Candidates, n_queries: int, k: int, ids: AnyArray) -> Best:
    """Order candidates by score, and equal ones by id; `ids` are those of all rows."""
    order = np.lexsort((order_of(ids[found.row]), -found.score, found.query))
    query = found.query[order]
    place = np.arange(len(order)) - np.searchsorted(query, np.arange(n_queries))[query]
    order = order[place < k]
    place = place[place < k]
    scores = np.full((n_queries, k), -np.inf, np.float32)
    rows = np.full((n_queries, k), -1, np.intp)
    scores[found.query[order], place] = found.score[order]
    rows[found.query[order], place] = found.row[order]
    return Best(scores, rows)
