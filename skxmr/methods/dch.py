"""Discriminative binary codes for cross-modal retrieval."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.linalg
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import Seed
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.warn import warn
from skxmr._linalg.exactness import Array
from skxmr.methods._linear_codes import LinearHashing
from skxmr.methods._ridge_views import RidgeView

# Sweeps over all bits in one step at most; bits hardly change any more after a few.
_SWEEPS = 10


class DCH(LinearHashing):
    """Discriminative cross-modal hashing: codes of the items from which a linear classifier reads off their labels.

    Minimises ``|Y - B W|^2 + weight_penalty |W|^2 + view_weight (|B - X P|^2 + r_x |P|^2 + |B - T Q|^2 + r_t |Q|^2)``
    over one code of signs per item, the rows of B, the classifier W of the labels Y, and the projections P, Q of the
    centred views X, T, whose signs are the codes of new images and texts. Each part has a closed form where the others
    are fixed: W, P and Q by ridge regression, and of B one bit of all items after the other, with all other bits fixed
    (discrete cyclic coordinate descent). No part is relaxed, and the objective never rises.

    Parameters
    ----------
    n_bits : int, default=32
        Number of bits.
    weight_penalty : float, default=1.0
        Ridge of the classifier W, > 0.
    view_weight : float, default=0.01
        How much the codes take account of what the projections can predict, >= 0. At 0 they depend on the labels alone.
    ridge : float, default=1.0
        Ridge of the projections, in units of the summed squares of a feature, > 0.
    max_iter : int, default=20
        Largest number of iterations; each updates W, P and Q, and then the bits.
    tol : float, default=0.01
        Iterations end where the objective falls by less than this part of it, >= 0; at 0, where no bit changes.
    random_state : int, RandomState or None, default=None
        Seed of the first codes.

    Attributes
    ----------
    codes_ : ndarray of shape (n, ceil(n_bits / 8)), uint8
        The learned codes of the rows of fit, packed.
    label_weights_ : ndarray of shape (n_bits, c)
        W.
    objectives_ : ndarray of shape (2 * n_iter,)
        The objective after the regressions and after the bits of every iteration.
    n_iter_ : int
        Number of iterations.

    Raises
    ------
    ValueError
        If labels are missing, a view does not vary, or a parameter is out of range.

    Warns
    -----
    ConvergenceWarning
        If the objective still falls by more than `tol` in the last iteration.

    Notes
    -----
    The views count by the variances of their features: standardise features of different units. Bits whose change would
    not lower the objective stay as they are, so that it ends where an iteration changes no bit.

    References
    ----------
    Xu, Shen, Yang, Shen and Li, "Learning discriminative binary codes for large-scale cross-modal retrieval", TIP 2017,
    with the squared loss and linear hash functions. Deviations: the ridge of the projections stands in the objective,
    so that it falls in every step, and is in units of the variances; both views have the same weight.

    Examples
    --------
    >>> from skxmr import DCH
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> model = DCH(n_bits=16, random_state=0).fit(pairs, labels)
    >>> model.encode_text(pairs.text).shape
    (200, 2)
    """

    n_bits: int = field(default=32, kw_only=False)
    weight_penalty: float = 1.0
    view_weight: float = 0.01
    ridge: float = 1.0
    max_iter: int = 20
    tol: float = 0.01
    random_state: Seed = None
    label_weights_: Array = field(init=False)
    objectives_: Array = field(init=False)
    n_iter_: int = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "n_bits": [Interval(Integral, 1, None, closed="left")],
        "weight_penalty": [Interval(Real, 0, None, closed="neither")],
        "view_weight": [Interval(Real, 0, None, closed="left")],
        "ridge": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }
    _requires_labels = True

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return codes of few bits, and codes that follow the views."""
        return [{"n_bits": 12, "random_state": 0}, {"n_bits": 9, "view_weight": 1.0, "random_state": 0}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        # `fit` refuses missing labels.
        assert labels is not None
        Y = labels.matrix.toarray()
        views = [
            RidgeView(pairs.image, "image", self.ridge, pairs._eps[0]),
            RidgeView(pairs.text, "text", self.ridge, pairs._eps[1]),
        ]
        signs = check_random_state(self.random_state).choice([-1.0, 1.0], (len(pairs), self.n_bits))
        B = np.asfortranarray(signs)
        objectives: list[float] = []
        falling = True
        while falling and len(objectives) < 2 * self.max_iter:
            W = _classifier(B, Y, self.weight_penalty)
            projections = [view.fit(B) for view in views]
            objectives.append(self._objective(B, Y, W, views, projections))
            wanted = Y @ W.T
            for view, P in zip(views, projections, strict=True):
                wanted += self.view_weight * view.predict(P)
            changed = _set_bits(B, wanted, W @ W.T)
            objectives.append(self._objective(B, Y, W, views, projections))
            falling = changed and _still_falls(objectives, self.tol)
        if falling:
            warn(
                f"the objective of DCH still falls after max_iter={self.max_iter} iterations; raise max_iter or tol.",
                ConvergenceWarning,
            )
        self._keep(B, W, objectives)
        self.image_mean_, self.text_mean_ = (view.mean for view in views)
        # The projections of the last codes.
        self.image_projection_, self.text_projection_ = (view.projection(view.fit(B)) for view in views)

    def _objective(self, B: Array, Y: Array, W: Array, views: list[RidgeView], projections: list[Array]) -> float:
        found = ((Y - B @ W) ** 2).sum() + self.weight_penalty * (W**2).sum()
        for view, P in zip(views, projections, strict=True):
            found += self.view_weight * view.loss(B, P)
        return float(found)

    def _keep(self, B: Array, W: Array, objectives: list[float]) -> None:
        self.n_bits_ = self.n_bits
        self.codes_ = np.packbits(B > 0, axis=1)
        self.label_weights_ = W
        self.objectives_ = np.array(objectives)
        self.n_iter_ = len(objectives) // 2


def _classifier(B: Array, Y: Array, penalty: float) -> Array:
    """Return the weights (r, c) that predict labels (n, c) from codes (n, r): ``(B^T B + penalty I)^-1 B^T Y``."""
    products = B.T @ B
    products[np.diag_indices_from(products)] += penalty
    return np.asarray(scipy.linalg.solve(products, B.T @ Y, assume_a="pos", check_finite=False))


def _still_falls(objectives: list[float], tol: float) -> bool:
    """Tell whether the last iteration of two steps lowered the objective by more than a part of it."""
    return len(objectives) < 4 or objectives[-3] - objectives[-1] > tol * objectives[-1]


def _set_bits(B: Array, wanted: Array, G: Array) -> bool:
    """Minimise ``tr(B G B^T) - 2 tr(B^T wanted)`` over signs B (n, r), one column after the other; tell if any changed.

    With the other bits fixed, the best signs of bit k are those of ``wanted_k - sum_(l != k) G_kl B_l``.
    """
    changed = False
    for _ in range(_SWEEPS):
        settled = True
        for k in range(B.shape[1]):
            best = wanted[:, k] - B @ G[:, k] + G[k, k] * B[:, k]
            wrong = best * B[:, k] < 0
            if wrong.any():
                B[wrong, k] *= -1
                settled = False
        changed |= not settled
        if settled:
            break
    return changed
