"""Which rows a search may find: those that are not removed, among the given ids, and with the wanted metadata."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skxmr._data.kinds import IndexArray
from skxmr.search.backend import Allowed
from skxmr.search.columns import Column
from skxmr.search.conditions import parsed
from skxmr.search.table import Table


def allowed_rows(table: Table, among: IndexArray | None, where: object) -> Allowed:
    """Return the rows that all conditions allow, in the forms that backends need."""
    conditions = parsed(where, _public(table.columns))
    n = len(table)
    if table.n_alive == n and among is None and not conditions:
        return Allowed(n, n, None)
    mask = table.living()
    for condition in conditions:
        mask = mask & condition.holds(table.columns[condition.column])
    if among is not None:
        chosen = np.zeros(n, bool)
        chosen[among] = True
        mask = mask & chosen
    return Allowed(n, int(np.count_nonzero(mask)), mask, conditions, among)


def _public(columns: Mapping[str, Column]) -> dict[str, Column]:
    return {name: column for name, column in columns.items() if not name.startswith("_")}
