"""A step on pairs as scikit-learn's checks want it: the columns of one matrix are dealt out to the two views."""

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skxmr import Pairs


class SplitColumns(TransformerMixin, BaseEstimator):
    """Delegate to `step`: left half of X as image, right half as text; a single column serves as both."""

    def __init__(self, step=None):
        self.step = step

    def fit(self, X, y=None):
        X = validate_data(self, X, accept_sparse="csr", ensure_min_samples=2, dtype=[np.float64, np.float32])
        self.step_ = clone(self.step).fit(self._split(X), y)
        return self

    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)

    def transform(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False, dtype=[np.float64, np.float32])
        out = self.step_.transform(self._split(X))
        return np.hstack([v.toarray() if sp.issparse(v) else v for v in (out.image, out.text)])

    def _split(self, X):
        half = max(1, X.shape[1] // 2)
        return Pairs(X[:, :half], X[:, -half:])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = get_tags(self.step).target_tags.required
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
