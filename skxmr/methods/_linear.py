"""What linear methods share: centred projections of two views."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxmr._validation import FloatArray
from skxmr.base import CrossModalRetriever

Array = NDArray[np.float64]


class LinearRetriever(CrossModalRetriever):
    """Base of methods that end in one mean and one projection matrix per view.

    `_fit` sets `image_mean_`, `text_mean_`, `image_projection_` and `text_projection_`.
    """

    image_mean_: Array
    text_mean_: Array
    image_projection_: Array
    text_projection_: Array

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return project(X, self.image_mean_, self.image_projection_)

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return project(X, self.text_mean_, self.text_projection_)


def project(X: Any, mean: Array, projection: Array) -> FloatArray:
    """Return (X - mean) @ projection in the dtype of X, sparse X staying sparse."""
    W = projection.astype(X.dtype)
    if sp.issparse(X):
        return np.asarray(X @ W - (mean @ projection).astype(X.dtype))
    return np.asarray((X - mean.astype(X.dtype)) @ W)
