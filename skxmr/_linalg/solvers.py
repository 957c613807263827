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
from scipy.linalg import blas, lapack

from skxmr._data.precision import EPS
from skxmr._linalg.exactness import Array, rounding, rounding_energy, varying
from skxmr._linalg.moments import Covariances, mirror


class Solution(NamedTuple):
    """Paired directions of two views: `image` (d1, k), `text` (d2, k) and their `correlations` (k,), decreasing."""

    image: Array
    text: Array
    correlations: Array


def deviations(variances: Array, noise: Array) -> Array:
    """Return standard deviations (d,), infinite where a column varies by no more than its rounding `noise`.

    What is divided by them is 0 in the columns that do not vary.
    """
    return np.where(varying(variances, noise), np.sqrt(np.maximum(variances, 0.0)), np.inf)


def standardise(S: Array, x_scale: Array, t_scale: Array) -> Array:
    """Divide the rows and columns of S by the deviations of their columns, in place."""
    S /= x_scale[:, None]
    S /= t_scale
    return S


def paired_directions(cov: Covariances, ridges: tuple[float, float], n_components: int | None = None) -> Solution:
    """Maximise a^T S_xt b subject to a^T S_xx a = b^T S_tt b = 1, component by component, with ridges on S_xx and S_tt.

    Columns are scaled to unit variance, both views are whitened, and the cross-covariance is decomposed by an SVD.
    Directions in which a view does not vary are left out, and so are pairs of directions that are correlated by no more
    than the rounding of the views: constant or dependent columns give finite answers, and fewer than `n_components` may
    be returned. The covariances are overwritten.
    """
    x_noise, t_noise = cov.noise()
    x = whitened(cov.xx, ridges[0], x_noise, cov.n)
    t = whitened(cov.tt, ridges[1], t_noise, cov.n)
    T = t.whitener.whiten(x.whitener.whiten_rows(standardise(cov.xt, x.scale, t.scale).T)).T
    k = min(T.shape) if n_components is None else min(n_components, *T.shape)
    U, s, Vt = leading_triplets(T, k)
    image = x.whitener.unwhiten(U)
    text = t.whitener.unwhiten(Vt.T)
    keep = s > covariance_noise(image, text, (x_noise / x.scale, t_noise / t.scale), cov)
    image = image[:, keep] / x.scale[:, None]
    text = text[:, keep] / t.scale[:, None]
    return Solution(image, text, np.minimum(s[keep], 1.0))


def covariance_noise(
    U: Array,
    V: Array,
    noise: tuple[Array, Array],
    cov: Covariances,
    stds: tuple[Array | float, Array | float] = (1.0, 1.0),
) -> Array:
    """Return how large the covariances u^T S_xt v can be by rounding alone, (k,).

    `noise` is the rounding of the columns of both views, and `stds` their standard deviations, in the units of U and V.
    Rounding is independent from row to row, so it shrinks with their number in the mean of the products. A component is
    the direction in which the covariance is largest, and that of noise grows with the square roots of the widths.
    """
    u, x = (np.linalg.norm(U.T * length, axis=1) for length in (stds[0], noise[0]))
    v, t = (np.linalg.norm(V.T * length, axis=1) for length in (stds[1], noise[1]))
    widest = math.sqrt(len(U)) + math.sqrt(len(V))
    return np.asarray(widest * (2 * (x * v + u * t) / math.sqrt(cov.n) + cov.products * u * v))


def regression(cov: Covariances, ridge: float) -> tuple[Array, int]:
    """Return the weights (S_xx + ridge)^-1 S_xt that predict targets from x, and how many predictions are independent.

    If columns are linearly dependent, they are the shortest solution in units of their standard deviations. Predictions
    count as in `paired_directions`. The ridge is in units of the mean variance, and `cov.xx` is overwritten.
    """
    noise = rounding(cov.eps[0], np.diag(cov.xx), cov.image_mean)
    K, scale = whitened(cov.xx, ridge, noise, cov.n)
    T = K.whiten(cov.xt / scale[:, None])
    # Of the targets 0 and 1, the means tell the standard deviations.
    stds = np.sqrt(np.maximum(cov.text_mean * (1 - cov.text_mean), 0.0))
    U, s, Vt = _svd(T)
    limits = covariance_noise(K.unwhiten(U), Vt.T, (noise / scale, np.zeros(len(stds))), cov, (1.0, stds))
    return np.asarray(K.unwhiten(T) / scale[:, None]), int((s > limits).sum())


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
    if d == 1:
        # LAPACK has no reflectors to apply.
        return S[0].copy(), np.ones((1, 1))
    reflectors, diagonal, beside, tau, _ = lapack.dsytrd(S, lower=1, lwork=32 * d)
    # More than a quarter of the eigenvalues are found faster together with all others.
    few = {"select": "i", "select_range": (d - k, d - 1)} if 4 * k <= d else {}
    try:
        values, Z = scipy.linalg.eigh_tridiagonal(diagonal, beside, lapack_driver="stemr", check_finite=False, **few)
    except np.linalg.LinAlgError:
        # It sometimes fails where many eigenvalues are equal; divide and conquer does not.
        values, vectors = scipy.linalg.eigh(S, driver="evd", check_finite=False)
        return values[: -k - 1 : -1], vectors[:, : -k - 1 : -1]
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


class Whitened(NamedTuple):
    """The whitener of a view whose columns are divided by their deviations `scale` (d,)."""

    whitener: Whitener
    scale: Array


def whitened(S: Array, ridge: float, noise: Array, n: int) -> Whitened:
    """Return the whitener of covariances S of n rows with a ridge; S is overwritten.

    `noise` is the rounding of the columns. It counts as far as the ridge, which hides it, is smaller.
    """
    if not varying(np.diag(S), noise).any():
        return Whitened(Whitener(np.zeros((len(S), 0)), False), np.ones(len(S)))
    added = ridge * float(np.trace(S)) / len(S)
    S[np.diag_indices_from(S)] += added
    scale = deviations(np.diag(S), noise)
    energies = rounding_energy(noise**2) * (1 + math.sqrt(len(S) / n)) ** 2
    hidden = np.maximum(energies - added, 0.0) / scale**2
    return Whitened(whitener(standardise(S, scale, scale), hidden), scale)


def whitener(S: Array, energies: Array | None = None) -> Whitener:
    """Whiten by Cholesky if S is safely positive definite, else by the eigenvalues that count; S is overwritten.

    An eigenvalue counts if it is larger than the rounding of S and than what the rounding of the view adds to it:
    `energies` (d,) are the variances that rounding may add to the columns.
    """
    if energies is None:
        energies = np.zeros(len(S))
    S = np.asfortranarray(S)
    tolerance = len(S) * EPS
    diagonal = np.diag(S).copy()
    norm = lapack.dlange("1", S)
    # The upper triangle is not touched, so that S can be restored from it.
    L, failed = lapack.dpotrf(S, lower=1, clean=0, overwrite_a=1)
    if not failed:
        smallest = lapack.dpocon(L, norm, uplo="L")[0]
        if smallest > 10 * tolerance and smallest * norm > energies.max():
            return Whitener(L, True)
    S = mirror(L.T)
    S[np.diag_indices_from(S)] = diagonal
    values, vectors = scipy.linalg.eigh(S, check_finite=False)
    keep = values > np.maximum(max(float(values[-1]), 0.0) * tolerance * 10, energies @ vectors**2)
    return Whitener(vectors[:, keep] / np.sqrt(values[keep]), False)


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
