"""Whitening, the paired eigenproblem of CCA and deterministic signs.

Columns are brought to unit variance before whitening, so that their scale does not decide what counts as singular.
Whitening uses Cholesky where LAPACK's condition estimate is safe and eigenvectors otherwise, so singular covariances
give finite, ordered answers. If only a few of many components are requested, they come from the eigenvectors of a Gram
matrix, unless the squared condition number would cost more than six digits. The SVD falls back from divide and conquer
to QR iteration, because the former sometimes fails to converge on harmless real data.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.linalg import blas, lapack

from skxmr._linalg.moments import Array, Covariances, mirror


class Solution(NamedTuple):
    """Paired directions of two views: `image` (d1, k), `text` (d2, k) and their `correlations` (k,), decreasing."""

    image: Array
    text: Array
    correlations: Array


def add_ridge(S: Array, ridge: float) -> Array:
    """Add `ridge` times the mean variance to the diagonal of S, in place."""
    S[np.diag_indices_from(S)] += ridge * float(np.trace(S)) / len(S)
    return S


def deviations(variances: Array, means: Array) -> Array:
    """Return standard deviations (d,), and 1 where a column is constant up to rounding (1e-7 of its mean)."""
    return np.where(variances <= 1e-14 * means**2, 1.0, np.sqrt(np.maximum(variances, 0.0)))


def standardise(S: Array, x_scale: Array, t_scale: Array) -> Array:
    """Divide the rows and columns of S by the deviations of their columns, in place."""
    S /= x_scale[:, None]
    S /= t_scale
    return S


def paired_directions(cov: Covariances, ridges: tuple[float, float], n_components: int | None = None) -> Solution:
    """Maximise a^T S_xt b subject to a^T S_xx a = b^T S_tt b = 1, component by component, with ridges on S_xx and S_tt.

    Columns are scaled to unit variance, both views are whitened, and the cross-covariance is decomposed by an SVD.
    Directions in which a view does not vary are left out, so constant or dependent columns give finite answers, and
    fewer than `n_components` may be returned. The covariances are overwritten.
    """
    S_xx = add_ridge(cov.xx, ridges[0])
    S_tt = add_ridge(cov.tt, ridges[1])
    x_scale = deviations(np.diag(S_xx), cov.image_mean)
    t_scale = deviations(np.diag(S_tt), cov.text_mean)
    K_x = whitener(standardise(S_xx, x_scale, x_scale))
    K_t = whitener(standardise(S_tt, t_scale, t_scale))
    T = K_t.whiten(K_x.whiten_rows(standardise(cov.xt, x_scale, t_scale).T)).T
    k = min(T.shape) if n_components is None else min(n_components, *T.shape)
    U, s, Vt = leading_triplets(T, k)
    image = K_x.unwhiten(U) / x_scale[:, None]
    text = K_t.unwhiten(Vt.T) / t_scale[:, None]
    return Solution(image, text, np.minimum(s, 1.0))


def solution(S: Array, C: Array, mean: Array) -> Array:
    """Return S^-1 C for the covariances S of columns with a `mean`; S is overwritten.

    If columns are linearly dependent, it is the shortest solution in units of their standard deviations.
    """
    scale = deviations(np.diag(S), mean)
    K = whitener(standardise(S, scale, scale))
    return np.asarray(K.unwhiten(K.whiten(C / scale[:, None])) / scale[:, None])


def leading_triplets(A: Array, k: int) -> tuple[Array, Array, Array]:
    """Return the k leading singular triplets U (m, k), s (k,), Vt (k, n).

    If only a few of many are wanted, they come from the eigenvectors of the smaller Gram matrix, which is several times
    faster than a full SVD, unless squaring would cost too much accuracy.
    """
    small = min(A.shape)
    if 0 < 2 * k <= small:
        wide = A if A.shape[0] == small else A.T
        values, U = leading_eigenpairs(wide @ wide.T, k)
        s = np.sqrt(np.maximum(values, 0.0))
        if s[-1] > 1e-3 * s[0]:
            Vt = (U.T @ wide) / s[:, None]
            return (U, s, Vt) if wide is A else (Vt.T, s, U.T)
    U, s, Vt = _svd(A)
    return U[:, :k], s[:k], Vt[:k]


def leading_eigenpairs(S: Array, k: int) -> tuple[Array, Array]:
    """Return the k largest eigenvalues (k,) of symmetric S (d, d), decreasing, and their vectors (d, k).

    ``scipy.linalg.eigh`` finds a subset of eigenvalues by bisection, which takes longer than all other steps. Here S is
    brought to tridiagonal form, whose eigenvalues the faster method of relatively robust representations finds.
    """
    d = len(S)
    reflectors, diagonal, beside, tau, _ = lapack.dsytrd(S, lower=1, lwork=32 * d)
    # More than a quarter of the eigenvalues are found faster together with all others.
    few = {"select": "i", "select_range": (d - k, d - 1)} if 4 * k <= d else {}
    values, Z = scipy.linalg.eigh_tridiagonal(diagonal, beside, lapack_driver="stemr", check_finite=False, **few)
    vectors = np.asfortranarray(Z[:, : -k - 1 : -1])
    below = np.asfortranarray(reflectors[1:, :-1])
    vectors[1:] = lapack.dormqr("L", "N", below, tau, vectors[1:], lwork=64 * k)[0]
    return values[: -k - 1 : -1], vectors


class Whitener(NamedTuple):
    """K with K^T S K = I: the inverse of a Cholesky factor, or a rectangular matrix if S is singular."""

    factor: Array
    triangular: bool

    def whiten(self, B: Array) -> Array:
        """Return K^T B; B is overwritten if it is in Fortran order."""
        if self.triangular:
            return np.asarray(blas.dtrsm(1.0, self.factor, B, lower=1, overwrite_b=1))
        return np.asarray(self.factor.T @ B)

    def whiten_rows(self, B: Array) -> Array:
        """Return B K; B is overwritten if it is in Fortran order."""
        if self.triangular:
            return np.asarray(blas.dtrsm(1.0, self.factor, B, side=1, trans_a=1, lower=1, overwrite_b=1))
        return np.asarray(B @ self.factor)

    def unwhiten(self, B: Array) -> Array:
        """Return K B."""
        if self.triangular:
            return np.asarray(scipy.linalg.solve_triangular(self.factor, B, lower=True, trans=1, check_finite=False))
        return np.asarray(self.factor @ B)


def whitener(S: Array) -> Whitener:
    """Whiten by Cholesky if S is safely positive definite, else by its non-zero eigenvalues; S is overwritten."""
    S = np.asfortranarray(S)
    tolerance = len(S) * float(np.finfo(np.float64).eps)
    diagonal = np.diag(S).copy()
    norm = lapack.dlange("1", S)
    # The upper triangle is not touched, so that S can be restored from it.
    L, failed = lapack.dpotrf(S, lower=1, clean=0, overwrite_a=1)
    if not failed and lapack.dpocon(L, norm, uplo="L")[0] > 10 * tolerance:
        return Whitener(L, True)
    S = mirror(L.T)
    S[np.diag_indices_from(S)] = diagonal
    values, vectors = scipy.linalg.eigh(S, check_finite=False)
    keep = values > max(float(values[-1]), 0.0) * tolerance * 10
    return Whitener(vectors[:, keep] / np.sqrt(values[keep]), False)


def leading_pair(S: Array, tiny: float) -> tuple[Array, float, Array] | None:
    """Return the leading singular triplet of S, or None if no entry of S is larger than `tiny`."""
    if np.abs(S).max(initial=0.0) <= tiny:
        return None
    if min(S.shape) > 64:
        # A fixed start makes the result deterministic.
        start = np.full(min(S.shape), 1 / math.sqrt(min(S.shape)))
        try:
            U, s, Vt = sp.linalg.svds(S, k=1, v0=start, tol=0)
            return U[:, 0], float(s[0]), Vt[0]
        except sp.linalg.ArpackError:
            # Nearly equal singular values may not converge; the dense decomposition below always works.
            pass
    U, s, Vt = _svd(S)
    return U[:, 0], float(s[0]), Vt[0]


def _svd(A: Array) -> tuple[Array, Array, Array]:
    if A.size == 0:
        return np.zeros((A.shape[0], 0)), np.zeros(0), np.zeros((0, A.shape[1]))
    try:
        U, s, Vt = scipy.linalg.svd(A, full_matrices=False, check_finite=False)
    except np.linalg.LinAlgError:
        # Divide and conquer sometimes fails on harmless matrices; QR iteration does not.
        U, s, Vt = scipy.linalg.svd(A, full_matrices=False, check_finite=False, lapack_driver="gesvd")
    return U, s, Vt


def signs(W: Array) -> Array:
    """Return the signs (k,) that make the largest entry of each column positive."""
    if W.size == 0:
        return np.ones(W.shape[1])
    largest = W[np.abs(W).argmax(axis=0), np.arange(W.shape[1])]
    return np.where(largest < 0, -1.0, 1.0)
