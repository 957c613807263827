"""Measures at a cut-off rank: precision, recall, hit rate, nDCG and the precision-scope curve."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from skxmr._data.kinds import Float64Array
from skxmr._data.option_checks import check_k, flags_checked
from skxmr._docstrings import documented_like
from skxmr.metrics._blocks import mean, per_query
from skxmr.metrics._gains import hit_probability
from skxmr.metrics._matrices import MatrixLike
from skxmr.metrics._ranking import Ranking


@documented_like(per_query)
@flags_checked
def precision_at_k(
    scores: MatrixLike,
    relevance: MatrixLike,
    k: int,
    *,
    average: bool = True,
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> float | Float64Array:
    """Share of relevant items among the first k.

    Parameters
    ----------
    k : int
        The cut-off rank, at most m.
    average : bool, default=True
        Return the mean over queries with relevant items instead of one value per query.

    Returns
    -------
    float, or ndarray of shape (n,)
        In [0, 1]; nan for a query without relevant items.

    Raises
    ------
    ValueError
        If shapes differ, scores are not finite, k exceeds the gallery or no query has a relevant item.

    Examples
    --------
    >>> from skxmr.metrics import precision_at_k
    >>> precision_at_k([[0.9, 0.5, 0.1]], [[1, 0, 1]], k=2)
    0.5
    """
    check_k(k, optional=False)

    def measure(ranking: Ranking) -> Float64Array:
        return ranking.expected()[:, :k].sum(axis=1) / k

    values = per_query(scores, relevance, measure, k=k, exclude_self=exclude_self, n_jobs=n_jobs)
    return mean(values) if average else values


@documented_like(precision_at_k)
@flags_checked
def recall_at_k(
    scores: MatrixLike,
    relevance: MatrixLike,
    k: int,
    *,
    average: bool = True,
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> float | Float64Array:
    """Share of a query's relevant items that are among the first k.

    Examples
    --------
    >>> from skxmr.metrics import recall_at_k
    >>> recall_at_k([[0.9, 0.5, 0.1]], [[1, 0, 1]], k=1)
    0.5
    """
    check_k(k, optional=False)

    def measure(ranking: Ranking) -> Float64Array:
        return ranking.expected()[:, :k].sum(axis=1) / np.maximum(ranking.n_relevant, 1)

    values = per_query(scores, relevance, measure, k=k, exclude_self=exclude_self, n_jobs=n_jobs)
    return mean(values) if average else values


@documented_like(precision_at_k)
@flags_checked
def hit_at_k(
    scores: MatrixLike,
    relevance: MatrixLike,
    k: int,
    *,
    average: bool = True,
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> float | Float64Array:
    """Whether a relevant item is among the first k; R@k of the fine-grained literature.

    Returns
    -------
    float, or ndarray of shape (n,)
        In [0, 1]: under ties the probability of a hit; nan for a query without relevant items.

    Examples
    --------
    >>> from skxmr.metrics import hit_at_k
    >>> hit_at_k([[0.9, 0.5], [0.9, 0.5]], [[1, 0], [0, 1]], k=1)
    0.5
    """
    check_k(k, optional=False)

    def measure(ranking: Ranking) -> Float64Array:
        return hit_probability(ranking, k)

    values = per_query(scores, relevance, measure, k=k, exclude_self=exclude_self, n_jobs=n_jobs)
    return mean(values) if average else values


@documented_like(precision_at_k)
@flags_checked
def ndcg_at_k(
    scores: MatrixLike,
    relevance: MatrixLike,
    k: int | None = None,
    *,
    average: bool = True,
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> float | Float64Array:
    """Normalised discounted cumulative gain: gains discounted by 1 / log2(rank + 1), over the best possible sum.

    Parameters
    ----------
    relevance : matrix of shape (n, m)
        Gains of 0 or more, e.g. booleans or ``SharedLabels(..., graded=True)``.
    k : int or None, default=None
        The cut-off rank; None ranks the whole gallery.

    Raises
    ------
    ValueError
        As :func:`precision_at_k`; also for negative gains.

    Examples
    --------
    >>> from skxmr.metrics import ndcg_at_k
    >>> round(ndcg_at_k([[0.9, 0.5, 0.1]], [[1, 0, 2]]), 3)
    0.76
    """

    def measure(ranking: Ranking) -> Float64Array:
        depth = ranking.relevance.shape[1] if k is None else k
        discount = 1 / np.log2(np.arange(2, depth + 2))
        best = -np.sort(-ranking.relevance, axis=1)[:, :depth] @ discount
        return ranking.expected()[:, :depth] @ discount / np.where(best > 0, best, 1)

    values = per_query(scores, relevance, measure, k=k, exclude_self=exclude_self, graded=True, n_jobs=n_jobs)
    return mean(values) if average else values


@documented_like(precision_at_k)
@flags_checked
def precision_scope(
    scores: MatrixLike,
    relevance: MatrixLike,
    scopes: Iterable[int],
    *,
    exclude_self: bool = False,
    n_jobs: int | None = None,
) -> Float64Array:
    """Precision at several cut-offs: the precision-scope curve of the cross-modal literature.

    Parameters
    ----------
    scopes : iterable of int
        The cut-off ranks, each at most m.

    Returns
    -------
    ndarray of shape (len(scopes),), float64
        Mean precision at each scope over the queries with relevant items.

    Examples
    --------
    >>> from skxmr.metrics import precision_scope
    >>> precision_scope([[0.9, 0.5, 0.1]], [[1, 0, 1]], scopes=[1, 2])
    array([1. , 0.5])
    """
    cuts = np.array(checked_cuts(scopes, "scopes"))
    deepest = int(cuts.max())

    def measure(ranking: Ranking) -> Float64Array:
        return np.cumsum(ranking.expected()[:, :deepest], axis=1)[:, cuts - 1] / cuts

    values = per_query(scores, relevance, measure, k=deepest, exclude_self=exclude_self, n_jobs=n_jobs)
    return np.array([mean(column) for column in values.T])


def checked_cuts(ks: Iterable[int], name: str) -> list[int]:
    """Return the cut-off ranks as a list, of one positive integer at least."""
    if not np.iterable(ks):
        raise TypeError(f"{name} is {ks}; pass a sequence of cut-off ranks, e.g. {name}=[1, 5, 10].")
    cuts = list(ks)
    if not cuts:
        raise ValueError(f"{name} is empty; at least one cut-off rank is needed.")
    for k in cuts:
        check_k(k, optional=False, name=f"each of {name}")
    return cuts
