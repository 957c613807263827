"""Partial least squares, mode A (PLS-C2A)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.linalg import blas

from skxmr._data.estimator import Constraints
from skxmr._data.pairs import Pairs
from skxmr._linalg.deflation import Deflation
from skxmr._linalg.exactness import Array
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr._linalg.solvers import covariance_noise, deviations, signs, standardise
from skxmr.methods._linear import CovarianceRetriever, covariances_of, remaining

# Components that are computed if no number is asked for. They come one after the other, each at the price of several
# passes over all covariances, and those of views of thousands of features would take minutes.
_MOST = 128
# Components whose covariance is this many times its rounding are the same, to the digits that count, without it.
_FAR = 1000.0


class PLS(CovarianceRetriever, kw_only=False):
    """Canonical partial least squares (PLS-C2A), from the covariances alone.

    Component by component, it takes the directions u, v of largest covariance ``u^T S_xy v`` and deflates both views
    by their own scores. It is enough to deflate the covariances: with loadings
    ``g = S_xx u / u^T S_xx u`` and ``d = S_yy v / v^T S_yy v``, ``S_xy <- (I - g u^T) S_xy (I - v d^T)``, and S_xx,
    S_yy likewise. Labels are not used for learning.

    Parameters
    ----------
    n_components : int or None, default=None
        Dimensions of the common space. None keeps all that the data hold, but at most 128, because every component
        takes its own passes over the covariances; a larger number is computed if it is asked for.
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
        Components found: fewer than requested, with a warning, if no covariance is left but that of rounding.

    Raises
    ------
    ValueError
        If `n_components` exceeds what the shapes allow, or no component is found.

    Notes
    -----
    Equal to ``sklearn.cross_decomposition.PLSCanonical``. Constant features get weight 0.
    A view of at most half as many rows as features is solved in the space that its rows span.

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

    def _limited(self, n: int, d1: int, d2: int) -> int:
        limit = super()._limited(n, d1, d2)
        return min(limit, _MOST) if self.n_components is None else limit

    def _views(self, pairs: Pairs) -> tuple[Rotation, Rotation]:
        return rotated(pairs.image, pairs._eps[0], self.scale), rotated(pairs.text, pairs._eps[1], self.scale)

    def _solve_views(self, k: int, views: tuple[Rotation, Rotation]) -> None:
        # Products in float32 take half the time. They do where every component is far above their rounding.
        quick = any(view.rows.dtype == np.float32 for view in views)
        if not (quick and self._solved(covariances_of(views, exact=False), k, views, _FAR)):
            super()._solve_views(k, views)

    def _solve(self, cov: Covariances, k: int, views: tuple[Rotation, Rotation]) -> None:
        self._solved(cov, k, views)

    def _solved(self, cov: Covariances, k: int, views: tuple[Rotation, Rotation], far: float = 1.0) -> bool:
        """Set the attributes, unless k components that are `far` above their rounding are wanted and not found."""
        x_noise, t_noise = cov.noise()
        x_std = deviations(np.diag(cov.xx), x_noise)
        t_std = deviations(np.diag(cov.tt), t_noise)
        # A view that was rotated has been standardised before.
        x_scale = x_std if self.scale and views[0].span is None else np.ones(len(x_std))
        t_scale = t_std if self.scale and views[1].span is None else np.ones(len(t_std))
        standardise(cov.xx, x_scale, x_scale)
        standardise(cov.tt, t_scale, t_scale)
        standardise(cov.xt, x_scale, t_scale)
        U, V, G, D, strengths = _deflate(cov, k, (x_noise / x_scale, t_noise / t_scale), far)
        if far > 1 and len(strengths) < k:
            return False
        found = remaining(self, len(strengths), self.n_components)
        image_projection, U, G = _spread(views[0], U @ np.linalg.pinv(G.T @ U) / x_scale[:, None], U, G)
        text_projection, V, D = _spread(views[1], V @ np.linalg.pinv(D.T @ V) / t_scale[:, None], V, D)
        if self.scale:
            # Weights of standardised columns have the unit of the columns in their denominator, others have none.
            image_projection = (views[0].unit * image_projection.T / views[0].scales).T
            text_projection = (views[1].unit * text_projection.T / views[1].scales).T
        sign = signs(U)
        # Kept when all is computed, so that a fit that fails leaves the last model as it was.
        self.image_mean_ = views[0].origin(cov.image_mean)
        self.text_mean_ = views[1].origin(cov.text_mean)
        self.image_weights_ = U * sign
        self.text_weights_ = V * sign
        self.image_loadings_ = G * sign
        self.text_loadings_ = D * sign
        self.image_projection_ = image_projection * sign
        self.text_projection_ = text_projection * sign
        self.covariances_ = strengths if self.scale else strengths / (views[0].unit * views[1].unit)
        self.n_components_ = found
        return True


def _spread(view: Rotation, *directions: Array) -> list[Array]:
    """Return directions, each (r, k), as (d, k), together, because a view that was rotated is read for it."""
    return np.split(view.spread(np.hstack(directions)), len(directions), axis=1)


def _deflate(
    cov: Covariances, k: int, noise: tuple[Array, Array], far: float
) -> tuple[Array, Array, Array, Array, Array]:
    """Return weights U, V, loadings G, D, each (d, k), and their covariances (k,); `cov.xt` is deflated in place.

    Components end where the covariance is no larger than `far` times what the rounding, `noise`, can make it. S_xx and
    S_tt stay as they are, because their deflated products follow from the loadings:
    ``S u - sum_j g_j (var_j g_j^T u)``.
    """
    stds = np.sqrt(np.maximum(np.diag(cov.xx), 0.0)), np.sqrt(np.maximum(np.diag(cov.tt), 0.0))
    U = np.zeros((len(cov.xx), k), order="F")
    V = np.zeros((len(cov.tt), k), order="F")
    G = np.zeros_like(U)
    D = np.zeros_like(V)
    strengths = np.zeros(k)
    x_variances = np.zeros(k)
    t_variances = np.zeros(k)
    deflation = Deflation(cov.xt)
    found = 0
    while found < k:
        pair = deflation.leading()
        if pair is None:
            break
        u, strengths[found], v = pair
        if strengths[found] <= far * covariance_noise(u[:, None], v[:, None], noise, cov, stds)[0]:
            break
        sign = signs(u[:, None])[0]
        U[:, found] = u * sign
        V[:, found] = v * sign
        G[:, found], x_variances[found] = _loading(cov.xx, U[:, found], G[:, :found], x_variances[:found])
        D[:, found], t_variances[found] = _loading(cov.tt, V[:, found], D[:, :found], t_variances[:found])
        if min(x_variances[found], t_variances[found]) <= 0:
            break
        G[:, found] /= x_variances[found]
        D[:, found] /= t_variances[found]
        deflation.take_out(U[:, found], G[:, found], V[:, found], D[:, found])
        found += 1
    return U[:, :found], V[:, :found], G[:, :found], D[:, :found], strengths[:found]


def _loading(S: Array, direction: Array, known: Array, variances: Array) -> tuple[Array, float]:
    """Return the loading of a direction, not yet divided by its variance, and that variance."""
    loading = blas.dsymv(1.0, S, direction, lower=1) - known @ (variances * (known.T @ direction))
    return loading, float(direction @ loading)
