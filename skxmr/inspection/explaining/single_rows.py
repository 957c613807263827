"""The query and the item of an explanation: one image or text each, in whatever form they come."""

from __future__ import annotations

from os import PathLike

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import MODALITIES, Frame, View
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import expand

# A modality, and a Pairs of one row that holds this modality alone.
SingleRow = tuple[str, Pairs]


def single_rows(query: View, item: View) -> tuple[SingleRow, SingleRow]:
    """Return the query and the item; where no `Pairs` tells, the query is an image and the item a text."""
    given = {"query": _held(query, "query"), "item": _held(item, "item")}
    names = _modalities(given["query"], given["item"])
    rows = []
    for (argument, pairs), name in zip(given.items(), names, strict=True):
        if not isinstance(pairs, Pairs):
            pairs = Pairs(**{name: _as_rows(pairs, argument)})
        if len(pairs) != 1:
            raise ValueError(
                f"{argument} has {len(pairs)} rows, and one image or text is explained at a time; pass one row, such "
                "as pairs[3:4]."
            )
        rows.append((name, Pairs(**{name: expand(getattr(pairs, name))})))
    return rows[0], rows[1]


def _held(value: View, argument: str) -> View:
    if value is None:
        raise ValueError(f"{argument} is missing; pass an image or a text, or a Pairs of one row that holds it.")
    return value


def _modalities(query: View, item: View) -> tuple[str, str]:
    """Return the modality of the query and that of the item."""
    of_query = _present(query)
    of_item = _present(item)
    if len(of_query) == 1 and len(of_item) == 1:
        return of_query[0], of_item[0]
    if len(of_query) == 1:
        return of_query[0], _other(of_query[0])
    if len(of_item) == 1:
        return _other(of_item[0]), of_item[0]
    if isinstance(query, Pairs) and isinstance(item, Pairs):
        raise ValueError(
            "query and item both hold an image and a text, so that it is open which is meant; pass the query as "
            "Pairs(pairs.image) or Pairs(text=pairs.text)."
        )
    return MODALITIES[0], MODALITIES[1]


def _present(value: View) -> list[str]:
    """Return the modalities that a value may be of."""
    if not isinstance(value, Pairs):
        return list(MODALITIES)
    return [name for name in MODALITIES if getattr(value, name) is not None]


def _other(name: str) -> str:
    return MODALITIES[1 - MODALITIES.index(name)]


def _as_rows(value: View, argument: str) -> View:
    """Return a single caption, file, image or vector as a view of one row; other values are views already."""
    if isinstance(value, (str, PathLike)) or _is_picture(value):
        return [value]
    dimensions = getattr(value, "ndim", 0)
    if sp.issparse(value) and dimensions == 1:
        return value.reshape(1, -1).tocsr()
    if isinstance(value, Frame) and dimensions == 1 and value.to_numpy().dtype.kind in "biuf":
        import pandas as pd

        return pd.DataFrame([value.to_numpy()], columns=list(value.index))
    if isinstance(value, np.ndarray) and dimensions == 1 and value.dtype.kind in "biuf":
        return value[None]
    if isinstance(value, (list, tuple)) and value and all(isinstance(number, (int, float)) for number in value):
        return np.asarray(value, dtype=float)[None]
    if not hasattr(value, "__len__") and not getattr(value, "shape", ()):
        raise TypeError(
            f"{argument} is {value!r}, a {type(value).__name__}; pass an image or a text, a view of one row, or a "
            "Pairs of one row. Ids are known to a RetrievalIndex only."
        )
    return value


def _is_picture(value: View) -> bool:
    """Tell an image of PIL and an array of 8-bit colours from rows of something else."""
    if hasattr(value, "getexif") and hasattr(value, "mode"):
        return True
    shape: tuple[int, ...] = getattr(value, "shape", ())
    return len(shape) == 3 and shape[2] in (3, 4) and getattr(value, "dtype", None) == np.uint8
