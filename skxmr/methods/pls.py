"""Partial least squares, mode A (PLS-C2A)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.linalg import blas

from skxmr._data.estimator import Constraints
from skxmr._linalg.moments import Array, Covariances
from skxmr._linalg.rotation import Rotation
from skxmr._linalg.solvers import deviations, leading_pair, signs, standardise
from skxmr.methods._linear import CovarianceRetriever


class PLS(CovarianceRetriever, kw_only=False):
    """Canonical partial least squares (PLS-C2A), from the covariances alone.

    Component by component, it takes the directions u, v of largest covariance ``u^T S_xy v`` and deflates both views
    by their own scores. It is enough to deflate the covariances: with loadings
    ``g = S_xx u / u^T S_xx u`` and ``d = S_yy v / v^T S_yy v``, ``S_xy <- (I - g u^T) S_xy (I - v d^T)``, and S_xx,
    S_yy likewise. Labels are not used for learning.

    Parameters
    ----------
    scale : bool, default=True
        Standardise every feature first, as scikit-learn does.

    Attributes
    ----------
    image_weights_, text_weights_ : ndarray of shape (d, n_components)
        The directions u, v of unit length on the deflated views. The largest entry of each u is positive.
    image_loadings_, text_loadings_ : ndarray of shape (d, n_components)
        The loadings.
    image_projection_, text_projection_ : ndarray of shape (d, n_components)
        Rotations from the original features: ``U (G^T U)^-1``, divided by the standard deviations.
    covariances_ : ndarray of shape (n_components,)
        ``u^T S_xy v`` of each component.
    n_components_ : int
        Components found: fewer than requested if no covariance is left.

    Raises
    ------
    ValueError
        If `n_components` exceeds what the shapes allow.

    Notes
    -----
    Equal to ``sklearn.cross_decomposition.PLSCanonical``. Constant features are left unscaled and get weight 0.

    References
    ----------
    Tenenhaus, "La regression PLS", 1998 (mode A); Wegelin, "A survey of partial least squares methods", 2000.
    Deviation: none.

    Examples
    --------
    >>> from skxmr import PLS
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> PLS(n_components=5).fit(pairs).encode_image(pairs.image).shape
    (200, 5)
    """

    scale: bool = True
    _parameter_constraints: ClassVar[Constraints] = {"scale": ["boolean"]}

    def _solve(self, cov: Covariances, k: int, views: tuple[Rotation, Rotation]) -> None:
        x_mean, t_mean, S_xx, S_tt, S_xt = cov
        x_std = deviations(np.diag(S_xx), x_mean) if self.scale else np.ones(len(x_mean))
        t_std = deviations(np.diag(S_tt), t_mean) if self.scale else np.ones(len(t_mean))
        standardise(S_xx, x_std, x_std)
        standardise(S_tt, t_std, t_std)
        U, V, G, D, strengths = _deflate(S_xx, S_tt, standardise(S_xt, x_std, t_std), k)
        image_projection = U @ np.linalg.pinv(G.T @ U) / x_std[:, None]
        text_projection = V @ np.linalg.pinv(D.T @ V) / t_std[:, None]
        # Kept when all is computed, so that a fit that fails leaves the last model as it was.
        self.image_mean_ = x_mean
        self.text_mean_ = t_mean
        self.image_weights_ = U
        self.text_weights_ = V
        self.image_loadings_ = G
        self.text_loadings_ = D
        self.image_projection_ = image_projection
        self.text_projection_ = text_projection
        self.covariances_ = strengths
        self.n_components_ = len(strengths)


def _deflate(S_xx: Array, S_tt: Array, S_xt: Array, k: int) -> tuple[Array, Array, Array, Array, Array]:
    """Return weights U, V, loadings G, D, each (d, k), and their covariances (k,); S_xt is deflated in place.

    S_xx and S_tt stay as they are, because their deflated products follow from the loadings:
    ``S u - sum_j g_j (var_j g_j^T u)``.
    """
    tiny = 1e-10 * float(np.abs(S_xt).max(initial=0.0))
    U = np.zeros((S_xt.shape[0], k), order="F")
    V = np.zeros((S_xt.shape[1], k), order="F")
    G = np.zeros_like(U)
    D = np.zeros_like(V)
    strengths = np.zeros(k)
    x_variances = np.zeros(k)
    t_variances = np.zeros(k)
    found = 0
    while found < k:
        pair = leading_pair(S_xt, tiny)
        if pair is None:
            break
        u, strengths[found], v = pair
        sign = signs(u[:, None])[0]
        U[:, found] = u * sign
        V[:, found] = v * sign
        G[:, found], x_variances[found] = _loading(S_xx, U[:, found], G[:, :found], x_variances[:found])
        D[:, found], t_variances[found] = _loading(S_tt, V[:, found], D[:, :found], t_variances[:found])
        if min(x_variances[found], t_variances[found]) <= 0:
            break
        G[:, found] /= x_variances[found]
        D[:, found] /= t_variances[found]
        # The transpose of S_xt is in Fortran order, so that BLAS can work in place.
        blas.dger(-1.0, U[:, found] @ S_xt, G[:, found], a=S_xt.T, overwrite_a=1)
        blas.dger(-1.0, D[:, found], S_xt @ V[:, found], a=S_xt.T, overwrite_a=1)
        found += 1
    return U[:, :found], V[:, :found], G[:, :found], D[:, :found], strengths[:found]


def _loading(S: Array, direction: Array, known: Array, variances: Array) -> tuple[Array, float]:
    """Return the loading of a direction, not yet divided by its variance, and that variance."""
    loading = S @ direction - known @ (variances * (known.T @ direction))
    return loading, float(direction @ loading)
