"""Joint representation learning with sparse and semisupervised regularisation."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FloatArray, Matrix
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._linalg.exactness import SAFE_RIDGE, Array
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr.base import AnnotatingRetriever
from skxmr.methods._coupled_regressions import coupled
from skxmr.methods._feature_selection import SelectingRetriever
from skxmr.methods._label_regressions import Regressions, scaled
from skxmr.methods._label_sums import beside_labels
from skxmr.methods._linear import project
from skxmr.methods._neighbor_graphs import centred, joined_rows, smoothness
from skxmr.methods._votes import Voters, of_unit_length, voters


class JRL(SelectingRetriever, AnnotatingRetriever):
    """Joint representation learning (JRL): labels are predicted from both views, and neighbours vote on each row.

    Minimises ``1/2 |X U - Y|^2 + 1/2 |T V - Y|^2``, the mean over rows with labels, plus
    ``pairing 1/2 |X U - T V|^2``, the mean over all rows, plus ``selection (|U|_21 + |V|_21)`` plus
    ``graph 1/2 (tr U^T X^T L_x X U + tr V^T T^T L_t T V)``, the mean over all rows, for centred views X, T and labels
    Y. L are the normalised Laplacians of graphs that join every row with its nearest ones, so that rows without labels
    are learned from as well. The penalty of the lengths of the rows of U and V is replaced by a quadratic one that
    touches it at the last solution, so that every iteration is a ridge regression of each view, with the predictions of
    the other one as they are.

    In the space of the predictions, the nearest images and texts with labels vote on the labels of an item. An image
    and a text are as similar as their votes: with one label per row, this is the probability that both have the same.

    Parameters
    ----------
    graph : float, default=0.3
        Weight of the graphs within the views; 0 leaves them out.
    pairing : float, default=1.0
        Weight of the distance of the predictions for both views of a row; 0 learns each view alone.
    n_neighbors : int, default=20
        Every row is joined with so many nearest rows of its view.
    n_votes : int or None, default=50
        So many nearest images and texts vote, and more if some are equally near. None takes the predictions themselves
        as embeddings.

    Attributes
    ----------
    n_labelled_ : int
        Number of rows with labels.

    Raises
    ------
    ValueError
        If labels are missing, fewer than two rows have any, a parameter is out of range, a view does not vary, or no
        feature of a view is selected.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If the objective still falls by more than `tol` after `max_iter` iterations.

    Notes
    -----
    **Rows without any label** are taken as rows whose labels are not known: they are in the graphs and in the pairing,
    and in neither the regressions nor the votes.

    **Votes.** The label vectors of those who vote are brought to length 1 and averaged with weights
    ``1 / (1 + exp(distance))``. Embeddings hold the votes and two more columns, which bring images and texts to length
    1, so that the cosine of an image and a text is the product of their votes. Compare images with images by the
    first c columns only. They are also the scores of the labels: `decision_function` returns them, and `annotate` names
    the best. No rows are held out, so that it wants `k` or `threshold`.

    The graphs are read once, for products of shape (d, d), and are sparse: no matrix has the shape (n, n). Finding the
    neighbours takes time in n^2 d, an iteration in d^3, or in the cube of the rows where these are fewer than half as
    many, and encoding a row in n c. 20,000 rows of 4,000 features in both views take minutes on one core: two per
    graph and some seconds per iteration. A fitted model holds the predictions for all rows with labels.
    The objective is convex, so the start does not matter. Lengths of rows are smoothed by .0001.

    References
    ----------
    Zhai, Peng and Xiao, "Learning cross-media joint representation with sparse and semisupervised regularization",
    TCSVT 2014; the authors' public code for the votes. Deviations: the views and labels are centred, means over rows
    and variances of views make the weights independent of the numbers of rows and of scale, where the code standardises
    every feature; rows without labels come in pairs, too, while those of the paper are the test rows and unpaired;
    several labels per row; and weights of features that are almost zero are set to zero.

    Examples
    --------
    >>> from skxmr import JRL
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> JRL().fit(pairs, labels).encode_text(pairs).shape
    (200, 10)
    """

    _requires_labels = True
    graph: float = 0.3
    pairing: float = 1.0
    n_neighbors: int = 20
    n_votes: int | None = 50
    voter_rows_: Array = field(init=False)
    voter_labels_: Array = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "graph": [Interval(Real, 0, None, closed="left")],
        "pairing": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_votes": [Interval(Integral, 1, None, closed="left"), None],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return a weak selection, because some checks have features that tell little, with and without votes."""
        return [{"selection": 1e-3, "n_votes": 10}, {"selection": 1e-3, "n_votes": None, "graph": 0.0, "pairing": 0.0}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        # `fit` refuses missing labels.
        assert labels is not None
        Y = labels.matrix
        labelled = np.flatnonzero(Y.sum(axis=1) > 0)
        if len(labelled) < 2:
            raise ValueError(f"JRL has labels for one row of {len(pairs)} only; pass labels of at least two rows.")
        exact = self.selection < SAFE_RIDGE
        views = rotated(pairs.image, pairs._eps[0]), rotated(pairs.text, pairs._eps[1])
        everything = beside_labels(exact, *views, Y).finish()
        learned = everything
        if len(labelled) < len(pairs):
            image, text = (view._replace(rows=view.rows[labelled]) for view in views)
            learned = beside_labels(exact, image, text, Y[labelled]).finish()
        problem, scales = scaled(learned, Y.shape[1], views)
        self._check_scales(scales)
        problem = self._regularised(problem, everything, scales, views)
        means = everything.image_mean, everything.text_mean[: -Y.shape[1]]
        self._regress(problem, scales, coupled(problem, self.selection), views, means)
        self.n_labelled_ = len(labelled)
        self._keep_voters(pairs.image[labelled], pairs.text[labelled], Y[labelled])

    def _regularised(
        self, problem: Regressions, cov: Covariances, scales: list[float], views: tuple[Rotation, Rotation]
    ) -> Regressions:
        """Return the regressions with what all rows tell, whether they have labels or not."""
        x, t = scales
        d = problem.between.shape[1]
        within = []
        for S, own, scale, view in zip(problem.within, (cov.xx, cov.tt[:d, :d]), scales, views, strict=True):
            total = S + self.pairing / scale**2 * own
            if self.graph:
                rows = centred(view.rows)
                total += self.graph / scale**2 * smoothness(rows, joined_rows(rows, self.n_neighbors))
            within.append(total)
        return problem._replace(within=within, between=self.pairing / (x * t) * cov.xt[:, :d])

    def _keep_voters(self, image: Matrix, text: Matrix, Y: sp.csr_array) -> None:
        """Keep the predictions for rows with labels, or for none if none vote."""
        kept = Voters(np.zeros((0, Y.shape[1])), np.zeros((0, Y.shape[1])))
        if self.n_votes is not None:
            kept = voters(self._predicted(image, "image"), self._predicted(text, "text"), Y)
        self.voter_rows_ = kept.rows
        self.voter_labels_ = kept.labels

    def _predicted(self, X: Matrix, name: str) -> FloatArray:
        return project(X, getattr(self, f"{name}_mean_"), getattr(self, f"{name}_projection_"))

    def _encode_image(self, X: Matrix) -> FloatArray:
        return self._encoded(X, "image", 0)

    def _encode_text(self, X: Matrix) -> FloatArray:
        return self._encoded(X, "text", 1)

    def _encoded(self, X: Matrix, name: str, column: int) -> FloatArray:
        predicted = self._predicted(X, name)
        if self.n_votes is None:
            return predicted
        votes = Voters(self.voter_rows_, self.voter_labels_).votes(predicted, self.n_votes)
        return of_unit_length(votes, column).astype(predicted.dtype)

    def _label_scores(self, embedded: FloatArray) -> FloatArray:
        """Return the votes, or the predictions if none vote."""
        return embedded[:, : len(self.classes_)]
