"""A step on pairs as scikit-learn's checks want it: the columns of one matrix are dealt out to the two views."""

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skxmr import Pairs


class SplitColumns(TransformerMixin, BaseEstimator):
    """Delegate to `step`: left half of X as image, right half as text; a single column serves as both.

    Nothing is validated here, so that the checks of bad input meet the library's own.
    """

    def __init__(self, step=None):
        self.step = step

    def fit(self, X, y=None):
        width = np.asarray(X).shape[-1] if not hasattr(X, "shape") else X.shape[-1]
        self.n_image_ = max(1, width // 2)
        # Where both views must have the same width, the middle one of an odd number of columns belongs to neither.
        self.skipped_ = width % 2 if width > 1 and getattr(self.step, "_equal_widths", False) else 0
        self.step_ = clone(self.step).fit(self._split(X), y)
        self.n_features_in_ = width
        return self

    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)

    def transform(self, X):
        check_is_fitted(self)
        out = self.step_.transform(self._split(X))
        return np.hstack([v.toarray() if sp.issparse(v) else np.asarray(v) for v in (out.image, out.text)])

    def _split(self, X):
        if hasattr(X, "iloc"):
            return Pairs(X.iloc[:, : self.n_image_], X.iloc[:, self.n_image_ + self.skipped_ :])
        X = X.tocsr() if sp.issparse(X) else np.asarray(X)
        if X.ndim != 2 or X.shape[1] <= 1:
            return Pairs(X, X)
        return Pairs(X[:, : self.n_image_], X[:, self.n_image_ + self.skipped_ :])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.step)
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.target_tags.required = inner.target_tags.required
        tags.transformer_tags.preserves_dtype = inner.transformer_tags.preserves_dtype
        return tags
