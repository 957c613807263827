"""Kernels of one view: the space that they span, in coordinates, and the rows that new ones are compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self, TypeAlias

import numpy as np
import scipy.linalg
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics.pairwise import additive_chi2_kernel, pairwise_kernels
from sklearn.preprocessing import KernelCenterer, StandardScaler
from sklearn.utils import gen_batches

from skxmr._data.kinds import FloatArray, Matrix
from skxmr._data.pairs import Pairs
from skxmr._data.precision import EPS
from skxmr._linalg.exactness import Array
from skxmr._linalg.moments import Covariances, Moments

# A name that scikit-learn knows, or a function of two rows.
Kernel: TypeAlias = str | Callable[[FloatArray, FloatArray], float]
# Rows whose kernels with others are held at a time.
_ROWS = 1024
# Rows whose distances tell the width of the chi-squared kernel.
_SAMPLE = 1000


class ViewKernel(NamedTuple):
    """The kernel of a view, and the factor `gamma` in its exponent, None where it has none or is not known yet."""

    view: str
    kernel: Kernel
    gamma: float | None

    def suited(self, X: Matrix) -> Self:
        """Return the kernel with the factor that suits the rows X, unless it is given."""
        self._check(X)
        if self.kernel not in ("rbf", "chi2"):
            return self._replace(gamma=None)
        if self.gamma is not None:
            return self
        distance = _mean_square(X) if self.kernel == "rbf" else _mean_chi2(X)
        return self._replace(gamma=1 / distance if distance > 0 else 1.0)

    def __call__(self, X: Matrix, rows: Matrix) -> Array:
        """Return the kernels (n, m) of n rows with m others, in float64."""
        self._check(X)
        first = X.astype(np.float64, copy=False)
        second = rows.astype(np.float64, copy=False)
        options = {} if self.gamma is None else {"gamma": self.gamma}
        return np.asarray(pairwise_kernels(first, second, metric=self.kernel, **options), dtype=np.float64)

    def projected(self, X: Matrix, rows: Matrix, weights: Array, offset: Array) -> FloatArray:
        """Return ``k(X, rows) @ weights - offset`` in the dtype of X."""
        rows = rows.astype(np.float64, copy=False)
        out: FloatArray = np.empty((X.shape[0], weights.shape[1]), X.dtype)
        for part in gen_batches(X.shape[0], _ROWS):
            out[part] = self(X[part], rows) @ weights - offset
        return out

    def _check(self, X: Matrix) -> None:
        """Refuse values that the chi-squared kernel cannot take."""
        if self.kernel != "chi2":
            return
        if not isinstance(X, np.ndarray):
            raise ValueError(
                f"{self.view}_kernel='chi2' needs a dense view, but {self.view} is sparse; call toarray(), or use "
                "another kernel, such as 'cosine'."
            )
        if X.min(initial=0.0) < 0:
            raise ValueError(
                f"{self.view}_kernel='chi2' needs values that are not negative, but {self.view} holds {X.min():.3g}; "
                "use another kernel, such as 'rbf'."
            )


class KernelSpace(NamedTuple):
    """Coordinates (n, r) of rows in a feature space: ``k(X, rows) @ weights - mean``.

    `values` are those of the training rows, where they have been computed.
    """

    rows: Matrix
    weights: Array
    mean: Array
    values: Array


def principal_space(kernel: ViewKernel, X: Matrix) -> KernelSpace:
    """Return the training rows in their kernel principal components; directions of mere rounding are left out."""
    K = kernel(X, X)
    smallest = 10 * EPS * float(np.trace(K))
    centerer = KernelCenterer().fit(K)
    values, U = scipy.linalg.eigh(centerer.transform(K, copy=False), overwrite_a=True, check_finite=False)
    keep = values > smallest
    lengths = np.sqrt(values[keep])
    weights = U[:, keep] / lengths
    # They sum to 0, so that the mean of a row's kernels need not be subtracted; rounding is divided by small lengths.
    weights -= weights.mean(axis=0)
    # A copy, because the rows may be changed after fit.
    return KernelSpace(X.copy(), weights, centerer.K_fit_rows_ @ weights, U[:, keep] * lengths)


def landmark_space(kernel: ViewKernel, rows: Matrix) -> KernelSpace:
    """Return the space that some rows span."""
    exact = rows.astype(np.float64, copy=False)
    space = Nystroem(kernel=kernel.kernel, gamma=kernel.gamma, n_components=rows.shape[0], random_state=0).fit(exact)
    # Nystroem has them in an order of its own.
    weights = np.empty_like(space.normalization_.T)
    weights[space.component_indices_] = space.normalization_.T
    return KernelSpace(rows, weights, np.zeros(weights.shape[1]), np.zeros((0, weights.shape[1])))


def landmark_covariances(
    pairs: Pairs, kernels: tuple[ViewKernel, ViewKernel], spaces: tuple[KernelSpace, KernelSpace]
) -> Covariances:
    """Return the means and covariances of the rows of both views, in coordinates of the spaces of landmarks."""
    x, t = spaces
    moments = Moments(x.weights.shape[1], t.weights.shape[1], exact=True)
    for rows in gen_batches(len(pairs), _ROWS):
        image = kernels[0].projected(pairs.image[rows].astype(np.float64), x.rows, x.weights, x.mean)
        text = kernels[1].projected(pairs.text[rows].astype(np.float64), t.rows, t.weights, t.mean)
        moments.update(image, text)
    return moments.finish()


def _mean_square(X: Matrix) -> float:
    """Return the mean squared distance of two rows."""
    scaler = StandardScaler(with_mean=False)
    for rows in gen_batches(X.shape[0], _ROWS):
        scaler.partial_fit(X[rows].astype(np.float64))
    return 2 * float(scaler.var_.sum()) * X.shape[0] / (X.shape[0] - 1)


def _mean_chi2(X: Matrix) -> float:
    """Return the mean chi-squared distance of two of some rows, evenly spread over all."""
    rows = X[np.linspace(0, len(X) - 1, min(len(X), _SAMPLE)).astype(int)].astype(np.float64)
    distances = -additive_chi2_kernel(rows)
    return float(distances.sum()) / (len(rows) * (len(rows) - 1))
