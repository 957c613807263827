"""The items of a table: images or texts with their ids and the columns that an index keeps of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import click

from skxmr.cli import progress

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from skxmr import RetrievalIndex

# The values of columns by their names, one per row.
Columns: TypeAlias = dict[str, list[Any]]
IMAGE = "image"
TEXT = "text"
# What --items may say, and the modalities that are meant.
KINDS = {"images": (IMAGE,), "texts": (TEXT,), "both": (IMAGE, TEXT)}

# What stands between the tags of an item in an index.
_SEPARATOR = ";"
_WAY_OUT = "rename it in the table, or leave the tags out by --labels -"


class Items(NamedTuple):
    """Paths of images, or texts."""

    modality: str
    rows: list[str]
    ids: list[str]
    columns: Columns


def items_of(table: Bunch, metadata: Columns, asked: str | None, root: Path, there: Sequence[str]) -> list[Items]:
    """Return the items that are asked for; else those of the modalities that are there already, or else images.

    `metadata` has one value per row of the table and column, and goes with them.
    """
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
    every = metadata | own_columns(table)
    return [_images(table, every, root) if modality == IMAGE else _texts(table, every) for modality in modalities]


def add_items(index: RetrievalIndex, items: Items, quiet: bool, replace: bool) -> int:
    """Add items block by block; return how many were added, or with `replace` also exchanged."""
    n = 0
    for block in progress.blocks(len(items.rows), items.modality, quiet):
        some = {name: values[block] for name, values in items.columns.items()}
        rows = {items.modality: items.rows[block]}
        n += len(index.add(**rows, ids=items.ids[block], metadata=some or None, replace=replace))
    return n


def own_columns(table: Bunch) -> Columns:
    """Return the captions, tags and parts of all rows, as columns of an index."""
    columns: Columns = {}
    if table.pairs.text is not None:
        columns["caption"] = [str(text) for text in table.pairs.text]
    if table.labels is not None:
        columns["tags"] = [joined(tags, _SEPARATOR, _WAY_OUT) for tags in table.labels]
    if table.split is not None:
        columns["part"] = [str(part) for part in table.split]
    return columns


def joined(tags: Sequence[object], sep: str, way_out: str) -> str:
    """Return tags as one string; refuse one that holds what stands between them."""
    words = [str(tag) for tag in tags]
    held = [word for word in words if sep in word]
    if held:
        raise ValueError(f"the tag {held[0]!r} holds {sep!r}, which separates tags; {way_out}.")
    return sep.join(words)


def _images(table: Bunch, columns: Columns, root: Path) -> Items:
    """Return every image once, with what its first row says."""
    import numpy as np

    images, numbers = table.pairs.distinct_images()
    first = np.unique(numbers, return_index=True)[1].tolist()
    ids = [Path(os.path.relpath(path, root)).as_posix() for path in images]
    some = {name: [values[i] for i in first] for name, values in columns.items()}
    return Items(IMAGE, [os.path.abspath(path) for path in images], ids, some)


def _texts(table: Bunch, columns: Columns) -> Items:
    are_counted = table.ids.dtype.kind in "iu"
    ids = [f"row {value}" if are_counted else str(value) for value in table.ids]
    return Items(TEXT, [str(text) for text in table.pairs.text], ids, columns)
