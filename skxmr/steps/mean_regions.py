"""MeanRegions: one vector an image, for methods that know no regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skxmr._data.kinds import FloatArray
from skxmr._data.regions import Regions
from skxmr._data.repeated import IndexedRows

_BLOCK = 1024  # images that are read at a time


class MeanRegions(TransformerMixin, BaseEstimator):
    """Mean of the features of an image's regions: what methods that want one vector an image can be given.

    Used as ``PerModality(image=MeanRegions(), text=TfidfVectorizer())``. It learns nothing.

    Raises
    ------
    TypeError
        If X is neither `Regions`, nor an array of three axes, nor a list.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import MeanRegions, Regions
    >>> MeanRegions().fit_transform(Regions([np.eye(2), np.ones((1, 2))]))
    array([[0.5, 0.5],
           [1. , 1. ]])
    """

    def fit(self, X: Any, y: Any = None) -> MeanRegions:
        """Do nothing.

        Parameters
        ----------
        X : Regions, array of shape (n, r, d), or list of arrays of shape (r_i, d)
            Images.
        y : object
            Ignored.

        Returns
        -------
        self
        """
        return self

    def transform(self, X: Any) -> FloatArray:
        """Average.

        Parameters
        ----------
        X : Regions, array of shape (n, r, d), or list of arrays of shape (r_i, d)
            Images; a memory map is read a block at a time.

        Returns
        -------
        ndarray of shape (n, d)
            float32 for float32 features, else float64.
        """
        if isinstance(X, IndexedRows):  # an image that several rows share is averaged once
            images, index = X.distinct()
            means: FloatArray = self.transform(images)[index]
            return means
        if not isinstance(X, (Regions, list, tuple)) and getattr(X, "ndim", 0) != 3:
            raise TypeError(
                f"MeanRegions got a {type(X).__name__}; pass Regions, an array (n, regions, d), or a list of one array "
                "(regions, d) an image."
            )
        regions = X if isinstance(X, Regions) else Regions(X)
        n, _, d = regions.shape
        out = np.empty((n, d), np.float32 if regions.dtype == np.float32 else np.float64)
        for start in range(0, n, _BLOCK):
            rows = slice(start, start + _BLOCK)
            mask = regions.mask[rows]
            there: Any = True if mask.all() else mask[:, :, None]  # what is masked may be anything, NaN too
            regions.features[rows].mean(axis=1, dtype=out.dtype, where=there, out=out[rows])
        return out

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        tags.requires_fit = False
        return tags
