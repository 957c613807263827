"""Recalls and ranks of image-text retrieval, with one or several sentences per image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skxmr._data.kinds import Float64Array
from skxmr._data.option_checks import check_k, flags_checked
from skxmr._data.view_checks import check_frames
from skxmr._docstrings import documented_like
from skxmr.metrics._blocks import mean, per_query
from skxmr.metrics._cutoffs import checked_cuts
from skxmr.metrics._gains import expected_first, hit_probability
from skxmr.metrics._matrices import BlockedMatrix, MatrixLike, as_matrix, check_matrices, relevance_rows, score_rows
from skxmr.metrics._ranking import Ranking


@documented_like(per_query)
@flags_checked
def first_rank(
    scores: MatrixLike, relevance: MatrixLike, *, exclude_self: bool = False, n_jobs: int | None = None
) -> Float64Array:
    """Rank of the first relevant item, from 1.

    Returns
    -------
    ndarray of shape (n,), float64
        Under ties the expectation over their orders; nan for a query without relevant items.

    Raises
    ------
    ValueError
        If shapes differ or scores are not finite.

    Examples
    --------
    >>> from skxmr.metrics import first_rank
    >>> first_rank([[0.9, 0.5, 0.1], [0.2, 0.2, 0.1]], [[0, 1, 1], [1, 0, 0]])
    array([2. , 1.5])
    """
    return per_query(scores, relevance, expected_first, exclude_self=exclude_self, n_jobs=n_jobs)


@documented_like(first_rank)
@flags_checked
def median_rank(
    scores: MatrixLike, relevance: MatrixLike, *, exclude_self: bool = False, n_jobs: int | None = None
) -> float:
    """Median over the queries of :func:`first_rank` (MedR).

    Returns
    -------
    float
        At least 1; queries without relevant items are left out.

    Raises
    ------
    ValueError
        As :func:`first_rank`; also if no query has a relevant item.

    Examples
    --------
    >>> from skxmr.metrics import median_rank
    >>> median_rank([[0.9, 0.5, 0.1]], [[0, 1, 1]])
    2.0
    """
    ranks = first_rank(scores, relevance, exclude_self=exclude_self, n_jobs=n_jobs)
    # Raises the error for the case that no query has a relevant item.
    mean(ranks)
    return float(np.nanmedian(ranks))


@documented_like(per_query)
@flags_checked
def retrieval_recalls(
    scores: MatrixLike,
    relevance: MatrixLike,
    ks: Sequence[int] = (1, 5, 10),
    *,
    folds: int = 1,
    n_jobs: int | None = None,
) -> dict[str, float]:
    """Recalls of image-text retrieval in both directions: R@k, their mean mR, and median ranks.

    R@k is the share of queries with a relevant item among the first k. An image with five sentences is answered by any
    of them.

    Parameters
    ----------
    scores : matrix of shape (n, m)
        Similarity of every image with every text.
    relevance : boolean matrix of shape (n, m)
        Which texts belong to which images, e.g. ``SameGroup``.
    ks : sequence of int, default=(1, 5, 10)
        The cut-off ranks.
    folds : int, default=1
        Cut the images into this many equal runs, each with the texts that belong to it, and return the means over the
        runs: 5 on the 5,000 test images of MS-COCO is the 1K protocol.

    Returns
    -------
    dict
        ``i2t_r1``, ``i2t_r5``, ... and ``t2i_r1``, ... in [0, 1]; ``mr``, the mean of all these; ``i2t_median_rank``
        and ``t2i_median_rank``.

    Raises
    ------
    ValueError
        If shapes differ, a k exceeds a gallery, the images cannot be cut into equal runs, or no query has a relevant
        item.

    Examples
    --------
    >>> from skxmr.metrics import SameGroup, retrieval_recalls
    >>> found = retrieval_recalls([[0.9, 0.1, 0.3], [0.2, 0.8, 0.7]], SameGroup([0, 1], [0, 1, 0]), ks=[1, 2])
    >>> found["i2t_r1"], found["i2t_r2"], round(found["t2i_r1"], 3), round(found["mr"], 3)
    (1.0, 1.0, 0.667, 0.917)
    """
    check_frames(scores=scores, relevance=relevance)
    scores = as_matrix(scores, "scores")
    relevance = as_matrix(relevance, "relevance")
    n, m = check_matrices(scores, relevance, exclude_self=False)
    check_k(folds, optional=False, name="folds")
    if n % folds:
        raise ValueError(f"folds={folds}, but {n} images cannot be cut into that many equal runs.")
    cuts = checked_cuts(ks, "ks")
    if folds == 1:
        _check_galleries(cuts, n, m)
        return _both_directions(scores, relevance, cuts, n_jobs)
    parts = []
    for start in range(0, n, n // folds):
        rows = slice(start, start + n // folds)
        own = relevance_rows(relevance, rows)
        texts = np.flatnonzero(own.any(axis=0))
        _check_galleries(cuts, n // folds, len(texts), f" among images {rows.start} to {rows.stop - 1}")
        parts.append(_both_directions(score_rows(scores, rows)[:, texts], own[:, texts], cuts, n_jobs))
    return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}


def _check_galleries(cuts: list[int], images: int, texts: int, run: str = "") -> None:
    """Refuse a cut-off beyond the number of items that a direction ranks; `run` names the images if not all of them."""
    for direction, n, items in (("image-to-text", texts, "texts"), ("text-to-image", images, "images")):
        if max(cuts) > n:
            raise ValueError(
                f"ks holds {max(cuts)}, but {direction} retrieval{run} ranks {n} {items}; "
                f"choose smaller cut-offs{' or fewer folds' * bool(run)}."
            )


def _both_directions(
    scores: BlockedMatrix, relevance: BlockedMatrix, cuts: list[int], n_jobs: int | None
) -> dict[str, float]:
    def measure(ranking: Ranking) -> Float64Array:
        """Return the hits at each cut-off and the first relevant rank, (b, len(cuts) + 1)."""
        hits = [hit_probability(ranking, k) for k in cuts]
        return np.stack([*hits, expected_first(ranking)], axis=1)

    recalls: dict[str, float] = {}
    ranks: dict[str, float] = {}
    for name, S, R in (("i2t", scores, relevance), ("t2i", scores.T, relevance.T)):
        values = per_query(S, R, measure, n_jobs=n_jobs)
        for column, k in enumerate(cuts):
            recalls[f"{name}_r{k}"] = mean(values[:, column])
        ranks[f"{name}_median_rank"] = float(np.nanmedian(values[:, -1]))
    return {**recalls, "mr": float(np.mean(list(recalls.values()))), **ranks}
