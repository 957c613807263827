"""Means and covariances of two views in one pass: products by blocks, totals in float64, mergeable.

A dense block of rows is centred on its own mean, multiplied and added to float64 totals, of which a triangle is kept;
the products of the block means are added at the end. The same equation merges blocks, the parts of `partial_fit` and
the sums of other machines, and float32 loses nothing where the mean is large or drifts. Views of up to 64 columns are
multiplied in float64, wider float32 views in float32. Sparse views stay sparse and the mean is taken out of the
product, so a sparse view whose mean is far larger than its standard deviation loses digits, where a dense one does not.
One buffer serves all blocks, because fresh memory pages cost more than centring. The solvers overwrite their input.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import blas

Array = NDArray[np.float64]
Matrix: TypeAlias = Any  # ndarray of shape (n, d), float32 or float64, or csr_array
_NARROW = 64
_STRIP = 256
_ROWS = 2048


class Covariances(NamedTuple):
    """Means and covariances of two views: `image_mean` (d1,), `text_mean` (d2,), `xx` (d1, d1), `tt`, `xt` (d1, d2)."""

    image_mean: Array
    text_mean: Array
    xx: Array
    tt: Array
    xt: Array


class Moments:
    """Rows, means and centred products of two views, of all rows met so far.

    Every block of rows is centred on its own mean, so that products in float32 lose nothing to a large common offset,
    and blocks are put together exactly: ``sum_i (x_i - m)(t_i - m)^T`` is the sum over blocks b of
    ``sum_{i in b} (x_i - m_b)(t_i - m_b)^T + n_b (m_b - m)(m_b - m)^T``. Sums of other rows, perhaps of another
    machine, are merged by the same equation. Of `xx` and `tt` only the lower triangle is kept.

    Parameters
    ----------
    d1, d2 : int
        Widths of the two views.
    second : bool
        Whether the products of the second view with itself are wanted, too.
    """

    def __init__(self, d1: int, d2: int, second: bool = True) -> None:
        self.n = 0
        self.means = [np.zeros(d1), np.zeros(d2)]
        self.xx, self.tt = (np.zeros((d, d), order="F") for d in (d1, d2 if second else 0))
        self.xt = np.zeros((d1, d2))

    def update(self, X: Matrix, T: Matrix) -> Self:
        """Take in more rows: X (b, d1) and T (b, d2), dense or CSR; neither is copied whole."""
        counts, means = [self.n], [[mean] for mean in self.means]
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is reported by `take`, in words
            buffers = [_buffer(view, self._block_rows(X, T), max(self.xt.shape)) for view in (X, T)]
            for rows in blocks(X.shape[0], self._block_rows(X, T)):
                (x, x_mean), (t, t_mean) = (
                    _centred(view[rows], out) for view, out in zip((X, T), buffers, strict=True)
                )
                for total, block in ((self.xx, x), (self.tt, t)):
                    if len(total) and not sp.issparse(block):
                        add_gram(total, block)
                self.xt += _cross(x, x_mean, t, t_mean)
                counts.append(x.shape[0])
                for known, mean in zip(means, (x_mean, t_mean), strict=True):
                    known.append(mean)
            for total, view, known in ((self.xx, X, means[0]), (self.tt, T, means[1])):
                if len(total) and sp.issparse(view):
                    # Never centred: the means of its blocks are taken out of the product.
                    add_gram(total, view)
                    add_gram(total, np.sqrt(counts[1:])[:, None] * np.array(known[1:]), -1.0)
            self._join(np.array(counts), *map(np.array, means))
        return self

    def merge(self, other: Moments) -> Self:
        """Take in the sums of other rows."""
        for total, more in ((self.xx, other.xx), (self.tt, other.tt), (self.xt, other.xt)):
            total += more
        self._join(np.array([self.n, other.n]), *(np.array(both) for both in zip(self.means, other.means, strict=True)))
        return self

    def take(self) -> Covariances:
        """Return means and sample covariances, which take over this object's memory."""
        check_overflow(self.xx, self.tt, self.xt)
        for total in (self.xx, self.tt, self.xt):
            total /= max(self.n - 1, 1)
        for total in (self.xx, self.tt):
            mirror(total)
        return Covariances(self.means[0], self.means[1], self.xx, self.tt, self.xt)

    def covariances(self) -> Covariances:
        """Return means and sample covariances of the rows met so far; more can follow."""
        return copy.deepcopy(self).take()

    def _join(self, counts: NDArray[Any], x_means: Array, t_means: Array) -> None:
        """Add the products of the means (b, d) of b parts, and count their rows."""
        self.n = int(counts.sum())
        self.means = [counts @ means / max(self.n, 1) for means in (x_means, t_means)]
        weights = np.sqrt(counts)[:, None]
        x, t = ((means - mean) * weights for means, mean in zip((x_means, t_means), self.means, strict=True))
        if np.count_nonzero(counts) > 1:
            add_gram(self.xx, x)
            if len(self.tt):
                add_gram(self.tt, t)
            self.xt += x.T @ t

    def _block_rows(self, X: Matrix, T: Matrix) -> int:
        dense = [view.shape[1] for view in (X, T) if not sp.issparse(view)]
        return min(X.shape[0], max(_ROWS, *dense)) if dense else X.shape[0]


