"""CodeSimilarity: what retrievers that make codes call the similarity of an image and a text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import Codes
from skxmr.metrics._matrices import LazyMatrix
from skxmr.metrics._similarity import Similarity


class CodeSimilarity(LazyMatrix):
    """Cosine of the signs of every query with those of every gallery item, by rows.

    That is ``1 - 2 h / n_bits`` for a Hamming distance h: 1 between equal codes, -1 between opposite ones. It ranks as
    the distance does, and equal distances are equal scores.

    Parameters
    ----------
    query : ndarray of shape (n, ceil(n_bits / 8)), uint8
        Packed codes.
    gallery : ndarray of shape (m, ceil(n_bits / 8)), uint8
        Packed codes of the items to rank.
    n_bits : int
        Number of bits of a code.
    """

    def __init__(self, query: Codes, gallery: Codes, n_bits: int) -> None:
        self.query = query
        self.gallery = gallery
        self.n_bits = n_bits
        self._negative = Similarity(query, gallery, "hamming")
        self.shape = self._negative.shape

    @property
    def T(self) -> CodeSimilarity:
        return CodeSimilarity(self.gallery, self.query, self.n_bits)

    def _rows(self, rows: slice) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self._negative[rows]
        scores *= np.float32(2 / self.n_bits)
        scores += 1
        return scores
