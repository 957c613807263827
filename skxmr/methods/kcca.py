"""Kernel canonical correlation analysis."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FloatArray, Matrix, Seed
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._linalg.exactness import Array
from skxmr._linalg.moments import covariances
from skxmr._linalg.solvers import paired_directions, signs
from skxmr.base import CrossModalRetriever
from skxmr.methods._kernel_views import Kernel, ViewKernel, landmark_covariances, landmark_space, principal_space
from skxmr.methods._linear import remaining

# Components that are computed unless another number is asked for.
_COMPONENTS = 64


class KCCA(CrossModalRetriever, kw_only=False):
    """Kernel canonical correlation analysis, exact, or by landmarks where there are many rows.

    CCA in the feature spaces of two kernels, one per view, regularised. With centred kernel matrices K_x and K_y,
    finds pairs of weights of the rows that maximise ``a^T K_x K_y b / (n - 1)`` subject to
    ``a^T K_x^2 a / (n - 1) + r_x a^T K_x a = b^T K_y^2 b / (n - 1) + r_y b^T K_y b = 1``. Labels are not used for
    learning.

    Parameters
    ----------
    n_components : int or None, default=None
        Dimensions of the common space, fewer than rows and at most as many as landmarks. None is 64, or as many as
        there are.
    image_kernel, text_kernel : {"rbf", "chi2", "linear", "cosine"} or callable, default="rbf"
        Kernel of the view, as in scikit-learn's ``pairwise_kernels``; a callable is given two rows.
        "chi2" needs dense values that are not negative.
    image_gamma, text_gamma : float or None, default=None
        Factor in the exponent of "rbf" and "chi2", > 0; without effect on others. None makes the exponent -1 at the
        mean distance of two rows.
    ridge : float, default=0.02
        Regularisation r of both views, > 0, in units of the total variance of the view in its feature space. Without
        it any two views of kernels of full rank are perfectly correlated.
    correlation_power : float, default=1.0
        Projections are multiplied by their canonical correlation to this power; 0 leaves them as they are.
    max_exact_rows : int, default=5000
        Up to so many rows, the kernels of all pairs of rows are used.
    n_landmarks : int, default=1000
        With more rows, both feature spaces are those that so many rows span (Nystroem's approximation).
    random_state : int, RandomState instance or None, default=None
        Draws the landmarks; without effect on an exact fit.

    Attributes
    ----------
    correlations_ : ndarray of shape (n_components,)
        Canonical correlations (of the regularised problem), decreasing.
    image_rows_, text_rows_ : ndarray or csr_array of shape (m, d)
        The rows that kernels are computed with: all training rows, or the landmarks.
    image_coef_, text_coef_ : ndarray of shape (m, n_components)
        Their weights, times ``correlations_ ** correlation_power``. The largest entry of each column of `image_coef_`
        is positive.
    image_offset_, text_offset_ : ndarray of shape (n_components,)
        What centres the kernels: it is subtracted from ``k(x) @ coef``.
    image_gamma_, text_gamma_ : float or None
        The factor in the exponent; None for kernels without one.
    n_components_ : int
        Components found: fewer than requested, with a warning, if the data have a lower rank.

    Raises
    ------
    ValueError
        If `n_components` exceeds what the rows allow, a parameter is out of range, a view does not suit its kernel, or
        no component is found.

    Notes
    -----
    With linear kernels this is :class:`CCA`: for views of d features each, the ridge of `CCA` is d times this one.

    **Memory.** A fitted model holds m rows of both views and m weights per component and view, with m rows or
    landmarks. 5,000 rows of 4,096 and 500 float32 features with 64 components take 97 MB, and 1,000 landmarks 19 MB. An
    exact fit of n rows holds some ten matrices of shape (n, n) in float64, 200 MB each for 5,000 rows, and takes time
    that grows with n^3; with landmarks, kernels of 1,024 rows are held at a time. To encode a row takes m kernels.

    References
    ----------
    Hardoon, Szedmak and Shawe-Taylor, "Canonical correlation analysis: an overview with application to learning
    methods", Neural Computation 2004: its regularised problem, which penalises the norms of the directions by
    kappa = (n - 1) r. Williams and Seeger, "Using the Nystroem method to speed up kernel machines", NIPS 2000.
    Deviations: kernels are centred; landmarks where the paper has a partial Gram-Schmidt decomposition; the unit of the
    ridge; and `correlation_power`, off at 0.

    Examples
    --------
    >>> from skxmr import KCCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> KCCA(n_components=5, text_kernel="cosine").fit(pairs).transform(pairs)
    Pairs(image=(200, 5) float64, text=(200, 5) float64)
    """

    n_components: int | None = None
    image_kernel: Kernel = "rbf"
    text_kernel: Kernel = "rbf"
    image_gamma: float | None = None
    text_gamma: float | None = None
    ridge: float = 0.02
    correlation_power: float = 1.0
    max_exact_rows: int = 5000
    n_landmarks: int = 1000
    random_state: Seed = None
    correlations_: Array = field(init=False)
    image_rows_: Matrix = field(init=False)
    text_rows_: Matrix = field(init=False)
    image_coef_: Array = field(init=False)
    text_coef_: Array = field(init=False)
    image_offset_: Array = field(init=False)
    text_offset_: Array = field(init=False)
    image_gamma_: float | None = field(init=False)
    text_gamma_: float | None = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "image_kernel": [StrOptions({"rbf", "chi2", "linear", "cosine"}), callable],
        "text_kernel": [StrOptions({"rbf", "chi2", "linear", "cosine"}), callable],
        "image_gamma": [Interval(Real, 0, None, closed="neither"), None],
        "text_gamma": [Interval(Real, 0, None, closed="neither"), None],
        "ridge": [Interval(Real, 0, None, closed="neither")],
        "correlation_power": [Interval(Real, 0, None, closed="left")],
        "max_exact_rows": [Interval(Integral, 0, None, closed="left")],
        "n_landmarks": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the defaults, and few landmarks with another kernel."""
        # The cosine of two rows of a single positive feature is always 1, so that it suits no checks of such rows.
        few = {"max_exact_rows": 0, "n_landmarks": 9, "random_state": 0}
        return [{}, few | {"n_components": 1, "image_kernel": "linear"}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        n = len(pairs)
        image = self._kernel("image").suited(pairs.image)
        text = self._kernel("text").suited(pairs.text)
        if n <= self.max_exact_rows:
            k = self._limited(n, n)
            x = principal_space(image, pairs.image)
            t = principal_space(text, pairs.text)
            cov = covariances(x.values, t.values, exact=True)
        else:
            k = self._limited(n, self.n_landmarks)
            # The same rows for both views.
            chosen = np.sort(check_random_state(self.random_state).permutation(n)[: self.n_landmarks])
            x = landmark_space(image, pairs.image[chosen])
            t = landmark_space(text, pairs.text[chosen])
            cov = landmark_covariances(pairs, (image, text), (x, t))
        # The solver takes ridges in units of the mean variance.
        found = paired_directions(cov, (self.ridge * len(cov.xx), self.ridge * len(cov.tt)), k)
        self.n_components_ = remaining(self, len(found.correlations), self.n_components)
        coef = x.weights @ found.image
        scale = signs(coef) * found.correlations**self.correlation_power
        self.image_coef_ = coef * scale
        self.text_coef_ = t.weights @ found.text * scale
        self.image_offset_ = (x.mean + cov.image_mean) @ found.image * scale
        self.text_offset_ = (t.mean + cov.text_mean) @ found.text * scale
        self.image_rows_ = x.rows
        self.text_rows_ = t.rows
        self.image_gamma_ = image.gamma
        self.text_gamma_ = text.gamma
        self.correlations_ = found.correlations

    def _kernel(self, view: str) -> ViewKernel:
        """Return the kernel of a view, as the parameters say."""
        return ViewKernel(view, getattr(self, f"{view}_kernel"), getattr(self, f"{view}_gamma"))

    def _limited(self, n: int, landmarks: int) -> int:
        """Return the number of components to compute from n rows by their kernels with landmarks."""
        limit = min(n - 1, landmarks)
        if self.n_components is not None and self.n_components > limit:
            raise ValueError(
                f"n_components={self.n_components} is more than the {limit} that min(rows - 1, landmarks) allows; use "
                "None for as many as there are, or more n_landmarks."
            )
        return min(_COMPONENTS, limit) if self.n_components is None else self.n_components

    def _encode_image(self, X: Matrix) -> FloatArray:
        kernel = self._kernel("image")._replace(gamma=self.image_gamma_)
        return kernel.projected(X, self.image_rows_, self.image_coef_, self.image_offset_)

    def _encode_text(self, X: Matrix) -> FloatArray:
        kernel = self._kernel("text")._replace(gamma=self.text_gamma_)
        return kernel.projected(X, self.text_rows_, self.text_coef_, self.text_offset_)
