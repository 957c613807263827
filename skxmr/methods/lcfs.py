"""Coupled feature selection."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import scipy.linalg
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import MODALITIES, AnyArray
from skxmr._data.warn import warn
from skxmr._linalg.exactness import SAFE_RIDGE, Array
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation
from skxmr.methods._label_covariances import LabelCovarianceRetriever
from skxmr.methods._linear import remaining

# Lengths of rows and singular values are smoothed by this much, because their penalties have no gradient at 0.
_ROW = 1e-4
_SINGULAR = 1e-3
# A feature whose weights are no longer than this many times the smoothing is not selected.
_SELECTED = 10


class LCFS(LabelCovarianceRetriever):
    """Learning coupled feature spaces: both views predict the labels, from few features that are selected together.

    Minimises ``1/2 |X U - Y|^2 + 1/2 |T V - Y|^2``, the mean over rows, plus ``selection (|U|_21 + |V|_21)`` plus
    ``coupling |[X U, T V]|_*`` for centred views X, T and labels Y. The sum of the lengths of the rows of U and V makes
    weights of whole features zero. The trace norm, which is the sum of singular values, wants the predictions of both
    views to lie in the same few dimensions. Both penalties are replaced by quadratic ones that touch them at the last
    solution, so that every iteration is a pair of ridge regressions.

    Parameters
    ----------
    selection : float, default=0.02
        Weight of the penalty that selects features, > 0; lambda_1 of the paper. Each view counts in units of the root
        of its mean variance, so that its scale does not matter.
    coupling : float, default=0.01
        Weight of the trace norm; lambda_2 of the paper. 0 learns each view alone.
    max_iter : int, default=200
        The largest number of iterations.
    tol : float, default=1e-5
        The iterations end where the objective falls by less than this part of itself.

    Attributes
    ----------
    image_projection_, text_projection_ : ndarray of shape (d, c)
        The weights U and V; rows of features that are not selected are zero.
    image_selected_, text_selected_ : ndarray of shape (d,), bool
        Which features are selected.
    objective_ : ndarray of shape (n_iter_,)
        The objective, which falls with every iteration.
    n_iter_ : int
        Number of iterations.
    n_components_ : int
        Number of labels, which is the width of the common space.

    Raises
    ------
    ValueError
        If labels are missing, a parameter is out of range, a view does not vary, or no feature of a view is selected.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If the objective still falls by more than `tol` after `max_iter` iterations.

    Notes
    -----
    All is computed from the covariances of the three views, which come from one pass over the rows. An iteration takes
    time in the cube of the number of features of each view, or of rows where these are fewer than half as many.
    The objective is convex, so the start does not matter. Lengths of rows are smoothed by .0001 and singular values by
    .001.

    References
    ----------
    Wang, He, Wang, Wang and Tan, "Learning coupled feature spaces for cross-modal matching", ICCV 2013. Deviations:
    the views and labels are centred, means over rows and variances of views make the weights independent of the numbers
    of rows and of scale, and weights of features that are almost zero are set to zero.

    Examples
    --------
    >>> from skxmr import LCFS
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> LCFS().fit(pairs, labels).encode_text(pairs).shape
    (200, 8)
    """

    n_components: None = field(default=None, init=False)
    selection: float = 0.02
    coupling: float = 0.01
    max_iter: int = 200
    tol: float = 1e-5
    image_selected_: AnyArray = field(init=False)
    text_selected_: AnyArray = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "selection": [Interval(Real, 0, None, closed="neither")],
        "coupling": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return a weak selection, because some checks have features that tell little, and views learned alone."""
        return [{"selection": 1e-3}, {"selection": 1e-3, "coupling": 0.0}]

    @property
    def _exact(self) -> bool:
        return self.selection < SAFE_RIDGE

    def _solve(self, cov: Covariances, n_labels: int, k: int, views: tuple[Rotation, Rotation]) -> None:
        problem, scales = _scaled(cov, n_labels, views)
        if not all(scales):
            remaining(self, 0, None)
        weights, objective = self._minimised(problem)
        selected = [_lengths(own) > _SELECTED * _ROW for own in weights]
        for name, chosen in zip(MODALITIES, selected, strict=True):
            if not chosen.any():
                raise ValueError(
                    f"LCFS(selection={self.selection}) selects no feature of {name}; make selection smaller."
                )
        for own, chosen, view, scale in zip(weights, selected, views, scales, strict=True):
            own *= chosen[:, None] * view.unit / scale
        self.image_projection_, self.text_projection_ = weights
        self.image_selected_, self.text_selected_ = selected
        self.image_mean_ = views[0].origin(cov.image_mean)
        self.text_mean_ = views[1].origin(cov.text_mean[: len(cov.tt) - n_labels])
        self.objective_ = np.array(objective)
        self.n_iter_ = len(objective)
        self.n_components_ = n_labels

    def _minimised(self, problem: _Problem) -> tuple[list[Array], list[float]]:
        """Return the weights of both views, and the objective after every iteration."""
        weights = self._started(problem)
        objective: list[float] = []
        last = self._objective(problem, weights)
        while len(objective) < self.max_iter:
            weights = self._reweighted(problem, weights)
            objective.append(self._objective(problem, weights))
            if last - objective[-1] <= self.tol * last:
                return weights, objective
            last = objective[-1]
        if self.tol:
            warn(
                f"LCFS has not converged after max_iter={self.max_iter} iterations; raise max_iter or tol.",
                ConvergenceWarning,
            )
        return weights, objective

    def _started(self, problem: _Problem) -> list[Array]:
        """Return ridge regressions, as if all rows of weights had length 1."""
        found = []
        for S, C, basis, d in zip(problem.within, problem.targets, problem.bases, problem.widths, strict=True):
            found.append(_penalised(S.copy(), np.full(d, self.selection), C, basis))
        return found

    def _objective(self, problem: _Problem, weights: list[Array]) -> float:
        inner = problem.inner(weights)
        found = self.coupling * float(_singular_values(problem.gram(inner)[1])[0].sum())
        for S, C, own, rows in zip(problem.within, problem.targets, inner, weights, strict=True):
            found += 0.5 * (float((own * (S @ own)).sum()) - 2 * float((own * C).sum()) + problem.energy)
            found += self.selection * float(np.hypot(_lengths(rows), _ROW).sum())
        return found

    def _reweighted(self, problem: _Problem, weights: list[Array]) -> list[Array]:
        """Return the minimum of the quadratic objective that touches the real one at these weights.

        The trace norm of the predictions P becomes ``1/2 tr P^T M P`` with ``M = (P P^T + e^2 I)^-1/2``, which is 1/e
        times the identity, less a part in the space of P.
        """
        products, gram = problem.gram(problem.inner(weights))
        values, V = _singular_values(gram)
        shrink = 1 / np.sqrt(values * _SINGULAR * (values + _SINGULAR))
        found = []
        for i, own in enumerate(weights):
            K = (products[i] @ V) * shrink
            A = (1 + self.coupling / _SINGULAR) * problem.within[i] - self.coupling * (K @ K.T)
            penalty = self.selection / np.hypot(_lengths(own), _ROW)
            found.append(_penalised(A, penalty, problem.targets[i], problem.bases[i]))
        return found


