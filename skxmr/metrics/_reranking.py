"""Re-ranking by the opposite direction: of an image's first texts, those for which the image ranks early come first."""

from __future__ import annotations

import numpy as np
from sklearn.utils import gen_batches

from skxmr._data.kinds import FloatArray, IndexArray
from skxmr._data.option_checks import check_k
from skxmr.metrics._matrices import BlockedMatrix, LazyMatrix, MatrixLike, as_matrix, check_matrices, score_rows

# Scores held at once.
_BLOCK = 2**24


class Reranked(LazyMatrix):
    """Scores whose first k items per query are reordered by how early each of them would retrieve the query.

    Of each query's k best items, the one comes first for which the fewest other queries are nearer than this query;
    items with equally many keep the order of their scores. The k best scores themselves stay, only the items that have
    them change, and all other items stay behind. It helps in cross-modal search: an item that is near to everything
    (a "hub") loses its rank.

    Parameters
    ----------
    scores : matrix of shape (n, m)
        Larger means closer: an array, :class:`Similarity`, or what a retriever's `similarity` returns. Read twice, in
        blocks.
    k : int, default=20
        How many items per query are put in another order, at most m. The paper does not give its number.

    Attributes
    ----------
    T : matrix of shape (m, n)
        The scores of the opposite direction, unchanged: as in the paper, only one direction is re-ranked.
        ``Reranked(scores.T)`` re-ranks the other.
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

    def __init__(self, scores: MatrixLike, k: int = 20) -> None:
        self.scores = as_matrix(scores, "scores")
        self.shape = check_matrices(self.scores, self.scores, exclude_self=False)
        check_k(k, self.shape[1], optional=False)
        best = _best_items(self.scores, k)
        place = _places(self.scores.T, best)
        order = np.argsort(place, axis=1, kind="stable")
        self.candidates = np.take_along_axis(best, order, axis=1)
        self.place = np.take_along_axis(place, order, axis=1)
        self._by_score = best

    @property
    def T(self) -> BlockedMatrix:
        return self.scores.T

    def _rows(self, rows: slice) -> FloatArray:
        S = score_rows(self.scores, rows)
        falling = np.take_along_axis(S, self._by_score[rows], axis=1)
        S = S.copy()
        np.put_along_axis(S, self.candidates[rows], falling, axis=1)
        return S


def _best_items(scores: BlockedMatrix, k: int, block: int = _BLOCK) -> IndexArray:
    """Return the k best items of each query (n, k), best first; of equal ones the earlier first."""
    n, m = scores.shape
    best = np.empty((n, k), np.intp)
    for rows in gen_batches(n, max(1, block // m)):
        best[rows] = _best_in_rows(score_rows(scores, rows), k)
    return best


def _best_in_rows(S: FloatArray, k: int) -> IndexArray:
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


def _places(backward: BlockedMatrix, best: IndexArray, block: int = _BLOCK) -> IndexArray:
    """Return how many queries are nearer to each candidate (n, k), by the scores (m, n) of the opposite direction."""
    m, n = backward.shape
    item = best.ravel()
    query = np.arange(best.size) // best.shape[1]
    # The entries of `best` in the order of their items, so that each row of `backward` is read once.
    by_item = np.argsort(item, kind="stable")
    bounds = np.searchsorted(item[by_item], np.arange(m + 1))
    place: IndexArray = np.empty(best.size, np.intp)
    for items in gen_batches(m, max(1, block // n)):
        S = score_rows(backward, items)
        for row, j in zip(S, range(items.start, items.stop), strict=True):
            entries = by_item[bounds[j] : bounds[j + 1]]
            if len(entries):
                place[entries] = n - np.searchsorted(np.sort(row), row[query[entries]], side="right")
    return place.reshape(best.shape)
