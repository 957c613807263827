"""Canonical correlation analysis."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.pairs import Pairs
from skxmr._linalg.exactness import SAFE_RIDGE
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr._linalg.solvers import paired_directions
from skxmr.methods._linear import CovarianceRetriever, lifted, remaining


class CCA(CovarianceRetriever, kw_only=False):
    """Canonical correlation analysis, regularised, in closed form.

    Finds pairs of directions a, b in which the two views are most correlated: maximise ``a^T S_xy b`` subject to
    ``a^T (S_xx + r_x I) a = b^T (S_yy + r_y I) b = 1``, with S the covariances and r_x, r_y = `ridge` times the mean
    variance of the view. Labels are not used for learning.

    Parameters
    ----------
    ridge : float, default=0.1
        Regularisation of both covariances, in units of their mean variance; 0 is classical CCA.
    correlation_power : float, default=1.0
        Projections are multiplied by their canonical correlation to this power, so that strongly related directions
        have more weight in the cosine; 0 gives the classical variates of unit variance.

    Attributes
    ----------
    correlations_ : ndarray of shape (n_components,)
        Canonical correlations (of the regularised problem), decreasing.
    image_weights_, text_weights_ : ndarray of shape (d, n_components)
        The directions, of unit regularised variance. The largest entry of each image direction is positive.
    image_projection_, text_projection_ : ndarray of shape (d, n_components)
        The directions times ``correlations_ ** correlation_power``.

    Raises
    ------
    ValueError
        If `n_components` exceeds what the shapes allow, a parameter is out of range, or no component is found.

    Notes
    -----
    Covariances are computed in blocks and solved in float64; sparse text is never made dense.
    Directions in which a view varies by no more than the rounding of its values (float32 or float64) are left out, and
    so are components that are correlated by no more: constant columns and n < d give finite answers. None left is an
    error.
    With `ridge` = 0 it is equal to ``sklearn.cross_decomposition.CCA`` up to scale.

    References
    ----------
    Hotelling, "Relations between two sets of variates", Biometrika 1936. Rasiwasia et al., "A new approach to
    cross-modal multimedia retrieval", ACM MM 2010. Deviation: ridge and scaling, off at 0.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> CCA(n_components=5).fit(pairs).transform(pairs)
    Pairs(image=(200, 5) float64, text=(200, 5) float64)
    """

    ridge: float = 0.1
    correlation_power: float = 1.0
    _parameter_constraints: ClassVar[Constraints] = {
        "ridge": [Interval(Real, 0, None, closed="left")],
        "correlation_power": [Interval(Real, 0, None, closed="left")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the defaults, and one component without a ridge."""
        return [{}, {"n_components": 1, "ridge": 0.0}]

    def _views(self, pairs: Pairs) -> tuple[Rotation, Rotation]:
        return rotated(pairs.image, pairs._eps[0]), rotated(pairs.text, pairs._eps[1])

    @property
    def _exact(self) -> bool:
        return self.ridge < SAFE_RIDGE

    def _solve(self, cov: Covariances, k: int, views: tuple[Rotation, Rotation]) -> None:
        found = paired_directions(cov, (self.ridge * views[0].share, self.ridge * views[1].share), k)
        self.n_components_ = remaining(self, len(found.correlations), self.n_components)
        self.image_weights_, self.text_weights_ = lifted(views, found.image, found.text)
        self.image_mean_ = views[0].origin(cov.image_mean)
        self.text_mean_ = views[1].origin(cov.text_mean)
        self.correlations_ = found.correlations
        scale = found.correlations**self.correlation_power
        self.image_projection_ = self.image_weights_ * scale
        self.text_projection_ = self.text_weights_ * scale
