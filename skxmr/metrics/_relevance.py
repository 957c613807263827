"""Which gallery items are relevant to which queries, by rows that are computed when asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxmr._data.labels import Labels, encode_labels
from skxmr._data.option_checks import check_k
from skxmr.metrics._devices import as_host

_WORDS = 512  # labels up to which an item's are held as the bits of a few words
_DENSE_LABELS = 2**24  # entries of the gallery's label matrix up to which it is held densely, in 64 MB


class SharedLabels:
    """Relevance by labels: query i and gallery item j are relevant where they share at least one.

    Parameters
    ----------
    query_labels : multi-hot array or tensor, CSR, DataFrame, class ids or lists of tags of length n
        Labels of the queries.
    gallery_labels : same kind of length m, or None
        Labels of the gallery; None means the queries' own.
    graded : bool, default=False
        Give the number of shared labels as a float instead of whether there is one: the gains of an nDCG.

    Attributes
    ----------
    shape : tuple of int
        ``(n, m)``.
    T : SharedLabels
        The same with the roles exchanged.

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

    def __init__(self, query_labels: Any, gallery_labels: Any = None, graded: bool = False) -> None:
        if gallery_labels is None or gallery_labels is query_labels:
            self.query = self.gallery = encode_labels(as_host(query_labels)).matrix
        else:
            self.query, self.gallery = _joint(
                encode_labels(as_host(query_labels)), encode_labels(as_host(gallery_labels))
            )
        self.shape = (self.query.shape[0], self.gallery.shape[0])
        self.graded = graded
        if not graded and self.query.shape[1] <= _WORDS:
            self._gallery: Any = _words(self.gallery)
        elif np.prod(self.gallery.shape) <= _DENSE_LABELS:
            self._gallery = self.gallery.astype(np.float32).toarray()
        else:
            self._gallery = self.gallery.T.tocsc()

    @property
    def T(self) -> SharedLabels:
        names = np.arange(self.query.shape[1])
        return SharedLabels(Labels(self.gallery, names), Labels(self.query, names), self.graded)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        Q = self.query[rows]
        if sp.issparse(self._gallery):
            shared = (Q @ self._gallery).toarray()
        elif self._gallery.dtype.kind == "u":
            return _common_bits(_words(Q), self._gallery)
        else:
            shared = Q.astype(np.float32).toarray() @ self._gallery.T
        return np.asarray(shared if self.graded else shared > 0)


class SameRow:
    """Relevance by pair identity: only gallery item i is relevant to query i.

    Parameters
    ----------
    n : int
        Number of queries and of gallery items.

    Raises
    ------
    ValueError
        If n is not a positive integer.

    Attributes
    ----------
    shape : tuple of int
        ``(n, n)``.
    T : SameRow
        The object itself: identity is symmetric.

    Examples
    --------
    >>> from skxmr.metrics import SameRow
    >>> SameRow(2)[:].tolist()
    [[True, False], [False, True]]
    """

    def __init__(self, n: int) -> None:
        check_k(n, optional=False, name="n")
        self.shape = (n, n)

    @property
    def T(self) -> SameRow:
        return self

    def __getitem__(self, rows: slice) -> NDArray[np.bool_]:
        index = np.arange(self.shape[0])
        return np.asarray(index[rows][:, None] == index)


def _words(labels: sp.csr_array) -> NDArray[Any]:
    """Return the labels of n rows as bits, one line a word (w, n): one word of 8 to 64 bits, or several of 64."""
    n, c = labels.shape
    size = next((bits for bits in (8, 16, 32, 64) if c <= bits), 64)
    count = -(-c // size)
    words = np.empty((count, n), f"u{size // 8}")
    for a in range(0, n, 4096):
        block = labels[a : a + 4096]
        bits = np.zeros((block.shape[0], count * size), bool)
        bits[:, :c] = block.toarray()
        words[:, a : a + 4096] = np.packbits(bits, axis=1).view(words.dtype).T
    return words


def _common_bits(query: NDArray[Any], gallery: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell for each query (w, b) and gallery item (w, m) whether they have a bit in common, (b, m)."""
    out = np.empty((query.shape[1], gallery.shape[1]), bool)
    for words, row in zip(query.T, out, strict=True):  # row by row, so that the words stay in the cache
        common = gallery[0] & words[0]
        for i in np.flatnonzero(words[1:]) + 1:
            common |= gallery[i] & words[i]
        np.not_equal(common, 0, out=row)
    return out


def _joint(a: Labels, b: Labels) -> tuple[sp.csr_array, sp.csr_array]:
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
    names = {name: i for i, name in enumerate(dict.fromkeys([*a.names.tolist(), *b.names.tolist()]))}
    return _spread(a, names), _spread(b, names)


def _spread(labels: Labels, names: dict[Any, int]) -> sp.csr_array:
    coo = labels.matrix.tocoo()
    columns = np.array([names[name] for name in labels.names.tolist()])[coo.coords[1]]
    return sp.csr_array((coo.data, (coo.coords[0], columns)), shape=(labels.matrix.shape[0], len(names)))


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
