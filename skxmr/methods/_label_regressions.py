"""Regressions of both views onto the labels that select features, solved by reweighted ridge regressions.

The penalty of a view is the sum of the lengths of its rows of weights, which makes weights of whole features zero. In
every iteration a quadratic penalty takes its place that touches it at the last weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import scipy.linalg
from sklearn.exceptions import ConvergenceWarning

from skxmr._data.kinds import MODALITIES, BoolArray
from skxmr._data.warn import warn
from skxmr._linalg.exactness import Array
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation

# Lengths of rows are smoothed by this much, because their penalty has no gradient at 0.
_ROW = 1e-4
# A feature whose weights are no longer than this many times the smoothing is not selected.
_SELECTED = 10


class Selects(Protocol):
    """What a method that selects features says about it."""

    selection: float
    max_iter: int
    tol: float


class Reweighting(NamedTuple):
    """One iteration, from the weights of both views to better ones, and the objective of weights."""

    step: Callable[[list[Array]], list[Array]]
    objective: Callable[[list[Array]], float]


class Regressions(NamedTuple):
    """Covariances of two views of mean variance 1: `within` both, `between` them, and with labels, the `targets`.

    `energy` is the sum of the variances of the labels. A view of few rows is given in coordinates of the space that
    they span, with its basis (d, r); `widths` are the numbers of features.
    """

    within: list[Array]
    between: Array
    targets: list[Array]
    energy: float
    bases: list[Array | None]
    widths: list[int]

    def inner(self, weights: list[Array]) -> list[Array]:
        """Return weights of features (d, c) as weights of the coordinates (r, c)."""
        return [own if basis is None else basis.T @ own for own, basis in zip(weights, self.bases, strict=True)]

    def errors(self, weights: list[Array], selection: float) -> Iterator[float]:
        """Yield half the squared errors and the penalty, for each view."""
        for S, C, own, rows in zip(self.within, self.targets, self.inner(weights), weights, strict=True):
            yield 0.5 * (float((own * (S @ own)).sum()) - 2 * float((own * C).sum()) + self.energy)
            yield selection * float(smoothed_lengths(rows).sum())

    def started(self, selection: float) -> list[Array]:
        """Return ridge regressions, as if all rows of weights had length 1."""
        found = []
        for S, C, basis, d in zip(self.within, self.targets, self.bases, self.widths, strict=True):
            found.append(penalised(S.copy(), np.full(d, selection), C, basis))
        return found


def scaled(cov: Covariances, n_labels: int, views: tuple[Rotation, Rotation]) -> tuple[Regressions, list[float]]:
    """Return the covariances, and the roots of the mean variances of both views, by which they were divided."""
    d = len(cov.tt) - n_labels
    within = [cov.xx, cov.tt[:d, :d]]
    scales = []
    for S, view in zip(within, views, strict=True):
        scales.append(float(np.sqrt(np.trace(S) / len(S) * view.share)))
    x, t = (scale if scale else 1.0 for scale in scales)
    bases = [view.basis for view in views]
    problem = Regressions(
        within=[cov.xx / x**2, within[1] / t**2],
        between=cov.xt[:, :d] / (x * t),
        targets=[cov.xt[:, d:] / x, cov.tt[:d, d:] / t],
        energy=float(np.trace(cov.tt[d:, d:])),
        bases=bases,
        widths=[len(S) if basis is None else len(basis) for S, basis in zip(within, bases, strict=True)],
    )
    return problem, scales


def minimised(method: Selects, weights: list[Array], by: Reweighting) -> tuple[list[Array], list[float]]:
    """Return the weights of both views, and the objective after every iteration."""
    objective: list[float] = []
    last = by.objective(weights)
    while len(objective) < method.max_iter:
        weights = by.step(weights)
        objective.append(by.objective(weights))
        if last - objective[-1] <= method.tol * last:
            return weights, objective
        last = objective[-1]
    if method.tol:
        warn(
            f"{type(method).__name__} has not converged after max_iter={method.max_iter} iterations; raise max_iter or "
            "tol.",
            ConvergenceWarning,
        )
    return weights, objective


def selected(method: Selects, weights: list[Array]) -> list[BoolArray]:
    """Tell which features (d,) of each view are selected; a view without any is an error."""
    found = []
    for name, own in zip(MODALITIES, weights, strict=True):
        chosen = np.linalg.norm(own, axis=1) > _SELECTED * _ROW
        if not chosen.any():
            raise ValueError(
                f"{type(method).__name__}(selection={method.selection}) selects no feature of {name}; make selection "
                "smaller."
            )
        found.append(chosen)
    return found


def projections(
    weights: list[Array], chosen: list[BoolArray], views: tuple[Rotation, Rotation], scales: list[float]
) -> list[Array]:
    """Return the weights (d, c) of the views as they came, zero for features that are not selected."""
    found = []
    for own, kept, view, scale in zip(weights, chosen, views, scales, strict=True):
        found.append(own * (kept[:, None] * view.unit / scale))
    return found


def smoothed_lengths(weights: Array) -> Array:
    """Return the lengths (d,) of the rows, which are never 0."""
    return np.asarray(np.hypot(np.linalg.norm(weights, axis=1), _ROW))


def penalised(A: Array, penalty: Array, C: Array, basis: Array | None) -> Array:
    """Return ``(B A B^T + diag(penalty))^-1 B C`` for a basis B, None for the identity; A is overwritten.

    With a basis it is ``D B (I + A B^T D B)^-1 C`` with ``D = diag(penalty)^-1``, at the cost of few rows.
    """
    if basis is None:
        A[np.diag_indices_from(A)] += penalty
        return np.asarray(scipy.linalg.solve(A, C, assume_a="pos", overwrite_a=True, check_finite=False))
    half = basis / np.sqrt(penalty)[:, None]
    inner = A @ (half.T @ half)
    inner[np.diag_indices_from(inner)] += 1
    return np.asarray(half @ scipy.linalg.solve(inner, C, check_finite=False)) / np.sqrt(penalty)[:, None]
