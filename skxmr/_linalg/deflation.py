"""The leading pairs of directions of a cross-covariance from which component after component is taken out."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp
from scipy.linalg import blas

from skxmr._linalg.exactness import Array, unit
from skxmr._linalg.moments import add_gram
from skxmr._linalg.solvers import leading_eigenpairs

# The decomposition of a smaller matrix takes less time than the many calls of Lanczos' method.
_SMALL = 256
# The Gram matrix is formed anew when the covariances fall below this share of those that it was formed with. Its
# rounding is relative to the square of the largest, so that at most two digits of a direction are lost.
_FADED = 0.1


class Deflation:
    """A cross-covariance S (d1, d2), in C order, that is deflated in place.

    The direction of the narrower view is the leading eigenvector of its Gram matrix, which is far smaller than S if one
    view is narrow. This matrix is deflated along with S: a component changes its rank by at most four, so that forming
    it anew for every component would take longer than all other steps.
    """

    def __init__(self, S: Array) -> None:
        # Squares of very small covariances would vanish.
        self._unit = unit(S)
        S *= self._unit
        self._S = S
        self._transposed = S.shape[0] > S.shape[1]
        # Rows are the features of the narrower view.
        self._short = S.T if self._transposed else S
        self._tiny = 1e-10 * float(np.abs(S).max(initial=0.0))
        self._gram = self._formed()
        self._strongest = 0.0

    def leading(self) -> tuple[Array, float, Array] | None:
        """Return the leading directions u (d1,), v (d2,) and their covariance, or None if nothing is left."""
        a = _leading_vector(self._gram)
        product = self._short.T @ a
        strength = float(np.linalg.norm(product))
        if self._faded(strength):
            return None
        if strength < _FADED * self._strongest:
            self._gram = self._formed()
            self._strongest = 0.0
            return self.leading()
        self._strongest = max(self._strongest, strength)
        b = product / strength
        u, v = (b, a) if self._transposed else (a, b)
        return u, strength / self._unit, v

    def take_out(self, u: Array, g: Array, v: Array, d: Array) -> None:
        """Deflate by loadings g (d1,) and d (d2,) of directions u, v: S becomes (I - g u^T) S (I - v d^T)."""
        x_side = np.empty((len(g), 2), order="F")
        t_side = np.empty((len(d), 2), order="F")
        # The change is -x_side t_side^T.
        x_side[:, 0] = g
        t_side[:, 0] = u @ self._S
        np.subtract(self._S @ v, g * (t_side[:, 0] @ v), out=x_side[:, 1])
        t_side[:, 1] = d
        a_side, b_side = (t_side, x_side) if self._transposed else (x_side, t_side)
        half = self._short @ b_side - a_side @ (b_side.T @ b_side) / 2
        blas.dsyr2k(-1.0, half, a_side, beta=1.0, c=self._gram, lower=1, overwrite_c=1)
        # The transpose of S is in Fortran order, so that BLAS can work in place.
        blas.dgemm(-1.0, t_side, x_side, trans_b=1, beta=1.0, c=self._S.T, overwrite_c=1)

    def _formed(self) -> Array:
        """Return the Gram matrix of the narrower view, its lower triangle."""
        gram = np.zeros((len(self._short),) * 2, order="F")
        add_gram(gram, self._short.T)
        return gram

    def _faded(self, strength: float) -> bool:
        """Tell whether no entry of S is larger than rounding. None is larger than the leading covariance."""
        if strength > self._tiny * math.sqrt(self._S.size):
            return False
        return float(np.abs(self._S).max(initial=0.0)) <= self._tiny


def _leading_vector(S: Array) -> Array:
    """Return the eigenvector (d,) of the largest eigenvalue of symmetric S (d, d), given its lower triangle."""
    if len(S) > _SMALL:
        product = sp.linalg.LinearOperator(S.shape, lambda x: blas.dsymv(1.0, S, x, lower=1), dtype=S.dtype)
        # A fixed start makes the result deterministic.
        start = np.full(len(S), 1 / math.sqrt(len(S)))
        try:
            return np.asarray(sp.linalg.eigsh(product, k=1, v0=start, tol=0)[1][:, 0])
        except sp.linalg.ArpackError:
            # Nearly equal eigenvalues may not converge; the decomposition below always works.
            pass
    return np.asarray(leading_eigenpairs(S, 1)[1][:, 0])
