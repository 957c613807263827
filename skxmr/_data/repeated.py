"""Rows by index: an image that several sentences describe is held once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from skxmr._data.kinds import AnyArray, IndexArray, RowKey, View, take
from skxmr._data.partial import PartialRows, refuse_missing


class IndexedRows:
    """Row j is row ``index[j]`` of a view of distinct rows, which is neither copied nor sliced."""

    def __init__(self, view: View, index: IndexArray) -> None:
        self.view = view
        self.index = index
        self.shape = (len(index), *view.shape[1:])
        self.ndim = len(self.shape)
        self.dtype = getattr(view, "dtype", None)

    @property
    def columns(self) -> Sequence[object]:
        """Column names of an indexed DataFrame; other views have no such attribute."""
        return self.view.columns

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: RowKey) -> View:
        if isinstance(rows, (int, np.integer)):
            return take(self.view, int(self.index[rows]))
        return IndexedRows(self.view, self.index[rows])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> AnyArray:
        if hasattr(self.view, "tocsr"):
            raise TypeError("a sparse view with an image_index is no array; take pairs.image.expanded().")
        return np.asarray(self.expanded(), dtype=dtype)

    def expanded(self) -> View:
        """Return the view with a copy of the distinct row for every row that shows it."""
        return take(self.view, self.index)

    def distinct(self) -> tuple[View, IndexArray]:
        """Return the distinct rows in use, in the order of the view, and the number of the one that each row shows."""
        used, position = np.unique(self.index, return_inverse=True)
        if len(used) == self.view.shape[0]:
            return self.view, position
        # Neighbouring rows are taken by a slice, which copies nothing.
        if len(used) and used[-1] - used[0] == len(used) - 1:
            return take(self.view, slice(int(used[0]), int(used[-1]) + 1)), position
        return take(self.view, used), position


def expand(view: View) -> View:
    """Return a view without an index; images that several rows share are repeated."""
    if isinstance(view, PartialRows):
        return view.holding(expand(view.present))
    return view.expanded() if isinstance(view, IndexedRows) else view


def distinct(view: View) -> tuple[View, IndexArray | None]:
    """Return the distinct rows of a view, and which of them each row shows; None means that rows share nothing."""
    if isinstance(view, PartialRows):
        refuse_missing(view, "image", "what asks which images are distinct")
    return view.distinct() if isinstance(view, IndexedRows) else (view, None)


def divides(groups: IndexArray, rows: AnyArray) -> bool:
    """Tell whether some rows are of a group that they do not hold as a whole."""
    there = np.bincount(groups)
    kept = np.bincount(groups[rows], minlength=len(there))
    return bool(((kept > 0) & (kept < there)).any())
