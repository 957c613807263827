"""Metadata that users pass for items: one value per item and column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skxmr._data.kinds import Frame
from skxmr.search.columns import Values, checked_values
from skxmr.search.table import RESERVED

# Columns that an index fills itself.
OWN = ("item", "modality")


def checked_metadata(metadata: object, n: int) -> dict[str, Values]:
    """Return checked columns of n values each."""
    if metadata is None:
        return {}
    if isinstance(metadata, Frame) and metadata.ndim == 2:
        columns: dict[Any, Any] = {name: metadata.iloc[:, i].tolist() for i, name in enumerate(metadata.columns)}  # type: ignore[attr-defined]
        if len(columns) < len(metadata.columns):
            twice = metadata.columns[metadata.columns.duplicated()][0]
            raise ValueError(f"metadata has several columns {twice!r}; give them different names.")
    elif isinstance(metadata, Mapping):
        columns = dict(metadata)
    else:
        raise TypeError(
            f"metadata is a {type(metadata).__name__}; pass a data frame, or a dict with a list of values per column."
        )
    return {name: _column(name, values, n) for name, values in columns.items()}


def _column(name: object, values: Any, n: int) -> Values:
    if not isinstance(name, str):
        raise TypeError(f"metadata has a column {name!r}, a {type(name).__name__}; names of columns are strings.")
    if name in RESERVED or name in OWN or name.startswith("_"):
        raise ValueError(
            f"metadata has a column {name!r}, which hits have already; use another name, without _ in front."
        )
    # Sets have no order. A single value in an array, and a sparse matrix, have no length.
    is_list = hasattr(values, "__len__") and getattr(values, "ndim", 1) == 1
    if not is_list or isinstance(values, (str, bytes, set, frozenset, Mapping)):
        raise TypeError(f"metadata[{name!r}] is a {type(values).__name__}; pass a list with one value per item.")
    if len(values) != n:
        raise ValueError(f"metadata[{name!r}] has {len(values)} values, but there are {n} items; one each is needed.")
    return checked_values(values.tolist() if hasattr(values, "tolist") else list(values), name)
