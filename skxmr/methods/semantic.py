"""Semantic matching: both views mapped into label space."""

from __future__ import annotations

from dataclasses import field
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FloatArray, is_chunked
from skxmr._data.labels import Labels, aligned
from skxmr._data.pairs import Pairs
from skxmr._linalg.chunks import total
from skxmr._linalg.moments import Covariances, Moments
from skxmr._linalg.rotation import Rotation, rotated
from skxmr._linalg.solvers import add_ridge, solution
from skxmr.base import CrossModalRetriever
from skxmr.methods._linear import UNROTATED, project


class SemanticMatching(CrossModalRetriever, kw_only=False):
    """Semantic matching: any scikit-learn model predicts the labels from each view; predictions are compared.

    The common space is the label space. It is the baseline that a method which learns from labels has to beat.

    Parameters
    ----------
    image, text : regressor, classifier or None, default=None
        Predicts the labels from the view, e.g. ``Ridge()`` or ``LogisticRegression()``; cloned before fitting. None
        is ridge regression in closed form. A classifier gives probabilities (else decision values): of its classes
        where every row has exactly one label, else of one copy per label, as regressors with a single output do.
    ridge : float, default=0.3
        Penalty of the built-in regression in units of the mean feature variance; without effect on given models.

    Attributes
    ----------
    image_, text_ : fitted model
        One per view.
    classes_ : ndarray of shape (c,)
        Label names: the columns of the embeddings.

    Raises
    ------
    ValueError
        If labels are missing or a parameter is out of range.

    Notes
    -----
    The built-in regression minimises ``|Y - (X - mean) W - b|^2 + n r |W|^2`` with r = `ridge` times the mean feature
    variance: ``Ridge(alpha=n * r)``. It is solved on the covariances, sparse text staying sparse.

    References
    ----------
    Rasiwasia et al., "A new approach to cross-modal multimedia retrieval", ACM MM 2010 (semantic matching, with
    logistic regression). Deviation: any model; cosine similarity.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skxmr import SemanticMatching
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> SemanticMatching(text=LogisticRegression()).fit(pairs, labels).encode_text(pairs).shape
    (200, 8)
    """

    _requires_labels = True
    _by_chunks = True
    image: Any = None
    text: Any = None
    ridge: float = 0.3
    _named: bool = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "image": [HasMethods(["fit", "predict"]), None],
        "text": [HasMethods(["fit", "predict"]), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
    }

    def partial_fit(self, X: Any, y: Any = None, labels: Any = None) -> Self:
        """Learn from parts of the rows: the calls together are one fit of all their rows. `fit` starts anew.

        Every call solves anew. Only the built-in regression can go on.

        Parameters
        ----------
        X, y, labels : object
            As in :meth:`fit`; two rows or more, of the widths of the first part and with no label that is new.

        Returns
        -------
        self
        """
        self._need_built_in("partial_fit")
        so_far = getattr(self, "_moments", None)
        checked = self._checked(X, y, labels, again=so_far is not None)
        assert checked.labels is not None  # refused if missing
        if so_far is not None:
            checked = checked._replace(labels=aligned(checked.labels, self.classes_, self._named))
        assert checked.labels is not None
        moments = _sums(checked.pairs, checked.labels.matrix)
        if so_far is not None:
            moments = _merged(moments, so_far)
        self.image_, self.text_ = (_LabelRidge(self.ridge).solve(sums.covariances()) for sums in moments)
        self._moments, self._named = moments, checked.labels.named
        return self._remember(checked)

    def _need_built_in(self, what: str) -> None:
        if self.image is not None or self.text is not None:
            raise ValueError(
                f"{what} needs the built-in regression; set image and text to None, or call fit on rows in memory."
            )

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the defaults, and scikit-learn's estimators for both views."""
        from sklearn.linear_model import LogisticRegression, Ridge

        return [{}, {"image": Ridge(), "text": LogisticRegression()}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        assert labels is not None  # fit refuses missing labels
        self.__dict__.pop("_moments", None)
        if is_chunked(pairs.image):
            self._need_built_in("a dask array")
            moments = _sums(pairs, labels.matrix)
            self.image_, self.text_ = (_LabelRidge(self.ridge).solve(sums.finish()) for sums in moments)
            return
        self.image_, self.text_ = (
            _fitted(model, self.ridge, view, labels)
            for model, view in ((self.image, pairs.image), (self.text, pairs.text))
        )

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return np.asarray(self.image_.predict(X))

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return np.asarray(self.text_.predict(X))


def _sums(pairs: Pairs, Y: sp.csr_array) -> list[Moments]:
    """Return the sums of each view with the labels."""
    return total(pairs, _parts, _merged, [Y]) if is_chunked(pairs.image) else _parts(pairs.image, pairs.text, Y)


def _parts(image: Any, text: Any, Y: sp.csr_array) -> list[Moments]:
    return [Moments(view.shape[1], Y.shape[1], second=False).update(view, Y) for view in (image, text)]


def _merged(sums: list[Moments], more: list[Moments]) -> list[Moments]:
    return [own.merge(other) for own, other in zip(sums, more, strict=True)]


class _LabelRidge:
    """Ridge regression of sparse labels on one view, by its covariances with them."""

    def __init__(self, ridge: float) -> None:
        self.ridge = ridge

    def fit(self, X: Any, Y: sp.csr_array) -> _LabelRidge:
        view = rotated(X)
        return self.solve(Moments(view.rows.shape[1], Y.shape[1], second=False).update(view.rows, Y).finish(), view)

    def solve(self, cov: Covariances, view: Rotation = UNROTATED) -> _LabelRidge:
        S = add_ridge(cov.xx, self.ridge * view.share)
        coef = solution(S, cov.xt, cov.image_mean)
        self.mean_, self.coef_, self.intercept_ = view.origin(cov.image_mean), view.lift(coef), cov.text_mean
        return self

    def predict(self, X: Any) -> FloatArray:
        return project(X, self.mean_, self.coef_) + self.intercept_.astype(X.dtype)


class _OneModel:
    """A regressor of all labels at once, or a classifier where every row has exactly one label."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: Any, Y: NDArray[np.float64]) -> _OneModel:
        self.n_labels_ = Y.shape[1]
        self.model_ = clone(self.model).fit(X, Y.argmax(axis=1) if is_classifier(self.model) else Y)
        return self

    def predict(self, X: Any) -> FloatArray:
        scores = _scores(self.model_, X)
        if not is_classifier(self.model_):
            return scores
        if scores.shape[1] == 1:  # the decision value of two classes
            scores = np.hstack([-scores, scores])
        # Labels never met in training score lowest.
        out = np.repeat(scores.min(axis=1, keepdims=True), self.n_labels_, axis=1)
        out[:, self.model_.classes_] = scores
        return out


class _ModelPerLabel:
    """A copy of the model for every label; labels that never or always occur in training are constant."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: Any, Y: NDArray[np.float64]) -> _ModelPerLabel:
        y_type = int if is_classifier(self.model) else float
        self.models_ = [
            clone(self.model).fit(X, y.astype(y_type)) if 0 < y.sum() < len(y) else float(y[0]) for y in Y.T
        ]
        return self

    def predict(self, X: Any) -> FloatArray:
        columns = [
            np.full(X.shape[0], model, X.dtype) if isinstance(model, float) else _scores(model, X)[:, -1]
            for model in self.models_
        ]
        return np.column_stack(columns)


def _scores(model: Any, X: Any) -> FloatArray:
    """Return predictions of a regressor; probabilities, or else decision values, of a classifier: (n, columns)."""
    if not is_classifier(model):
        out = model.predict(X)
    else:
        out = model.predict_proba(X) if hasattr(model, "predict_proba") else model.decision_function(X)
    return np.asarray(out, dtype=X.dtype).reshape(X.shape[0], -1)


def _fitted(model: Any, ridge: float, X: Any, labels: Labels) -> Any:
    if model is None:
        return _LabelRidge(ridge).fit(X, labels.matrix)
    if isinstance(model, (MultiOutputClassifier, MultiOutputRegressor, OneVsRestClassifier)):
        model = model.estimator  # one model per label is what they do
    Y = labels.matrix.toarray()
    if is_classifier(model):
        together = Y.shape[1] > 1 and bool((Y.sum(axis=1) == 1).all()) and int((Y.sum(axis=0) > 0).sum()) > 1
    else:
        together = Y.shape[1] > 1 and bool(get_tags(model).target_tags.multi_output)
    return (_OneModel(model) if together else _ModelPerLabel(model)).fit(X, Y)
