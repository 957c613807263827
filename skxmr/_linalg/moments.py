"""Means and covariances of two views in one pass: products in blocks, totals in float64 that can be merged.

A dense block of rows is centred on its own mean, multiplied and added to float64 totals, of which a triangle is kept;
the products of the block means are added at the end. The same equation merges blocks, the parts of `partial_fit` and
the sums of other machines, and float32 stays exact enough where the mean is large or drifts. Views of up to 64 columns
are multiplied in float64, wider float32 views in float32. Sparse views stay sparse, and the mean is subtracted from the
product, so a sparse view whose mean is far larger than its standard deviation loses digits, where a dense one does not.
One buffer serves all blocks, because fresh memory pages cost more than centring. The solvers overwrite their input.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from scipy.linalg import blas
from sklearn.utils import gen_batches

from skxmr._data.kinds import FloatArray, IntArray, Matrix
from skxmr._data.precision import EPS, eps_of
from skxmr._linalg.exactness import Array, centred_columns, product_rounding, rounding, warn_of_vanishing

# Products of views up to this width are computed in float64, because they are cheap.
_NARROW = 64
# Triangles are copied in strips of this many columns.
_STRIP = 256
# A value this near the mean, in units of the mean, may belong to a column that hardly varies.
_CLOSE = 1e-6
# Rows of a block. At least as many rows as features make the product more expensive than adding it to the total.
_ROWS = 2048


class Covariances(NamedTuple):
    """Means and covariances of two views: `image_mean` (d1,), `text_mean` (d2,), `xx` (d1, d1), `tt`, `xt` (d1, d2).

    `n` is the number of rows, `eps` how exact the values of each view are, and `products` how exact the covariances.
    """

    image_mean: Array
    text_mean: Array
    xx: Array
    tt: Array
    xt: Array
    n: int = 1
    eps: tuple[float, float] = (EPS, EPS)
    products: float = EPS

    def noise(self) -> tuple[Array, Array]:
        """Return how far rounding moves the values of each column of both views, (d1,) and (d2,)."""
        x = rounding(self.eps[0], np.diag(self.xx), self.image_mean)
        return x, rounding(self.eps[1], np.diag(self.tt), self.text_mean)


class Moments:
    """Number of rows, means and centred products of two views, over all rows seen so far.

    Every block of rows is centred on its own mean, so that products in float32 lose nothing to a large common offset,
    and blocks are combined exactly: ``sum_i (x_i - m)(t_i - m)^T`` is the sum over blocks b of
    ``sum_{i in b} (x_i - m_b)(t_i - m_b)^T + n_b (m_b - m)(m_b - m)^T``. Sums of other rows, perhaps from another
    machine, are merged by the same equation. Of `xx` and `tt` only the lower triangle is kept; `second` tells whether
    `tt` is computed at all. `exact` wants the products of float32 in float64, whatever the width.
    """

    def __init__(self, d1: int, d2: int, second: bool = True, exact: bool = False) -> None:
        self.n = 0
        self.exact = exact
        self.eps = (EPS, EPS)
        # The powers of two by which all rows of each view are multiplied before they come; see `unit`.
        self.units = (1.0, 1.0)
        self.means = [np.zeros(d1), np.zeros(d2)]
        try:
            self.xx = np.zeros((d1, d1), order="F")
            self.tt = np.zeros((d2, d2) if second else (0, 0), order="F")
            self.xt = np.zeros((d1, d2))
        except MemoryError as error:
            raise MemoryError(
                f"the covariances of views with {d1} and {d2} features do not fit into memory; reduce the wider one "
                f"first, e.g. by TruncatedSVD(256) in a PerModality step. ({error})"
            ) from error

    def update(self, X: Matrix, T: Matrix, size: int | None = None, eps: tuple[float, float] = (EPS, EPS)) -> Self:
        """Add more rows: X (b, d1) and T (b, d2), dense or CSR, in blocks of `size`. Neither is copied as a whole.

        `eps` is how exact their values are, where their dtypes do not tell.
        """
        self.eps = max(self.eps[0], eps[0], eps_of(X.dtype)), max(self.eps[1], eps[1], eps_of(T.dtype))
        X, x_shift = _shifted(X)
        T, t_shift = _shifted(T)
        counts = [self.n]
        x_means = []
        t_means = []
        if size is None:
            size = _block_rows(X, T)
        # An overflow is reported in words by `finish`.
        with np.errstate(over="ignore", invalid="ignore"):
            width = 0 if self.exact else max(self.xt.shape)
            x_buffer = _buffer(X, size, width)
            t_buffer = _buffer(T, size, width)
            for rows in gen_batches(X.shape[0], size):
                x, x_mean = _centred(X[rows], x_buffer)
                t, t_mean = _centred(T[rows], t_buffer)
                for products, block in ((self.xx, x), (self.tt, t)):
                    if isinstance(block, np.ndarray):
                        add_gram(products, block)
                self.xt += _cross(x, x_mean, t, t_mean)
                counts.append(x.shape[0])
                x_means.append(x_mean)
                t_means.append(t_mean)
            for products, view, means in ((self.xx, X, x_means), (self.tt, T, t_means)):
                if not isinstance(view, np.ndarray):
                    # A sparse view is not centred: the means of its blocks are subtracted here.
                    add_gram(products, view)
                    add_gram(products, np.sqrt(counts[1:])[:, None] * np.array(means), -1.0)
            x_all = [self.means[0], *(mean + x_shift for mean in x_means)]
            t_all = [self.means[1], *(mean + t_shift for mean in t_means)]
            self._join(np.array(counts), np.array(x_all), np.array(t_all))
        return self

    def merge(self, other: Moments) -> Self:
        """Add the sums of other rows."""
        self.eps = max(self.eps[0], other.eps[0]), max(self.eps[1], other.eps[1])
        self.xx += other.xx
        self.tt += other.tt
        self.xt += other.xt
        x_means = np.array([self.means[0], other.means[0]])
        t_means = np.array([self.means[1], other.means[1]])
        self._join(np.array([self.n, other.n]), x_means, t_means)
        return self

    def without(self, part: Moments) -> Moments:
        """Return the sums of all rows but those of a part of them, up to the rounding of the sums of all."""
        rest = copy.deepcopy(self)
        for products, own in ((rest.xx, part.xx), (rest.tt, part.tt), (rest.xt, part.xt)):
            products -= own
        rest.n = self.n - part.n
        means = zip(self.means, part.means, strict=True)
        rest.means = [(self.n * whole - part.n * own) / rest.n for whole, own in means]
        # The products of all are those of both and that of the distance between their means.
        root = np.sqrt(rest.n * part.n / self.n)
        x, t = (root * (own - other)[None] for own, other in zip(rest.means, part.means, strict=True))
        add_gram(rest.xx, x, -1.0)
        add_gram(rest.tt, t, -1.0)
        rest.xt -= x.T @ t
        return rest

    def finish(self) -> Covariances:
        """Return means and sample covariances. They reuse this object's memory, so no more rows can follow."""
        check_overflow(self.xx, self.tt, self.xt)
        for mean in self.means:
            warn_of_vanishing(mean)
        for products in (self.xx, self.tt, self.xt):
            products /= max(self.n - 1, 1)
        rounded = product_rounding(max(self.eps), self.n, self.exact)
        return Covariances(
            self.means[0], self.means[1], mirror(self.xx), mirror(self.tt), self.xt, self.n, self.eps, rounded
        )

    def covariances(self) -> Covariances:
        """Return means and sample covariances of the rows seen so far; more rows can follow."""
        return copy.deepcopy(self).finish()

    def _join(self, counts: IntArray, x_means: Array, t_means: Array) -> None:
        """Add the products of the means (b, d) of b parts, and count their rows."""
        self.n = int(counts.sum())
        self.means = [counts @ means / max(self.n, 1) for means in (x_means, t_means)]
        weights = np.sqrt(counts)[:, None]
        x = (x_means - self.means[0]) * weights
        t = (t_means - self.means[1]) * weights
        if np.count_nonzero(counts) > 1:
            add_gram(self.xx, x)
            add_gram(self.tt, t)
            self.xt += x.T @ t


