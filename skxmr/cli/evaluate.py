"""``skxmr evaluate``: the scores of a saved model on a table."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skxmr.cli import options
from skxmr.cli.command import Command
from skxmr.cli.measures import lines, measured
from skxmr.cli.run_file import run_if_any
from skxmr.cli.tables import all_rows, read_table, rows_of_part, table_options, taken


@click.command(cls=Command)
@options.model
@options.table
@table_options
@click.option("--part", help="The rows that are scored, by the split column; all rows unless given.")
@options.as_json
@options.trust
def evaluate(
    model: Path,
    table: Path,
    config: Path | None,
    part: str | None,
    as_json: bool,
    trust: tuple[str, ...],
    **columns: str | None,
) -> None:
    """Score a saved MODEL on the rows of a TABLE.

    With tags, what shares a tag with the query is relevant; without, only its own text or image.
    """
    import skxmr

    loaded = skxmr.load(model, trusted=trust)
    read = read_table(table, run_if_any(config), columns)
    if part is not None and read.split is None:
        raise click.UsageError("--part needs the column of the parts: pass --split NAME.")
    rows = all_rows(read) if part is None else rows_of_part(read, part)
    scores = measured(loaded, *taken(read, rows))
    which = f"{len(rows):,} rows" + (f" of the part {part!r}" if part is not None else ", all of the table")
    click.echo(json.dumps({"rows": len(rows)} | scores, indent=2) if as_json else f"{which}\n{lines(scores)}")
