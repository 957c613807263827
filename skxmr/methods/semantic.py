"""Semantic matching: both views mapped into label space."""

from __future__ import annotations

from dataclasses import field
from numbers import Real
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone, is_classifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import AnyArray, Chunked, Float64Array, FloatArray, LabelsLike, Matrix, View
from skxmr._data.labels import Labels, aligned
from skxmr._data.pairs import Pairs
from skxmr._data.precision import EPS
from skxmr._docstrings import documented_like
from skxmr._linalg.exactness import SAFE_RIDGE
from skxmr._linalg.moments import Covariances
from skxmr._linalg.rotation import Rotation, rotated
from skxmr._linalg.solvers import regression
from skxmr.base import AnnotatingRetriever, CrossModalRetriever
from skxmr.methods._label_sums import label_sums, label_units, merged, possible_rank, with_labels
from skxmr.methods._linear import UNROTATED, project, remaining, sums_so_far


class Model(Protocol):
    """A regressor or classifier of scikit-learn."""

    def fit(self, X: Matrix, Y: View, /) -> Self:
        """Learn to predict Y."""

    def predict(self, X: Matrix, /) -> AnyArray:
        """Return predictions."""


class SemanticMatching(AnnotatingRetriever, kw_only=False):
    """Semantic matching: any scikit-learn model predicts the labels from each view; predictions are compared.

    The common space is the label space, so that a label scores by its prediction. This is the baseline for every method
    that learns from labels.

    Parameters
    ----------
    image, text : regressor, classifier or None, default=None
        Predicts the labels from the view, e.g. ``Ridge()`` or ``LogisticRegression()``; cloned before fitting. None
        is ridge regression in closed form. A classifier gives probabilities, or decision values if it has none. One
        classifier is fitted if every row has exactly one label, otherwise one per label, as for regressors with a
        single output.
    ridge : float, default=0.3
        Penalty of the built-in regression in units of the mean feature variance; without effect on given models.

    Attributes
    ----------
    image_, text_ : fitted model
        One per view.
    classes_ : ndarray of shape (c,)
        Label names: the columns of the embeddings.
    n_components_ : int
        Predictions that are independent of each other in both views: fewer than there are labels, with a warning, if a
        view has a lower rank. Of given models, all are taken for independent.

    Raises
    ------
    ValueError
        If labels are missing, a parameter is out of range, or a view of the built-in regression does not vary.

    Notes
    -----
    The built-in regression minimises ``|Y - (X - mean) W - b|^2 + n r |W|^2`` with r = `ridge` times the mean feature
    variance: ``Ridge(alpha=n * r)``. It is solved on the covariances; sparse text stays sparse.

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
    image: Model | None = None
    text: Model | None = None
    ridge: float = 0.3
    image_: Model = field(init=False)
    text_: Model = field(init=False)
    _named: bool = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        "image": [HasMethods(["fit", "predict"]), None],
        "text": [HasMethods(["fit", "predict"]), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
    }

    @documented_like(CrossModalRetriever.fit)
    def partial_fit(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Self:
        """Learn from a part of the rows: several calls equal one fit of all their rows.

        `fit` keeps no sums of its rows, so after it this is an error. Every call solves the whole problem. Only the
        built-in regression can learn in parts.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images: at least two rows, with as many features as in the first part.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the rows, none of them new.
        """
        self._need_built_in("partial_fit")
        so_far = sums_so_far(self)
        checked = self._checked(X, y, labels, again=so_far is not None)
        encoded = checked.labels
        # `_checked` refuses missing labels.
        assert encoded is not None
        if so_far is not None:
            encoded = aligned(encoded, self.classes_, self._named)
        units = label_units(checked.pairs) if so_far is None else (so_far[0].units[0], so_far[1].units[0])
        moments = label_sums(checked.pairs, encoded.matrix, self.ridge < SAFE_RIDGE, units)
        for own, factor in zip(moments, units, strict=True):
            own.units = (factor, 1.0)
        if so_far is not None:
            moments = merged(moments, so_far)
        models = []
        for own in moments:
            view = Rotation(None, unit=own.units[0])
            models.append(_LabelRidge(self.ridge).solve(own.covariances(), view))
        self._keep(models[0], models[1], len(encoded.names))
        self._moments = moments
        self._named = encoded.named
        return self._remember(checked._replace(labels=encoded))

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
        # `fit` refuses missing labels.
        assert labels is not None
        if isinstance(pairs.image, Chunked):
            self._need_built_in("a dask array")
            of_image, of_text = label_sums(pairs, labels.matrix, self.ridge < SAFE_RIDGE)
            image: Model = _LabelRidge(self.ridge).solve(of_image.finish())
            text: Model = _LabelRidge(self.ridge).solve(of_text.finish())
        else:
            image = _fitted(self.image, _LabelRidge(self.ridge, pairs._eps[0]), pairs.image, labels)
            text = _fitted(self.text, _LabelRidge(self.ridge, pairs._eps[1]), pairs.text, labels)
        self._keep(image, text, len(labels.names))
        # A fit forgets what partial_fit has added up.
        if hasattr(self, "_moments"):
            del self._moments

    def _keep(self, image: Model, text: Model, n_labels: int) -> None:
        """Keep both models once they are fitted, so that a fit that fails leaves the last ones as they were."""
        found = min(getattr(model, "rank_", n_labels) for model in (image, text))
        wanted = min(getattr(model, "possible_", 0) for model in (image, text))
        self.n_components_ = remaining(self, found, wanted)
        self.image_ = image
        self.text_ = text

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return np.asarray(self.image_.predict(X))

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return np.asarray(self.text_.predict(X))

    def _label_scores(self, embedded: FloatArray) -> FloatArray:
        """Return the predictions themselves."""
        return embedded


class _LabelRidge:
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


class _OneModel:
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


class _ModelPerLabel:
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


def _fitted(model: Model | None, built_in: _LabelRidge, X: Matrix, labels: Labels) -> Model:
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
    return _OneModel(model).fit(X, Y) if together else _ModelPerLabel(model).fit(X, Y)
