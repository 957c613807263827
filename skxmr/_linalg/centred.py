"""A view of few rows, centred and scaled where it is read, and the products that its space is found with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.linalg import blas
from sklearn.utils import gen_batches

from skxmr._data.kinds import Matrix
from skxmr._linalg.exactness import Array, centred_columns

# Columns of a dense view that are held in float64 together, in memory that all of them use in turn.
_COLUMNS = 512


class Centred(NamedTuple):
    """A view of few rows (n, d), from which `mean` has to be subtracted, and which is then divided by `scales`.

    Neither is done to all of a dense view at once, because that would copy it.
    """

    rows: Matrix
    mean: Array
    scales: Array | None = None

    def scaled(self, scales: Array) -> Centred:
        """Return the view divided by scales (d,)."""
        if isinstance(self.rows, np.ndarray):
            return self._replace(scales=scales)
        X = self.rows
        divided = sp.csr_array((X.data / scales[X.indices], X.indices, X.indptr), X.shape)
        return self._replace(rows=divided, mean=self.mean / scales)

    def variances(self) -> Array:
        """Return the sample variances (d,) of the columns."""
        n, d = self.rows.shape
        if isinstance(self.rows, np.ndarray):
            return np.concatenate([np.einsum("ij,ij->j", block, block) for block in self._blocks()]) / (n - 1)
        squares = np.bincount(self.rows.indices, self.rows.data**2, minlength=d)
        return (squares - n * self.mean**2) / (n - 1)

    def inner_products(self) -> Array:
        """Return the lower triangle of the inner products (n, n) of the rows."""
        if not isinstance(self.rows, np.ndarray):
            offset = self.rows @ self.mean
            products = (self.rows @ self.rows.T).toarray()
            return np.asarray(products - offset[:, None] - offset + self.mean @ self.mean)
        lower = np.zeros((len(self.rows),) * 2, order="F")
        for block in self._blocks():
            blas.dsyrk(1.0, block.T, trans=1, beta=1.0, c=lower, lower=1, overwrite_c=1)
        return lower

    def summed(self, weights: Array) -> Array:
        """Return sums (d, k) of the rows with weights (n, k)."""
        if not isinstance(self.rows, np.ndarray):
            return np.asarray(self.rows.T @ weights - np.outer(self.mean, weights.sum(axis=0)))
        return np.concatenate([block.T @ weights for block in self._blocks()])

    def _blocks(self) -> Iterator[Array]:
        """Yield blocks of the columns of a dense view."""
        n, d = self.rows.shape
        buffer = np.empty(n * min(d, _COLUMNS))
        for columns in gen_batches(d, _COLUMNS):
            mean = self.mean[columns]
            block = buffer[: n * len(mean)].reshape(n, -1)
            np.subtract(self.rows[:, columns], mean, out=block)
            if self.scales is not None:
                block /= self.scales[columns]
            yield block


def centred(X: Matrix, mean: Array) -> Centred:
    """Return a view that is centred; columns of a sparse one that hold no zero are centred at once."""
    if isinstance(X, np.ndarray):
        return Centred(X, mean)
    X, shift = centred_columns(X, mean)
    return Centred(X.astype(np.float64), mean - shift)
