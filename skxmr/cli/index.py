"""``skxmr index``: the images or texts of a table as an index that is searched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skxmr.cli import options, progress
from skxmr.cli.command import Command
from skxmr.cli.tables import read_table, table_options

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from skxmr import RetrievalIndex

_BACKENDS = ("exact", "binary", "faiss", "lancedb")


@click.command(cls=Command)
@options.model
@options.table
@click.option("--out", type=options.FOLDER, required=True, help="Folder of the index, which also holds the model.")
@table_options
@click.option("--items", type=click.Choice(["images", "texts", "both"]), help="What is found; images if there are any.")
@click.option("--backend", type=click.Choice(_BACKENDS), default="exact", show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace an index that is there.")
@options.quiet
@options.trust
def index(
    model: Path,
    table: Path,
    out: Path,
    config: Path | None,
    items: str | None,
    backend: str,
    overwrite: bool,
    quiet: bool,
    trust: tuple[str, ...],
    **columns: str | None,
) -> None:
    """Make an index of the images or texts of a TABLE, by a saved MODEL.

    Images have their paths as ids, as the table names them. The columns of the table are conditions of a search.
    """
    import skxmr
    from skxmr.persistence._folder import check_replaceable
    from skxmr.search.files import files_of_index

    if not overwrite and out.is_dir() and any(out.iterdir()):
        raise click.UsageError(f"{str(out)!r} is not empty; pass --overwrite to replace an index, or another folder.")
    check_replaceable(out, files_of_index)
    loaded = skxmr.load(model, trusted=trust)
    read, run = read_table(table, config, columns)
    root = Path(columns["root"] or (run.table_arguments().get("root") if run else None) or table.parent)
    made = skxmr.RetrievalIndex(loaded, backend)
    if items != "texts" and read.pairs.image is not None:
        _add_images(made, read, root, quiet)
    if items in ("texts", "both") or read.pairs.image is None:
        _add_texts(made, read, quiet)
    made.save(out, overwrite=overwrite)
    click.echo(f"saved: {out}, {len(made):,} items")


def _add_images(made: RetrievalIndex, read: Bunch, root: Path, quiet: bool) -> None:
    """Add every image once, with what its first row says."""
    import numpy as np

    images, numbers = read.pairs.distinct_images()
    first = np.unique(numbers, return_index=True)[1]
    ids = [Path(os.path.relpath(path, root)).as_posix() for path in images]
    paths = [os.path.abspath(path) for path in images]
    columns = _columns(read, first)
    if read.pairs.text is not None:
        columns["caption"] = [str(read.pairs.text[i]) for i in first]
    for block in progress.blocks(len(paths), "image", quiet):
        some = {name: values[block] for name, values in columns.items()}
        made.add(image=paths[block], ids=ids[block], metadata=some or None)


def _add_texts(made: RetrievalIndex, read: Bunch, quiet: bool) -> None:
    import numpy as np

    rows = np.arange(len(read.ids))
    texts = [str(text) for text in read.pairs.text]
    ids = [f"row {i}" for i in rows] if read.ids.dtype.kind in "iu" else [str(value) for value in read.ids]
    columns = _columns(read, rows) | {"caption": texts}
    for block in progress.blocks(len(texts), "text", quiet):
        some = {name: values[block] for name, values in columns.items()}
        made.add(text=texts[block], ids=ids[block], metadata=some or None)


def _columns(read: Bunch, rows: Any) -> dict[str, list[str]]:
    """Return the tags and parts of rows, as metadata."""
    columns = {}
    if read.labels is not None:
        columns["tags"] = [";".join(str(tag) for tag in read.labels[i]) for i in rows]
    if read.split is not None:
        columns["part"] = [str(read.split[i]) for i in rows]
    return columns
