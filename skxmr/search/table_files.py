"""The table of an index in two files: numbers in one, strings in the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from skxmr._data.kinds import AnyArray
from skxmr.search.columns import Column, Words
from skxmr.search.growing import Growing
from skxmr.search.ids import as_array
from skxmr.search.table import Table

NUMBERS = "table.npz"
STRINGS = "table.json"


def save_table(folder: Path, table: Table) -> None:
    """Write a table without removed rows."""
    ids = table.ids.rows
    numbers = {f"column_{i}": column.values.rows for i, column in enumerate(table.columns.values())}
    strings: dict[str, Any] = {"ids": ids.tolist() if ids.dtype == object else None}
    strings["columns"] = [
        {"name": name, "kind": column.kind, "words": column.words.words} for name, column in table.columns.items()
    ]
    if ids.dtype != object:
        numbers["ids"] = ids
    np.savez(folder / NUMBERS, **numbers)  # type: ignore[arg-type]
    (folder / STRINGS).write_text(json.dumps(strings), encoding="utf-8")


def load_table(folder: Path) -> Table:
    """Return the table of a folder; refuse what `save_table` does not write, which somebody may have put there."""
    try:
        strings = json.loads((folder / STRINGS).read_text(encoding="utf-8"))
        columns = {}
        with np.load(folder / NUMBERS, allow_pickle=False) as numbers:
            ids = numbers["ids"] if strings["ids"] is None else as_array(strings["ids"])
            _check_ids(ids)
            for i, about in enumerate(strings["columns"]):
                columns[about["name"]] = _column(about, numbers[f"column_{i}"], len(ids))
    except Exception as error:
        # What a file holds that was made to do harm cannot be foreseen, and neither can its errors.
        raise ValueError(
            f"the table in {str(folder)!r} cannot be read ({type(error).__name__}: {error}): it was not written by "
            "RetrievalIndex.save, or was changed afterwards."
        ) from error
    return Table(Growing(ids), Growing(np.ones(len(ids), bool)), columns, len(ids))


def _check_ids(ids: AnyArray) -> None:
    # Millions of them are looked at in a moment, which is why repeats are not looked for.
    are_strings = ids.dtype == object and all(isinstance(value, str) for value in ids.tolist())
    are_numbers = ids.dtype == np.int64 and bool(np.all(ids >= 0))
    if ids.ndim != 1 or not (are_strings or are_numbers):
        raise ValueError("ids are strings, or integers from 0")


def _column(about: dict[str, Any], values: AnyArray, n: int) -> Column:
    """Return a column of n values after checking that they are of its type."""
    name = about["name"]
    words = about["words"]
    empty = Column.empty(about["kind"])
    if values.shape != (n,) or values.dtype != empty.values.rows.dtype:
        raise ValueError(f"column {name!r} holds {values.dtype} of shape {values.shape}, and there are {n} items")
    if not all(isinstance(word, str) for word in [name, *words]):
        raise ValueError(f"column {name!r} holds what is no string")
    if empty.kind == "str" and n and not -1 <= values.min() <= values.max() < len(words):
        raise ValueError(f"column {name!r} has strings that are not there")
    return Column(empty.kind, Growing(values), Words(words))
