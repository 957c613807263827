"""Similarity: scores of queries against gallery items, by rows that are computed when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from skxmr._data.codes import check_codes
from skxmr._data.kinds import Codes, FloatArray
from skxmr._data.option_checks import check_choice
from skxmr._data.view_checks import check_same_columns, check_view
from skxmr.metrics._array_scores import ArrayScores
from skxmr.metrics._code_scores import CodeScores
from skxmr.metrics._matrices import LazyMatrix, as_host, on_device

if TYPE_CHECKING:
    from torch import Tensor

    from skxmr.metrics._tensors import TensorScores

SIMILARITIES = ("cosine", "inner", "euclidean", "hamming")


class Similarity(LazyMatrix):
    """Similarity of every query with every gallery item, larger meaning closer, by rows.

    Parameters
    ----------
    query : array-like or tensor of shape (n, d)
        Embeddings, float32 or float64; scores have the wider of the two dtypes. For ``metric="hamming"`` codes: bits
        packed into uint8, of shape (n, n_bytes).
    gallery : array-like or tensor of shape (m, d)
        Embeddings of the items to rank. Arrays are not copied. Two torch tensors on CUDA are scored there, and average
        precisions of them are computed there; tensors on the CPU are taken as arrays.
    metric : {"cosine", "inner", "euclidean", "hamming"}, default="cosine"
        ``"euclidean"`` is the negative squared distance, computed in float64: never positive, and exactly 0 between
        equal rows. A zero row has cosine 0 with everything. ``"hamming"`` is the negative number of bits in which two
        codes differ, as float32, which is exact; codes lie in main memory.

    Notes
    -----
    Equal gallery rows get equal scores, to the last bit.

    Raises
    ------
    ValueError
        If the widths or devices differ, a value is not finite, the metric is unknown, or ``"hamming"`` is asked for of
        what is not uint8.
    TypeError
        If one side only is a tensor on CUDA, or codes are.

    Examples
    --------
    >>> from skxmr.metrics import Similarity
    >>> Similarity([[1.0, 0.0]], [[2.0, 0.0], [0.0, 3.0]])[:]
    array([[1., 0.]])
    """

    query: FloatArray | Codes | Tensor
    gallery: FloatArray | Codes | Tensor

    def __init__(self, query: ArrayLike | Tensor, gallery: ArrayLike | Tensor, metric: str = "cosine") -> None:
        self._set({"query": query, "gallery": gallery}, metric)

    def _set(self, views: Mapping[str, ArrayLike | Tensor], metric: str) -> None:
        """Keep two embeddings, which errors call by the names that the caller gave them."""
        check_choice(metric, "metric", SIMILARITIES)
        check_same_columns(**views)
        self.metric = metric
        self._scores = _scores(views, metric)
        self.query = self._scores.query
        self.gallery = self._scores.gallery
        widths = [self.query.shape[1], self.gallery.shape[1]]
        if widths[0] != widths[1]:
            first, second = views
            unit = "bytes" if metric == "hamming" else "dimensions"
            raise ValueError(
                f"{first} has {widths[0]} {unit} but {second} has {widths[1]}; both must come from the same model."
            )
        self.shape = (len(self.query), len(self.gallery))

    @property
    def T(self) -> Similarity:
        return Similarity(self.gallery, self.query, self.metric)

    def _rows(self, rows: slice) -> Any:
        return self._scores[rows]


def paired_similarity(image: ArrayLike | Tensor, text: ArrayLike | Tensor, metric: str) -> Similarity:
    """Return the similarity of the images of some items with their texts, which errors call image and text."""
    scores = object.__new__(Similarity)
    scores._set({"image": image, "text": text}, metric)
    n, m = scores.shape
    if n != m:
        raise ValueError(f"text has {m} rows but image has {n}; row i of both must describe the same item.")
    return scores


def _scores(views: Mapping[str, ArrayLike | Tensor], metric: str) -> ArrayScores | CodeScores | TensorScores:
    """Return the scores, computed where the embeddings are, after checking both."""
    if metric == "hamming":
        return CodeScores(*(_codes(view, name) for name, view in views.items()))
    if any(on_device(view) for view in views.values()):
        from skxmr.metrics import _tensors

        query, gallery = (_tensors.checked(view, name) for name, view in views.items())
        return _tensors.TensorScores(query, gallery, metric)
    first, second = views
    queries = _dense(views[first], first)
    # The lengths of the gallery, which cosines need, also tell whether a value is not finite.
    items = _dense(views[second], second, finite=metric != "cosine")
    return ArrayScores(queries, items, metric, second)


def _codes(view: ArrayLike | Tensor, name: str) -> Codes:
    if on_device(view):
        raise TypeError(
            f"{name} is a tensor on {view.device}, but metric='hamming' compares codes in main memory; pass "
            f"{name}.cpu()."
        )
    return check_codes(view, name)


def _dense(embeddings: ArrayLike | Tensor, name: str, finite: bool = True) -> FloatArray:
    # A model may have found no component; then all scores are 0.
    matrix = check_view(as_host(embeddings), name, min_width=0, finite=finite)
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix
