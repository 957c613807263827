"""Table: ids and metadata of the items of an index, by row number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skxmr._data.kinds import AnyArray, BoolArray, IndexArray
from skxmr.search.columns import Column, Values, common_kind
from skxmr.search.growing import Growing
from skxmr.search.ids import Id, as_array

# What a user's column must not be called, because a table of hits has such columns of its own.
RESERVED = ("query", "rank", "id", "score")


@dataclass(frozen=True)
class Table:
    """Rows that are added and marked as removed, and never change; every change gives a new table.

    A search reads the table that it was given, whatever happens meanwhile.
    """

    ids: Growing
    alive: Growing
    columns: Mapping[str, Column]
    n_alive: int

    @classmethod
    def empty(cls) -> Table:
        """Return a table without rows."""
        return cls(Growing(np.zeros(0, np.int64)), Growing(np.zeros(0, bool)), {}, 0)

    def __len__(self) -> int:
        """Return the number of rows, removed ones included."""
        return len(self.ids)

    def extended(self, ids: Sequence[Id], columns: Mapping[str, Values]) -> Table:
        """Return this table with more rows; columns that they lack have no value there."""
        n = len(self)
        more = as_array(ids)
        new_ids = Growing(more) if n == 0 else self.ids.extended(more)
        alive = self.alive.extended(np.ones(len(ids), bool))
        nothing = [None] * len(ids)
        out: dict[str, Column] = {}
        for name, kind in self.kinds_with(columns).items():
            old = self.columns[name].as_kind(kind) if name in self.columns else Column.empty(kind, n)
            out[name] = old.extended(columns[name].values if name in columns else nothing)
        return Table(new_ids, alive, out, self.n_alive + len(ids))

    def kinds_with(self, columns: Mapping[str, Values]) -> dict[str, str]:
        """Return the type of every column once other values are added; refuse types that do not fit."""
        kinds = {name: column.kind for name, column in self.columns.items()}
        for name, values in columns.items():
            if name in kinds:
                kinds[name] = common_kind(kinds[name], values.kind, name)
            elif values.kind is not None:
                kinds[name] = values.kind
        return kinds

    def without(self, rows: IndexArray) -> Table:
        """Return this table with some rows marked as removed."""
        alive = self.alive.rows.copy()
        alive[rows] = False
        return replace(self, alive=Growing(alive), n_alive=self.n_alive - len(rows))

    def compacted(self) -> Table:
        """Return the rows that are not removed, numbered anew."""
        rows = np.flatnonzero(self.alive.rows)
        columns = {name: column.taken(rows) for name, column in self.columns.items()}
        return Table(Growing(self.ids.rows[rows]), Growing(np.ones(len(rows), bool)), columns, len(rows))

    def values_at(self, rows: IndexArray) -> dict[str, list[object]]:
        """Return the values of some rows by column."""
        return {name: list(column.at(rows)) for name, column in self.columns.items()}

    def living(self) -> BoolArray:
        """Tell which rows are not removed."""
        return self.alive.rows

    def ids_at(self, rows: AnyArray) -> AnyArray:
        """Return the ids of rows of any shape; -1 or None stands for the row -1."""
        has_none = rows < 0
        ids = self.ids.rows[np.where(has_none, 0, rows)]
        ids[has_none] = None if ids.dtype == object else -1
        return ids
