"""Covariances in blocks, whitening, the paired eigenproblem of CCA and deterministic signs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float64]
Matrix: TypeAlias = Any  # ndarray of shape (n, d), float32 or float64, or csr_array
_NARROW = 64


class Solution(NamedTuple):
    """Paired directions of two views: `image` (d1, k), `text` (d2, k) and their `correlations` (k,), decreasing."""

    image: Array
    text: Array
    correlations: Array


class Covariances(NamedTuple):
    """Means and covariances of two views: `image_mean` (d1,), `text_mean` (d2,), `xx` (d1, d1), `tt`, `xt` (d1, d2)."""

    image_mean: Array
    text_mean: Array
    xx: Array
    tt: Array
    xt: Array


def covariances(X: Matrix, T: Matrix) -> Covariances:
    """Return the means and sample covariances of two views, in float64; dense views are walked in blocks together."""
    dof, means = X.shape[0] - 1, (column_mean(X), column_mean(T))
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is reported below, in words
        if sp.issparse(X) or sp.issparse(T):
            sums = scatter(X, means[0]), scatter(T, means[1]), cross_scatter(X, means[0], T, means[1])
        else:
            sums = _dense_sums(X, means[0], T, means[1])
    if not all(np.isfinite(total).all() for total in sums):
        raise ValueError("the covariances of image and text overflow; scale the features down, e.g. by StandardScaler.")
    return Covariances(*means, *(total / dof for total in sums))


def _dense_sums(X: Matrix, x_mean: Array, T: Matrix, t_mean: Array) -> tuple[Array, Array, Array]:
    d1, d2 = X.shape[1], T.shape[1]
    sums = np.zeros((d1, d1)), np.zeros((d2, d2)), np.zeros((d1, d2))
    for rows in _blocks(len(X), max(d1, d2)):
        x, t = _centred(X[rows], x_mean, max(d1, d2)), _centred(T[rows], t_mean, max(d1, d2))
        for total, product in zip(sums, (x.T @ x, t.T @ t, x.T @ t), strict=True):
            total += product
    return sums


def column_mean(X: Matrix) -> Array:
    """Return the column means (d,) in float64."""
    return np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()


def scatter(X: Matrix, mean: Array, weights: Array | None = None) -> Array:
    """Return sum_i w_i (x_i - mean)(x_i - mean)^T as float64 (d, d).

    Dense rows are centred and multiplied in blocks and summed in float64, so X is never copied whole; blocks of wide
    float32 views stay float32. Sparse rows stay sparse: the mean is taken out of the product.
    """
    if sp.issparse(X):
        X = X.astype(np.float64)
        W = X if weights is None else X.multiply(weights[:, None]).tocsr()
        total = float(X.shape[0] if weights is None else weights.sum())
        crossed = np.outer(W.sum(axis=0), mean)
        return np.asarray((X.T @ W).toarray() - crossed - crossed.T + total * np.outer(mean, mean))
    out = np.zeros((X.shape[1], X.shape[1]))
    for rows in _blocks(*X.shape):
        block = _centred(X[rows], mean, X.shape[1])
        if weights is not None:
            block *= np.sqrt(weights[rows])[:, None].astype(block.dtype)
        out += block.T @ block  # the same buffer on both sides: BLAS computes one triangle only
    return out


def cross_scatter(X: Matrix, x_mean: Array, Y: Matrix, y_mean: Array) -> Array:
    """Return sum_i (x_i - x_mean)(y_i - y_mean)^T as float64 (d1, d2); the means must be those of the columns."""
    n = X.shape[0]
    if sp.issparse(X):
        if sp.issparse(Y):
            product = (X.T.astype(np.float64) @ Y.astype(np.float64)).toarray()
            return np.asarray(product - n * np.outer(x_mean, y_mean))
        return cross_scatter(Y, y_mean, X, x_mean).T
    out = np.zeros((X.shape[1], Y.shape[1]))
    for rows in _blocks(*X.shape):
        block = _centred(X[rows], x_mean, X.shape[1])
        if sp.issparse(Y):  # centred x need no centred y
            out += (Y[rows].T @ block).T
        else:
            out += block.T @ _centred(Y[rows], y_mean, X.shape[1])
    return out


def grouped_sums(X: Matrix, mean: Array, E: sp.csr_array) -> Array:
    """Return (X - mean)^T E as float64 (d, q) for sparse E (n, q), such as labels or the membership of groups."""
    if sp.issparse(X):
        return np.asarray((X.T.astype(np.float64) @ E).toarray() - np.outer(mean, E.sum(axis=0)))
    out = np.zeros((X.shape[1], E.shape[1]))
    for rows in _blocks(*X.shape):
        out += (E[rows].T @ _centred(X[rows], mean, X.shape[1])).T
    return out


def _centred(block: Any, mean: Array, width: int) -> Any:
    # Narrow products are cheap, so they are exact; wide ones would take twice the time in float64.
    return block - mean if width <= _NARROW else block - mean.astype(block.dtype)


def _blocks(n: int, d: int) -> Iterator[slice]:
    # At least d rows a block, so that adding the (d, d) product costs less than the product itself.
    size = max(d, 256)
    return (slice(start, start + size) for start in range(0, n, size))


def ridged(S: Array, ridge: float) -> Array:
    """Return S with `ridge` times its mean variance added to the diagonal."""
    out = S.copy()
    out[np.diag_indices_from(out)] += ridge * float(np.trace(S)) / len(S)
    return out


def deviations(variances: Array, means: Array) -> Array:
    """Return standard deviations (d,), and 1 where a column is constant up to rounding (1e-7 of its mean)."""
    return np.where(variances <= 1e-14 * means**2, 1.0, np.sqrt(np.maximum(variances, 0.0)))


def paired_directions(cov: Covariances, ridge: float, n_components: int | None = None) -> Solution:
    """Maximise a^T S_xt b subject to a^T S_xx a = b^T S_tt b = 1, component by component, S_xx and S_tt ridged.

    Columns are brought to unit variance, both metrics whitened and the cross-covariance decomposed by an SVD.
    Directions in which a metric vanishes are left out, so constant or dependent columns give finite answers; fewer
    than `n_components` may come back.
    """
    S_xx, S_tt = ridged(cov.xx, ridge), ridged(cov.tt, ridge)
    x_scale, t_scale = deviations(np.diag(S_xx), cov.image_mean), deviations(np.diag(S_tt), cov.text_mean)
    K_x = whitener(S_xx / np.outer(x_scale, x_scale))
    K_t = whitener(S_tt / np.outer(t_scale, t_scale))
    T = K_t.whiten(K_x.whiten(cov.xt / np.outer(x_scale, t_scale)).T).T
    k = min(T.shape) if n_components is None else min(n_components, *T.shape)
    U, s, Vt = leading_triplets(T, k)
    image, text = K_x.unwhiten(U) / x_scale[:, None], K_t.unwhiten(Vt.T) / t_scale[:, None]
    sign = signs(image)
    return Solution(image * sign, text * sign, np.minimum(s, 1.0))


def leading_triplets(A: Array, k: int) -> tuple[Array, Array, Array]:
    """Return the k leading singular triplets U (m, k), s (k,), Vt (k, n).

    A few of many come from the eigenvectors of the smaller Gram matrix, several times faster than a full SVD, unless
    squaring would cost too much accuracy.
    """
    small = min(A.shape)
    if 0 < 2 * k <= small:
        wide = A if A.shape[0] == small else A.T
        values, U = scipy.linalg.eigh(wide @ wide.T, subset_by_index=[small - k, small - 1], check_finite=False)
        s, U = np.sqrt(np.maximum(values[::-1], 0.0)), U[:, ::-1]
        if s[-1] > 1e-3 * s[0]:
            Vt = (U.T @ wide) / s[:, None]
            return (U, s, Vt) if wide is A else (Vt.T, s, U.T)
    U, s, Vt = _svd(A)
    return U[:, :k], s[:k], Vt[:k]


class Whitener(NamedTuple):
    """K with K^T S K = I: the inverse of a Cholesky factor, or a rectangular matrix where S is singular."""

    factor: Array
    triangular: bool

    def whiten(self, B: Array) -> Array:
        """Return K^T B."""
        if self.triangular:
            return np.asarray(scipy.linalg.solve_triangular(self.factor, B, lower=True, check_finite=False))
        return np.asarray(self.factor.T @ B)

    def unwhiten(self, B: Array) -> Array:
        """Return K B."""
        if self.triangular:
            return np.asarray(scipy.linalg.solve_triangular(self.factor, B, lower=True, trans=1, check_finite=False))
        return np.asarray(self.factor @ B)


def whitener(S: Array) -> Whitener:
    """Whiten by Cholesky where S is safely positive definite, else by its non-zero eigenvalues."""
    tolerance = len(S) * float(np.finfo(np.float64).eps)
    try:
        L = scipy.linalg.cholesky(S, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        pass
    else:
        norm = float(np.abs(S).sum(axis=0).max())
        if scipy.linalg.lapack.dpocon(L, norm, uplo="L")[0] > 10 * tolerance:
            return Whitener(L, True)
    values, vectors = scipy.linalg.eigh(S, check_finite=False)
    keep = values > max(float(values[-1]), 0.0) * tolerance * 10
    return Whitener(vectors[:, keep] / np.sqrt(values[keep]), False)


def leading_pair(S: Array, tiny: float) -> tuple[Array, float, Array] | None:
    """Return the leading singular triplet of S, or None where every entry of S is below `tiny`."""
    if np.abs(S).max(initial=0.0) <= tiny:
        return None
    if min(S.shape) > 64:
        start = np.full(min(S.shape), 1 / math.sqrt(min(S.shape)))  # a fixed start: the answer is deterministic
        try:
            U, s, Vt = sp.linalg.svds(S, k=1, v0=start, tol=0)
            return U[:, 0], float(s[0]), Vt[0]
        except sp.linalg.ArpackError:
            pass  # no convergence among nearly equal singular values: the dense decomposition always answers
    U, s, Vt = _svd(S)
    return U[:, 0], float(s[0]), Vt[0]


def _svd(A: Array) -> tuple[Array, Array, Array]:
    if A.size == 0:
        return np.zeros((A.shape[0], 0)), np.zeros(0), np.zeros((0, A.shape[1]))
    try:
        U, s, Vt = scipy.linalg.svd(A, full_matrices=False, check_finite=False)
    except np.linalg.LinAlgError:  # divide and conquer fails now and then on harmless matrices; QR iteration does not
        U, s, Vt = scipy.linalg.svd(A, full_matrices=False, check_finite=False, lapack_driver="gesvd")
    return U, s, Vt


def signs(W: Array) -> Array:
    """Return the signs (k,) that make the largest entry of each column positive."""
    if W.size == 0:
        return np.ones(W.shape[1])
    largest = W[np.abs(W).argmax(axis=0), np.arange(W.shape[1])]
    return np.where(largest < 0, -1.0, 1.0)