def covariances(X: Matrix, T: Matrix) -> Covariances:
    """Return the means and sample covariances of two views, in float64."""
    return Moments(X.shape[1], T.shape[1]).update(X, T).take()


def check_overflow(*sums: Array) -> None:
    """Refuse sums of products that are not finite."""
    if not all(np.isfinite(total).all() for total in sums):
        raise ValueError("the covariances of image and text overflow; scale the features down, e.g. by StandardScaler.")


def blocks(n: int, size: int) -> Iterator[slice]:
    """Cut n rows into blocks. Blocks of d rows or more make adding a (d, d) product cheaper than the product itself."""
    return (slice(start, start + size) for start in range(0, n, size))


def add_gram(total: Array, A: Matrix, sign: float = 1.0) -> None:
    """Add sign * A^T A to the lower triangle of `total` (d, d), in Fortran order."""
    if sp.issparse(A):
        A = A.astype(np.float64)
        total += sign * (A.T @ A).toarray()
    elif A.dtype == np.float64:
        blas.dsyrk(sign, A.T, beta=1.0, c=total, lower=1, overwrite_c=1)
    else:
        product = blas.ssyrk(sign, A.T, lower=1)
        for start in range(0, len(total), _STRIP):
            total[start:, start : start + _STRIP] += product[start:, start : start + _STRIP]


def mirror(S: Array) -> Array:
    """Copy the lower triangle of S (d, d) to the upper one, in place."""
    for start in range(0, len(S), _STRIP):
        stop = start + _STRIP
        S[start:stop, stop:] = S[stop:, start:stop].T
        corner = S[start:stop, start:stop]
        np.copyto(corner, corner.T, where=np.tri(len(corner), k=-1, dtype=bool).T)
    return S


def column_mean(X: Matrix) -> Array:
    """Return the column means (d,) in float64."""
    return np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()


def _buffer(view: Matrix, rows: int, width: int) -> Any:
    """Return memory for centred blocks of a dense view, used again for each: fresh pages cost more than centring.

    Narrow products are cheap, so they are exact; wide ones of float32 would take twice the time in float64.
    """
    if sp.issparse(view):
        return None
    return np.empty((min(rows, len(view)), view.shape[1]), np.float64 if width <= _NARROW else view.dtype)


def _centred(block: Matrix, out: Any, mean: Array | None = None) -> tuple[Matrix, Array]:
    """Return a block, centred if it is dense, and its mean, unless another mean is to be taken."""
    mean = column_mean(block) if mean is None else mean
    if sp.issparse(block):
        return block, mean
    return np.subtract(block, mean.astype(out.dtype), out=out[: len(block)]), mean


def _cross(x: Matrix, x_mean: Array, t: Matrix, t_mean: Array) -> Array:
    """Return the centred products (d1, d2) of two blocks, of which the dense ones are centred."""
    if sp.issparse(x) and sp.issparse(t):
        product = (x.T.astype(np.float64) @ t.astype(np.float64)).toarray()
        return np.asarray(product - x.shape[0] * np.outer(x_mean, t_mean))
    if sp.issparse(t):  # where one is centred, the other need not be
        return np.asarray((t.astype(x.dtype).T @ x).T)
    return np.asarray(x.astype(t.dtype).T @ t if sp.issparse(x) else x.T @ t)


def scatter(X: Matrix, mean: Array, weights: Array) -> Array:
    """Return sum_i w_i (x_i - mean)(x_i - mean)^T as float64 (d, d), w_i >= 0; X is never copied whole."""
    total = np.zeros((X.shape[1],) * 2, order="F")
    if sp.issparse(X):
        W = X.astype(np.float64).multiply(weights[:, None]).tocsr()
        crossed = np.outer(W.sum(axis=0), mean)
        total += (X.T.astype(np.float64) @ W).toarray()
        total += float(weights.sum()) * np.outer(mean, mean) - crossed - crossed.T
        return total
    size = max(_ROWS, X.shape[1])
    out = _buffer(X, size, X.shape[1])
    for rows in blocks(len(X), size):
        block, _ = _centred(X[rows], out, mean)
        block *= np.sqrt(weights[rows])[:, None].astype(block.dtype)
        add_gram(total, block)
    return mirror(total)


def grouped_sums(X: Matrix, mean: Array, E: sp.csr_array) -> Array:
    """Return (X - mean)^T E as float64 (d, q) for sparse E (n, q), such as labels or the membership of groups."""
    if sp.issparse(X):
        return np.asarray((X.T.astype(np.float64) @ E).toarray() - np.outer(mean, E.sum(axis=0)))
    out = np.zeros((X.shape[1], E.shape[1]))
    buffer = _buffer(X, _ROWS, X.shape[1])
    for rows in blocks(len(X), _ROWS):
        out += (E[rows].T @ _centred(X[rows], buffer, mean)[0]).T
    return out
