"""MeanRegions: one vector per image, for methods that do not take regions."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags

from skxmr._data.kinds import FloatArray, View
from skxmr._data.regions import Regions
from skxmr._data.repeated import distinct

# Images that are read together.
_BLOCK = 1024


class MeanRegions(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Mean of the features of an image's regions, for methods that take one vector per image.

    Used as ``PerModality(image=MeanRegions(), text=TfidfVectorizer())``. It learns nothing but the number of
    features, by which `get_feature_names_out` names its columns.

    Raises
    ------
    TypeError
        If X is neither `Regions` nor an array of three axes nor a list.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import MeanRegions, Regions
    >>> MeanRegions().fit_transform(Regions([np.eye(2), np.ones((1, 2))]))
    array([[0.5, 0.5],
           [1. , 1. ]])
    """

    def fit(self, X: View, y: object = None) -> Self:
        """Remember the number of features.

        Parameters
        ----------
        X : Regions, array of shape (n, r, d), or list of arrays of shape (r_i, d)
            Images.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        images = _checked(X)
        # One image tells the width of all.
        some = images if isinstance(images, Regions) else Regions(images[:1])
        self._n_features_out = some.shape[2]
        return self

    def transform(self, X: View) -> FloatArray:
        """Average the regions of each image.

        Parameters
        ----------
        X : Regions, array of shape (n, r, d), or list of arrays of shape (r_i, d)
            Images; a memory map is read in blocks.

        Returns
        -------
        ndarray of shape (n, d)
            float32 for features of float16 or float32, else float64.
        """
        _, index = distinct(X)
        images = _checked(X)
        means = _means(images if isinstance(images, Regions) else Regions(images))
        return means if index is None else means[index]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.requires_fit = False
        return tags


def _checked(X: View) -> View:
    """Return every image once, after a check that images have regions."""
    images, _ = distinct(X)
    if not isinstance(images, (Regions, list, tuple)) and getattr(images, "ndim", 0) != 3:
        raise TypeError(
            f"MeanRegions got a {type(images).__name__}; pass Regions, an array (n, regions, d), or a list with "
            "one array (regions, d) per image."
        )
    return images


def _means(regions: Regions) -> FloatArray:
    n, _, d = regions.shape
    out: FloatArray = np.empty((n, d), np.float32 if regions.dtype in (np.float16, np.float32) else np.float64)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        mask = regions.mask[rows]
        # Masked features may hold anything, even NaN. Without masked ones the mean is faster.
        exists = True if mask.all() else mask[:, :, None]
        regions.features[rows].mean(axis=1, dtype=out.dtype, where=exists, out=out[rows])
    return out
