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

    Component by component, the directions u, v of largest covariance ``u^T S_xy v`` are taken and both views deflated
    by their own scores. Deflating the covariances is enough: with loadings
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
    image_mean_, text_mean_ : ndarray of shape (d,)
        Column means.
    n_components_ : int
        Components found; fewer than asked for where no covariance is left.

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
        x_std, t_std = deviations(np.diag(S_xx), x_mean), deviations(np.diag(S_tt), t_mean)
        if not self.scale:
            x_std, t_std = np.ones_like(x_std), np.ones_like(t_std)
        standardise(S_xx, x_std, x_std)
        standardise(S_tt, t_std, t_std)
        U, V, G, D, strengths = _deflate(S_xx, S_tt, standardise(S_xt, x_std, t_std), k)
        self.image_mean_, self.text_mean_ = x_mean, t_mean
        self.image_weights_, self.text_weights_, self.image_loadings_, self.text_loadings_ = U, V, G, D
        self.covariances_, self.n_components_ = strengths, len(strengths)
        self.image_projection_ = U @ np.linalg.pinv(G.T @ U) / x_std[:, None]
        self.text_projection_ = V @ np.linalg.pinv(D.T @ V) / t_std[:, None]


def _deflate(S_xx: Array, S_tt: Array, S_xt: Array, k: int) -> tuple[Array, Array, Array, Array, Array]:
    """Return weights U, V, loadings G, D, each (d, k), and their covariances (k,); S_xt is deflated in place.

    S_xx and S_tt are not: their deflated products follow from the loadings, ``S u - sum_j g_j (var_j g_j^T u)``.
    """
    tiny = 1e-10 * float(np.abs(S_xt).max(initial=0.0))
    (d1, d2), found = S_xt.shape, 0
    U, G, V, D = (np.zeros((d, k), order="F") for d in (d1, d1, d2, d2))
    strengths, variances = np.zeros(k), np.zeros((2, k))
    while found < k and (pair := leading_pair(S_xt, tiny)) is not None:
        u, strengths[found], v = pair
        sign = signs(u[:, None])[0]
        for weights, loadings, S, direction, variance in (
            (U, G, S_xx, u * sign, variances[0]),
            (V, D, S_tt, v * sign, variances[1]),
        ):
            known = loadings[:, :found]
            weights[:, found] = direction
            loadings[:, found] = S @ direction - known @ (variance[:found] * (known.T @ direction))
            variance[found] = direction @ loadings[:, found]
        if variances[:, found].min() <= 0:
            break
        G[:, found] /= variances[0, found]
        D[:, found] /= variances[1, found]
        blas.dger(-1.0, U[:, found] @ S_xt, G[:, found], a=S_xt.T, overwrite_a=1)  # transposed: Fortran order
        blas.dger(-1.0, D[:, found], S_xt @ V[:, found], a=S_xt.T, overwrite_a=1)
        found += 1
    return U[:, :found], V[:, :found], G[:, :found], D[:, :found], strengths[:found]
