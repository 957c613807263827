"""Which gallery items are relevant to which queries, by rows that are computed when asked for.

Relevance comes from the labels of the rows that are scored, so labels unseen in training count; a retriever's
`classes_` belongs to its classifiers only.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from skxmr._data.kinds import BoolArray, LabelsLike
from skxmr._data.labels import Labels, encode_labels, in_columns
from skxmr._data.option_checks import check_k, flags_checked
from skxmr._data.row_groups import checked_groups
from skxmr.metrics._matrices import LazyMatrix, Relevance, as_host

Bits: TypeAlias = NDArray[np.unsignedinteger]

# Labels up to which those of an item are held as the bits of a few integers.
_BITS = 512
# Entries of the gallery's label matrix up to which it is held densely, in 64 MB.
_DENSE_LABELS = 2**24


class SharedLabels(LazyMatrix):
    """Relevance by labels: query i and gallery item j are relevant where they share at least one.

    Parameters
    ----------
    query_labels : multi-hot array or tensor, CSR, DataFrame, class ids or lists of tags of length n
        Labels of the queries.
    gallery_labels : same kind of length m, or None
        Labels of the gallery; None means the queries' own.
    graded : bool, default=False
        Give the number of shared labels as a float instead of whether there is one: the gains of an nDCG.

    Raises
    ------
    ValueError
        If labels cannot be read, unnamed columns differ in number, or only one side has label names.

    Examples
    --------
    >>> from skxmr.metrics import SharedLabels
    >>> SharedLabels([["sky"], ["sea", "sky"]], [["sea"], ["sky"]])[:]
    array([[False,  True],
           [ True,  True]])
    """

    @flags_checked
    def __init__(self, query_labels: LabelsLike, gallery_labels: LabelsLike = None, graded: bool = False) -> None:
        if gallery_labels is None or gallery_labels is query_labels:
            self.query = _encoded(query_labels, "query_labels").matrix
            self.gallery = self.query
        else:
            queries = _encoded(query_labels, "query_labels")
            self.query, self.gallery = _in_common_columns(queries, _encoded(gallery_labels, "gallery_labels"))
        self.shape = (self.query.shape[0], self.gallery.shape[0])
        self.graded = graded
        self._bits: Bits | None = None
        self._dense: NDArray[np.float32] | None = None
        if not graded and self.query.shape[1] <= _BITS:
            self._bits = _packed(self.gallery)
        elif np.prod(self.gallery.shape) <= _DENSE_LABELS:
            self._dense = self.gallery.astype(np.float32).toarray()

    @property
    def T(self) -> SharedLabels:
        names = np.arange(self.query.shape[1])
        return SharedLabels(Labels(self.gallery, names), Labels(self.query, names), self.graded)

    def _rows(self, rows: slice) -> Relevance:
        Q = self.query[rows]
        if self._bits is not None:
            return _common_bits(_packed(Q), self._bits)
        if self._dense is not None:
            shared = Q.astype(np.float32).toarray() @ self._dense.T
        else:
            shared = (Q @ self.gallery.T).toarray()
        return shared if self.graded else shared > 0


def _packed(labels: sp.csr_array) -> Bits:
    """Return the labels of n rows as the bits of w integers each, (w, n).

    Up to 64 labels take one integer of 8 to 64 bits, more labels take several of 64.
    """
    n, c = labels.shape
    size = next((bits for bits in (8, 16, 32) if c <= bits), 64)
    width = -(-c // size)
    packed = np.empty((width, n), f"u{size // 8}")
    for start in range(0, n, 4096):
        rows = slice(start, start + 4096)
        block = labels[rows]
        padded = np.zeros((block.shape[0], width * size), bool)
        padded[:, :c] = block.toarray()
        packed[:, rows] = np.packbits(padded, axis=1).view(packed.dtype).T
    return packed


def _common_bits(query: Bits, gallery: Bits) -> BoolArray:
    """Tell for each query (w, b) and gallery item (w, m) whether they have a bit in common, (b, m)."""
    out = np.empty((query.shape[1], gallery.shape[1]), bool)
    # Query by query, so that the integers stay in the cache.
    for own, row in zip(query.T, out, strict=True):
        common = gallery[0] & own[0]
        for i in np.flatnonzero(own[1:]) + 1:
            common |= gallery[i] & own[i]
        np.not_equal(common, 0, out=row)
    return out


def _in_common_columns(a: Labels, b: Labels) -> tuple[sp.csr_array, sp.csr_array]:
    """Bring two label matrices to common columns: by name where both have names, by position where none has."""
    if a.named != b.named:
        raise ValueError(
            "query_labels and gallery_labels must both have label names (tags, class ids, DataFrame) or both be "
            "multi-hot without names; columns cannot be matched otherwise."
        )
    if not a.named:
        if len(a.names) != len(b.names):
            raise ValueError(
                f"query_labels have {len(a.names)} columns but gallery_labels have {len(b.names)}; "
                "multi-hot columns without names must mean the same labels."
            )
        return a.matrix, b.matrix
    kinds = [{isinstance(name, str) for name in labels.names.tolist()} for labels in (a, b)]
    if not kinds[0] & kinds[1]:
        raise ValueError(
            f"query_labels are named like {a.names[0]!r} and gallery_labels like {b.names[0]!r}, so no two can be "
            "equal; pass both as strings or both as numbers."
        )
    column: dict[Hashable, int] = {}
    for name in [*a.names.tolist(), *b.names.tolist()]:
        column.setdefault(name, len(column))
    return in_columns(a, column), in_columns(b, column)


class SameGroup(LazyMatrix):
    """Relevance by group: query i and gallery item j are relevant where their groups are equal.

    The ground truth of image-text retrieval with several sentences per image: ``SameGroup(range(n), image_index)``.

    Parameters
    ----------
    query_groups : array-like of shape (n,)
        Integers or strings.
    gallery_groups : array-like of shape (m,)
        The same kind.

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

    def __init__(self, query_groups: ArrayLike, gallery_groups: ArrayLike) -> None:
        self.query = checked_groups(query_groups, "query_groups")
        self.gallery = checked_groups(gallery_groups, "gallery_groups")
        if (self.query.dtype.kind == "U") != (self.gallery.dtype.kind == "U"):
            raise ValueError(
                f"query_groups holds {self.query.dtype} and gallery_groups {self.gallery.dtype}, so no two can be "
                "equal; pass both as integers or both as strings."
            )
        self.shape = (len(self.query), len(self.gallery))

    @property
    def T(self) -> SameGroup:
        return SameGroup(self.gallery, self.query)

    def _rows(self, rows: slice) -> BoolArray:
        return np.asarray(self.query[rows][:, None] == self.gallery)


class SameRow(SameGroup):
    """Relevance by pair identity: only gallery item i is relevant to query i.

    Parameters
    ----------
    n : int
        Number of queries and of gallery items.

    Raises
    ------
    ValueError
        If n is not a positive integer.

    Examples
    --------
    >>> from skxmr.metrics import SameRow
    >>> SameRow(2)[:].tolist()
    [[True, False], [False, True]]
    """

    def __init__(self, n: int) -> None:
        check_k(n, optional=False, name="n")
        super().__init__(np.arange(n), np.arange(n))

    @property
    def T(self) -> SameRow:
        # Identity is symmetric.
        return self


def _encoded(labels: LabelsLike, name: str) -> Labels:
    """Binarise labels, which errors call by their name here."""
    try:
        return encode_labels(as_host(labels))
    except (TypeError, ValueError) as error:
        raise type(error)(re.sub(r"\blabels\b", name, str(error), count=1)) from error
