"""Changes of an index: what a call of `add` or `update` writes, worked out before anything is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from skxmr._data.kinds import IndexArray
from skxmr.search.columns import Value, Values
from skxmr.search.ids import LARGEST, Id, named
from skxmr.search.items import Items
from skxmr.search.known import KnownIds
from skxmr.search.table import Table


class Change(NamedTuple):
    """Rows to be added, their columns, and the rows that they replace."""

    items: Items
    ids: list[Id]
    columns: dict[str, Values]
    replaced: IndexArray


def adding(table: Table, known: KnownIds, items: Items, metadata: Mapping[str, Values], replace: bool) -> Change:
    """Return the change that adds items: files that are there already are left out, or replaced if they changed.

    With `replace` the same holds for all items whose ids are there already; without, the others are refused.
    """
    ids = _new_ids(table, len(items)) if items.ids is None else items.ids
    check_kind(table, ids)
    columns = dict(items.columns) | dict(metadata)
    old_rows = known.rows_of(ids)
    there = np.flatnonzero(old_rows >= 0).tolist()
    if not there:
        return Change(items, ids, columns, np.zeros(0, np.intp))
    if not replace:
        _check_are_files(table, known, items, [ids[i] for i in there], there)
    same = [i for i in there if _is_unchanged(table, old_rows[i], columns, i, items.is_of_files)]
    kept = np.setdiff1d(np.arange(len(ids)), same)
    kept_ids = [ids[i] for i in kept]
    some = {name: values._replace(values=[values.values[i] for i in kept]) for name, values in columns.items()}
    changed = np.flatnonzero(old_rows[kept] >= 0)
    rows = old_rows[kept][changed]
    some = _with_old_values(table, rows, some, changed.tolist())
    return Change(items.taken(kept), kept_ids, some, rows)


def updating(table: Table, known: KnownIds, ids: list[Id], items: Items, metadata: Mapping[str, Values]) -> Change:
    """Return the change that replaces items; columns without new values keep the old ones."""
    check_there(known, ids, "ids")
    rows = known.rows_of(ids)
    columns = dict(items.columns) | dict(metadata)
    return Change(items, ids, _with_old_values(table, rows, columns, list(range(len(ids)))), rows)


def check_there(known: KnownIds, ids: list[Id], name: str) -> None:
    """Refuse ids that are not in the index."""
    unknown = [ids[i] for i in np.flatnonzero(known.rows_of(ids) < 0).tolist()]
    if unknown:
        raise ValueError(f"{name} holds {named(unknown)}, which the index does not have; `value in index` tells it.")


def check_kind(table: Table, ids: list[Id]) -> None:
    """Refuse strings among integers, and integers among strings."""
    if len(table) == 0 or not ids:
        return
    there = "strings" if table.ids.rows.dtype == object else "integers"
    come = "strings" if isinstance(ids[0], str) else "integers"
    if there != come:
        raise TypeError(f"the ids of the index are {there}, but {come} came, such as {ids[0]!r}; pass ids= of {there}.")


def _new_ids(table: Table, n: int) -> list[Id]:
    """Return the numbers after the largest one."""
    if len(table) and table.ids.rows.dtype == object:
        raise ValueError("the ids of the index are strings, so that new ones cannot be counted on; pass ids=.")
    first = int(table.ids.rows.max()) + 1 if len(table) else 0
    if first + n > LARGEST + 1:
        raise ValueError(f"the ids of the index reach {first - 1}, so that new ones cannot be counted on; pass ids=.")
    return list(range(first, first + n))


def _check_are_files(table: Table, known: KnownIds, items: Items, ids: list[Id], at: list[int]) -> None:
    """Refuse ids that the index has already, unless they are the same files."""
    rows = known.rows_of(ids)
    there = table.columns["item"].at(rows) if items.is_of_files and "item" in table.columns else [None] * len(ids)
    paths = [items.columns["item"].values[i] for i in at] if items.is_of_files else [None] * len(ids)
    twice = [value for value, old, new in zip(ids, there, paths, strict=True) if not _is_same_file(old, new)]
    if twice:
        raise ValueError(
            f"ids holds {named(twice)}, which the index has already; replace these items by update() or "
            "replace=True, or remove() them."
        )


def _is_same_file(old: Value, new: Value) -> bool:
    """Tell whether two paths lead to one file, however they are written."""
    return isinstance(old, str) and isinstance(new, str) and os.path.abspath(old) == os.path.abspath(new)


def _is_unchanged(table: Table, row: int, columns: Mapping[str, Values], i: int, is_of_files: bool) -> bool:
    """Tell whether a file or a text, and its metadata, are as they were when they were added."""
    if "item" not in columns or "item" not in table.columns:
        # Of images and vectors in memory nothing is kept that could be compared.
        return False
    old = {name: column.at(np.array([row]))[0] for name, column in table.columns.items()}
    # A column in which no item has a value is not kept.
    if any(old.get(name) != values.values[i] for name, values in columns.items() if name != "item"):
        return False
    item = columns["item"].values[i]
    # The same path may be written in several ways.
    return _is_same_file(old["item"], item) if is_of_files else old["item"] == item


def _with_old_values(table: Table, rows: IndexArray, columns: Mapping[str, Values], at: list[int]) -> dict[str, Values]:
    """Return columns in which the rows at some places have their old values wherever no new column is given."""
    out = dict(columns)
    if len(rows) == 0:
        return out
    n = len(next(iter(columns.values())).values)
    # What is known of a file or a caption goes with it.
    own = ("item", "_size", "_time")
    for name, column in table.columns.items():
        if name not in out and name not in own:
            values: list[Value] = [None] * n
            for i, value in zip(at, column.at(rows), strict=True):
                values[i] = value
            out[name] = Values(column.kind, values)
    return out
