"""What linear methods share: centred projections of two views, and learning from covariances only."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import field
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import Chunked, FloatArray, LabelsLike, Matrix, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.warn import warn
from skxmr._docstrings import documented_like
from skxmr._linalg.chunks import total
from skxmr._linalg.exactness import Array, unit
from skxmr._linalg.moments import Covariances, Moments, covariances
from skxmr._linalg.rotation import Rotation, as_it_is
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
        Dimensions of the common space; None keeps all that the data hold, at most min(rows - 1, image features, text
        features).

    Attributes
    ----------
    image_projection_, text_projection_ : ndarray of shape (d, n_components)
        What a centred view is multiplied by.
    image_mean_, text_mean_ : ndarray of shape (d,)
        Column means.
    n_components_ : int
        Components found: fewer than requested, with a warning, if the data have a lower rank.
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
            moments = Moments(pairs.image.shape[1], pairs.text.shape[1], exact=self._exact)
            if not isinstance(pairs.image, Chunked):
                # The first rows decide in which units all are added up.
                moments.units = unit(pairs.image), unit(pairs.text)
        moments.merge(total(pairs, partial(_part, moments.exact, pairs._eps, moments.units), Moments.merge))
        views = Rotation(None, unit=moments.units[0]), Rotation(None, unit=moments.units[1])
        self._solve(moments.covariances(), self._limited(moments.n, *moments.xt.shape), views)
        self._moments = moments
        return self._remember(checked, 0 if so_far is None else self.n_samples_seen_)

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        k = self._limited(len(pairs), pairs.image.shape[1], pairs.text.shape[1])
        if isinstance(pairs.image, Chunked):
            sums = total(pairs, partial(_part, self._exact, pairs._eps, (1.0, 1.0)), Moments.merge)
            self._solve(sums.finish(), k, (UNROTATED, UNROTATED))
        else:
            self._solve_views(k, self._views(pairs))
        # A fit forgets what partial_fit has added up.
        if hasattr(self, "_moments"):
            del self._moments

    def _views(self, pairs: Pairs) -> tuple[Rotation, Rotation]:
        return as_it_is(pairs.image, pairs._eps[0]), as_it_is(pairs.text, pairs._eps[1])

    @property
    def _exact(self) -> bool:
        """Whether products of float32 are wanted in float64, because no ridge outweighs their rounding."""
        return True

    def _solve_views(self, k: int, views: tuple[Rotation, Rotation]) -> None:
        """Set the attributes from rows that are in memory."""
        self._solve(covariances_of(views, self._exact), k, views)

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


def covariances_of(views: tuple[Rotation, Rotation], exact: bool) -> Covariances:
    """Return the covariances of the rows of two views, of float32 in float64 if they have to be `exact`."""
    return covariances(views[0].rows, views[1].rows, exact, (views[0].eps, views[1].eps))


def _part(exact: bool, eps: tuple[float, float], units: tuple[float, float], image: Matrix, text: Matrix) -> Moments:
    """Return the sums of some rows in given units."""
    x = as_it_is(image, eps[0], units[0])
    t = as_it_is(text, eps[1], units[1])
    return Moments(image.shape[1], text.shape[1], exact=exact).update(x.rows, t.rows, eps=(x.eps, t.eps))


def remaining(method: object, found: int, wanted: int | None) -> int:
    """Return how many components were found, after saying so if there are fewer than wanted, or none."""
    name = type(method).__name__
    if found == 0:
        raise ValueError(
            f"{name} finds no component: image or text does not vary by more than the rounding of its values, or the "
            "two are not related by more. Look for constant columns, and for values stored with too few digits."
        )
    if wanted is not None and found < wanted:
        warn(
            f"{name} finds {found} of {wanted} components: the others lie beyond the numerical rank of image and text, "
            "as exact as these came, and would be noise. n_components_ says how many there are."
        )
    return found


def lifted(views: tuple[Rotation, Rotation], image: Array, text: Array) -> tuple[Array, Array]:
    """Return paired directions (d, k) of the views themselves; the largest entry of each image one is positive."""
    image = views[0].lift(image)
    sign = signs(image)
    return image * sign, views[1].lift(text) * sign


def project(X: Matrix, mean: Array, projection: Array) -> FloatArray:
    """Return (X - mean) @ projection in the dtype of X; sparse X stays sparse."""
    with np.errstate(over="ignore"):
        W = projection.astype(X.dtype)
    if X.dtype != np.float64 and not np.isfinite(W).all():
        # Directions of very small values are large, and need the range of float64.
        return project(X.astype(np.float64), mean, projection).astype(X.dtype)
    if not isinstance(X, np.ndarray):
        return np.asarray(X @ W - (mean @ projection).astype(X.dtype))
    offset = mean.astype(X.dtype)
    out: FloatArray = np.empty((len(X), W.shape[1]), X.dtype)
    for rows in gen_batches(len(X), _ROWS):
        np.matmul(X[rows] - offset, W, out=out[rows])
    return out