def covariances(X: Matrix, T: Matrix, exact: bool = False, eps: tuple[float, float] = (EPS, EPS)) -> Covariances:
    """Return the means and sample covariances of two views, in float64; see :class:`Moments`."""
    return Moments(X.shape[1], T.shape[1], exact=exact).update(X, T, eps=eps).finish()


def check_overflow(*sums: Array) -> None:
    """Refuse sums of products that are not finite."""
    if not all(np.isfinite(total).all() for total in sums):
        raise ValueError("the covariances of image and text overflow; scale the features down, e.g. by StandardScaler.")


def add_gram(total: Array, A: Matrix, sign: float = 1.0) -> None:
    """Add sign * A^T A to the lower triangle of `total` (d, d), in Fortran order, unless it is empty and not wanted."""
    if not len(total):
        return
    if not isinstance(A, np.ndarray):
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
    """Return the column means (d,) in float64, exact to the last digit where a column hardly varies."""
    if not isinstance(X, np.ndarray):
        # Sparse matrices of float32 are summed in float32, whatever dtype is asked for.
        mean = np.asarray(X.astype(np.float64, copy=False).mean(axis=0)).ravel()
        centred, shift = centred_columns(X, mean)
        return mean + np.asarray(centred.mean(axis=0)).ravel() * (shift != 0) if shift.any() else mean
    mean = np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()
    if len(X):
        # A sum of many equal values rounds many times. The first row tells which columns these may be.
        close = np.flatnonzero(np.abs(X[0] - mean) < _CLOSE * np.abs(mean))
        if len(close):
            mean[close] += (X[:, close] - mean[close]).mean(axis=0)
    return mean


