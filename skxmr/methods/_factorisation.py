"""The factorisation of SCRATCH: latent rows of items, from which views and labels are read and which become codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg

from skxmr._linalg.exactness import Array


class Weights(NamedTuple):
    """The weights of the terms, as the parameters of SCRATCH."""

    image: float
    label: float
    projection: float
    penalty: float


class Factors(NamedTuple):
    """What depends on the latent rows V alone: U of both views and G of the labels, (r, m) each, and W, (m, r)."""

    views: list[Array]
    labels: Array
    projections: list[Array]


class Solved(NamedTuple):
    """Codes B (n, r), the rotation R, the projections W of the last latent rows, and the objective of every step."""

    B: Array
    R: Array
    projections: list[Array]
    objectives: Array


class Factorisation:
    """The objective for centred views (n, m) and labels (n, c), and the closed form of each of its parts."""

    def __init__(self, views: Sequence[Array], Y: Array, weights: Weights) -> None:
        self.views = views
        self.Y = Y
        self.weights = weights
        self.shares = weights.image, 1 - weights.image
        self._solvers = []
        for X in views:
            products = weights.projection * (X.T @ X)
            products[np.diag_indices_from(products)] += weights.penalty
            self._solvers.append(scipy.linalg.cho_factor(products, lower=True, overwrite_a=True, check_finite=False))

    def solved(self, V: Array, R: Array, max_iter: int) -> Solved:
        """Update codes, factors, latent rows and rotation, one after the other."""
        factors = self.factors(V)
        objectives = np.zeros((max_iter, 4))
        for steps in objectives:
            B = np.where(V @ R > 0, 1.0, -1.0)
            steps[0] = self.objective(B, R, V, factors)
            factors = self.factors(V)
            steps[1] = self.objective(B, R, V, factors)
            V = self.latent(B, R, factors)
            steps[2] = self.objective(B, R, V, factors)
            R = rotation(B, V)
            steps[3] = self.objective(B, R, V, factors)
        return Solved(B, R, self.factors(V).projections, objectives)

    def factors(self, V: Array) -> Factors:
        """Return the best factors for latent rows: ridge regressions on them, and of them on the views."""
        products = V.T @ V
        views = []
        projections = []
        for X, share, solver in zip(self.views, self.shares, self._solvers, strict=True):
            crossed = X.T @ V
            views.append(self._ridge(share * products, share * crossed.T))
            projections.append(scipy.linalg.cho_solve(solver, self.weights.projection * crossed, check_finite=False))
        weight = self.weights.label
        return Factors(views, self._ridge(weight * products, weight * (V.T @ self.Y)), projections)

    def latent(self, B: Array, R: Array, factors: Factors) -> Array:
        """Return the best latent rows for codes, a rotation and factors."""
        weights = self.weights
        r = len(R)
        left = weights.label * (factors.labels @ factors.labels.T) + (1 + 2 * weights.projection) * np.eye(r)
        right = weights.label * (self.Y @ factors.labels.T) + B @ R.T
        for X, share, U, W in zip(self.views, self.shares, factors.views, factors.projections, strict=True):
            left += share * (U @ U.T)
            right += X @ (share * U.T + weights.projection * W)
        return self._ridge(left, right.T).T

    def objective(self, B: Array, R: Array, V: Array, factors: Factors) -> float:
        """Return what is minimised."""
        weights = self.weights
        found = ((B - V @ R) ** 2).sum() + weights.label * ((self.Y - V @ factors.labels) ** 2).sum()
        squares = (V**2).sum() + (factors.labels**2).sum()
        for X, share, U, W in zip(self.views, self.shares, factors.views, factors.projections, strict=True):
            found += share * ((X - V @ U) ** 2).sum() + weights.projection * ((V - X @ W) ** 2).sum()
            squares += (U**2).sum() + (W**2).sum()
        return float(found + weights.penalty * squares)

    def _ridge(self, products: Array, crossed: Array) -> Array:
        """Return ``(products + penalty I)^-1 crossed``; the products are overwritten."""
        products[np.diag_indices_from(products)] += self.weights.penalty
        return np.asarray(scipy.linalg.solve(products, crossed, assume_a="pos", check_finite=False))


def rotation(B: Array, V: Array) -> Array:
    """Return the orthogonal R that minimises ``|B - V R|^2``."""
    left, _, right = np.linalg.svd(V.T @ B)
    return np.asarray(left @ right)
