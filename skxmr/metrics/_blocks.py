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
from skxmr._validation import FloatArray, check_choice, check_view

SIMILARITIES = ("cosine", "inner", "euclidean")
_DENSE_LABELS = 1024  # up to here a dense product of label rows is cheaper than a sparse one


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

    Raises
    ------
    ValueError
        If the widths differ, a row is not finite or the metric is unknown.

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
        self._gallery = _normalize(self.gallery) if metric == "cosine" else self.gallery
        self._squares = np.einsum("ij,ij->i", self.gallery, self.gallery) if metric == "euclidean" else None

    @property
    def T(self) -> Similarity:
        return Similarity(self.gallery, self.query, self.metric)

    def __getitem__(self, rows: slice) -> FloatArray:
        Q = self.query[rows]
        if self.metric == "cosine":
            Q = _normalize(Q)
        # A product with one row takes another path in BLAS, which scores identical gallery rows unequally.
        scores: FloatArray = Q @ self._gallery.T if len(Q) != 1 else (np.repeat(Q, 2, axis=0) @ self._gallery.T)[:1]
        if self._squares is not None:
            scores *= 2
            scores -= self._squares
            scores -= np.einsum("ij,ij->i", Q, Q)[:, None]
        return scores


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
        If labels cannot be read, or unnamed columns differ in number.

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
        narrow = self.query.shape[1] <= _DENSE_LABELS
        self._gallery = self.gallery.astype(np.float32).toarray() if narrow else self.gallery.T.tocsc()
        self._narrow, self.graded = narrow, graded

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
        self.shape = (n, n)

    @property
    def T(self) -> SameRow:
        return self

    def __getitem__(self, rows: slice) -> NDArray[np.bool_]:
        index = np.arange(self.shape[0])
        return np.asarray(index[rows][:, None] == index)


def _dense(embeddings: Any, name: str) -> FloatArray:
    matrix: Any = check_view(embeddings, name)
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def _normalize(X: FloatArray) -> FloatArray:
    norms = np.sqrt(np.einsum("ij,ij->i", X, X))[:, None]
    return np.asarray(X / np.where(norms > 0, norms, norms.dtype.type(1)))


def _joint(a: Labels, b: Labels) -> tuple[sp.csr_array, sp.csr_array]:
    """Bring two label matrices to common columns: by name where both have names, else by position."""
    if not (a.named and b.named):
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
