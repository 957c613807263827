"""Similarity: scores of queries against gallery items, by rows that are computed when asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import FloatArray
from skxmr._data.option_checks import check_choice
from skxmr._data.view_checks import check_view
from skxmr.metrics._array_scores import ArrayScores
from skxmr.metrics._devices import as_host, on_device

SIMILARITIES = ("cosine", "inner", "euclidean")


class Similarity:
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
        If the widths or devices differ, a value is not finite or the metric is unknown.
    TypeError
        If one side only is a tensor on CUDA.

    Examples
    --------
    >>> from skxmr.metrics import Similarity
    >>> Similarity([[1.0, 0.0]], [[2.0, 0.0], [0.0, 3.0]])[:]
    array([[1., 0.]])
    """

    def __init__(self, query: Any, gallery: Any, metric: str = "cosine") -> None:
        check_choice(metric, "metric", SIMILARITIES)
        if on_device(query) or on_device(gallery):
            from skxmr.metrics import _tensors

            self.query: Any = _tensors.checked(query, "query")
            self.gallery: Any = _tensors.checked(gallery, "gallery")
            scores: Any = _tensors.TensorScores
        else:
            self.query, self.gallery, scores = _dense(query, "query"), _dense(gallery, "gallery"), ArrayScores
        if self.query.shape[1] != self.gallery.shape[1]:
            raise ValueError(
                f"query has {self.query.shape[1]} dimensions but gallery has {self.gallery.shape[1]}; "
                "both must come from the same model."
            )
        self.metric = metric
        self.shape = (len(self.query), len(self.gallery))
        self._scores = scores(self.query, self.gallery, metric)

    @property
    def T(self) -> Similarity:
        return Similarity(self.gallery, self.query, self.metric)

    def __getitem__(self, rows: slice) -> FloatArray:
        return self._scores[rows]


def _dense(embeddings: Any, name: str) -> FloatArray:
    matrix: Any = check_view(
        as_host(embeddings), name, min_width=0
    )  # a model may have found no component: all scores are 0
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)
