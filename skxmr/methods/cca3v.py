"""Three-view canonical correlation analysis."""

from __future__ import annotations

from dataclasses import field
from numbers import Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.warn import warn
from skxmr._linalg.exactness import SAFE_RIDGE, Array
from skxmr._linalg.joint import joint_directions, labels_apart
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation
from skxmr._linalg.solvers import signs
from skxmr.methods._label_covariances import LabelCovarianceRetriever
from skxmr.methods._linear import remaining


class CCA3V(LabelCovarianceRetriever, kw_only=False):
    """Three-view canonical correlation analysis (CCA-3V): images, texts, and labels as the third view.

    Finds directions a, b, c of the three views whose projections lie near one another: minimise
    ``sum_{i<j} |X_i W_i - X_j W_j|^2`` at a fixed variance of the projections. That is the eigenproblem
    ``S w = l D w`` for ``w = (a, b, c)``. S are the covariances of all three views together, and D those within the
    views, which stand on the diagonal of S as well; both have a ridge. The projections are multiplied by l to a power,
    so that strongly related directions have more weight in the cosine.

    Parameters
    ----------
    ridge : float, default=0.5
        Regularisation of the covariances of each view, labels included, in units of its mean variance.
    eigenvalue_power : float, default=4.0
        Projections are multiplied by their eigenvalue to this power, that of the paper by default; 0 leaves them as
        they are.

    Attributes
    ----------
    eigenvalues_ : ndarray of shape (n_components,)
        The eigenvalues l, decreasing, above 1 and at most 3. They are 1 and twice the covariances of the three pairs of
        projections, summed.
    image_weights_, text_weights_ : ndarray of shape (d, n_components)
        The directions a and b. The regularised variances of the three projections sum to 1, and the largest entry of
        each image direction is positive.
    label_weights_ : ndarray of shape (c, n_components)
        The directions c.
    image_projection_, text_projection_ : ndarray of shape (d, n_components)
        The directions times ``eigenvalues_ ** eigenvalue_power``.

    Raises
    ------
    ValueError
        If labels are missing, `n_components` exceeds what the shapes allow, a parameter is out of range, or no
        component is found.

    Notes
    -----
    All is solved from the covariances of the three views, which come from one pass over the rows; sparse text is never
    made dense.
    If no label varies, two views are left, and this is :class:`CCA` with the correlations ``l - 1``; a warning says so.

    References
    ----------
    Gong, Ke, Isard and Lazebnik, "A multi-view embedding space for modeling internet images, tags, and their
    semantics", IJCV 2014, with linear kernels. Deviations: the ridge is in units of the mean variance, where the
    authors' code adds .0001 to every variance; and there are at most as many components as image and text have
    directions.

    Examples
    --------
    >>> from skxmr import CCA3V
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> CCA3V(n_components=5).fit(pairs, labels).transform(pairs)
    Pairs(image=(200, 5) float64, text=(200, 5) float64)
    """

    ridge: float = 0.5
    eigenvalue_power: float = 4.0
    eigenvalues_: Array = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "ridge": [Interval(Real, 0, None, closed="left")],
        "eigenvalue_power": [Interval(Real, 0, None, closed="left")],
    }

    @property
    def _exact(self) -> bool:
        return self.ridge < SAFE_RIDGE

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the defaults, and one component without a ridge."""
        return [{}, {"n_components": 1, "ridge": 0.0}]

    def _solve(self, cov: Covariances, n_labels: int, k: int, views: tuple[Rotation, Rotation]) -> None:
        """Set the attributes from covariances of the images, and of the texts with labels as further columns."""
        joint = labels_apart(cov, n_labels)
        if not joint.within[2].diagonal().any():
            warn("no label varies, so that CCA3V relates images with texts only, as CCA does.")
        ridges = self.ridge * views[0].share, self.ridge * views[1].share, self.ridge
        found = joint_directions(joint, ridges, k)
        self.n_components_ = remaining(self, len(found.eigenvalues), self.n_components)
        image = views[0].lift(found.directions[0])
        sign = signs(image)
        self.image_weights_ = image * sign
        self.text_weights_ = views[1].lift(found.directions[1]) * sign
        self.label_weights_ = found.directions[2] * sign
        self.image_mean_ = views[0].origin(cov.image_mean)
        self.text_mean_ = views[1].origin(cov.text_mean[: len(cov.tt) - n_labels])
        self.eigenvalues_ = found.eigenvalues
        scale = found.eigenvalues**self.eigenvalue_power
        self.image_projection_ = self.image_weights_ * scale
        self.text_projection_ = self.text_weights_ * scale
