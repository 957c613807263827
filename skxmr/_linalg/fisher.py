"""The eigenproblem that weighs how well two views tell labels apart against how related the views are."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skxmr._linalg.exactness import Array
from skxmr._linalg.joint import whitened_between
from skxmr._linalg.moments import Covariances
from skxmr._linalg.solvers import covariance_noise, leading_eigenpairs, whitened

# A view whose labels differ by a smaller share of its variance tells none of them apart, up to rounding.
_NOTHING = 1e-12


class Scatters(NamedTuple):
    """How far rows of a view lie apart that should (`between`) and that should not (`within`), both (d, d)."""

    between: Array
    within: Array


class Weights(NamedTuple):
    """Weights of the coupling (`alpha`), of the second `between` (`mu`) and of the second `within` (`gamma`).

    They are in units that bring both views, and the coupling, to the size of the first view: the ratios of the traces
    of both `between` and of both `within`, and that of the trace of the first `between` and the norm of the coupling.
    """

    alpha: float
    mu: float
    gamma: float


class FisherSolution(NamedTuple):
    """Paired directions of two views: `image` (d1, k), `text` (d2, k) and their `eigenvalues` (k,), decreasing."""

    image: Array
    text: Array
    eigenvalues: Array


def fisher_directions(
    cov: Covariances, scatters: tuple[Scatters, Scatters], ridges: tuple[float, float], weights: Weights, k: int
) -> FisherSolution:
    """Maximise a^T A_x a + mu b^T A_t b + 2 alpha a^T S_xt b subject to a^T B_x a + gamma b^T B_t b = 1.

    A are the scatters between and B those within, with ridges in units of the mean variances. Both views are whitened,
    so that B is the identity. Up to k eigenvectors are returned, and no more than either view has directions: those in
    which the views are related positively, by more than their rounding can make. The scatters are overwritten.
    """
    noise = cov.noise()
    variances = [np.maximum(np.diag(S), 0.0) for S in (cov.xx, cov.tt)]
    alpha, mu, gamma = _in_units(cov, scatters, weights)
    views = []
    for scatter, ridge, own, rounded in zip(scatters, ridges, variances, noise, strict=True):
        B = np.asfortranarray(scatter.within)
        B[np.diag_indices_from(B)] += ridge * float(own.mean())
        views.append(whitened(B, 0.0, rounded, cov.n))
    x, t = views
    C = alpha / math.sqrt(gamma) * whitened_between(cov.xt.copy(), x, t)
    A_x = whitened_between(scatters[0].between, x, x)
    A_t = mu / gamma * whitened_between(scatters[1].between, t, t)
    r = len(A_x)
    k = min(k, r, len(A_t))
    if k == 0:
        return FisherSolution(np.zeros((len(cov.xx), 0)), np.zeros((len(cov.tt), 0)), np.zeros(0))
    # Up to as many eigenvectors again may relate the views negatively.
    values, vectors = leading_eigenpairs(np.block([[A_x, C], [C.T, A_t]]), 2 * k)
    image = x.whitener.unwhiten(vectors[:r]) / x.scale[:, None]
    text = t.whitener.unwhiten(vectors[r:]) / t.scale[:, None] / math.sqrt(gamma)
    related = np.einsum("ij,ij->j", image, cov.xt @ text)
    stds = np.sqrt(variances[0]), np.sqrt(variances[1])
    keep = np.flatnonzero(related > covariance_noise(image, text, noise, cov, stds))[:k]
    return FisherSolution(image[:, keep], text[:, keep], values[keep])


def _in_units(cov: Covariances, scatters: tuple[Scatters, Scatters], weights: Weights) -> Weights:
    """Return the weights themselves, given weights in units of the ratios of traces."""
    total = float(np.trace(cov.xx))
    between = [float(np.trace(scatter.between)) for scatter in scatters]
    within = [float(np.trace(scatter.within)) for scatter in scatters]
    told_apart = between[0] > _NOTHING * total and between[1] > 0
    coupling = float(np.linalg.norm(cov.xt))
    alpha = (between[0] if told_apart else total) / coupling if coupling > 0 else 1.0
    mu = between[0] / between[1] if told_apart else 1.0
    gamma = within[0] / within[1] if min(within) > 0 else 1.0
    return Weights(weights.alpha * alpha, weights.mu * mu, weights.gamma * gamma)
