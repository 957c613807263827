"""SelectingRetriever: the base of methods that regress on the labels and select features of both views."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import AnyArray
from skxmr._linalg.exactness import Array
from skxmr._linalg.rotation import Rotation
from skxmr.base import CrossModalRetriever
from skxmr.methods._label_regressions import Regressions, Reweighting, minimised, projections, selected
from skxmr.methods._linear import remaining


class SelectingRetriever(CrossModalRetriever):
    """Base of methods that predict the labels from few features of both views, by repeated ridge regressions.

    A method calls `_check_scales` and `_regress` in its `_fit`.

    Parameters
    ----------
    selection : float, default=0.01
        Weight of the penalty that selects features, > 0. Each view counts in units of the root of its mean variance, so
        that its scale does not matter.
    max_iter : int, default=200
        The largest number of iterations.
    tol : float, default=1e-5
        The iterations end where the objective falls by less than this part of itself.

    Attributes
    ----------
    image_projection_, text_projection_ : ndarray of shape (d, c)
        The weights U and V; rows of features that are not selected are zero.
    image_mean_, text_mean_ : ndarray of shape (d,)
        Column means.
    image_selected_, text_selected_ : ndarray of shape (d,), bool
        Which features are selected.
    objective_ : ndarray of shape (n_iter,)
        The objective, which falls with every iteration.
    n_iter_ : int
        Number of iterations.
    """

    selection: float = 0.01
    max_iter: int = 200
    tol: float = 1e-5
    image_projection_: Array = field(init=False)
    text_projection_: Array = field(init=False)
    image_mean_: Array = field(init=False)
    text_mean_: Array = field(init=False)
    image_selected_: AnyArray = field(init=False)
    text_selected_: AnyArray = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "selection": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def _check_scales(self, scales: list[float]) -> None:
        """Refuse views that do not vary."""
        if not all(scales):
            remaining(self, 0, None)

    def _regress(
        self,
        problem: Regressions,
        scales: list[float],
        by: Reweighting,
        views: tuple[Rotation, Rotation],
        means: tuple[Array, Array],
    ) -> None:
        """Minimise from ridge regressions on, and keep the weights in units of the views."""
        weights, objective = minimised(self, problem.started(self.selection), by)
        chosen = selected(self, weights)
        self.image_projection_, self.text_projection_ = projections(weights, chosen, views, scales)
        self.image_selected_, self.text_selected_ = chosen
        self.image_mean_ = views[0].origin(means[0])
        self.text_mean_ = views[1].origin(means[1])
        self.objective_ = np.array(objective)
        self.n_iter_ = len(objective)
