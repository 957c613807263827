"""Matrices of queries against gallery items whose rows are computed when asked for.

A score or relevance matrix of 2,000 x 190,000 need never exist: the metrics slice rows, ``matrix[a:b]``, and take
these objects and plain arrays alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxmr._labels import Labels, encode_labels
from skxmr._validation import FloatArray, check_choice, check_k, check_view

SIMILARITIES = ("cosine", "inner", "euclidean")
_DENSE_LABELS = 2**24  # entries of the gallery's label matrix up to which it is held densely, in 64 MB


class Similarity:
    """Similarity of every query with every gallery item, larger meaning closer, by rows.

    Parameters
    ----------
    query : array-like of shape (n, d)
        Embeddings, float32 or float64; scores have the wider of the two dtypes.
    gallery : array-like of shape (m, d)
        Embeddings of the items to rank.
    metric : {"cosine", "inner", "euclidean"}, default="cosine"
        ``"euclidean"`` is the negative squared distance. A zero row has cosine 0 with everything.

    Attributes
    ----------
    shape : tuple of int
        ``(n, m)``.
    T : Similarity
        The same with the roles exchanged.

    Notes
    -----
    Equal gallery rows get equal scores, to the last bit.

    Raises
    ------
    ValueError
        If the widths differ, a value is not finite or the metric is unknown.

    Examples
    --------
    >>> from skxmr.metrics import Similarity
    >>> Similarity([[1.0, 0.0]], [[2.0, 0.0], [0.0, 3.0]])[:]
    array([[1., 0.]])
    """

    def __init__(self, query: Any, gallery: Any, metric: str = "cosine") -> None:
        check_choice(metric, "metric", SIMILARITIES)
        self.query = _dense(query, "query")
        self.gallery = _dense(gallery, "gallery")
        if self.query.shape[1] != self.gallery.shape[1]:
            raise ValueError(
                f"query has {self.query.shape[1]} dimensions but gallery has {self.gallery.shape[1]}; "
                "both must come from the same model."
            )
        self.metric = metric
        self.shape = (len(self.query), len(self.gallery))
        self._shift = np.zeros(1, self.gallery.dtype)
        if metric == "euclidean":  # distances do not change, but large common offsets would cancel badly
            self._shift = self.gallery.mean(axis=0)
        keys = _normalize(self.gallery) if metric == "cosine" else self.gallery - self._shift
        # Equal gallery rows must tie, but BLAS rounds the columns of one product differently: score each row once.
        self._keys, self._spread = _unique_rows(keys)
        self._squares = np.einsum("ij,ij->i", self._keys, self._keys)

    @property
    def T(self) -> Similarity:
        return Similarity(self.gallery, self.query, self.metric)

    def __getitem__(self, rows: slice) -> FloatArray:
        Q = _normalize(self.query[rows]) if self.metric == "cosine" else self.query[rows] - self._shift
        scores: FloatArray = Q @ self._keys.T
        if self.metric == "euclidean":
            scores *= 2
            scores -= self._squares
            scores -= np.einsum("ij,ij->i", Q, Q)[:, None]
        return scores if self._spread is None else scores[:, self._spread]


class SharedLabels:
    """Relevance by labels: query i and gallery item j are relevant where they share at least one.

    Parameters
    ----------
    query_labels : multi-hot array, CSR, DataFrame, class ids or lists of tags of length n
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
            self.query = self.gallery = encode_labels(query_labels).matrix
        else:
            self.query, self.gallery = _joint(encode_labels(query_labels), encode_labels(gallery_labels))
        self.shape = (self.query.shape[0], self.gallery.shape[0])
        self._narrow, self.graded = np.prod(self.gallery.shape) <= _DENSE_LABELS, graded
        self._gallery = self.gallery.astype(np.float32).toarray() if self._narrow else self.gallery.T.tocsc()

    @property
    def T(self) -> SharedLabels:
        names = np.arange(self.query.shape[1])
        return SharedLabels(Labels(self.gallery, names), Labels(self.query, names), self.graded)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        Q = self.query[rows]
        if self._narrow:
            shared = Q.astype(np.float32).toarray() @ self._gallery.T
        else:
            shared = (Q @ self._gallery).toarray()
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


def _dense(embeddings: Any, name: str) -> FloatArray:
    matrix: Any = check_view(embeddings, name, min_width=0)  # a model may have found no component: all scores are 0
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def _normalize(X: FloatArray) -> FloatArray:
    """Return rows of unit length; zero rows stay zero."""
    if X.shape[1] == 0:
        return X
    peak = np.maximum(X.max(axis=1), -X.min(axis=1))[:, None]  # so that squares neither overflow nor vanish
    X = X / np.where(peak > 0, peak, peak.dtype.type(1))
    norms = np.sqrt(np.einsum("ij,ij->i", X, X))[:, None]
    X /= np.where(norms > 0, norms, norms.dtype.type(1))  # in place: X is ours since the line above
    return X


def _unique_rows(X: FloatArray) -> tuple[FloatArray, NDArray[np.intp] | None]:
    """Return the distinct rows of X and, for every row, which of them it is; (X, None) where all are distinct."""
    X = np.ascontiguousarray(X)
    factors = np.random.default_rng(0).integers(2**64, size=X.shape[1], dtype=np.uint64) | np.uint64(1)
    step = max(1, 2**20 // max(1, X.shape[1]))
    hashes = np.concatenate([_mixed_bits(X[a : a + step]) @ factors for a in range(0, len(X), step)])
    _, first, spread = np.unique(hashes, return_index=True, return_inverse=True)
    return (X, None) if len(first) == len(X) else (X[first], spread)


def _mixed_bits(X: FloatArray) -> NDArray[np.uint64]:
    """Return the bits of X, mixed so that a random linear form of them is a 64-bit hash: integers round nothing."""
    bits = X.view(np.uint32 if X.dtype == np.float32 else np.uint64).astype(np.uint64)
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    return bits


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
