"""Ranked relevance with ties, block by block: what every retrieval measure is computed from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxmr._validation import FloatArray, check_k

Array = NDArray[np.float64]
_BLOCK = 2**22  # entries of the score matrix held at once: about 150 MB with the sort keys and temporaries


class Ties(NamedTuple):
    """Groups of equal scores, all (g,): `row` and first rank `start` (from 0), `size`, relevance `above`, `within`."""

    row: NDArray[np.intp]
    start: NDArray[np.intp]
    size: NDArray[np.intp]
    above: Array
    within: Array

    def spread(self, width: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return, for every tied item, its flat position in (b, width), its group and its place in the group."""
        group = np.repeat(np.arange(len(self.size)), self.size)
        place = np.arange(len(group)) - np.repeat(np.cumsum(self.size) - self.size, self.size)
        return (self.row * width + self.start)[group] + place, group, place


class Ranking(NamedTuple):
    """Relevance (b, m) in ranked order, best first, and the ties; None where no two scores are equal."""

    relevance: NDArray[Any]
    ties: Ties | None

    @property
    def n_relevant(self) -> Array:
        """Number of relevant items (b,)."""
        return self.relevance.sum(axis=1, dtype=np.float64)

    def expected(self) -> NDArray[Any]:
        """Return the expected relevance at each rank (b, m): the mean of the group where scores are equal."""
        if self.ties is None:
            return self.relevance
        out = self.relevance.astype(np.float64)
        position, group, _ = self.ties.spread(out.shape[1])
        out.flat[position] = (self.ties.within / self.ties.size)[group]
        return out


def evaluate(
    scores: Any,
    relevance: Any,
    measure: Callable[[Ranking], Array],
    k: int | None,
    exclude_self: bool,
    graded: bool = False,
) -> Array:
    """Return `measure` of each query (n,) after checking the cut-off k against the gallery."""
    scores, relevance = as_matrix(scores), as_matrix(relevance)
    check_k(k, check_matrices(scores, relevance, exclude_self)[1] - exclude_self)
    return per_query(scores, relevance, measure, exclude_self=exclude_self, graded=graded)


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
    scores: Any, relevance: Any, measure: Callable[[Ranking], Array], *, exclude_self: bool, graded: bool = False
) -> NDArray[np.float64]:
    """Walk the queries in blocks; return `measure` of each, shaped (n, ...).

    `scores` and `relevance` are (n, m) matrices sliced by rows. `measure` maps a :class:`Ranking` of b queries to an
    array of b rows, nan for queries without a relevant item.
    """
    n, m = check_matrices(scores, relevance, exclude_self)
    step = max(2, _BLOCK // max(m, 1))
    parts = []
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        S, R = _score_rows(scores, rows), _relevance_rows(relevance, rows, graded)
        if exclude_self:
            S, R = S.copy(), R.copy()
            own = np.arange(rows.start, rows.stop)
            S[own - start, own], R[own - start, own] = -np.inf, 0
        ranking = rank(S, R)
        parts.append(measure(_without_last(ranking) if exclude_self else ranking))
    return np.concatenate(parts)


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


def rank(scores: FloatArray, relevance: NDArray[Any]) -> Ranking:
    """Order the gallery of each query by falling score and find the ties."""
    if scores.dtype == np.float32 and relevance.dtype == np.bool_:
        keys = _packed_keys(scores, relevance)
        keys.sort(axis=1)
        ordered: NDArray[Any] = (keys & np.uint64(1)) == 0
        keys >>= np.uint64(1)
        tied = keys[:, 1:] == keys[:, :-1]
    else:
        order = np.argsort(-scores, axis=1)
        ordered = np.take_along_axis(relevance, order, axis=1)
        values = np.take_along_axis(scores, order, axis=1)
        tied = values[:, 1:] == values[:, :-1]
    return Ranking(ordered, _ties(ordered, tied) if tied.any() else None)


def _packed_keys(scores: NDArray[np.float32], relevance: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack score and relevance into one integer that rises as the score falls: a plain sort orders both at once."""
    bits = (scores + np.float32(0)).view(np.uint32)  # the sum turns -0.0 into 0.0
    falling = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFFFFFF))
    keys = falling.astype(np.uint64) << np.uint64(1)
    keys |= ~relevance
    return keys


def _ties(relevance: NDArray[Any], tied: NDArray[np.bool_]) -> Ties:
    """Collect the groups from `tied` (b, m - 1), which says of each item whether it equals the one before."""
    b, m = relevance.shape
    as_before, as_next = np.zeros((b, m), bool), np.zeros((b, m), bool)
    as_before[:, 1:] = as_next[:, :-1] = tied
    first, last = np.flatnonzero(as_next & ~as_before), np.flatnonzero(as_before & ~as_next)
    found = np.cumsum(relevance, axis=1, dtype=np.int32 if relevance.dtype == np.bool_ else np.float64).ravel()
    above = (found[first] - relevance.ravel()[first]).astype(np.float64)
    return Ties(first // m, first % m, last - first + 1, above, found[last] - above)


def _without_last(ranking: Ranking) -> Ranking:
    return Ranking(ranking.relevance[:, :-1], ranking.ties)


def _score_rows(scores: Any, rows: slice) -> FloatArray:
    S = scores[rows]
    S = S.toarray() if hasattr(S, "toarray") else np.asarray(S)
    if S.dtype not in (np.float32, np.float64):
        if S.dtype.kind not in "biuf":
            raise ValueError(f"scores must be real numbers; got dtype {S.dtype}.")
        S = S.astype(np.float64)
    if not np.isfinite(S).all():
        raise ValueError("scores contains NaN or infinite values; a ranking needs finite scores.")
    return S


def _relevance_rows(relevance: Any, rows: slice, graded: bool) -> NDArray[Any]:
    R = relevance[rows]
    R = R.toarray() if hasattr(R, "toarray") else np.asarray(R)
    if graded:
        if R.dtype.kind not in "biuf" or not (np.isfinite(R).all() and (R >= 0).all()):
            raise ValueError("relevance must hold finite gains of 0 or more.")
        return R.astype(np.float64)
    if R.dtype != np.bool_ and not np.isin(R, (0, 1)).all():
        raise ValueError("relevance must hold only 0 and 1 (or booleans); graded gains are for ndcg_at_k.")
    return R.astype(np.bool_)
