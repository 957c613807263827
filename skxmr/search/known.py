"""KnownIds: the row of every id, without an object of Python for each integer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from skxmr._data.kinds import AnyArray, IndexArray
from skxmr.search.ids import Id

# Changes that are kept beside the arrays; after more of them the arrays are made anew.
MOST_CHANGES = 100_000


class KnownIds(Mapping[Id, int]):
    """The row of every id. Integers are looked up in sorted arrays, strings in a dict.

    A dict takes ten times as much memory as the integers themselves. What changes is kept in a dict beside the arrays,
    as long as it is little.
    """

    def __init__(self, ids: AnyArray, rows: IndexArray) -> None:
        self._changed: dict[Id, int | None] = {}
        self._n = len(rows)
        own = ids if len(rows) == len(ids) else ids[rows]
        if own.dtype == object:
            self._changed |= zip(own.tolist(), rows.tolist(), strict=True)
            own = np.zeros(0, np.int64)
            rows = np.zeros(0, np.intp)
        elif not bool((own[1:] > own[:-1]).all()):
            order = np.argsort(own)
            own = own[order]
            rows = rows[order]
        self._ids = own
        self._rows = rows

    @property
    def n_changed(self) -> int:
        """How many integers changed since the arrays were made; strings have no arrays."""
        return 0 if isinstance(next(iter(self._changed), ""), str) else len(self._changed)

    def changed(self, value: Id, row: int | None) -> None:
        """Note the row of an id, None if it is gone."""
        self._n += (row is not None) - (value in self)
        self._changed[value] = row

    def rows_of(self, ids: Sequence[Id]) -> IndexArray:
        """Return the rows of many ids, -1 of those that are not there."""
        out = np.full(len(ids), -1, np.intp)
        if len(self._ids) and ids and not isinstance(ids[0], str):
            wanted = np.asarray(ids, np.int64)
            at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
            found = self._ids[at] == wanted
            out[found] = self._rows[at[found]]
        if self._changed:
            for i, value in enumerate(ids):
                if value in self._changed:
                    row = self._changed[value]
                    out[i] = -1 if row is None else row
        return out

    def __getitem__(self, value: Id) -> int:
        row = self._row(value)
        if row is None:
            raise KeyError(value)
        return row

    def __contains__(self, value: object) -> bool:
        return self._row(value) is not None

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[Id]:
        yield from (value for value in self._ids.tolist() if value not in self._changed)
        yield from (value for value, row in self._changed.items() if row is not None)

    def _row(self, value: object) -> int | None:
        if isinstance(value, np.generic):
            value = value.item()
        if not isinstance(value, (str, int)):
            return None
        if value in self._changed:
            return self._changed[value]
        if len(self._ids) == 0 or isinstance(value, str) or not 0 <= value < 2**63:
            return None
        at = int(np.searchsorted(self._ids, value))
        return int(self._rows[at]) if at < len(self._ids) and self._ids[at] == value else None
