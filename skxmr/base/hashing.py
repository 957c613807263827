"""HashingRetriever: the base of retrievers that give every image and every text a code of a few bits."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import field

import numpy as np
from sklearn.utils import Tags

from skxmr._data.arguments import image_and_text
from skxmr._data.codes import packed
from skxmr._data.kinds import Codes, FloatArray, Matrix, View
from skxmr._docstrings import documented_like
from skxmr.base.embedding import CrossModalRetriever
from skxmr.metrics._code_similarity import CodeSimilarity


class HashingRetriever(CrossModalRetriever):
    """Base of retrievers that make codes: bits of images and texts, which are compared by their Hamming distance.

    The codes are packed into bytes as ``np.packbits`` does it: the first bit is the highest one of the first byte, and
    the last byte is filled up with zeros. ``np.unpackbits(codes, axis=1, count=n_bits_)`` gives the bits back. Many
    items have equal distances; the measures average over all orders of them, and an index orders them by id.

    A method overrides `_fit`, which sets `n_bits_`, and `_values`; both receive checked views only.

    Attributes
    ----------
    n_bits_ : int
        Number of bits of a code.
    """

    n_bits_: int = field(init=False)

    def encode_image(self, X: View) -> Codes:
        """Map images to codes.

        Parameters
        ----------
        X : array-like of shape (n, d_image), or Pairs
            Images alone are enough.

        Returns
        -------
        ndarray of shape (n, ceil(n_bits / 8)), uint8
            Packed bits.
        """
        return self._encode(X, "image")

    @documented_like(encode_image)
    def encode_text(self, X: View) -> Codes:
        """Map texts to codes.

        Parameters
        ----------
        X : array-like of shape (n, d_text), or Pairs
            Texts alone are enough.
        """
        return self._encode(X, "text")

    @documented_like(CrossModalRetriever.similarity)
    def similarity(self, image: View, text: View = None) -> FloatArray:
        """Agreement of the code of every image with that of every text: 1 less twice the share of bits that differ.

        Returns
        -------
        ndarray of shape (n, m), float32
            In [-1, 1]: the cosine of the bits as signs, 1 for equal codes. The Hamming distance is
            ``n_bits_ * (1 - similarity) / 2``.
        """
        image, text = image_and_text(image, text, "similarity")
        scores: FloatArray = CodeSimilarity(self.encode_image(image), self.encode_text(text), self.n_bits_)[:]
        return scores

    def _encode(self, X: View, name: str) -> Codes:
        return super()._encode(X, name).astype(np.uint8, copy=False)

    @abstractmethod
    def _values(self, X: Matrix, name: str) -> FloatArray:
        """Return a number per bit (n, n_bits_) for a checked view of that name; the bit is set if it is above 0."""

    def _encode_image(self, X: Matrix) -> Codes:
        return packed(self._values(X, "image") > 0)

    def _encode_text(self, X: Matrix) -> Codes:
        return packed(self._values(X, "text") > 0)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