def _block_rows(X: Matrix, T: Matrix) -> int:
    """Return how many rows to multiply together; sparse views are not cut."""
    dense = [view.shape[1] for view in (X, T) if isinstance(view, np.ndarray)]
    return min(X.shape[0], max(_ROWS, *dense)) if dense else X.shape[0]


def _buffer(view: Matrix, rows: int, width: int) -> FloatArray | None:
    """Return memory that every centred block of a dense view reuses; new memory would cost more time than centring.

    Narrow products are cheap, so they are computed in float64. Wide ones of float32 would take twice the time.
    """
    if not isinstance(view, np.ndarray):
        return None
    return np.empty((min(rows, len(view)), view.shape[1]), np.float64 if width <= _NARROW else view.dtype)


def _shifted(X: Matrix) -> tuple[Matrix, Array]:
    """Centre the columns of a sparse view that hold no zero; return what was subtracted (d,), too."""
    return (X, np.zeros(X.shape[1])) if isinstance(X, np.ndarray) else centred_columns(X)


def _centred(block: Matrix, out: FloatArray | None, mean: Array | None = None) -> tuple[Matrix, Array]:
    """Return a block and its mean (or the given mean); a dense block is centred on it."""
    if mean is None:
        mean = column_mean(block)
    if out is None:
        return block, mean
    return np.subtract(block, mean.astype(out.dtype), out=out[: len(block)]), mean


def _cross(x: Matrix, x_mean: Array, t: Matrix, t_mean: Array) -> Array:
    """Return the centred products (d1, d2) of two blocks, of which the dense ones are centred already."""
    if not (isinstance(x, np.ndarray) or isinstance(t, np.ndarray)):
        product = (x.T.astype(np.float64) @ t.astype(np.float64)).toarray()
        return np.asarray(product - x.shape[0] * np.outer(x_mean, t_mean))
    # If one block is centred, the other need not be.
    if not isinstance(x, np.ndarray):
        return np.asarray(x.astype(t.dtype).T @ t)
    return np.asarray(x.T @ t) if isinstance(t, np.ndarray) else np.asarray((t.astype(x.dtype).T @ x).T)


def scatter(X: Matrix, mean: Array, weights: Array, exact: bool = False) -> Array:
    """Return sum_i w_i (x_i - mean)(x_i - mean)^T as float64 (d, d), w_i >= 0; X is never copied as a whole."""
    total = np.zeros((X.shape[1],) * 2, order="F")
    if not isinstance(X, np.ndarray):
        X, shift = centred_columns(X, mean)
        mean = mean - shift
        W = X.astype(np.float64).multiply(weights[:, None]).tocsr()
        crossed = np.outer(W.sum(axis=0), mean)
        total += (X.T.astype(np.float64) @ W).toarray()
        total += float(weights.sum()) * np.outer(mean, mean) - crossed - crossed.T
        return total
    size = max(_ROWS, X.shape[1])
    out = _buffer(X, size, 0 if exact else X.shape[1])
    for rows in gen_batches(len(X), size):
        block, _ = _centred(X[rows], out, mean)
        block *= np.sqrt(weights[rows])[:, None].astype(block.dtype)
        add_gram(total, block)
    return mirror(total)


def grouped_sums(X: Matrix, mean: Array, E: sp.csr_array, exact: bool = False) -> Array:
    """Return (X - mean)^T E as float64 (d, q) for sparse E (n, q), such as labels or the membership of groups."""
    if not isinstance(X, np.ndarray):
        X, shift = centred_columns(X, mean)
        mean = mean - shift
        return np.asarray((X.T.astype(np.float64) @ E).toarray() - np.outer(mean, E.sum(axis=0)))
    out = np.zeros((X.shape[1], E.shape[1]))
    buffer = _buffer(X, _ROWS, 0 if exact else X.shape[1])
    for rows in gen_batches(len(X), _ROWS):
        out += (E[rows].T @ _centred(X[rows], buffer, mean)[0]).T
    return out
