"""Models that predict labels from one view: the built-in ridge regression, and those of scikit-learn."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone, is_classifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.utils import get_tags

from skxmr._data.kinds import MODALITIES, AnyArray, Float64Array, FloatArray, IndexArray, Matrix, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.partial import PartialRows
from skxmr._data.precision import EPS
from skxmr._linalg.exactness import SAFE_RIDGE
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr._linalg.solvers import regression
from skxmr.methods._label_sums import possible_rank, with_labels
from skxmr.methods._linear import UNROTATED, project


class Model(Protocol):
    """A regressor or classifier of scikit-learn."""

    def fit(self, X: Matrix, Y: View, /) -> Self:
        """Learn to predict Y."""

    def predict(self, X: Matrix, /) -> AnyArray:
        """Return predictions."""


class LabelRidge:
    """Ridge regression of sparse labels on one view, by its covariances with them."""

    def __init__(self, ridge: float, eps: float = EPS) -> None:
        self.ridge = ridge
        self.eps = eps

    def fit(self, X: Matrix, Y: sp.csr_array) -> Self:
        view = rotated(X, self.eps)
        return self.solve(with_labels(self.ridge < SAFE_RIDGE, view, Y).finish(), view)

    def solve(self, cov: Covariances, view: Rotation = UNROTATED) -> Self:
        coef, self.rank_ = regression(cov, self.ridge * view.share)
        self.coef_ = view.lift(coef)
        self.possible_ = possible_rank(cov, len(self.coef_))
        self.mean_ = view.origin(cov.image_mean)
        self.intercept_ = cov.text_mean
        return self

    def predict(self, X: Matrix) -> FloatArray:
        return project(X, self.mean_, self.coef_) + self.intercept_.astype(X.dtype)

    def fit_with_folds(self, X: Matrix, Y: sp.csr_array, folds: list[IndexArray]) -> FloatArray:
        """Fit all rows, and return predictions (n, c) for the rows of every fold by a regression of the other folds.

        The products of the other folds are those of all rows without those of the fold, so that every row is multiplied
        twice, whatever the number of folds. The difference is rounded like the products of all rows, which only a ridge
        makes harmless for columns that vary in one fold alone.
        """
        view = rotated(X, self.eps)
        together = with_labels(False, view, Y)
        scores = np.empty(Y.shape, X.dtype)
        for rows in folds:
            part = with_labels(False, view._replace(rows=view.rows[rows]), Y[rows])
            others = LabelRidge(self.ridge, self.eps).solve(together.without(part).finish(), view)
            scores[rows] = others.predict(X[rows])
        # Last, because it takes the memory of the sums.
        self.solve(together.finish(), view)
        return scores


class OneModel:
    """A regressor of all labels at once, or a classifier where every row has exactly one label."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def fit(self, X: Matrix, Y: Float64Array) -> Self:
        self.n_labels_ = Y.shape[1]
        self.model_ = clone(self.model).fit(X, Y.argmax(axis=1) if is_classifier(self.model) else Y)
        return self

    def predict(self, X: Matrix) -> FloatArray:
        scores = _scores(self.model_, X)
        if not is_classifier(self.model_):
            return scores
        # Of two classes there is a single decision value.
        if scores.shape[1] == 1:
            scores = np.hstack([-scores, scores])
        # Labels that did not occur in training score lowest.
        out = np.repeat(scores.min(axis=1, keepdims=True), self.n_labels_, axis=1)
        out[:, self.model_.classes_] = scores
        return out


class ModelPerLabel:
    """A copy of the model for every label; labels that occur in no or in every training row are constant."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def fit(self, X: Matrix, Y: Float64Array) -> Self:
        y_type = int if is_classifier(self.model) else float
        self.models_: list[Model | float] = []
        for y in Y.T:
            varies = 0 < y.sum() < len(y)
            self.models_.append(clone(self.model).fit(X, y.astype(y_type)) if varies else float(y[0]))
        return self

    def predict(self, X: Matrix) -> FloatArray:
        out = np.empty((X.shape[0], len(self.models_)), X.dtype)
        for j, model in enumerate(self.models_):
            out[:, j] = model if isinstance(model, float) else _scores(model, X)[:, -1]
        return out


def _scores(model: Model, X: Matrix) -> FloatArray:
    """Return predictions of a regressor, or probabilities or decision values of a classifier: (n, columns)."""
    ask = model.predict
    if is_classifier(model):
        ask = getattr(model, "predict_proba" if hasattr(model, "predict_proba") else "decision_function")
    return np.asarray(ask(X), dtype=X.dtype).reshape(X.shape[0], -1)


def fitted_model(model: Model | None, built_in: LabelRidge, X: Matrix, labels: Labels) -> Model:
    if model is None:
        return built_in.fit(X, labels.matrix)
    # These fit one model per label already.
    if isinstance(model, (MultiOutputClassifier, MultiOutputRegressor, OneVsRestClassifier)):
        model = model.estimator
    Y = labels.matrix.toarray()
    if Y.shape[1] == 1:
        together = False
    elif is_classifier(model):
        one_label_each = bool((Y.sum(axis=1) == 1).all())
        together = one_label_each and int((Y.sum(axis=0) > 0).sum()) > 1
    else:
        together = bool(get_tags(model).target_tags.multi_output)
    return OneModel(model).fit(X, Y) if together else ModelPerLabel(model).fit(X, Y)


class ViewRows(NamedTuple):
    """The rows that have one view: their values, how exact these are, their labels, and the `Pairs` of these rows."""

    rows: Matrix
    eps: float
    labels: Labels
    pairs: Pairs


def rows_of_view(pairs: Pairs, labels: Labels, name: str) -> ViewRows:
    """Return the rows that have a view."""
    view = getattr(pairs, name)
    eps = pairs._eps[MODALITIES.index(name)]
    if not isinstance(view, PartialRows):
        return ViewRows(view, eps, labels, pairs)
    return ViewRows(view.present, eps, labels._replace(matrix=labels.matrix[view.rows]), pairs[view.rows])


def folds_of(pairs: Pairs, n_folds: int) -> list[IndexArray]:
    """Return the rows of every fold, the same in every call; rows of one image or group stay together."""
    images, group = np.unique(pairs.groups, return_inverse=True)
    # The order of the rows, which may be sorted by labels, must not matter.
    fold = np.random.default_rng(0).permutation(len(images))[group] % n_folds
    return [np.flatnonzero(fold == j) for j in range(n_folds)]


def fitted_with_folds(
    model: Model | None, built_in: LabelRidge, X: Matrix, labels: Labels, folds: list[IndexArray]
) -> tuple[Model, FloatArray]:
    """Return a model of all rows, and predictions (n, c) for the rows of every fold by a model of the other folds."""
    if model is None and built_in.ridge >= SAFE_RIDGE:
        scores = built_in.fit_with_folds(X, labels.matrix, folds)
        return built_in, scores
    scores = np.empty(labels.matrix.shape, X.dtype)
    for rows in folds:
        others = np.setdiff1d(np.arange(X.shape[0]), rows)
        own = LabelRidge(built_in.ridge, built_in.eps)
        fitted = fitted_model(model, own, X[others], labels._replace(matrix=labels.matrix[others]))
        scores[rows] = fitted.predict(X[rows])
    return fitted_model(model, built_in, X, labels), scores
