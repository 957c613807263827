"""Which rows of a Pairs belong together: those of one image, and those of one group."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components

from skxmr._data.kinds import AnyArray, IndexArray, RowKey, View
from skxmr._data.partial import PartialRows, present_rows
from skxmr._data.repeated import IndexedRows, divides
from skxmr._data.tensors import asarray

if TYPE_CHECKING:
    from skxmr._data.pairs import Pairs

GroupArray = NDArray[np.generic]


class RowGroups(NamedTuple):
    """Rows of one image have the same number in `image` (n,), rows of one group the same value in `given` (n,).

    None means that no two rows are known to share their image, or that no groups were given.
    """

    image: IndexArray | None = None
    given: GroupArray | None = None

    def of(self, rows: RowKey) -> RowGroups:
        """Return what is known of some rows."""
        image = None if self.image is None else self.image[rows]
        return RowGroups(image, None if self.given is None else self.given[rows])

    def completed(self, known: RowGroups) -> RowGroups:
        """Return these groups, and what is known of the same rows where these say nothing."""
        image = self.image
        shares_nothing = image is None or len(np.unique(image)) == len(image)
        if shares_nothing and known.image is not None:
            image = known.image
        return RowGroups(image, known.given if self.given is None else self.given)

    def numbers(self, n: int) -> IndexArray:
        """Return numbers (n,) that two rows share if their image or their group is the same."""
        if self.given is None:
            return np.arange(n) if self.image is None else self.image
        number = np.unique(self.given, return_inverse=True)[1]
        if self.image is None:
            return number
        # Rows are links between their group and their image.
        image = number.max(initial=0) + 1 + np.unique(self.image, return_inverse=True)[1]
        size = image.max(initial=0) + 1
        links = sp.coo_array((np.ones(n, dtype=bool), (number, image)), shape=(size, size))
        return connected_components(links, directed=False)[1][number]

    @property
    def are_apart(self) -> bool:
        """Whether nothing is known that rows could share, so that every row is a group of its own."""
        return self.image is None and self.given is None

    def count(self, n: int) -> int:
        """Return how many different groups n rows have."""
        return n if self.are_apart else len(np.unique(self.numbers(n)))

    def divided_by(self, rows: AnyArray, n: int) -> str:
        """Say what is divided if these of n rows are picked; an empty string if nothing is."""
        if self.are_apart or not divides(self.numbers(n), rows):
            return ""
        return "texts of one image" if self.given is None else "rows of one group"


def groups_of(image: View, groups: ArrayLike | None) -> RowGroups:
    """Return which rows share their image by the view, and the groups that the user gives."""
    return RowGroups(shown_index(image), None if groups is None else checked_groups(groups, "groups"))


def shown_index(image: View) -> IndexArray | None:
    """Return numbers (n,) that rows share if they show the same image by index; None if there is no index.

    Every row without an image has a number of its own.
    """
    if isinstance(image, IndexedRows):
        return image.index
    if not isinstance(image, PartialRows) or not isinstance(image.present, IndexedRows):
        return None
    own = image.present.index
    index = own.max(initial=-1) + 1 + np.arange(len(image))
    index[image.rows] = own
    return index


def checked_groups(groups: ArrayLike, name: str) -> GroupArray:
    """Return groups as an array of integers or strings."""
    found = asarray(groups, name)
    if found.ndim != 1 or len(found) == 0:
        raise ValueError(f"{name} has shape {found.shape}; one group for each of one or more items is needed.")
    if found.dtype.kind == "O" and all(isinstance(group, str) for group in found):
        found = found.astype(str)
    if found.dtype.kind not in "iuU":
        raise ValueError(f"{name} holds {found.dtype} values; groups are integers or strings.")
    return found


def stacked_groups(parts: list[Pairs]) -> RowGroups:
    """Return the groups of all parts.

    Rows of two parts share an image only if both parts index the same array, and a group if its value is the same.
    """
    shown = None
    if any(part._groups.image is not None for part in parts):
        numbers: dict[object, int] = {}
        keys = []
        for i, part in enumerate(parts):
            image = present_rows(part.image)
            own = numbers.setdefault(("own", i), len(numbers))
            source = own
            if isinstance(image, IndexedRows):
                source = numbers.setdefault(("indexed", id(image.view)), len(numbers))
            keys.append(np.stack([np.where(part.image_missing, own, source), part._image_numbers], axis=1))
        shown = np.unique(np.concatenate(keys), axis=0, return_inverse=True)[1].reshape(-1)
    return RowGroups(shown, _stacked_given(parts))


def _stacked_given(parts: list[Pairs]) -> GroupArray | None:
    given = [part._groups.given for part in parts]
    known = [values for values in given if values is not None]
    if not known:
        return None
    if len({values.dtype.kind == "U" for values in known}) > 1:
        raise ValueError("groups are integers in some parts and strings in others; rows of one group must share one.")
    number = np.unique(np.concatenate(known), return_inverse=True)[1]
    # Every row of a part without groups is one of its own.
    own = number.max(initial=0) + 1 + np.arange(sum(map(len, parts)))
    ends = np.cumsum([len(part) for part in parts])
    has_group = np.repeat([values is not None for values in given], np.diff(ends, prepend=0))
    own[has_group] = number
    return own
