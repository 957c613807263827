"""Views of which some rows are missing: images without a text, and texts without an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skxmr._data.kinds import AnyArray, BoolArray, RowKey, View, take
from skxmr._data.tensors import asarray


class PartialRows:
    """A view of n rows of which some are missing; it holds only those that are there, so that nothing stands for them.

    It is no array: code that cannot do without the missing rows fails instead of reading something in their place.

    Parameters
    ----------
    present : view of k rows
        The rows that are there, in order.
    missing : bool array of shape (n,)
        True where a row is missing, in n - k places.
    """

    def __init__(self, present: View, missing: BoolArray) -> None:
        self.present = present
        self.missing = missing
        self.shape = (len(missing), *present.shape[1:])
        self.ndim = len(self.shape)
        self.dtype = getattr(present, "dtype", None)

    @property
    def columns(self) -> Sequence[object]:
        """Column names of the rows that are there; other views than a DataFrame have no such attribute."""
        return self.present.columns

    @property
    def rows(self) -> AnyArray:
        """The numbers (k,) of the rows that are there."""
        return np.flatnonzero(~self.missing)

    def __len__(self) -> int:
        return len(self.missing)

    def __getitem__(self, rows: RowKey) -> View:
        position = np.cumsum(~self.missing) - 1
        if isinstance(rows, (int, np.integer)):
            return None if self.missing[rows] else take(self.present, int(position[rows]))
        missing = self.missing[rows]
        own = take(self.present, position[rows][~missing])
        return PartialRows(own, missing) if missing.any() else own

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NoReturn:
        refuse_missing(self, "this view", "what reads it as an array")

    def holding(self, present: View) -> PartialRows:
        """Return the same rows with other values, such as features made of them."""
        return PartialRows(present, self.missing)


def refuse_missing(view: PartialRows, name: str, who: str) -> NoReturn:
    """Say that some rows of a view are missing, which something needs, and what can be done."""
    raise ValueError(
        f"{name} is missing in {int(view.missing.sum())} of {len(view)} rows, and {who} needs it in every row. Leave "
        "these rows out by pairs.complete(), or use a method that learns from them, such as SemanticMatching or DRCL."
    )


def present_rows(view: View) -> View:
    """Return the rows of a view that are not missing."""
    return view.present if isinstance(view, PartialRows) else view


def in_places(view: View, values: View) -> View:
    """Return what was made of the rows of a view that are not missing, in the places of these rows."""
    return view.holding(values) if isinstance(view, PartialRows) else values


def missing_rows(view: View, n: int) -> BoolArray:
    """Return which of n rows are missing in a view: all of them if there is no view."""
    if isinstance(view, PartialRows):
        return view.missing
    return np.full(n, view is None)


def absent_rows(like: View, n: int) -> PartialRows:
    """Return n missing rows of the kind of another view."""
    return PartialRows(take(present_rows(like), slice(0, 0)), np.ones(n, dtype=bool))


def checked_missing(missing: ArrayLike, name: str, n: int) -> BoolArray:
    """Return a mask (n,) of missing rows, given as `name`."""
    # A copy, so that what was checked cannot change.
    mask = np.array(asarray(missing, name))
    if mask.shape != (n,) or mask.dtype != bool:
        raise ValueError(
            f"{name} must hold one True or False for each of {n} rows; got {mask.dtype} of shape {mask.shape}. Of rows "
            "that are NaN throughout it is np.isnan(X).all(axis=1)."
        )
    return mask
