"""Re-ranking by the way back: of the first texts, those that find the image early in turn come first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import FloatArray
from skxmr._data.option_checks import check_k
from skxmr.metrics._array_scores import steps
from skxmr.metrics._blocks import as_matrix, check_matrices, score_rows

_BLOCK = 2**24  # scores held at once


class Reranked:
    """Scores whose first k items a query are put in the order in which they find the query in turn.

    Of each query's k best items, the one to which the query is nearest among all queries comes first; equal places keep
    the order of their scores. The k best scores themselves stay, only who has them changes, and all other items stay
    behind. Cross-modal search is a good use: an item that is near to everything ("hub") loses its place.

    Parameters
    ----------
    scores : matrix of shape (n, m)
        Larger means closer: an array, :class:`Similarity`, or what a retriever's `similarity` returns. Read twice, in
        blocks.
    k : int, default=20
        How many items a query are put in another order, at most m. The paper does not give its number.

    Attributes
    ----------
    shape : tuple of int
        ``(n, m)``.
    T : matrix of shape (m, n)
        The way back as it was given: as in the paper, one direction is re-ranked. ``Reranked(scores.T)`` is the other.
    candidates : ndarray of shape (n, k)
        The items, best first.
    place : ndarray of shape (n, k)
        How many queries are nearer to a candidate than this one, in the order of `candidates`.

    Raises
    ------
    ValueError
        If scores are not finite or k exceeds m.

    References
    ----------
    Peng et al., "Relation-aggregated cross-graph correlation learning for fine-grained image-text retrieval", TNNLS
    2022, eqs. 24-27. Deviation: equally near queries share a place, where the paper leaves them in any order.

    Examples
    --------
    >>> from skxmr.metrics import Reranked
    >>> Reranked([[0.9, 0.8], [0.95, 0.1]], k=2)[:]  # the first item is nearer to the second query
    array([[0.8 , 0.9 ],
           [0.95, 0.1 ]])
    """

    def __init__(self, scores: Any, k: int = 20) -> None:
        self.scores = as_matrix(scores)
        n, m = self.shape = check_matrices(self.scores, self.scores, exclude_self=False)
        check_k(k, m, optional=False)
        found = np.empty((n, k), np.intp)
        for rows in steps(0, n, _BLOCK // m):
            found[rows] = _best(score_rows(self.scores, rows), k)
        place = _places(self.scores.T, found)
        order = np.argsort(place, axis=1, kind="stable")
        self.candidates, self.place = (np.take_along_axis(array, order, axis=1) for array in (found, place))
        self._before = found

    @property
    def T(self) -> Any:
        return self.scores.T

    def __getitem__(self, rows: slice) -> FloatArray:
        S = score_rows(self.scores, rows)
        falling = np.take_along_axis(S, self._before[rows], axis=1)
        S = S.copy()
        np.put_along_axis(S, self.candidates[rows], falling, axis=1)
        return S


def _best(S: FloatArray, k: int) -> NDArray[np.intp]:
    """Return the k best items of each row, best first; of equal ones the earlier first."""
    if k < S.shape[1]:
        kth = -np.partition(-S, k - 1, axis=1)[:, k - 1 : k]
        above = np.cumsum(S > kth, axis=1)[:, -1:]
        level = S == kth
        chosen = (S > kth) | (level & (np.cumsum(level, axis=1) <= k - above))
        found = np.nonzero(chosen)[1].reshape(len(S), k)
    else:
        found = np.broadcast_to(np.arange(k), S.shape)
    order = np.argsort(-np.take_along_axis(S, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def _places(backward: Any, found: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many queries are nearer to each candidate (n, k), by the scores (m, n) of the way back."""
    m, n = backward.shape
    place, item, query = np.empty(found.size, np.intp), found.ravel(), np.arange(found.size) // found.shape[1]
    by_item = np.argsort(item, kind="stable")
    bounds = np.searchsorted(item[by_item], np.arange(m + 1))
    for items in steps(0, m, _BLOCK // n):
        S = score_rows(backward, items)
        for j in range(items.start, items.stop):
            of_j = by_item[bounds[j] : bounds[j + 1]]
            if len(of_j):
                row = S[j - items.start]
                place[of_j] = n - np.searchsorted(np.sort(row), row[query[of_j]], side="right")
    return place.reshape(found.shape)
