"""Partial least squares, mode A (PLS-C2A)."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skxmr._labels import Labels
from skxmr._linalg import Array, covariances, deviations, leading_pair, signs
from skxmr._validation import check_n_components
from skxmr.methods._linear import LinearRetriever
from skxmr.pairs import Pairs


class PLS(LinearRetriever):
    """Canonical partial least squares (PLS-C2A), from the covariances alone.

    Component by component, the directions u, v of largest covariance ``u^T S_xy v`` are taken and both views deflated
    by their own scores. Deflating the covariances is enough: with loadings
    ``g = S_xx u / u^T S_xx u`` and ``d = S_yy v / v^T S_yy v``, ``S_xy <- (I - g u^T) S_xy (I - v d^T)``, and S_xx,
    S_yy likewise. Labels are not used for learning.

    Parameters
    ----------
    n_components : int or None, default=None
        Dimensions of the common space; None keeps all, at most min(rows - 1, image features, text features).
    scale : bool, default=True
        Standardise every feature first, as scikit-learn does.

    Attributes
    ----------
    image_weights_, text_weights_ : ndarray of shape (d, n_components_)
        The directions u, v of unit length on the deflated views. The largest entry of each u is positive.
    image_loadings_, text_loadings_ : ndarray of shape (d, n_components_)
        The loadings.
    image_projection_, text_projection_ : ndarray of shape (d, n_components_)
        Rotations from the original features: ``U (G^T U)^-1``, divided by the standard deviations.
    covariances_ : ndarray of shape (n_components_,)
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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "scale": ["boolean"],
    }

    def __init__(self, n_components: int | None = None, scale: bool = True) -> None:
        self.n_components = n_components
        self.scale = scale

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        X, T = pairs.image, pairs.text
        k = check_n_components(self.n_components, min(len(pairs) - 1, X.shape[1], T.shape[1]))
        x_mean, t_mean, S_xx, S_tt, S_xt = covariances(X, T)
        x_std, t_std = deviations(np.diag(S_xx), x_mean), deviations(np.diag(S_tt), t_mean)
        if not self.scale:
            x_std, t_std = np.ones_like(x_std), np.ones_like(t_std)
        S_xx /= np.outer(x_std, x_std)
        S_tt /= np.outer(t_std, t_std)
        S_xt /= np.outer(x_std, t_std)
        U, V, G, D, strengths = _deflate(S_xx, S_tt, S_xt, k)
        self.image_mean_, self.text_mean_ = x_mean, t_mean
        self.image_weights_, self.text_weights_, self.image_loadings_, self.text_loadings_ = U, V, G, D
        self.covariances_, self.n_components_ = strengths, len(strengths)
        self.image_projection_ = U @ np.linalg.pinv(G.T @ U) / x_std[:, None]
        self.text_projection_ = V @ np.linalg.pinv(D.T @ V) / t_std[:, None]


def _deflate(S_xx: Array, S_tt: Array, S_xt: Array, k: int) -> tuple[Array, Array, Array, Array, Array]:
    """Return weights U, V, loadings G, D, each (d, k), and their covariances (k,); the inputs are deflated in place."""
    tiny = 1e-10 * float(np.abs(S_xt).max(initial=0.0))
    columns: list[tuple[Array, Array, Array, Array]] = []
    strengths: list[float] = []
    while len(columns) < k and (pair := leading_pair(S_xt, tiny)) is not None:
        u, s, v = pair
        sign = signs(u[:, None])[0]
        u, v = u * sign, v * sign
        g, d = S_xx @ u, S_tt @ v
        x_variance, t_variance = float(u @ g), float(v @ d)
        if x_variance <= 0 or t_variance <= 0:
            break
        g, d = g / x_variance, d / t_variance
        S_xx -= x_variance * np.outer(g, g)
        S_tt -= t_variance * np.outer(d, d)
        S_xt -= np.outer(g, u @ S_xt)
        S_xt -= np.outer(S_xt @ v, d)
        columns.append((u, v, g, d))
        strengths.append(s)
    if not columns:
        zeros = [np.zeros((len(S), 0)) for S in (S_xx, S_tt, S_xx, S_tt)]
        return zeros[0], zeros[1], zeros[2], zeros[3], np.zeros(0)
    U, V, G, D = (np.column_stack(parts) for parts in zip(*columns, strict=True))
    return U, V, G, D, np.array(strengths)
