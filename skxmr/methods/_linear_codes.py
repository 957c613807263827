"""What methods of hashing share whose bits are signs of linear projections."""

from __future__ import annotations

from dataclasses import field

from skxmr._data.kinds import FloatArray, Matrix
from skxmr._linalg.exactness import Array
from skxmr.base import HashingRetriever
from skxmr.methods._linear import project


class LinearHashing(HashingRetriever):
    """Base of methods that end in one mean and one projection per view; the signs of the products are the bits.

    `_fit` sets `n_bits_`, `image_mean_`, `text_mean_`, `image_projection_` and `text_projection_`.

    Attributes
    ----------
    image_projection_, text_projection_ : ndarray of shape (d, n_bits)
        What a centred view is multiplied by; a bit is set where the product is above 0.
    image_mean_, text_mean_ : ndarray of shape (d,)
        Column means.
    """

    image_mean_: Array = field(init=False)
    text_mean_: Array = field(init=False)
    image_projection_: Array = field(init=False)
    text_projection_: Array = field(init=False)

    def _values(self, X: Matrix, name: str) -> FloatArray:
        if name == "image":
            return project(X, self.image_mean_, self.image_projection_)
        return project(X, self.text_mean_, self.text_projection_)
