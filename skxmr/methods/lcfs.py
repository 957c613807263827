"""Coupled feature selection."""

from __future__ import annotations

from dataclasses import field
from functools import partial
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.linalg
from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._linalg.exactness import SAFE_RIDGE, Array
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation
from skxmr.methods._feature_selection import SelectingRetriever
from skxmr.methods._label_covariances import LabelCovarianceRetriever
from skxmr.methods._label_regressions import Regressions, Reweighting, penalised, scaled, smoothed_lengths

# Singular values are smoothed by this much, because their penalty has no gradient at 0.
_SINGULAR = 1e-3


class LCFS(SelectingRetriever, LabelCovarianceRetriever):
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

    Attributes
    ----------
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
    _parameter_constraints: ClassVar[Constraints] = {
        "coupling": [Interval(Real, 0, None, closed="left")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return a weak selection, because some checks have features that tell little, and views learned alone."""
        return [{"selection": 1e-3}, {"selection": 1e-3, "coupling": 0.0}]

    @property
    def _exact(self) -> bool:
        return self.selection < SAFE_RIDGE

    def _solve(self, cov: Covariances, n_labels: int, k: int, views: tuple[Rotation, Rotation]) -> None:
        problem, scales = scaled(cov, n_labels, views)
        self._check_scales(scales)
        means = cov.image_mean, cov.text_mean[: len(cov.tt) - n_labels]
        self._regress(problem, scales, self._reweighting(problem), views, means)
        self.n_components_ = n_labels

    def _reweighting(self, problem: Regressions) -> Reweighting:
        return Reweighting(partial(self._reweighted, problem), partial(self._objective, problem))

    def _objective(self, problem: Regressions, weights: list[Array]) -> float:
        found = self.coupling * float(_singular_values(_gram(problem, problem.inner(weights))[1])[0].sum())
        for term in problem.errors(weights, self.selection):
            found += term
        return found

    def _reweighted(self, problem: Regressions, weights: list[Array]) -> list[Array]:
        """Return the minimum of the quadratic objective that touches the real one at these weights.

        The trace norm of the predictions P becomes ``1/2 tr P^T M P`` with ``M = (P P^T + e^2 I)^-1/2``, which is 1/e
        times the identity, less a part in the space of P.
        """
        products, gram = _gram(problem, problem.inner(weights))
        values, V = _singular_values(gram)
        shrink = 1 / np.sqrt(values * _SINGULAR * (values + _SINGULAR))
        found = []
        for i, own in enumerate(weights):
            K = (products[i] @ V) * shrink
            A = (1 + self.coupling / _SINGULAR) * problem.within[i] - self.coupling * (K @ K.T)
            found.append(penalised(A, self.selection / smoothed_lengths(own), problem.targets[i], problem.bases[i]))
        return found


def _gram(problem: Regressions, inner: list[Array]) -> tuple[list[Array], Array]:
    """Return the products of each view with the predictions of both, (r, 2c), and of the predictions, (2c, 2c)."""
    U, V = inner
    image = np.hstack([problem.within[0] @ U, problem.between @ V])
    text = np.hstack([problem.between.T @ U, problem.within[1] @ V])
    return [image, text], np.vstack([U.T @ image, V.T @ text])


def _singular_values(gram: Array) -> tuple[Array, Array]:
    """Return the smoothed singular values of predictions, given their products, and the right singular vectors."""
    squares, V = scipy.linalg.eigh(gram, check_finite=False)
    return np.sqrt(np.maximum(squares, 0.0) + _SINGULAR**2), V
