"""Scores of codes by their Hamming distances: whole numbers, so that equal distances are equal scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from skxmr._data.codes import as_words, n_differing
from skxmr._data.kinds import Codes

# Items that are compared together, so that what is counted stays in the cache.
_ITEMS = 32_768


class CodeScores:
    """Negative Hamming distances of codes (n, n_bytes) and (m, n_bytes) by rows, as float32, which is exact."""

    def __init__(self, query: Codes, gallery: Codes) -> None:
        self.query = query
        self.gallery = gallery
        self._queries = as_words(query)
        # One row per word, so that all items are compared by one instruction after the other.
        self._columns = np.ascontiguousarray(as_words(gallery).T)

    def __getitem__(self, rows: slice) -> NDArray[np.float32]:
        queries = self._queries[rows]
        scores = np.empty((len(queries), len(self.gallery)), np.float32)
        for items in gen_batches(len(self.gallery), _ITEMS):
            columns = self._columns[:, items]
            for query, out in zip(queries, scores[:, items], strict=True):
                # Not the negative, which would be a zero of another sign.
                np.subtract(np.float32(0), n_differing(query, columns), out=out)
        return scores
