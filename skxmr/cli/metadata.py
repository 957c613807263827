"""Further columns of a table, which `skxmr index` keeps so that they are conditions of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skxmr.cli.items import Columns, own_columns
from skxmr.cli.run_file import Run
from skxmr.cli.tables import NO_COLUMN

if TYPE_CHECKING:
    from sklearn.utils import Bunch

# What is kept where nothing is said.
ALL = "all"


def asked_columns(options: tuple[str, ...], run: Run | None) -> list[str] | str | None:
    """Return which columns are asked for: by options, else by the file of a run, else all."""
    if options:
        return None if options == (NO_COLUMN,) else list(options)
    found: list[str] | str | None = (run.table_arguments() if run is not None else {}).get("metadata", ALL)
    return found


def metadata_of(table: Bunch, name: str, is_asked: bool) -> Columns:
    """Return the further columns of a table.

    A column that an index cannot keep is refused if it was asked for by its name, and else left out with a warning.
    """
    if table.metadata is None:
        return {}
    from skxmr.search.metadata import checked_metadata

    columns: Columns = {}
    for column in table.metadata:
        values = _plain(table.metadata[column])
        wrong = _is_taken(column, table)
        if wrong is None:
            try:
                checked_metadata({column: values}, len(values))
            except TypeError as error:
                wrong = str(error)
        if wrong is None:
            columns[column] = values
        elif is_asked:
            raise ValueError(f"column {column!r} of {name} cannot be kept in an index: {wrong}")
        else:
            click.echo(
                f"Warning: column {column!r} of {name} is left out of the index: {wrong} To leave it out without a "
                "warning, name the columns that are kept by --metadata NAME, or none by --metadata -.",
                err=True,
            )
    return columns


def _is_taken(column: str, table: Bunch) -> str | None:
    """Return a sentence about a name that an index or its hits give to something else, and None for other names."""
    from skxmr.search.metadata import OWN
    from skxmr.search.table import RESERVED

    taken = {*RESERVED, *OWN, *own_columns(table)}
    if column not in taken and not column.startswith("_"):
        return None
    if column.startswith("_"):
        return "names that begin with _ are those of the index itself; rename it in the table."
    return f"hits have a column {column!r} already; rename it in the table."


def _plain(values: Any) -> list[Any]:
    """Return the values of a column; days and times as strings, whose order is that of time."""
    out = []
    for value, is_missing in zip(values.tolist(), values.isna(), strict=True):
        is_time = hasattr(value, "isoformat") and not is_missing
        out.append(value.isoformat() if is_time else None if is_missing else value)
    return out
