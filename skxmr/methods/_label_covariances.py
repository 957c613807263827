"""What linear methods share that learn from the covariances of images, texts and labels together."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import field
from typing import Self

import scipy.sparse as sp

from skxmr._data.kinds import Chunked, LabelsLike, View
from skxmr._data.labels import Labels, aligned
from skxmr._data.pairs import Pairs
from skxmr._docstrings import documented_like
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr.base import CrossModalRetriever
from skxmr.methods._label_sums import beside_labels, joint_sums, label_units
from skxmr.methods._linear import UNROTATED, LinearRetriever, sums_so_far


class LabelCovarianceRetriever(LinearRetriever):
    """Base of methods that need only the covariances of both views and the labels, so that rows can come in parts.

    A method overrides `_solve`, and `_label_columns` unless it takes the labels as they are.
    """

    _requires_labels = True
    _by_chunks = True
    _named: bool = field(init=False)

    @documented_like(CrossModalRetriever.fit)
    def partial_fit(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Self:
        """Learn from a part of the rows: several calls equal one fit of all their rows.

        `fit` keeps no sums of its rows, so after it this is an error. Every call solves the whole problem.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images: at least two rows, with as many features as in the first part.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the rows, none of them new.
        """
        so_far = sums_so_far(self)
        checked = self._checked(X, y, labels, again=so_far is not None)
        encoded = checked.labels
        # `_checked` refuses missing labels.
        assert encoded is not None
        if so_far is not None:
            encoded = aligned(encoded, self.classes_, self._named)
        units = label_units(checked.pairs) if so_far is None else so_far.units
        sums = joint_sums(checked.pairs, self._label_columns(encoded.matrix), self._exact, units)
        sums.units = units
        if so_far is not None:
            sums.merge(so_far)
        views = Rotation(None, unit=units[0]), Rotation(None, unit=units[1])
        n_labels = len(encoded.names)
        k = self._limited(sums.n, sums.xt.shape[0], sums.xt.shape[1] - n_labels)
        self._solve(sums.covariances(), n_labels, k, views)
        self._moments = sums
        self._named = encoded.named
        return self._remember(checked._replace(labels=encoded), 0 if so_far is None else self.n_samples_seen_)

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        # `fit` refuses missing labels.
        assert labels is not None
        k = self._limited(len(pairs), pairs.image.shape[1], pairs.text.shape[1])
        columns = self._label_columns(labels.matrix)
        if isinstance(pairs.image, Chunked):
            views = UNROTATED, UNROTATED
            sums = joint_sums(pairs, columns, self._exact)
        else:
            views = self._views(pairs)
            sums = beside_labels(self._exact, *views, columns)
        self._solve(sums.finish(), len(labels.names), k, views)
        # A fit forgets what partial_fit has added up.
        if hasattr(self, "_moments"):
            del self._moments

    def _views(self, pairs: Pairs) -> tuple[Rotation, Rotation]:
        return rotated(pairs.image, pairs._eps[0]), rotated(pairs.text, pairs._eps[1])

    @property
    def _exact(self) -> bool:
        """Whether products of float32 are wanted in float64, because no ridge outweighs their rounding."""
        return True

    def _label_columns(self, Y: sp.csr_array) -> sp.csr_array:
        """Return what stands beside the texts for binary labels Y (n, c)."""
        return Y

    @abstractmethod
    def _solve(self, cov: Covariances, n_labels: int, k: int, views: tuple[Rotation, Rotation]) -> None:
        """Set the attributes from covariances of the images, and of the texts with labels as further columns."""
