"""The items of a table: images or texts with their ids and the columns that an index keeps of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from skxmr.cli import progress

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from skxmr import RetrievalIndex

IMAGE = "image"
TEXT = "text"
# What --items may say, and the modalities that are meant.
KINDS = {"images": (IMAGE,), "texts": (TEXT,), "both": (IMAGE, TEXT)}


class Items(NamedTuple):
    """Paths of images, or texts."""

    modality: str
    rows: list[str]
    ids: list[str]
    columns: dict[str, list[Any]]


def items_of(table: Bunch, asked: str | None, root: Path, there: Sequence[str]) -> list[Items]:
    """Return the items that are asked for; else those of the modalities that are there already, or else images."""
    if asked is not None:
        modalities: Sequence[str] = KINDS[asked]
    else:
        modalities = there or ((TEXT,) if table.pairs.image is None else (IMAGE,))
    for modality in modalities:
        if getattr(table.pairs, modality) is None:
            raise click.UsageError(
                f"{modality}s are to be found, but the table is read without a column of them; name it by "
                f"--{modality} NAME, or say by --items what is to be found."
            )
    return [_images(table, root) if modality == IMAGE else _texts(table) for modality in modalities]


def add_items(index: RetrievalIndex, items: Items, quiet: bool, replace: bool) -> int:
    """Add items block by block; return how many were added, or with `replace` also exchanged."""
    n = 0
    for block in progress.blocks(len(items.rows), items.modality, quiet):
        some = {name: values[block] for name, values in items.columns.items()}
        rows = {items.modality: items.rows[block]}
        n += len(index.add(**rows, ids=items.ids[block], metadata=some or None, replace=replace))
    return n


def _images(table: Bunch, root: Path) -> Items:
    """Return every image once, with what its first row says."""
    import numpy as np

    images, numbers = table.pairs.distinct_images()
    first = np.unique(numbers, return_index=True)[1]
    ids = [Path(os.path.relpath(path, root)).as_posix() for path in images]
    columns = _columns(table, first)
    if table.pairs.text is not None:
        columns["caption"] = [str(table.pairs.text[i]) for i in first]
    return Items(IMAGE, [os.path.abspath(path) for path in images], ids, columns)


def _texts(table: Bunch) -> Items:
    import numpy as np

    rows = np.arange(len(table.ids))
    texts = [str(text) for text in table.pairs.text]
    ids = [f"row {i}" for i in rows] if table.ids.dtype.kind in "iu" else [str(value) for value in table.ids]
    return Items(TEXT, texts, ids, _columns(table, rows) | {"caption": texts})


def _columns(table: Bunch, rows: Any) -> dict[str, list[Any]]:
    """Return the tags and parts of rows, as metadata."""
    columns: dict[str, list[Any]] = {}
    if table.labels is not None:
        columns["tags"] = [";".join(str(tag) for tag in table.labels[i]) for i in rows]
    if table.split is not None:
        columns["part"] = [str(table.split[i]) for i in rows]
    return columns
