"""Relevance by group: an image and its own sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxmr.metrics._host import as_host


class SameGroup:
    """Relevance by group: query i and gallery item j are relevant where their groups are equal.

    The ground truth of image-text retrieval with several sentences an image: ``SameGroup(range(n), image_index)``.

    Parameters
    ----------
    query_groups : array-like of shape (n,)
        Integers or strings.
    gallery_groups : array-like of shape (m,)
        The same kind.

    Attributes
    ----------
    shape : tuple of int
        ``(n, m)``.
    T : SameGroup
        The same with the roles exchanged.

    Raises
    ------
    ValueError
        If a side is empty, not one-dimensional, or of another kind than the other.

    Examples
    --------
    >>> from skxmr.metrics import SameGroup
    >>> SameGroup(["a", "b"], ["a", "a", "b"])[:]
    array([[ True,  True, False],
           [False, False,  True]])
    """

    def __init__(self, query_groups: Any, gallery_groups: Any) -> None:
        self.query, self.gallery = _ids(query_groups, "query_groups"), _ids(gallery_groups, "gallery_groups")
        if (self.query.dtype.kind == "U") != (self.gallery.dtype.kind == "U"):
            raise ValueError(
                f"query_groups holds {self.query.dtype} and gallery_groups {self.gallery.dtype}, so no two can be "
                "equal; pass both as integers or both as strings."
            )
        self.shape = (len(self.query), len(self.gallery))

    @property
    def T(self) -> SameGroup:
        return SameGroup(self.gallery, self.query)

    def __getitem__(self, rows: slice) -> NDArray[np.bool_]:
        return np.asarray(self.query[rows][:, None] == self.gallery)


def _ids(groups: Any, name: str) -> NDArray[Any]:
    ids = np.asarray(as_host(groups))
    if ids.ndim != 1 or len(ids) == 0:
        raise ValueError(f"{name} has shape {ids.shape}; one group for each of one or more items is needed.")
    if ids.dtype.kind == "O" and all(isinstance(group, str) for group in ids):
        ids = ids.astype(str)
    if ids.dtype.kind not in "iuU":
        raise ValueError(f"{name} holds {ids.dtype} values; groups are integers or strings.")
    return ids
