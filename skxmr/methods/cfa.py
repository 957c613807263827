"""Cross-modal factor analysis."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np

from skxmr._data.pairs import Pairs
from skxmr._linalg.exactness import Array
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr._linalg.solvers import covariance_noise, leading_triplets, signs
from skxmr.methods._linear import CovarianceRetriever, remaining


class CFA(CovarianceRetriever, kw_only=False):
    """Cross-modal factor analysis: rotations of both views that bring the items' images and texts near one another.

    Minimises ``|X A - Y B|_F^2`` for centred views X, Y and matrices A, B with orthonormal columns. Its answer are the
    singular vectors of the cross-covariance, ``S_xy = A diag(s) B^T``, strongest first. Labels are not used for
    learning.

    Attributes
    ----------
    image_projection_, text_projection_ : ndarray of shape (d, n_components)
        The directions A and B, of unit length and orthogonal. The largest entry of each image direction is positive.
    covariances_ : ndarray of shape (n_components,)
        The singular values s: the covariances of the projections, decreasing.

    Raises
    ------
    ValueError
        If `n_components` exceeds what the shapes allow, or no component is found.

    Notes
    -----
    Equal to ``sklearn.cross_decomposition.PLSSVD(scale=False)``. A column counts by its variance, so features of
    different units should be standardised first, e.g. by StandardScaler in a PerModality step.

    The first component is that of ``PLS(scale=False)``. For the next one, :class:`PLS` takes out of each view what its
    own projection explains, so that the projections of a view are uncorrelated; here the directions are orthogonal, and
    projections may be correlated. No parameters of `PLS` give the further components, unless the features of each view
    are uncorrelated and of one variance; then both are also :class:`CCA`.

    References
    ----------
    Li, Dimitrova, Li and Sethi, "Multimedia content processing through cross-modal association", ACM MM 2003.
    Deviation: none. A and B minimise if they are square, with columns of zeros beside the narrower view; of their
    columns the first are kept, as in the paper.

    Examples
    --------
    >>> from skxmr import CFA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> CFA(n_components=5).fit(pairs).encode_image(pairs.image).shape
    (200, 5)
    """

    covariances_: Array = field(init=False)

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the defaults, and one component."""
        return [{}, {"n_components": 1}]

    def _views(self, pairs: Pairs) -> tuple[Rotation, Rotation]:
        return rotated(pairs.image, pairs._eps[0]), rotated(pairs.text, pairs._eps[1])

    def _solve(self, cov: Covariances, k: int, views: tuple[Rotation, Rotation]) -> None:
        stds = np.sqrt(np.maximum(np.diag(cov.xx), 0.0)), np.sqrt(np.maximum(np.diag(cov.tt), 0.0))
        U, s, Vt = leading_triplets(cov.xt, min(k, *cov.xt.shape))
        # Where the squares of very small values vanish, a direction has no variance, though it has a covariance.
        varies = (_variances(cov.xx, U) > 0) & (_variances(cov.tt, Vt.T) > 0)
        keep = varies & (s > covariance_noise(U, Vt.T, cov.noise(), cov, stds))
        self.n_components_ = remaining(self, int(keep.sum()), self.n_components)
        image = views[0].spread(U[:, keep])
        sign = signs(image)
        self.image_projection_ = image * sign
        self.text_projection_ = views[1].spread(Vt[keep].T) * sign
        self.image_mean_ = views[0].origin(cov.image_mean)
        self.text_mean_ = views[1].origin(cov.text_mean)
        self.covariances_ = s[keep] / (views[0].unit * views[1].unit)


def _variances(S: Array, directions: Array) -> Array:
    """Return the variances (k,) of the projections on directions (d, k)."""
    return np.einsum("ij,ij->j", directions, S @ directions)
