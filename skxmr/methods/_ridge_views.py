"""Ridge regressions of several targets on one view, one after the other: the view is factorised once."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from skxmr._data.kinds import Matrix
from skxmr._linalg.exactness import Array
from skxmr._linalg.moments import check_overflow, column_mean, scatter
from skxmr._linalg.rotation import rotated


class RidgeView:
    """A centred view X of n rows: it minimises ``|T - X P|^2 + penalty |P|^2`` over P for every T (n, r) it is given.

    The penalty is the ridge in units of the summed squares of a feature. A view of few rows is solved in coordinates of
    the space that these span, so that `coordinates` below are fewer than the features.
    """

    def __init__(self, X: Matrix, name: str, ridge: float, eps: float) -> None:
        self._view = rotated(X, eps)
        self._rows = self._view.rows
        self._mean = column_mean(self._rows)
        products = scatter(self._rows, self._mean, np.ones(self._rows.shape[0]), exact=True)
        check_overflow(products)
        self.penalty = ridge * self._view.share * float(np.trace(products)) / len(products)
        if self.penalty <= 0:
            raise ValueError(f"{name} does not vary: all rows are equal, so that nothing can be learned from them.")
        products[np.diag_indices_from(products)] += self.penalty
        self._factor = scipy.linalg.cho_factor(products, lower=True, overwrite_a=True, check_finite=False)
        self.mean = self._view.origin(self._mean)

    def fit(self, T: Array) -> Array:
        """Return P in coordinates (q, r)."""
        crossed = np.asarray(self._rows.T @ T) - np.outer(self._mean, T.sum(axis=0))
        return np.asarray(scipy.linalg.cho_solve(self._factor, crossed, overwrite_b=True, check_finite=False))

    def predict(self, P: Array) -> Array:
        """Return X P (n, r) for P in coordinates."""
        return np.asarray(self._rows @ P) - self._mean @ P

    def loss(self, T: Array, P: Array) -> float:
        """Return what P should minimise."""
        return float(((T - self.predict(P)) ** 2).sum() + self.penalty * (P**2).sum())

    def projection(self, P: Array) -> Array:
        """Return P for the features (d, r)."""
        return self._view.lift(P)
