"""The walk over the queries in blocks.

A block holds up to 2^25 scores per thread, because the product itself gets slower with fewer than some 200 queries at
once. What follows the product is done a few rows at a time, in the cache. `n_jobs` gives blocks to threads, through
joblib, and holds BLAS to one thread meanwhile. The blocks do not depend on the number of threads, so every number gives
the same bits; the default leaves BLAS as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from skxmr._data.kinds import Float64Array
from skxmr._data.option_checks import check_k
from skxmr._data.view_checks import check_frames
from skxmr.metrics._matrices import (
    MatrixLike,
    as_matrix,
    check_matrices,
    check_scores,
    gain_rows,
    relevance_rows,
    unchecked_scores,
)
from skxmr.metrics._ranking import Ranking, rank

# Scores that a thread holds at once: 134 MB of float32.
_BLOCK = 2**25
# Queries multiplied at once where the block allows it: fewer cost more each, more are no faster.
_ROWS = 256
# Entries of the relevance held at once: 34 MB where they are gains.
_RELEVANT = 2**22
# Entries ranked at once, so that keys and temporaries stay in the cache.
_CACHED = 2**18


def mean(values: Float64Array) -> float:
    """Average over the queries that have a value."""
    answered = values[~np.isnan(values)]
    if len(answered) == 0:
        raise ValueError(
            "no query has a relevant item in the gallery, so there is nothing to average; "
            "check that the labels of queries and gallery overlap."
        )
    return float(answered.mean())


def per_query(
    scores: MatrixLike,
    relevance: MatrixLike,
    measure: Callable[[Ranking], Float64Array],
    *,
    k: int | None = None,
    exclude_self: bool = False,
    graded: bool = False,
    every_tie: bool = False,
    n_jobs: int | None = None,
) -> Float64Array:
    """Walk the queries in blocks; return `measure` of each, shaped (n, ...).

    `measure` maps a :class:`Ranking` of b queries to an array of b rows, which becomes nan for queries without a
    relevant item. The cut-off `k` is only checked against the gallery; measures that have one apply it themselves. The
    docstrings of the public measures take over the parameters described here.

    Parameters
    ----------
    scores : matrix of shape (n, m)
        Larger means closer.
    relevance : boolean matrix of shape (n, m)
        Which items are relevant.
    exclude_self : bool, default=False
        Leave gallery item i out of the ranking of query i, because they are the same thing.
    n_jobs : int or None, default=None
        Number of threads, each with blocks of queries, as in joblib: -1 means one per core, None means 1 unless a
        ``joblib.parallel_config`` says otherwise. BLAS then runs on one thread; any number gives the same bits.
    """
    check_frames(scores=scores, relevance=relevance)
    score_matrix = as_matrix(scores, "scores")
    relevance_matrix = as_matrix(relevance, "relevance")
    n, m = check_matrices(score_matrix, relevance_matrix, exclude_self)
    check_k(k, m - exclude_self)
    read = gain_rows if graded else relevance_rows

    def measured(block: slice) -> list[Float64Array]:
        S = unchecked_scores(score_matrix, block)
        parts = []
        for some in gen_batches(len(S), max(1, _RELEVANT // m)):
            start = block.start + some.start
            R = read(relevance_matrix, slice(start, block.start + some.stop))
            for few in gen_batches(len(R), max(1, _CACHED // m)):
                own = np.arange(start + few.start, start + few.stop) if exclude_self else None
                # Looked at here, where the ranking reads the same scores from the cache.
                cached = S[some][few]
                check_scores(cached)
                ranking = rank(cached, R[few], own, every_tie)
                values = measure(ranking)
                values[ranking.n_relevant == 0] = np.nan
                parts.append(values)
        return parts

    blocks = gen_batches(n, max(2, min(_BLOCK // m, max(_ROWS, _CACHED // m))))
    # None may mean more than one thread inside joblib.parallel_config.
    jobs = effective_n_jobs(n_jobs)
    if n_jobs is None and jobs == 1:
        return np.concatenate([part for block in blocks for part in measured(block)])
    # The last bits are the same for any number of threads only as long as BLAS does not split a product.
    with threadpool_limits(1, user_api="blas"):
        found = Parallel(n_jobs=jobs, require="sharedmem")(delayed(measured)(block) for block in blocks)
    return np.concatenate([part for parts in found for part in parts])
