"""The walk over the queries in blocks, and the checks of what is walked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from skxmr._data.kinds import FloatArray
from skxmr._data.option_checks import check_k
from skxmr.metrics._array_scores import steps
from skxmr.metrics._devices import as_host
from skxmr.metrics._keys import all_finite
from skxmr.metrics._ranking import Array, Ranking, rank

_BLOCK = 2**25  # entries of the score matrix held at once by a thread: 134 MB of float32
_ROWS = 256  # queries multiplied at once where the block allows: fewer cost more each, more are no faster
_RELEVANT = 2**22  # entries of the relevance held at once: 34 MB where they are gains
_CACHED = 2**18  # entries ranked at once, so that keys and temporaries stay in the cache


def evaluate(
    scores: Any,
    relevance: Any,
    measure: Callable[[Ranking], Array],
    k: int | None,
    exclude_self: bool,
    graded: bool = False,
    every_tie: bool = False,
    n_jobs: int | None = None,
) -> Array:
    """Return `measure` of each query (n,) after checking the cut-off k against the gallery."""
    scores, relevance = as_matrix(scores), as_matrix(relevance)
    check_k(k, check_matrices(scores, relevance, exclude_self)[1] - exclude_self)
    options: dict[str, Any] = {"exclude_self": exclude_self, "graded": graded}
    return per_query(scores, relevance, measure, **options, every_tie=every_tie, n_jobs=n_jobs)


def ratio(values: Array, ideal: Array) -> Array:
    """Divide where there is something to find; nan elsewhere."""
    return np.divide(values, ideal, out=np.full(len(values), np.nan), where=ideal > 0)


def mean(values: Array) -> float:
    """Average over the queries that have a value."""
    answered = values[~np.isnan(values)]
    if len(answered) == 0:
        raise ValueError(
            "no query has a relevant item in the gallery, so there is nothing to average; "
            "check that the labels of queries and gallery overlap."
        )
    return float(answered.mean())


def as_matrix(matrix: Any) -> Any:
    """Leave what can be sliced by rows; turn lists and frames into arrays."""
    if hasattr(matrix, "iloc") or isinstance(matrix, (list, tuple)):
        return np.asarray(matrix)
    return matrix.tocsr() if hasattr(matrix, "tocsr") else matrix


def per_query(
    scores: Any,
    relevance: Any,
    measure: Callable[[Ranking], Array],
    *,
    exclude_self: bool,
    graded: bool = False,
    every_tie: bool = False,
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    """Walk the queries in blocks; return `measure` of each, shaped (n, ...).

    `scores` and `relevance` are (n, m) matrices sliced by rows. `measure` maps a :class:`Ranking` of b queries to an
    array of b rows, nan for queries without a relevant item.
    """
    n, m = check_matrices(scores, relevance, exclude_self)

    def block(whole: slice) -> list[Array]:
        S, parts = score_rows(scores, whole), []
        for some in steps(whole.start, whole.stop, _RELEVANT // m):
            R = relevance_rows(relevance, some, graded)
            for rows in steps(some.start, some.stop, _CACHED // m):
                own = np.arange(rows.start, rows.stop) if exclude_self else None
                ranking = rank(S[_within(rows, whole)], R[_within(rows, some)], own, every_tie)
                parts.append(measure(ranking))
        return parts

    blocks = steps(0, n, max(2, min(_BLOCK // m, max(_ROWS, _CACHED // m))))
    jobs = effective_n_jobs(n_jobs)  # None may mean more than 1 inside joblib.parallel_config
    if n_jobs is None and jobs == 1:
        return np.concatenate([part for rows in blocks for part in block(rows)])
    # The blocks are the same for any number of threads, and so are the last bits as long as BLAS does not split them.
    with threadpool_limits(1, user_api="blas"):
        found = Parallel(n_jobs=jobs, require="sharedmem")(delayed(block)(rows) for rows in blocks)
    return np.concatenate([part for parts in found for part in parts])


def _within(rows: slice, whole: slice) -> slice:
    return slice(rows.start - whole.start, rows.stop - whole.start)


def check_matrices(scores: Any, relevance: Any, exclude_self: bool) -> tuple[int, int]:
    """Return (n, m) after checking that both matrices have that shape."""
    for name, matrix in (("scores", scores), ("relevance", relevance)):
        if len(getattr(matrix, "shape", ())) != 2:
            raise ValueError(f"{name} must be 2-D (queries, gallery); got {type(matrix).__name__}.")
    if tuple(scores.shape) != tuple(relevance.shape):
        raise ValueError(
            f"scores has shape {tuple(scores.shape)} but relevance has {tuple(relevance.shape)}; "
            "both must be (queries, gallery)."
        )
    n, m = scores.shape
    if n == 0 or m == 0:
        raise ValueError(f"scores has shape {(n, m)}; at least one query and one gallery item are needed.")
    if exclude_self and (n != m or m < 2):
        raise ValueError(f"exclude_self needs a gallery that is the queries, two or more; got shape {(n, m)}.")
    return n, m


def score_rows(scores: Any, rows: slice) -> FloatArray:
    """Return checked scores of some queries, as an array in main memory."""
    S = as_host(scores[rows])
    S = S.toarray() if hasattr(S, "toarray") else np.asarray(S)
    if S.dtype not in (np.float32, np.float64):
        if S.dtype.kind not in "biuf":
            raise ValueError(f"scores must be real numbers; got dtype {S.dtype}.")
        S = S.astype(np.float64)
    if not all_finite(S):
        raise ValueError("scores contains NaN or infinite values; a ranking needs finite scores.")
    return S


def relevance_rows(relevance: Any, rows: slice, graded: bool) -> NDArray[Any]:
    """Return checked relevance to some queries, boolean or gains, as an array in main memory."""
    R = as_host(relevance[rows])
    R = R.toarray() if hasattr(R, "toarray") else np.asarray(R)
    if graded:
        if R.dtype.kind not in "biuf" or not (np.isfinite(R).all() and (R >= 0).all()):
            raise ValueError("relevance must hold finite gains of 0 or more.")
        return R.astype(np.float64)
    if R.dtype != np.bool_ and not np.isin(R, (0, 1)).all():
        raise ValueError("relevance must hold only 0 and 1 (or booleans); graded gains are for ndcg_at_k.")
    return R.astype(np.bool_)
