"""Rows of a view by index: one image that several sentences share is held once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class IndexedRows:
    """Row j is row ``index[j]`` of a view, which is neither copied nor sliced.

    Parameters
    ----------
    view : array, CSR matrix or DataFrame of n rows
        The distinct rows.
    index : ndarray of shape (m,)
        Which of them each row is.
    """

    def __init__(self, view: Any, index: NDArray[np.intp]) -> None:
        self.view, self.index = view, index
        self.shape = (len(index), *view.shape[1:])
        self.ndim = len(self.shape)
        self.dtype = getattr(view, "dtype", None)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, (int, np.integer)):
            row = int(self.index[rows])
            return self.view.iloc[row] if hasattr(self.view, "iloc") else self.view[row]
        return IndexedRows(self.view, self.index[rows])

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if hasattr(self.view, "tocsr"):
            raise TypeError("a sparse view with an image_index is no array; take pairs.image.expanded().")
        return np.asarray(self.expanded(), dtype=dtype)

    def expanded(self) -> Any:
        """Return all rows, as often as they come."""
        return _take(self.view, self.index)

    def distinct(self) -> tuple[Any, NDArray[np.intp]]:
        """Return the rows that come at all, in the order of the view, and which of them each row is."""
        used, position = np.unique(self.index, return_inverse=True)
        if len(used) == self.view.shape[0]:
            return self.view, position
        if len(used) and used[-1] - used[0] == len(used) - 1:  # neighbours: a slice, which copies nothing
            return _take(self.view, slice(int(used[0]), int(used[-1]) + 1)), position
        return _take(self.view, used), position


def _take(view: Any, rows: NDArray[np.intp] | slice) -> Any:
    return view.iloc[rows] if hasattr(view, "iloc") else view[rows]