class _Problem(NamedTuple):
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

    def gram(self, inner: list[Array]) -> tuple[list[Array], Array]:
        """Return the products of each view with the predictions of both, (r, 2c), and of the predictions, (2c, 2c)."""
        U, V = inner
        image = np.hstack([self.within[0] @ U, self.between @ V])
        text = np.hstack([self.between.T @ U, self.within[1] @ V])
        return [image, text], np.vstack([U.T @ image, V.T @ text])


def _scaled(cov: Covariances, n_labels: int, views: tuple[Rotation, Rotation]) -> tuple[_Problem, list[float]]:
    """Return the covariances, and the roots of the mean variances of both views, by which they were divided."""
    d = len(cov.tt) - n_labels
    within = [cov.xx, cov.tt[:d, :d]]
    scales = []
    for S, view in zip(within, views, strict=True):
        scales.append(float(np.sqrt(np.trace(S) / len(S) * view.share)))
    x, t = (scale if scale else 1.0 for scale in scales)
    bases = [view.basis for view in views]
    problem = _Problem(
        within=[cov.xx / x**2, within[1] / t**2],
        between=cov.xt[:, :d] / (x * t),
        targets=[cov.xt[:, d:] / x, cov.tt[:d, d:] / t],
        energy=float(np.trace(cov.tt[d:, d:])),
        bases=bases,
        widths=[len(S) if basis is None else len(basis) for S, basis in zip(within, bases, strict=True)],
    )
    return problem, scales


def _penalised(A: Array, penalty: Array, C: Array, basis: Array | None) -> Array:
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


def _lengths(weights: Array) -> Array:
    return np.asarray(np.linalg.norm(weights, axis=1))


def _singular_values(gram: Array) -> tuple[Array, Array]:
    """Return the smoothed singular values of predictions, given their products, and the right singular vectors."""
    squares, V = scipy.linalg.eigh(gram, check_finite=False)
    return np.sqrt(np.maximum(squares, 0.0) + _SINGULAR**2), V
