"""Weighted and grouped sums of two centred views, in memory or by chunks."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from skxmr._linalg.chunks import total
from skxmr._linalg.moments import Array, Matrix, column_mean, grouped_sums, scatter


class WeightedRows:
    """Two views of the same rows, centred on their means.

    Parameters
    ----------
    X, T : ndarray of shape (n, d) or csr_array
        The views.
    """

    def __init__(self, X: Matrix, T: Matrix) -> None:
        self.views = X, T
        self.means: Any = column_mean(X), column_mean(T)

    def grouped(self, E: sp.csr_array) -> Any:
        """Return the sums (d, q) of both views for sparse E (n, q), such as labels or the membership of groups."""
        return tuple(grouped_sums(view, mean, E) for view, mean in zip(self.views, self.means, strict=True))

    def scattered(self, x_weights: Array, t_weights: Array) -> Any:
        """Return the weighted products (d, d) of each view with itself."""
        weights = x_weights, t_weights
        return tuple(scatter(*part) for part in zip(self.views, self.means, weights, strict=True))


class WeightedChunks:
    """The same of a `Pairs` of dask arrays, read once for the means and once for every sum."""

    def __init__(self, pairs: Any) -> None:
        self.pairs = pairs
        self.means: Any = tuple(sums / len(pairs) for sums in total(pairs, _column_sums, _added))

    def grouped(self, E: sp.csr_array) -> Any:
        """Return the sums (d, q) of both views."""
        return total(self.pairs, partial(_grouped, self.means), _added, [E])

    def scattered(self, x_weights: Array, t_weights: Array) -> Any:
        """Return the weighted products (d, d) of each view with itself."""
        return total(self.pairs, partial(_scattered, self.means), _added, [x_weights, t_weights])


def _added(sums: Any, more: Any) -> Any:
    return tuple(map(operator.add, sums, more))


def _column_sums(x: Matrix, t: Matrix) -> Any:
    return tuple(np.asarray(view.sum(axis=0, dtype=np.float64)).ravel() for view in (x, t))


def _grouped(means: Any, x: Matrix, t: Matrix, E: sp.csr_array) -> Any:
    return tuple(grouped_sums(view, mean, E) for view, mean in zip((x, t), means, strict=True))


def _scattered(means: Any, x: Matrix, t: Matrix, x_weights: Array, t_weights: Array) -> Any:
    return tuple(scatter(*part) for part in zip((x, t), means, (x_weights, t_weights), strict=True))
