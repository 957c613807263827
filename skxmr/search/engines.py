"""What backends around other libraries have in common: they are asked for more rows until the best k are certain."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import numpy as np

from skxmr._data.kinds import BoolArray, FloatArray, IndexArray
from skxmr.search.backend import Allowed
from skxmr.search.candidates import TOLERANCE, Candidates, joined

# For some queries and a number: the scores of so many rows per query, best first, and the rows; -1 is for none.
Fetch = Callable[[FloatArray, int], tuple[FloatArray, IndexArray]]

# Rows beyond k that are asked for at first, and how the number grows.
_MORE = 16
_GROWTH = 4


def needed(module: str, extra: str, who: str) -> ModuleType:
    """Import what a backend needs, or say which extra installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{who} needs {module}, which is not installed: pip install 'skxmr[{extra}]'.") from error


class Seen:
    """The vectors that came with the rows that an engine found."""

    def __init__(self) -> None:
        self._vectors: dict[int, FloatArray] = {}

    def add(self, rows: IndexArray, vectors: FloatArray) -> None:
        """Keep the vectors of rows; -1 is for no row."""
        self._vectors |= zip(rows[rows >= 0].tolist(), vectors, strict=True)

    def take(self, rows: IndexArray) -> FloatArray:
        """Return the vectors of rows that came before."""
        return np.stack([self._vectors[row] for row in rows.tolist()])


class NamedColumns:
    """The names that columns of metadata have in an engine: c0, c1, ..., because its language limits names."""

    def __init__(self, places: dict[str, str]) -> None:
        self.places = places

    def next(self) -> str:
        """Return the name that the next new column has."""
        return f"c{len(self.places)}"

    def added(self, name: str) -> None:
        """Give a new column its name."""
        self.places[name] = self.next()


def fetched(fetch: Fetch, queries: FloatArray, k: int, allowed: Allowed, n_rows: int) -> Candidates:
    """Return at least the best k of the allowed rows that an engine finds, and those that have nearly the same score.

    More rows are asked for as long as the last one that came scores nearly as much as the k-th, or too few of them are
    allowed.
    """
    waiting = np.arange(len(queries))
    number = k + _MORE
    parts = [Candidates.none()]
    while len(waiting):
        number = min(number, n_rows)
        scores, rows = fetch(queries[waiting], number)
        good: BoolArray = allowed.holds(rows.ravel()).reshape(rows.shape)
        is_done = _are_certain(scores, rows, good, k)
        if number == n_rows:
            is_done[:] = True
        query, place = np.nonzero(good & is_done[:, None])
        parts.append(Candidates(waiting[query], rows[query, place], scores[query, place]))
        waiting = waiting[~is_done]
        number *= _GROWTH
    return joined(parts)


def _are_certain(scores: FloatArray, rows: IndexArray, good: BoolArray, k: int) -> BoolArray:
    """Tell for which queries no further row can be among the best k."""
    has_k = good.sum(axis=1) >= k
    kth_place = (np.cumsum(good, axis=1) >= k).argmax(axis=1)
    kth = np.take_along_axis(scores, kth_place[:, None], axis=1)[:, 0]
    # Where an engine has no more rows, scores are the least there is. A row that is not known has the score of another.
    ended = scores[:, -1] <= np.finfo(np.float32).min
    return has_k & (ended | (scores[:, -1] < kth - TOLERANCE))
