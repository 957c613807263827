"""NeighborVotes: the nearest rows of a common space vote on the labels of an item, and the votes are compared."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import Interval

from skxmr._data.codes import need_no_codes
from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FloatArray, Matrix, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._linalg.exactness import Array
from skxmr.base import AnnotatingRetriever
from skxmr.methods._votes import Voters, of_unit_length, voters


class NeighborVotes(AnnotatingRetriever):
    """Votes of neighbours: embeddings of any method are compared by the labels of their nearest rows as well.

    It is the last step of a pipeline, behind a method that embeds: ``make_pipeline(MLCCA(), NeighborVotes())``. There
    the images and texts that were learned from stand in one space. The nearest of them, images and texts alike, vote
    on the labels of an item. The similarity of an image and a text is ``weight`` times the product of their votes plus
    ``1 - weight`` times the cosine of their embeddings. With one label per row, the product of the votes is the
    probability that both have the same. Unlike a cosine it is small for items on whose labels nobody agrees, so that
    they do not stand in front of those that certainly fit.

    Parameters
    ----------
    n_votes : int or None, default=None
        So many nearest images and texts vote, and more if some are equally near. None takes the square root of the
        number of rows with labels, rounded. Where labels are rare, fewer are better.
    weight : float, default=0.5
        Share of the votes in the similarity, above 0 and at most 1, which leaves out the cosine.

    Attributes
    ----------
    voter_rows_ : ndarray of shape (2m, d)
        Embeddings of length 1 of the images with labels and, below them, of the texts.
    voter_labels_ : ndarray of shape (m, c)
        Their label vectors, of length 1.
    n_votes_ : int
        How many vote.

    Raises
    ------
    TypeError
        If a view is uint8, as codes of bits are.
    ValueError
        If labels are missing, or the images and the texts have different numbers of columns, because then they are in
        two spaces.

    Notes
    -----
    The label vectors of those who vote are averaged with weights ``1 / (1 + exp(distance))``, as in :class:`JRL`, and
    distances are those of embeddings of length 1. Embeddings of this step hold the votes and two more columns, which
    bring images and texts to length 1, times the root of `weight`; then the embeddings that it was given, of length 1,
    times the root of the rest. So the cosine of an image and a text is the similarity above. Compare images with images
    by the other columns only. The votes are also the scores of the labels: `decision_function` returns them, and
    `annotate` names the best. No rows are held out, so that it wants `k` or `threshold`.

    Rows that the method in front has learned by heart stand nearer to their labels than others do, so that a method
    that needs a ridge or early stopping needs it all the more here. Encoding n rows takes time in n m d and memory for
    the m rows with labels.

    References
    ----------
    The authors' public code of Zhai, Peng and Xiao, "Learning cross-media joint representation with sparse and
    semisupervised regularization", TCSVT 2014, which votes in the space of one method. Deviations: the space may be
    that of any method, rows have length 1, and the cosine of the embeddings counts as well.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skxmr import MLCCA, NeighborVotes
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> model = make_pipeline(MLCCA(), NeighborVotes(n_votes=20)).fit(pairs[:150], labels[:150])
    >>> model.score(pairs[150:], labels[150:]) > MLCCA().fit(pairs[:150], labels[:150]).score(pairs[150:], labels[150:])
    True
    """

    _requires_labels = True
    _equal_widths: ClassVar[bool] = True
    n_votes: int | None = None
    weight: float = 0.5
    voter_rows_: Array = field(init=False)
    voter_labels_: Array = field(init=False)
    n_votes_: int = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "n_votes": [Interval(Integral, 1, None, closed="left"), None],
        "weight": [Interval(Real, 0, 1, closed="right")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return few votes with the cosine, and votes alone."""
        return [{"n_votes": 5}, {"n_votes": 5, "weight": 1.0}]

    def _checked_view(self, view: View, name: str, min_rows: int, width: int | None, columns: list[str] | None) -> View:
        """Refuse codes of bits."""
        need_no_codes(view, name, "NeighborVotes")
        return super()._checked_view(view, name, min_rows, width, columns)

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        # `fit` refuses missing labels.
        assert labels is not None
        widths = pairs.image.shape[1], pairs.text.shape[1]
        if widths[0] != widths[1]:
            raise ValueError(
                f"image has {widths[0]} features but text has {widths[1]}; NeighborVotes finds neighbours among both, "
                "so that both must be in one space. Put a method that learns such a space in front: "
                "make_pipeline(MLCCA(), NeighborVotes())."
            )
        Y = labels.matrix
        labelled = np.flatnonzero(Y.sum(axis=1) > 0)
        kept = voters(_unit(pairs.image[labelled]), _unit(pairs.text[labelled]), Y[labelled])
        self.voter_rows_ = kept.rows
        self.voter_labels_ = kept.labels
        self.n_votes_ = self.n_votes or round(len(labelled) ** 0.5)

    def _encode_image(self, X: Matrix) -> FloatArray:
        return self._encoded(X, 0)

    def _encode_text(self, X: Matrix) -> FloatArray:
        return self._encoded(X, 1)

    def _encoded(self, X: Matrix, column: int) -> FloatArray:
        """Return the votes, and beside them the embeddings unless their weight is 0."""
        rows = _unit(X)
        votes = Voters(self.voter_rows_, self.voter_labels_).votes(rows, self.n_votes_)
        parts = [np.sqrt(self.weight) * of_unit_length(votes, column)]
        if self.weight < 1:
            parts.append(np.sqrt(1 - self.weight) * rows)
        return np.hstack(parts).astype(X.dtype)

    def _label_scores(self, embedded: FloatArray) -> FloatArray:
        """Return the votes."""
        return embedded[:, : len(self.classes_)] / np.sqrt(self.weight)


def _unit(X: Matrix) -> Array:
    """Return dense float64 rows of length 1; zero rows stay zero."""
    return normalize(X if isinstance(X, np.ndarray) else X.toarray()).astype(np.float64)
