"""Generalised multiview analysis: GMLDA and GMMFA."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval, StrOptions

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import Chunked, LabelsLike, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._docstrings import documented_like
from skxmr._linalg.exactness import SAFE_RIDGE, Array
from skxmr._linalg.fisher import Scatters, Weights, fisher_directions
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr.methods._label_covariances import LabelCovarianceRetriever
from skxmr.methods._linear import covariances_of, lifted, remaining
from skxmr.methods._marginal_graphs import marginal_scatters


class GMA(LabelCovarianceRetriever, kw_only=False):
    """Generalised multiview analysis (GMA): labels told apart in each view, in directions that relate the views.

    Finds pairs of directions a, b that maximise ``a^T A_x a + mu b^T A_y b + 2 alpha a^T S_xy b`` subject to
    ``a^T B_x a + gamma b^T B_y b = 1``. S_xy is the covariance of the pairs. A says how far rows of different labels
    lie apart in a view, and B, to which a ridge is added, how far rows of the same label do.

    Parameters
    ----------
    kind : {"lda", "mfa"}, default="lda"
        What A and B are: the scatter between and within labels (GMLDA), or that of rows joined by the two graphs of
        marginal Fisher analysis (GMMFA).
    alpha : float, default=1.0
        Weight of the covariance of the pairs, > 0. At 1, the norm of ``alpha S_xy`` is the trace of A_x.
    mu : float, default=1.0
        Weight of A_y, >= 0. At 1, ``mu A_y`` has the trace of A_x.
    gamma : float, default=1.0
        Weight of B_y, > 0. At 1, ``gamma B_y`` has the trace of B_x, as in the paper.
    n_neighbors : int, default=20
        Of "mfa": B joins every row with so many nearest rows of each of its labels.
    n_marginal_pairs : int, default=200
        Of "mfa": A joins, for each label, so many nearest pairs of a row with it and a row that shares no label with
        that row.
    ridge : float, default=0.5
        What is added to the diagonals of both B, in units of the mean variance of the view.
    eigenvalue_power : float, default=0.5
        Projections are multiplied by their eigenvalue to this power, so that components that tell more have more weight
        in the cosine; 0 leaves them as they are.

    Attributes
    ----------
    eigenvalues_ : ndarray of shape (n_components,)
        What is maximised, of each component, decreasing.
    image_weights_, text_weights_ : ndarray of shape (d, n_components)
        The directions a and b. The largest entry of each image direction is positive.
    image_projection_, text_projection_ : ndarray of shape (d, n_components)
        The directions times ``eigenvalues_ ** eigenvalue_power``.

    Raises
    ------
    ValueError
        If labels are missing, `n_components` exceeds what the shapes allow, a parameter is out of range, no component
        is found, or rows of "mfa" come in parts.

    Notes
    -----
    **Several labels per row.** A row with m labels belongs to each of them with weight w = 1 / m. The mean m_l of a
    label is weighted by them, n_l is the sum of the weights, and m the mean of all rows. Then
    ``A = sum_l n_l (m_l - m)(m_l - m)^T / (n - 1)``, and B is the covariance of the view without A, which is
    ``sum_il w_il (x_i - m_l)(x_i - m_l)^T / (n - 1)`` where every row has labels. This says that two rows are alike as
    far as ``sum_l w_il w_jl / n_l``: the labels that they share, each divided by its number of rows. With one label per
    row these are the scatter matrices of the paper. Rows without labels add to B only.

    The graphs of "mfa" are made by Euclidean distance; of rows at the same distance, the first ones are taken. The
    edges of all labels have the weight 1, and A and B are the mean of ``(x_i - x_j)(x_i - x_j)^T / 2`` over the edges.

    **Special cases.** If all rows have the same labels, A is 0 and this is :class:`CCA`. If every row has a label of
    its own, B is the ridge alone, and a large `alpha` gives the leading directions of the covariance of the pairs, as
    the first component of :class:`PLS` without scaling does.

    Traces depend on the scale of every feature: standardise features of different units.

    "lda" needs only the covariances of images, texts and labels: it reads dask arrays once, and has `partial_fit`.
    "mfa" looks for neighbours among all rows, of whose distances a part is held at a time.

    References
    ----------
    Sharma, Kumar, Daume III and Jacobs, "Generalized multiview analysis: a discriminative latent space", CVPR 2012,
    the eigenproblem for two views, GMLDA and GMMFA; Yan et al., "Graph embedding and extensions", TPAMI 2007 (marginal
    Fisher analysis). The columns of the paper's Z are the pairs here; the paper also offers the means of the classes.
    Deviations: weights in units of traces, of which the paper takes gamma alone; the ridge, where the authors' code
    has 1e-6 after a principal component analysis; several labels per row; `eigenvalue_power`, off at 0; and components
    in which the views are not related positively are left out.

    Examples
    --------
    >>> from skxmr import GMA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> GMA(n_components=5).fit(pairs, labels).transform(pairs)
    Pairs(image=(200, 5) float64, text=(200, 5) float64)
    """

    kind: str = "lda"
    alpha: float = 1.0
    mu: float = 1.0
    gamma: float = 1.0
    n_neighbors: int = 20
    n_marginal_pairs: int = 200
    ridge: float = 0.5
    eigenvalue_power: float = 0.5
    eigenvalues_: Array = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "kind": [StrOptions({"lda", "mfa"})],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "mu": [Interval(Real, 0, None, closed="left")],
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_marginal_pairs": [Interval(Integral, 1, None, closed="left")],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "eigenvalue_power": [Interval(Real, 0, None, closed="left")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the defaults, and the graphs of marginal Fisher analysis."""
        return [{}, {"kind": "mfa", "n_components": 1}]

    @documented_like(LabelCovarianceRetriever.partial_fit)
    def partial_fit(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Self:
        """Learn from a part of the rows: several calls equal one fit of all their rows. Only "lda" can."""
        self._validate_params()
        if self.kind == "mfa":
            raise ValueError(f"partial_fit {_NO_PARTS}")
        return super().partial_fit(X, y, labels)

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        if self.kind == "lda":
            super()._fit(pairs, labels)
            return
        if isinstance(pairs.image, Chunked):
            raise ValueError(f"a dask array {_NO_PARTS}")
        # `fit` refuses missing labels.
        assert labels is not None
        k = self._limited(len(pairs), pairs.image.shape[1], pairs.text.shape[1])
        views = rotated(pairs.image, pairs._eps[0]), rotated(pairs.text, pairs._eps[1])
        numbers = self.n_neighbors, self.n_marginal_pairs
        scatters = [marginal_scatters(view.rows, labels.matrix, *numbers) for view in views]
        self._solve_scatters(covariances_of(views, self._exact), (scatters[0], scatters[1]), k, views)
        # A fit forgets what partial_fit has added up.
        if hasattr(self, "_moments"):
            del self._moments

    @property
    def _exact(self) -> bool:
        return self.ridge < SAFE_RIDGE

    def _label_columns(self, Y: sp.csr_array) -> sp.csr_array:
        # The weights of the labels of a row sum to 1.
        return sp.csr_array(Y.multiply(1 / np.maximum(Y.sum(axis=1), 1)[:, None]))

    def _solve(self, cov: Covariances, n_labels: int, k: int, views: tuple[Rotation, Rotation]) -> None:
        d = len(cov.tt) - n_labels
        counts = cov.n * cov.text_mean[d:]
        # A label without rows has no mean.
        factors = np.divide(cov.n - 1, counts, out=np.zeros(n_labels), where=counts > 0)
        with_image = cov.xt[:, d:]
        with_text = cov.tt[:d, d:]
        A_x = with_image * factors @ with_image.T
        A_t = with_text * factors @ with_text.T
        cov = cov._replace(text_mean=cov.text_mean[:d], tt=cov.tt[:d, :d], xt=cov.xt[:, :d])
        self._solve_scatters(cov, (Scatters(A_x, cov.xx - A_x), Scatters(A_t, cov.tt - A_t)), k, views)

    def _solve_scatters(
        self, cov: Covariances, scatters: tuple[Scatters, Scatters], k: int, views: tuple[Rotation, Rotation]
    ) -> None:
        ridges = self.ridge * views[0].share, self.ridge * views[1].share
        found = fisher_directions(cov, scatters, ridges, Weights(self.alpha, self.mu, self.gamma), k)
        self.n_components_ = remaining(self, len(found.eigenvalues), self.n_components)
        self.image_weights_, self.text_weights_ = lifted(views, found.image, found.text)
        self.image_mean_ = views[0].origin(cov.image_mean)
        self.text_mean_ = views[1].origin(cov.text_mean)
        self.eigenvalues_ = found.eigenvalues
        scale = found.eigenvalues**self.eigenvalue_power
        self.image_projection_ = self.image_weights_ * scale
        self.text_projection_ = self.text_weights_ * scale


_NO_PARTS = (
    "cannot go with kind='mfa', which looks for neighbours among all rows; use kind='lda', or call fit on "
    "rows in memory."
)
