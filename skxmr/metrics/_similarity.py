"""Similarity: scores of queries against gallery items, by rows that are computed when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from skxmr._data.kinds import FloatArray
from skxmr._data.option_checks import check_choice
from skxmr._data.view_checks import check_same_columns, check_view
from skxmr.metrics._array_scores import ArrayScores
from skxmr.metrics._matrices import LazyMatrix, as_host, on_device

if TYPE_CHECKING:
    from torch import Tensor

    from skxmr.metrics._tensors import TensorScores

SIMILARITIES = ("cosine", "inner", "euclidean")


class Similarity(LazyMatrix):
    """Similarity of every query with every gallery item, larger meaning closer, by rows.

    Parameters
    ----------
    query : array-like or tensor of shape (n, d)
        Embeddings, float32 or float64; scores have the wider of the two dtypes.
    gallery : array-like or tensor of shape (m, d)
        Embeddings of the items to rank. Arrays are not copied. Two torch tensors on CUDA are scored there, and average
        precisions of them are computed there; tensors on the CPU are taken as arrays.
    metric : {"cosine", "inner", "euclidean"}, default="cosine"
        ``"euclidean"`` is the negative squared distance. A zero row has cosine 0 with everything.

    Notes
    -----
    Equal gallery rows get equal scores, to the last bit.

    Raises
    ------
    ValueError
        If the widths or devices differ, a value is not finite or the metric is unknown.
    TypeError
        If one side only is a tensor on CUDA.

    Examples
    --------
    >>> from skxmr.metrics import Similarity
    >>> Similarity([[1.0, 0.0]], [[2.0, 0.0], [0.0, 3.0]])[:]
    array([[1., 0.]])
    """

    def __init__(self, query: ArrayLike | Tensor, gallery: ArrayLike | Tensor, metric: str = "cosine") -> None:
        check_choice(metric, "metric", SIMILARITIES)
        check_same_columns(query=query, gallery=gallery)
        self.metric = metric
        self._scores = _scores(query, gallery, metric)
        self.query = self._scores.query
        self.gallery = self._scores.gallery
        if self.query.shape[1] != self.gallery.shape[1]:
            raise ValueError(
                f"query has {self.query.shape[1]} dimensions but gallery has {self.gallery.shape[1]}; "
                "both must come from the same model."
            )
        self.shape = (len(self.query), len(self.gallery))

    @property
    def T(self) -> Similarity:
        return Similarity(self.gallery, self.query, self.metric)

    def _rows(self, rows: slice) -> Any:
        return self._scores[rows]


def _scores(query: ArrayLike | Tensor, gallery: ArrayLike | Tensor, metric: str) -> ArrayScores | TensorScores:
    """Return the scores, computed where the embeddings are, after checking both."""
    if on_device(query) or on_device(gallery):
        from skxmr.metrics import _tensors

        return _tensors.TensorScores(_tensors.checked(query, "query"), _tensors.checked(gallery, "gallery"), metric)
    return ArrayScores(_dense(query, "query"), _dense(gallery, "gallery"), metric)


def _dense(embeddings: ArrayLike | Tensor, name: str) -> FloatArray:
    # A model may have found no component; then all scores are 0.
    matrix = check_view(as_host(embeddings), name, min_width=0)
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix
