"""What linear methods share: centred projections of two views, and learning from covariances only."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import field
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import Chunked, FloatArray, LabelsLike, Matrix, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._docstrings import documented_like
from skxmr._linalg.chunks import total
from skxmr._linalg.moments import Array, Covariances, Moments, covariances
from skxmr._linalg.rotation import Rotation
from skxmr._linalg.solvers import signs
from skxmr.base import CrossModalRetriever

UNROTATED = Rotation(None)
# Rows that are centred together: centring all at once would copy the view.
_ROWS = 4096


class LinearRetriever(CrossModalRetriever, kw_only=False):
    """Base of methods that end in one mean and one projection matrix per view.

    `_fit` sets `image_mean_`, `text_mean_`, `image_projection_` and `text_projection_`.

    Parameters
    ----------
    n_components : int or None, default=None
        Dimensions of the common space; None keeps all, at most min(rows - 1, image features, text features).

    Attributes
    ----------
    image_projection_, text_projection_ : ndarray of shape (d, n_components)
        What a centred view is multiplied by.
    image_mean_, text_mean_ : ndarray of shape (d,)
        Column means.
    n_components_ : int
        Components found: fewer than requested if the data have a lower rank.
    """

    n_components: int | None = None
    image_mean_: Array = field(init=False)
    text_mean_: Array = field(init=False)
    image_projection_: Array = field(init=False)
    text_projection_: Array = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
    }

    def _limited(self, n: int, d1: int, d2: int) -> int:
        """Return the number of components to compute from n rows of d1 and d2 features."""
        limit = min(n - 1, d1, d2)
        if self.n_components is not None and self.n_components > limit:
            raise ValueError(
                f"n_components={self.n_components} is more than the {limit} that min(rows - 1, image features, "
                "text features) allows; use None for all of them."
            )
        return limit if self.n_components is None else self.n_components

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return project(X, self.image_mean_, self.image_projection_)

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return project(X, self.text_mean_, self.text_projection_)


class CovarianceRetriever(LinearRetriever):
    """Base of methods that need only the means and covariances of the views, so that rows can come in parts.

    A method overrides `_solve`.
    """

    _by_chunks = True

    @documented_like(CrossModalRetriever.fit)
    def partial_fit(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Self:
        """Learn from a part of the rows: several calls equal one fit of all their rows.

        `fit` keeps no sums of its rows, which take as much memory as the covariances, so after it this is an error.

        Every call solves the whole problem, so parts with at least as many rows as features are the most efficient.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images: at least two rows, with as many features as in the first part.
        """
        so_far = sums_so_far(self)
        checked = self._checked(X, y, labels, again=so_far is not None)
        pairs = checked.pairs
        moments = copy.deepcopy(so_far)
        if moments is None:
            moments = Moments(pairs.image.shape[1], pairs.text.shape[1])
        if isinstance(pairs.image, Chunked):
            moments.merge(total(pairs, _moments, Moments.merge))
        else:
            moments.update(pairs.image, pairs.text)
        self._solve(moments.covariances(), self._limited(moments.n, *moments.xt.shape), (UNROTATED, UNROTATED))
        self._moments = moments
        return self._remember(checked)

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        k = self._limited(len(pairs), pairs.image.shape[1], pairs.text.shape[1])
        if isinstance(pairs.image, Chunked):
            self._solve(total(pairs, _moments, Moments.merge).finish(), k, (UNROTATED, UNROTATED))
        else:
            views = self._views(pairs)
            self._solve(covariances(views[0].rows, views[1].rows), k, views)
        # A fit forgets what partial_fit has added up.
        if hasattr(self, "_moments"):
            del self._moments

    def _views(self, pairs: Pairs) -> tuple[Rotation, Rotation]:
        return Rotation(pairs.image), Rotation(pairs.text)

    @abstractmethod
    def _solve(self, cov: Covariances, k: int, views: tuple[Rotation, Rotation]) -> None:
        """Set the attributes from covariances of the views' rows; they may be overwritten."""


def sums_so_far(retriever: CrossModalRetriever) -> Any:
    """Return what `partial_fit` has added up, None before its first call; refuse to go on after `fit`."""
    if "_moments" not in vars(retriever) and hasattr(retriever, "n_features_"):
        raise ValueError(
            "partial_fit cannot go on from fit, which kept no sums of its rows. Call partial_fit for every part of the "
            "rows, also the first, or begin with a new estimator, e.g. sklearn.base.clone(estimator)."
        )
    return getattr(retriever, "_moments", None)


def _moments(image: Matrix, text: Matrix) -> Moments:
    return Moments(image.shape[1], text.shape[1]).update(image, text)


def lifted(views: tuple[Rotation, Rotation], image: Array, text: Array) -> tuple[Array, Array]:
    """Return paired directions (d, k) of the views themselves; the largest entry of each image one is positive."""
    image = views[0].lift(image)
    sign = signs(image)
    return image * sign, views[1].lift(text) * sign


def project(X: Matrix, mean: Array, projection: Array) -> FloatArray:
    """Return (X - mean) @ projection in the dtype of X; sparse X stays sparse."""
    W = projection.astype(X.dtype)
    if not isinstance(X, np.ndarray):
        return np.asarray(X @ W - (mean @ projection).astype(X.dtype))
    offset = mean.astype(X.dtype)
    out: FloatArray = np.empty((len(X), W.shape[1]), X.dtype)
    for rows in gen_batches(len(X), _ROWS):
        np.matmul(X[rows] - offset, W, out=out[rows])
    return out
