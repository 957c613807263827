"""Collection: the items of an index, which are read while others write."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from skxmr._data.kinds import AnyArray, IndexArray, View
from skxmr.search.backend import Backend, Renumbering
from skxmr.search.backends import check_options, new_backend
from skxmr.search.changes import Change, check_there
from skxmr.search.encoding import check_width
from skxmr.search.ids import Id
from skxmr.search.known import MOST_CHANGES, KnownIds
from skxmr.search.table import Table

# Vectors that are copied together where a collection is rewritten.
_COPIED = 16_384


class State(NamedTuple):
    """The table and the vectors of one moment; there is no backend before the first item tells the width."""

    table: Table
    backend: Backend | None


class Read(NamedTuple):
    """What a search reads, and the rows of the ids that it asked for."""

    table: Table
    backend: Backend
    rows: IndexArray | None


class Collection:
    """Items in a state that is exchanged as a whole, so that a search sees all of a change or nothing."""

    def __init__(self, backend: str, options: Mapping[str, Any]) -> None:
        check_options(backend, options)
        # A backend that is not installed, and options that do not fit, are better known before hours of encoding.
        new_backend(backend, 1, options)
        self.backend = backend
        self.options = options
        # By id, for images that were added from memory: the view that holds the image, and its row.
        self.pictures: dict[object, tuple[View, int]] = {}
        # Held by whoever changes the collection, for as long as it takes to encode what comes.
        self.writing = threading.RLock()
        # Held for moments, in which the state and the rows of the ids are read or exchanged together.
        self._exchanging = threading.RLock()
        self.state = State(Table.empty(), None)

    @property
    def state(self) -> State:
        """The present state. One that is set is read from the start."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        with self._exchanging:
            self._state = state
            self._known: KnownIds | None = None

    def known(self) -> KnownIds:
        """Return the row of every id, which is put together when it is first needed."""
        with self._exchanging:
            if self._known is None:
                table = self._state.table
                self._known = KnownIds(table.ids.rows, np.flatnonzero(table.living()))
            return self._known

    def read(self, among: list[Id] | None) -> Read:
        """Return what a search reads; refuse ids that are not there, and a collection without items."""
        with self._exchanging:
            table, backend = self._state
            if backend is None or table.n_alive == 0:
                raise ValueError("the index is empty; add items first: index.add(image=...) or index.add(text=...).")
            return Read(table, backend, None if among is None else self._rows(among, "among"))

    def write(self, change: Change, vectors: AnyArray) -> None:
        """Put the vectors of a change in; an error on the way leaves everything as it was, except that of `_forget`."""
        table, old = self._state
        backend = new_backend(self.backend, vectors.shape[1], self.options) if old is None else old
        check_width(vectors, backend.width)
        first = len(table)
        table = table.extended(change.ids, change.columns)
        if len(change.replaced):
            table = table.without(change.replaced)
        # Engines change in place: what they hold from here on must be in the table, and what they refuse to add must
        # not cost what it would have replaced.
        backend = backend.add(vectors, {name: values.values for name, values in change.columns.items()})
        self._exchange(State(table, backend), change.ids, range(first, first + len(change.ids)))
        if change.items.pictures():
            self.pictures |= {value: (change.items.view, i) for i, value in enumerate(change.ids)}
        if len(change.replaced):
            self._forget(change.replaced, backend, "everything was added, and what it replaces is not found any more")

    def remove(self, ids: list[Id]) -> None:
        """Mark items as removed; an error on the way leaves everything as it was, except that of `_forget`."""
        with self.writing:
            rows = self._rows(ids, "ids")
            table, backend = self._state
            if backend is not None and len(rows):
                self._exchange(State(table.without(rows), backend), ids, [None] * len(ids))
                self._forget(rows, backend, "the items are removed and not found any more")

    def compact(self) -> None:
        """Rewrite everything without removed rows."""
        with self.writing:
            table, old = self._state
            rows = np.flatnonzero(table.living())
            if old is None or len(rows) == len(table):
                return
            if isinstance(old, Renumbering):
                self.state = State(table.compacted(), old.renumbered(rows))
                return
            backend = new_backend(self.backend, old.width, self.options)
            for start in range(0, len(rows), _COPIED):
                some = rows[start : start + _COPIED]
                backend = backend.add(old.take(some), table.values_at(some))
            self.state = State(table.compacted(), backend)

    def _forget(self, rows: IndexArray, backend: Backend, done: str) -> None:
        """Let the engine delete rows that the table has marked as removed; say what is done where it fails.

        The table comes first, because an engine may have deleted some rows before it fails. Those that it keeps are
        not found.
        """
        try:
            after = backend.remove(rows)
        except Exception as error:
            raise OSError(
                f"{done}, but the engine {self.backend!r} has failed to delete their vectors ({error!r}). compact() "
                "lets go of them, but in a server of qdrant they stay. There is nothing to repeat."
            ) from error
        with self._exchanging:
            self._state = State(self._state.table, after)

    def _rows(self, ids: list[Id], name: str) -> IndexArray:
        known = self.known()
        check_there(known, ids, name)
        return known.rows_of(ids)

    def _exchange(self, state: State, ids: Sequence[Id], rows: Sequence[int | None]) -> None:
        """Exchange the state, and with it the rows of some ids; None is for ids that are gone."""
        with self._exchanging:
            known = self._known
            # What is not known of ids is put together again from the table when it is next needed. So nothing can fail
            # here: an engine may hold the rows of the new state already.
            self._known = None
            self._state = state
            with suppress(MemoryError):
                self._known = _updated(known, ids, rows)
            if self.pictures:
                for value in ids:
                    self.pictures.pop(value, None)

    def __getstate__(self) -> dict[str, Any]:
        if self.backend not in ("exact", "binary"):
            raise TypeError(
                f"an index with backend={self.backend!r} cannot be pickled, because its vectors are not Python's; "
                "save it by save(path), and open it where it is needed by RetrievalIndex.load(path)."
            )
        left_out: dict[str, Any] = {"writing": None, "_exchanging": None, "pictures": {}}
        return vars(self) | left_out

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.writing = threading.RLock()
        self._exchanging = threading.RLock()


def _updated(known: KnownIds | None, ids: Sequence[Id], rows: Sequence[int | None]) -> KnownIds | None:
    """Return what is known of ids after some rows changed; None where it is better put together anew."""
    if known is None:
        return None
    are_integers = not (ids and isinstance(ids[0], str))
    if are_integers and known.n_changed + len(ids) > MOST_CHANGES:
        return None
    for value, row in zip(ids, rows, strict=True):
        known.changed(value, row)
    return known
