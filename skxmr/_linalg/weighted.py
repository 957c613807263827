"""Weighted and grouped sums of two centred views, in memory or by chunks."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import Chunked, Matrix
from skxmr._data.pairs import Pairs
from skxmr._linalg.chunks import total
from skxmr._linalg.moments import Array, column_mean, grouped_sums, scatter

# One array per view.
Both: TypeAlias = tuple[Array, Array]


class CentredRows:
    """Two views, centred on their means; dask arrays are read once for the means and once for every sum."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        if isinstance(pairs.image, Chunked):
            x_sums, t_sums = total(pairs, _column_sums, _added)
            self.means: Both = x_sums / len(pairs), t_sums / len(pairs)
        else:
            self.means = column_mean(pairs.image), column_mean(pairs.text)

    def grouped(self, E: sp.csr_array) -> Both:
        """Return the sums (d, q) of both views for sparse E (n, q), such as labels or the membership of groups."""
        return total(self.pairs, partial(_grouped, self.means), _added, [E])

    def scattered(self, x_weights: Array, t_weights: Array) -> Both:
        """Return the weighted products (d, d) of each view with itself."""
        return total(self.pairs, partial(_scattered, self.means), _added, [x_weights, t_weights])


def _added(sums: Both, more: Both) -> Both:
    return sums[0] + more[0], sums[1] + more[1]


def _column_sums(X: Matrix, T: Matrix) -> Both:
    x_sums = np.asarray(X.sum(axis=0, dtype=np.float64)).ravel()
    t_sums = np.asarray(T.sum(axis=0, dtype=np.float64)).ravel()
    return x_sums, t_sums


def _grouped(means: Both, X: Matrix, T: Matrix, E: sp.csr_array) -> Both:
    return grouped_sums(X, means[0], E), grouped_sums(T, means[1], E)


def _scattered(means: Both, X: Matrix, T: Matrix, x_weights: Array, t_weights: Array) -> Both:
    return scatter(X, means[0], x_weights), scatter(T, means[1], t_weights)
