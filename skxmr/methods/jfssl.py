"""Joint feature selection and subspace learning."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._linalg.exactness import SAFE_RIDGE, Array
from skxmr._linalg.moments import grouped_sums, scatter
from skxmr._linalg.rotation import Rotation, rotated
from skxmr.methods._coupled_regressions import coupled
from skxmr.methods._feature_selection import SelectingRetriever
from skxmr.methods._label_regressions import scaled
from skxmr.methods._label_sums import beside_labels
from skxmr.methods._linear import LinearRetriever
from skxmr.methods._marginal_graphs import scatter_along
from skxmr.methods._neighbor_graphs import centred, near_rows


class JFSSL(SelectingRetriever, LinearRetriever):
    """Joint feature selection and subspace learning: both views predict the labels, from few features, by graphs.

    Minimises ``1/2 |X U - Y|^2 + 1/2 |T V - Y|^2``, the mean over rows, plus ``selection (|U|_21 + |V|_21)`` plus two
    terms over graphs, for centred views X, T and labels Y. The sum of the lengths of the rows of U and V makes weights
    of whole features zero. Within a view, rows that are near each other shall have predictions that are near. Between
    the views, so shall every image and every text that share a label. The first penalty is replaced by a quadratic one
    that touches it at the last solution, so that every iteration is a ridge regression of each view, with the
    predictions of the other one as they are.

    Parameters
    ----------
    selection : float, default=0.01
        Weight of the penalty that selects features, > 0; lambda_1 of the paper. Each view counts in units of the root
        of its mean variance, so that its scale does not matter.
    intra : float, default=0.1
        Weight of ``1/2 |u_i - u_j|^2``, the mean over the rows of a view that are near each other; 0 leaves it out.
    inter : float, default=1.0
        Weight of ``1/2 |u_i - v_j|^2``, the mean over the images and texts that share a label; 0 learns each view
        alone.
    n_neighbors : int, default=20
        Every row is joined with so many nearest rows of its view.

    Attributes
    ----------
    n_components_ : int
        Number of labels, which is the width of the common space.

    Raises
    ------
    ValueError
        If labels are missing, a parameter is out of range, a view does not vary, or no feature of a view is selected.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If the objective still falls by more than `tol` after `max_iter` iterations.

    Notes
    -----
    Rows are joined by Euclidean distance with weights ``exp(-d^2 / (2 m))``, where m is the mean squared distance of
    the rows that are joined. An image and a text are joined by the number of labels that they share. A row without
    labels predicts none, and is joined with rows of its view only. Without both graphs this is :class:`LCFS` without
    its trace norm.

    The graphs are read once, for products of shape (d, d): the graph within a view is sparse, and the one between the
    views is a product of the labels, so that no matrix has the shape (n, n). Finding the neighbours takes time in n^2 d
    and an iteration in d^3, or in the cube of the rows where these are fewer than half as many.
    The objective is convex, so the start does not matter. Lengths of rows are smoothed by .0001.

    References
    ----------
    Wang, He, Wang, Wang and Tan, "Joint feature selection and subspace learning for cross-modal retrieval", TPAMI 2016:
    the loss, the l21 norm, the multimodal graph and the reweighting. Deviations: the views and labels are centred;
    means over rows and over the edges of each graph, and variances of views, make the weights independent of the
    numbers of rows and of scale; `intra` and `inter` stand for the weight lambda_2 of the graph and for the weights of
    its two kinds of edges; the mean m in the weights of the edges, of which we found no public description; several
    labels per row; and weights of features that are almost zero are set to zero.

    Examples
    --------
    >>> from skxmr import JFSSL
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> JFSSL().fit(pairs, labels).encode_text(pairs).shape
    (200, 8)
    """

    _requires_labels = True
    n_components: None = field(default=None, init=False)
    intra: float = 0.1
    inter: float = 1.0
    n_neighbors: int = 20
    _parameter_constraints: ClassVar[Constraints] = {
        "intra": [Interval(Real, 0, None, closed="left")],
        "inter": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return a weak selection, because some checks have features that tell little, with and without graphs."""
        return [{"selection": 1e-3}, {"selection": 1e-3, "intra": 0.0, "inter": 0.0}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        # `fit` refuses missing labels.
        assert labels is not None
        Y = labels.matrix
        n_labels = len(labels.names)
        exact = self.selection < SAFE_RIDGE
        views = rotated(pairs.image, pairs._eps[0]), rotated(pairs.text, pairs._eps[1])
        cov = beside_labels(exact, *views, Y).finish()
        means = cov.image_mean, cov.text_mean[: len(cov.tt) - n_labels]
        problem, scales = scaled(cov, n_labels, views)
        self._check_scales(scales)
        within = list(problem.within)
        between = np.zeros_like(problem.between)
        if self.intra:
            for i, view in enumerate(views):
                within[i] = within[i] + self.intra / scales[i] ** 2 * self._near(view)
        if self.inter:
            spreads, crossed = _shared_labels(views, means, Y, exact)
            within = [S + self.inter / s**2 * own for S, s, own in zip(within, scales, spreads, strict=True)]
            between = self.inter / (scales[0] * scales[1]) * crossed
        problem = problem._replace(within=within, between=between)
        self._regress(problem, scales, coupled(problem, self.selection), views, means)
        self.n_components_ = n_labels

    def _near(self, view: Rotation) -> Array:
        """Return the mean of ``(x_i - x_j)(x_i - x_j)^T`` over the rows that are near each other."""
        rows = centred(view.rows)
        return 2 * scatter_along(rows, near_rows(rows, self.n_neighbors))


def _shared_labels(
    views: tuple[Rotation, Rotation], means: tuple[Array, Array], Y: sp.csr_array, exact: bool
) -> tuple[list[Array], Array]:
    """Return ``X^T D X``, ``T^T D T`` and ``X^T S T`` for the numbers S of shared labels, their row sums D, sum 1."""
    counts = Y.sum(axis=0)
    degrees = Y @ counts
    # `fit` refuses labels of which no row has any.
    total = float(degrees.sum())
    spreads = []
    sums = []
    for view, mean in zip(views, means, strict=True):
        spreads.append(scatter(view.rows, mean, degrees / total, exact))
        sums.append(grouped_sums(view.rows, mean, Y, exact))
    return spreads, sums[0] @ sums[1].T / total
