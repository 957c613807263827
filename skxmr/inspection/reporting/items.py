"""What the hardest queries are, and what came first: pictures and captions where the rows hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from skxmr._data.kinds import View, take
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import expand
from skxmr._data.sentences import Sentences
from skxmr.inspection.reporting.cells import name
from skxmr.search.thumbnails import thumbnail

if TYPE_CHECKING:
    import pandas as pd

# By modality and row: the caption, or the image or its file; a row that is a vector has no entry.
Items = Mapping[tuple[str, int], object]


def shown_items(pairs: Pairs, queries: pd.DataFrame) -> Items:
    """Return the images and captions of queries and of what came first, where they are more than vectors."""
    found: dict[tuple[str, int], object] = {}
    for direction, row, first in queries[["direction", "row", "first"]].itertuples(index=False):
        query, _, item = direction.partition("_to_")
        for modality, place in ((query, row), (item, first)):
            value = _raw(getattr(pairs, modality), int(place))
            if value is not None:
                found[modality, int(place)] = value
    return found


def _raw(view: View, row: int) -> object:
    """Return a caption, a file or an image; None for rows of numbers, such as vectors and regions."""
    if isinstance(view, Sentences):
        return view[row] if view.readable else None
    shape = getattr(view, "shape", ())
    are_pictures = len(shape) == 4 or (len(shape) == 3 and getattr(view, "dtype", None) == np.uint8)
    if len(shape) != 1 and not are_pictures:
        return None
    return np.asarray(expand(take(view, slice(row, row + 1))))[0]


def item_html(items: Items, modality: str, row: int) -> str:
    """Return an item as HTML: its caption or a small picture, and its row."""
    where = f'<span class="row">row {row}</span>'
    value = items.get((modality, row))
    if value is None:
        return where
    if modality == "image":
        return f"{thumbnail(value)} {where}"
    return f"{name(value)} {where}"
