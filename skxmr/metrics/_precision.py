"""Average precision and its means: over queries, per class, in both directions."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skxmr._data.kinds import Float64Array, LabelsLike
from skxmr._data.labels import encode_labels
from skxmr._data.option_checks import check_choice, flags_checked
from skxmr._data.view_checks import check_same_index
from skxmr._docstrings import documented_like
from skxmr.metrics._blocks import mean, per_query
from skxmr.metrics._gains import precision_at_relevant
from skxmr.metrics._matrices import MatrixLike, as_matrix, on_device
from skxmr.metrics._ranking import Ranking
from skxmr.metrics._relevance import SameRow, SharedLabels
from skxmr.metrics._similarity import paired_similarity

TIES = ("expected", "sklearn")
DENOMINATORS = ("min", "relevant")


@documented_like(per_query)
@flags_checked
def average_precision(
    scores: MatrixLike,
    relevance: MatrixLike,
    *,
    k: int | None = None,
    ties: str = "expected",
    denominator: str = "min",
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> Float64Array:
    """Average precision of each query: the mean, over its relevant items, of the precision at their ranks.

    Parameters
    ----------
    scores : matrix of shape (n, m)
        Larger means closer. A tensor on CUDA, or a :class:`Similarity` of two of them, is ranked there.
    k : int or None, default=None
        Only the first k ranks contribute; None ranks the whole gallery.
    ties : {"expected", "sklearn"}, default="expected"
        ``"expected"``: a group of equal scores of size g with h relevant items after N others with H relevant adds
        ``sum_t h/g (H + 1 + (t-1)(h-1)/(g-1)) / (N + t)``, t = 1..g. ``"sklearn"``: the precision at the end of the
        group, as ``sklearn.metrics.average_precision_score``; not defined for a cut-off k.
    denominator : {"min", "relevant"}, default="min"
        With a cut-off, divide by min(k, number of relevant items), so that a perfect ranking has 1, or by the number
        of relevant items.

    Returns
    -------
    ndarray of shape (n,), float64
        In [0, 1]; nan for a query without relevant items.

    Raises
    ------
    ValueError
        If shapes differ, scores are not finite, k exceeds the gallery or an option is unknown.

    Examples
    --------
    >>> from skxmr.metrics import average_precision
    >>> average_precision([[0.9, 0.5, -0.1]], [[1, 0, 1]]).round(3)
    array([0.833])
    >>> average_precision([[0.5, 0.5]], [[1, 0]])  # either order is as likely: (1 + 1/2) / 2
    array([0.75])
    """
    check_choice(ties, "ties", TIES)
    check_choice(denominator, "denominator", DENOMINATORS)
    if ties == "sklearn" and k is not None:
        raise ValueError("ties='sklearn' is not defined for a cut-off k; use ties='expected'.")
    if on_device(getattr(scores, "query", scores)):
        from skxmr.metrics import _tensors

        return _tensors.average_precision(as_matrix(scores, "scores"), relevance, k, ties, denominator, exclude_self)

    def measure(ranking: Ranking) -> Float64Array:
        total = precision_at_relevant(ranking, k, ties)
        n_relevant = ranking.n_relevant
        ideal = n_relevant if k is None or denominator == "relevant" else np.minimum(n_relevant, k)
        return total / np.maximum(ideal, 1)

    every_tie = ties == "sklearn"
    return per_query(scores, relevance, measure, k=k, exclude_self=exclude_self, every_tie=every_tie, n_jobs=n_jobs)


@documented_like(average_precision)
@flags_checked
def mean_average_precision(
    scores: MatrixLike,
    relevance: MatrixLike,
    *,
    k: int | None = None,
    ties: str = "expected",
    denominator: str = "min",
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> float:
    """Mean of :func:`average_precision` over the queries that have a relevant item (mAP, mAP@k).

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        As :func:`average_precision`; also if no query has a relevant item.

    Examples
    --------
    >>> from skxmr.metrics import mean_average_precision
    >>> mean_average_precision([[0.9, 0.1], [0.2, 0.4]], [[1, 0], [1, 0]])
    0.75
    """
    values = average_precision(
        scores, relevance, k=k, ties=ties, denominator=denominator, exclude_self=exclude_self, n_jobs=n_jobs
    )
    return mean(values)


@documented_like(average_precision)
@flags_checked
def map_per_class(
    scores: MatrixLike,
    relevance: MatrixLike,
    labels: LabelsLike,
    *,
    k: int | None = None,
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> dict[Hashable, float]:
    """Mean average precision of the queries of each class.

    Parameters
    ----------
    labels : labels of the n queries
        Multi-hot, class ids or lists of tags; a query counts for each of its labels.

    Returns
    -------
    dict
        Label name to mAP; nan for a label whose queries have no relevant item.

    Raises
    ------
    ValueError
        As :func:`average_precision`; also if labels do not match the queries.

    Examples
    --------
    >>> from skxmr.metrics import map_per_class
    >>> map_per_class([[0.9, 0.1], [0.2, 0.4]], [[1, 0], [1, 0]], ["art", "music"])
    {'art': 1.0, 'music': 0.5}
    """
    check_same_index(scores=scores, relevance=relevance, labels=labels)
    ap = average_precision(scores, relevance, k=k, exclude_self=exclude_self, n_jobs=n_jobs)
    matrix, names, _ = encode_labels(labels)
    if matrix.shape[0] != len(ap):
        raise ValueError(f"labels has {matrix.shape[0]} rows but there are {len(ap)} queries.")
    return dict(zip(names.tolist(), means_per_class(ap, matrix).tolist(), strict=True))


def means_per_class(values: Float64Array, matrix: sp.csr_array) -> Float64Array:
    """Return the mean of values (n,) over the queries of each class (c,), by their labels (n, c); nan is no value."""
    there = ~np.isnan(values)
    sums = matrix.T @ np.where(there, values, 0.0)
    counts = matrix.T @ there.astype(np.float64)
    return np.divide(sums, counts, out=np.full(matrix.shape[1], np.nan), where=counts > 0)


@documented_like(average_precision)
@flags_checked
def cross_modal_map(
    image: ArrayLike,
    text: ArrayLike,
    labels: LabelsLike = None,
    *,
    metric: str = "cosine",
    k: int | None = None,
    ties: str = "expected",
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> dict[str, float]:
    """Mean average precision of image-to-text and text-to-image retrieval among the same items.

    Parameters
    ----------
    image, text : array-like or tensor of shape (n, d)
        Embeddings of the two views in the common space; for ``metric="hamming"`` packed codes.
    labels : labels of the n items, or None
        Relevant means sharing at least one label; None means that only the item's own other view is relevant.
    metric : {"cosine", "inner", "euclidean", "hamming"}, default="cosine"
        The similarity that ranks.
    k : int or None, default=None
        Only the first k ranks contribute, divided by min(k, number of relevant items); None ranks the whole gallery.

    Returns
    -------
    dict
        ``i2t_map``, ``t2i_map``, their mean ``map``, and ``i2t_skipped``, ``t2i_skipped``: how many queries had no
        relevant item and were left out.

    Raises
    ------
    ValueError
        If the views differ in shape, labels do not match, or no query has a relevant item.

    Examples
    --------
    >>> from skxmr.metrics import cross_modal_map
    >>> cross_modal_map([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.1], [0.1, 1.0]])["map"]
    1.0
    """
    check_same_index(image=image, text=text, labels=labels)
    scores = paired_similarity(image, text, metric)
    n = len(scores)
    relevance = SameRow(n) if labels is None else SharedLabels(encode_labels(labels))
    if len(relevance) != n:
        raise ValueError(f"labels has {len(relevance)} rows but image and text have {n}; one row per item is needed.")
    i2t = average_precision(scores, relevance, k=k, ties=ties, exclude_self=exclude_self, n_jobs=n_jobs)
    t2i = average_precision(scores.T, relevance.T, k=k, ties=ties, exclude_self=exclude_self, n_jobs=n_jobs)
    i2t_map = mean(i2t)
    t2i_map = mean(t2i)
    return {
        "i2t_map": i2t_map,
        "t2i_map": t2i_map,
        "map": (i2t_map + t2i_map) / 2,
        "i2t_skipped": int(np.isnan(i2t).sum()),
        "t2i_skipped": int(np.isnan(t2i).sum()),
    }
