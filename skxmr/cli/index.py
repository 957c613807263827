"""``skxmr index``: the images or texts of a table as an index that is searched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skxmr.cli import options
from skxmr.cli.backends import BACKENDS, backend_options
from skxmr.cli.command import Command
from skxmr.cli.items import KINDS, Items, add_items, items_of
from skxmr.cli.metadata import ALL, asked_columns, metadata_of
from skxmr.cli.run_file import run_if_any
from skxmr.cli.tables import image_root, read_table, table_options

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from skxmr import RetrievalIndex


@click.command(cls=Command)
@options.model
@options.table
@click.option("--out", type=options.FOLDER, required=True, help="Folder of the index, which also holds the model.")
@table_options
@click.option("--metadata", multiple=True, metavar="NAME", help="Further columns that are kept; all unless given.")
@click.option("--items", type=click.Choice(list(KINDS)), help="What is found; images if there are any.")
@click.option("--backend", type=click.Choice(BACKENDS), help="What holds the vectors; exact unless given.")
@click.option("--option", multiple=True, metavar="KEY=VALUE", help="Of the backend, such as kind=hnsw; several times.")
@click.option("--overwrite", is_flag=True, help="Replace an index that is there.")
@click.option("--update", is_flag=True, help="Add to an index that is there what is new or has changed.")
@click.option("--remove-missing", is_flag=True, help="With --update: remove items that the table does not name.")
@options.quiet
@options.trust
def index(
    model: Path,
    table: Path,
    out: Path,
    config: Path | None,
    metadata: tuple[str, ...],
    items: str | None,
    backend: str | None,
    option: tuple[str, ...],
    overwrite: bool,
    update: bool,
    remove_missing: bool,
    quiet: bool,
    trust: tuple[str, ...],
    **columns: str | None,
) -> None:
    """Make an index of the images or texts of a TABLE, by a saved MODEL.

    Images have their paths as ids, as the table names them. The columns of the table are conditions of a search.
    """
    import skxmr
    from skxmr.cli import updating

    is_update = _is_there(out, overwrite, update, remove_missing) and update
    loaded = skxmr.load(model, trusted=trust)
    if is_update:
        made = updating.opened(out, model, trust)
        updating.check_backend(made, out, backend, option)
    else:
        made = _new(loaded, backend or "exact", option)
    run = run_if_any(config)
    asked = asked_columns(metadata, run)
    read = read_table(table, run, columns, asked)
    root = image_root(table, run, columns["root"])
    kept = metadata_of(read, table.name, is_asked=asked != ALL)
    found = items_of(read, kept, items, root, updating.modalities_of(made))
    if is_update:
        _update(made, found, out, remove_missing, quiet)
        return
    for some in found:
        add_items(made, some, quiet, replace=False)
    made.save(out, overwrite=overwrite)
    click.echo(f"saved: {out}, {len(made):,} items")


def _new(model: BaseEstimator, backend: str, option: tuple[str, ...]) -> RetrievalIndex:
    """Return an index without items; options that the backend does not take are a wrong call."""
    from skxmr import RetrievalIndex

    options = backend_options(backend, option)
    try:
        return RetrievalIndex(model, backend, options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _is_there(out: Path, overwrite: bool, update: bool, remove_missing: bool) -> bool:
    """Tell whether there is an index; refuse options that contradict one another or what is there."""
    from skxmr.persistence._folder import check_replaceable
    from skxmr.search.files import files_of_index

    if overwrite and update:
        raise click.UsageError("--overwrite makes the index anew, and --update adds to it; pass one of them.")
    if remove_missing and not update:
        raise click.UsageError("--remove-missing removes items of an index that is there; pass --update with it.")
    is_there = out.is_dir() and any(out.iterdir())
    if is_there and not (overwrite or update):
        raise click.UsageError(
            f"{str(out)!r} is not empty; pass --overwrite to replace it, --update to add to it, or another folder."
        )
    if not update:
        check_replaceable(out, files_of_index)
    return is_there


def _update(index: RetrievalIndex, found: list[Items], out: Path, remove_missing: bool, quiet: bool) -> None:
    """Add what is new or has changed, and save the index if there was any."""
    from skxmr.cli.updating import ids_not_in

    before = len(index)
    changed = 0
    for some in found:
        changed += add_items(index, some, quiet, replace=True)
    added = len(index) - before
    missing = ids_not_in(index, found)
    if missing and remove_missing:
        index.remove(missing)
    elif missing:
        click.echo(
            f"Note: {len(missing):,} items are not in the table, such as {missing[0]!r}, and stay; --remove-missing "
            "removes them.",
            err=True,
        )
    removed = len(missing) if remove_missing else 0
    if changed or removed:
        index.save(out)
    word = "saved" if changed or removed else "unchanged"
    counts = f"{added:,} added, {changed - added:,} replaced, {removed:,} removed"
    click.echo(f"{word}: {out}, {len(index):,} items ({counts})")
