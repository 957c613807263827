"""Items as they are shown: pictures of images, and words of texts."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import IndexArray, View, n_rows, take
from skxmr._data.repeated import expand
from skxmr._data.sentences import Sentences
from skxmr._data.views import as_view

Picture: TypeAlias = NDArray[np.uint8]
# What a Display shows of an item: a path, an array or a PIL image is a picture, and a string is words.
Item: TypeAlias = Any
# The longer side in pixels at which pictures are kept.
_SIDE = 256


def shown_items(view: View, modality: str, rows: IndexArray) -> list[Item]:
    """Return what is shown of some rows of a view: pictures or words where it holds them, else their numbers."""
    own = take(view, rows)
    if modality == "text":
        return [words or f"text {row}" for words, row in zip(_words(own), rows.tolist(), strict=True)]
    if not holds_pictures(own):
        return [f"image {row}" for row in rows.tolist()]
    return [Path(item) if isinstance(item, str) else item for item in expand(own)]


def holds_pictures(view: View) -> bool:
    """Tell paths, arrays with height and width, and PIL images from features."""
    values = expand(view)
    if not isinstance(values, np.ndarray):
        return False
    if values.dtype.kind in "OU" and values.ndim == 1:
        first = values[0] if len(values) else []
        return first.ndim > 1 if isinstance(first, np.ndarray) else not isinstance(first, (list, tuple))
    return values.ndim in (3, 4) and not _is_sets(values)


def _is_sets(values: NDArray[Any]) -> bool:
    """Tell arrays (n, regions, d) of floats with negative or large values from pictures."""
    return values.dtype.kind == "f" and bool((values.min(initial=0) < 0) or (values.max(initial=0) > 1))


def _words(view: View) -> list[str]:
    """Return the words of texts; "" where there are only numbers."""
    if isinstance(view, Sentences):
        return [" ".join(view.tokens(i)) if view.readable else "" for i in range(len(view))]
    if getattr(view, "ndim", 1) == 1 and not hasattr(view, "toarray"):
        return [_joined(item) for item in view]
    return [""] * n_rows(view, "texts")


def _joined(item: object) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, (list, tuple)):
        return " ".join(map(str, item))
    return ""


def checked_view(view: View, name: str, wanted: set[int]) -> View:
    """Return pictures or words as a view that has one of the wanted numbers of rows."""
    found = as_view(view, name)
    if n_rows(found, name) not in wanted:
        numbers = " or ".join(str(n) for n in sorted(wanted))
        raise ValueError(f"{name} has {n_rows(found, name)} rows, but {numbers} are wanted: one per item.")
    return found


def pictures_of(items: Sequence[Item]) -> list[Item]:
    """Return items in which every picture is a small RGB array; words stay as they are."""
    return [item if isinstance(item, str) else _picture(item, i) for i, item in enumerate(items)]


def _picture(item: Item, i: int) -> Picture:
    from PIL.Image import Image

    from skxmr.features.images import read_image

    if not isinstance(item, (PathLike, np.ndarray, Image)):
        raise TypeError(
            f"item {i} is a {type(item).__name__}; what is shown is a string, or a picture as a path (pathlib.Path), "
            "an array or a PIL image."
        )
    image = read_image(item, "the picture" if isinstance(item, PathLike) else f"item {i}")
    image.thumbnail((_SIDE, _SIDE))
    return np.asarray(image)
