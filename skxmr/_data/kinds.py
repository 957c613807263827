"""What kind of thing a view is, how many rows it has and what its columns are called."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxmr._data.repeated import IndexedRows

FloatArray = NDArray[np.floating[Any]]


MODALITIES = ("image", "text")


def is_frame(view: object) -> bool:
    """Tell a pandas object from an array without importing pandas."""
    return hasattr(view, "iloc")


def is_chunked(view: object) -> bool:
    """Tell a dask array without importing dask."""
    return type(view).__module__.startswith("dask.array")


def n_rows(view: Any) -> int:
    """Count the rows of an array, sparse matrix, frame or sequence."""
    shape = getattr(view, "shape", None)
    if shape:
        if is_chunked(view) and np.isnan(shape[0]):
            raise ValueError("a dask array has chunks of unknown length; call its compute_chunk_sizes() first.")
        return int(shape[0])
    rows = view if hasattr(view, "__len__") else np.asarray(view)
    if getattr(rows, "ndim", 1) == 0:
        raise TypeError(f"a {type(view).__name__} is not a sequence of rows; pass a list or an array.")
    return len(rows)


def memory_map(array: Any) -> np.memmap[Any, Any] | None:
    """Return the whole memory map that an array looks into, if it does."""
    found = None
    while isinstance(array, np.ndarray):
        found = array if isinstance(array, np.memmap) else found
        array = array.base
    return found


def column_names(view: Any) -> list[str] | None:
    """Return the column names of a DataFrame whose columns are all strings, else None."""
    view = view.view if isinstance(view, IndexedRows) else view
    names = list(view.columns) if hasattr(view, "columns") else []
    return names if names and all(isinstance(name, str) for name in names) else None
