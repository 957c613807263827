"""What a report knows of every query: how well it is answered, and which wrong items come first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches

from skxmr._data.kinds import Float64Array, FloatArray, IndexArray, LabelsLike
from skxmr._data.pairs import Pairs
from skxmr.inspection.asking.runs import Run, runs_of_model, shown_rows
from skxmr.metrics._blocks import per_query
from skxmr.metrics._gains import expected_first, hit_probability, precision_at_relevant
from skxmr.metrics._matrices import BlockedMatrix, relevance_rows, score_rows
from skxmr.metrics._ranking import Ranking

# Numbers of first items at which the precision is measured, as far as there are so many items.
_SCOPES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
# Queries whose scores are held at once.
_ROWS = 256


class Ranked(NamedTuple):
    """One direction: n queries and m items, each by its row among the pairs, and what was measured.

    `first` (n, k) holds the rows of the first k items of every query, and `wrong` (n, m) which of these are wrong.
    """

    direction: str
    queries: IndexArray
    items: IndexArray
    average_precision: Float64Array
    first_rank: Float64Array
    n_relevant: IndexArray
    precision: Float64Array
    hit: Float64Array
    scopes: dict[int, Float64Array]
    first: IndexArray
    wrong: sp.csr_array

    @property
    def answered(self) -> IndexArray:
        """The numbers of the queries that have a relevant item."""
        return np.flatnonzero(self.n_relevant > 0)


def rankings(model: BaseEstimator, pairs: Pairs, labels: LabelsLike, k: int) -> Iterator[Ranked]:
    """Yield how images find texts, and how texts find images."""
    shown = shown_rows(pairs)
    for direction, run in runs_of_model(model, pairs, None, labels).items():
        query, _, item = direction.partition("_to_")
        yield _ranked(direction, run, shown[query], shown[item], k)


def _ranked(direction: str, run: Run, queries: IndexArray, items: IndexArray, k: int) -> Ranked:
    m = len(items)
    k = min(k, m)
    scopes = np.array([scope for scope in _SCOPES if scope <= m])
    deepest = max(int(scopes.max()), k)

    def measure(ranking: Ranking) -> Float64Array:
        """Return all measures of b queries side by side, (b, 5 + number of scopes)."""
        n_relevant = ranking.n_relevant
        average_precision = precision_at_relevant(ranking, None, "expected") / np.maximum(n_relevant, 1)
        found = np.cumsum(ranking.expected()[:, :deepest], axis=1)
        single = [
            average_precision,
            expected_first(ranking),
            n_relevant,
            found[:, k - 1] / k,
            hit_probability(ranking, k),
        ]
        return np.column_stack([*single, found[:, scopes - 1] / scopes])

    values = per_query(run.scores, run.relevance, measure)
    first, wrong = _first_items(run.scores, run.relevance, k)
    return Ranked(
        direction,
        queries,
        items,
        average_precision=values[:, 0],
        first_rank=values[:, 1],
        n_relevant=np.nan_to_num(values[:, 2]).astype(np.intp),
        precision=values[:, 3],
        hit=values[:, 4],
        scopes={int(scope): values[:, 5 + i] for i, scope in enumerate(scopes)},
        first=items[first],
        wrong=wrong,
    )


def _first_items(scores: BlockedMatrix, relevance: BlockedMatrix, k: int) -> tuple[IndexArray, sp.csr_array]:
    """Return the numbers of the first k items of every query, best first, and which of them are wrong (n, m).

    Items with equal scores keep their order.
    """
    n, m = scores.shape
    first = []
    wrong = []
    for block in gen_batches(n, _ROWS):
        own = np.asarray(score_rows(scores, block))
        nearest = _best_places(own, k)
        order = np.argsort(-np.take_along_axis(own, nearest, axis=1), axis=1, kind="stable")
        nearest = np.take_along_axis(nearest, order, axis=1)
        is_wrong = ~np.take_along_axis(np.asarray(relevance_rows(relevance, block)) > 0, nearest, axis=1)
        rows, places = np.nonzero(is_wrong)
        entries = (np.ones(len(rows)), (rows, nearest[rows, places]))
        first.append(nearest)
        wrong.append(sp.csr_array(entries, shape=(len(own), m)))
    return np.concatenate(first), sp.csr_array(sp.vstack(wrong))


def _best_places(scores: FloatArray, k: int) -> IndexArray:
    """Return the places (b, k) of the k largest scores (b, m) of every row, in order; of equal ones the first count."""
    bound = np.partition(scores, -k, axis=1)[:, -k, None]
    larger = scores > bound
    equal = scores == bound
    room = k - larger.sum(axis=1, keepdims=True)
    return np.nonzero(larger | (equal & (np.cumsum(equal, axis=1) <= room)))[1].reshape(-1, k)
