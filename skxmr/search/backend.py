"""Backend: what holds the vectors of an index and finds the nearest ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

from skxmr._data.kinds import AnyArray, BoolArray, FloatArray, IndexArray
from skxmr.search.candidates import Candidates
from skxmr.search.conditions import Condition


class Allowed(NamedTuple):
    """Which rows a search may find, in both forms that backends need.

    `mask` (n,) is True for the allowed rows, or None if all are. An engine with filters of its own reads `conditions`
    and `among`, and a row that it finds beyond the n of the mask, or that is removed, is left out afterwards.
    """

    n: int
    n_allowed: int
    mask: BoolArray | None
    conditions: Sequence[Condition] = ()
    among: IndexArray | None = None

    def holds(self, rows: IndexArray) -> BoolArray:
        """Tell which of some rows are allowed."""
        inside = (rows >= 0) & (rows < self.n)
        if self.mask is not None:
            inside[inside] = self.mask[rows[inside]]
        return inside


class Backend(Protocol):
    """Vectors by row number. Rows are numbered in the order in which they are added, from 0, and never reused.

    `add` returns the backend that holds the new rows as well. It may be a new object that shares memory with the old
    one, so that a search which has begun is not disturbed; else it is the same one, and locks.
    """

    @property
    def width(self) -> int:
        """The number of dimensions."""

    def add(self, vectors: FloatArray, metadata: Mapping[str, Sequence[Any]]) -> Self:
        """Hold more unit vectors (m, width), whose metadata are columns of m values."""

    def remove(self, rows: IndexArray) -> Self:
        """Forget some rows; a backend that cannot leaves it to `Allowed`."""

    def search(self, queries: FloatArray, k: int, allowed: Allowed) -> Candidates:
        """Return for every query at least the best k of the allowed rows, and all that lie within the tolerance."""

    def take(self, rows: IndexArray) -> AnyArray:
        """Return the vectors of some rows."""

    def save(self, folder: Path, rows: IndexArray) -> dict[str, Any]:
        """Write some rows, numbered anew, into an empty folder; return what `load` needs to know."""

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], options: Mapping[str, Any]) -> Self:
        """Return what was saved."""


@runtime_checkable
class Renumbering(Protocol):
    """A backend from which removed rows are gone, so that compacting it is numbering the others anew."""

    def renumbered(self, rows: IndexArray) -> Backend:
        """Return some rows, numbered from 0."""
