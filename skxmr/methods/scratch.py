"""Scalable discrete matrix factorisation hashing."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from skxmr._data.codes import packed
from skxmr._data.estimator import Constraints
from skxmr._data.kinds import MODALITIES, FloatArray, Matrix, Seed
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._linalg.exactness import Array
from skxmr.base import HashingRetriever
from skxmr.methods._factorisation import Factorisation, Weights
from skxmr.methods._kernel_views import ViewKernel


class SCRATCH(HashingRetriever):
    """Scalable discrete matrix factorisation hashing (SCRATCH): one latent row per item, rotated until it is a code.

    Both views are described by their RBF kernels with `n_anchors` training rows, centred: X and T. With labels Y,
    latent rows V, their factors and codes of signs B, every matrix having a row per item, it minimises

    ``l |X - V U_x|^2 + (1 - l) |T - V U_t|^2 + label_weight |Y - V G|^2 + |B - V R|^2``
    ``+ projection_weight (|V - X W_x|^2 + |V - T W_t|^2) + penalty (sum of the squares of U, G, W and V)``

    over all of them, with R a rotation. Each has a closed form where the others are fixed; all bits are found at once,
    as ``B = sign(V R)``. The bits of new rows are the signs of ``X W_x R`` and ``T W_t R``.

    Parameters
    ----------
    n_bits : int, default=32
        Number of bits.
    image_weight : float, default=0.5
        l, from 0 to 1.
    label_weight : float, default=500.0
        How much the latent rows must tell the labels, >= 0.
    projection_weight : float, default=1000.0
        How much the latent rows must be predictable from each view, > 0.
    penalty : float, default=5.0
        Weight of the squares of all factors, > 0.
    n_anchors : int, default=500
        Number of training rows, drawn at random, that others are compared with; all of them where there are fewer.
    max_iter : int, default=20
        Number of iterations.
    random_state : int, RandomState or None, default=None
        Seed of the anchors, the first latent rows and the first rotation.

    Attributes
    ----------
    codes_ : ndarray of shape (n, ceil(n_bits / 8)), uint8
        The learned codes of the rows of fit, packed.
    rotation_ : ndarray of shape (n_bits, n_bits)
        R.
    objectives_ : ndarray of shape (max_iter, 4)
        The objective after the bits, after the factors U, G and W, after V, and after R of every iteration.

    Raises
    ------
    ValueError
        If labels are missing or a parameter is out of range.

    References
    ----------
    Li, Chen, Zhang, Luo, Nie, Zhang and Xu, "SCRATCH: a scalable discrete matrix factorization hashing for cross-modal
    retrieval", ACM MM 2018; the defaults are the constants of its authors' public code for Wikipedia. Deviation: the
    width of the kernels is such that rows of the mean squared distance have the kernel 1 / e.

    Examples
    --------
    >>> from skxmr import SCRATCH
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> model = SCRATCH(n_bits=16, random_state=0).fit(pairs, labels)
    >>> model.encode_text(pairs.text).shape
    (200, 2)
    """

    n_bits: int = field(default=32, kw_only=False)
    image_weight: float = 0.5
    label_weight: float = 500.0
    projection_weight: float = 1000.0
    penalty: float = 5.0
    n_anchors: int = 500
    max_iter: int = 20
    random_state: Seed = None
    rotation_: Array = field(init=False)
    objectives_: Array = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "n_bits": [Interval(Integral, 1, None, closed="left")],
        "image_weight": [Interval(Real, 0, 1, closed="both")],
        "label_weight": [Interval(Real, 0, None, closed="left")],
        "projection_weight": [Interval(Real, 0, None, closed="neither")],
        "penalty": [Interval(Real, 0, None, closed="neither")],
        "n_anchors": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }
    _requires_labels = True

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return codes of few bits."""
        return [{"n_bits": 12, "max_iter": 5, "random_state": 0}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        # `fit` refuses missing labels.
        assert labels is not None
        rng = check_random_state(self.random_state)
        chosen = np.sort(rng.permutation(len(pairs))[: self.n_anchors])
        self.anchors_: dict[str, Matrix] = {}
        self.gammas_: dict[str, float | None] = {}
        self.kernel_means_: dict[str, Array] = {}
        features = []
        for name in MODALITIES:
            X = getattr(pairs, name)
            kernel = ViewKernel(name, "rbf", None).suited(X)
            self.gammas_[name] = kernel.gamma
            self.anchors_[name] = X[chosen]
            K = kernel(X, self.anchors_[name])
            self.kernel_means_[name] = K.mean(axis=0)
            features.append(K - self.kernel_means_[name])
        weights = self.image_weight, self.label_weight, self.projection_weight, self.penalty
        problem = Factorisation(features, labels.matrix.toarray(), Weights(*map(float, weights)))
        V = rng.standard_normal((len(pairs), self.n_bits))
        R = np.linalg.svd(rng.standard_normal((self.n_bits, self.n_bits)))[0]
        found = problem.solved(V, R, self.max_iter)
        self.n_bits_ = self.n_bits
        self.codes_ = packed(found.B > 0)
        self.rotation_ = found.R
        self.objectives_ = found.objectives
        self.projections_: dict[str, Array] = {}
        for name, W in zip(MODALITIES, found.projections, strict=True):
            self.projections_[name] = W @ found.R

    def _values(self, X: Matrix, name: str) -> FloatArray:
        kernel = ViewKernel(name, "rbf", self.gammas_[name])
        W = self.projections_[name]
        return kernel.projected(X, self.anchors_[name], W, self.kernel_means_[name] @ W)
