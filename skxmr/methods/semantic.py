"""Semantic matching: both views mapped into label space."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from sklearn.base import clone, is_classifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils._param_validation import HasMethods, Interval

from skxmr._labels import Labels
from skxmr._linalg import add_ridge, column_mean, grouped_sums, scatter
from skxmr._validation import FloatArray
from skxmr.base import CrossModalRetriever
from skxmr.methods._linear import project
from skxmr.pairs import Pairs


class SemanticMatching(CrossModalRetriever):
    """Semantic matching: any scikit-learn model predicts the labels from each view; predictions are compared.

    The common space is the label space. It is the baseline that a method which learns from labels has to beat.

    Parameters
    ----------
    image, text : regressor, classifier or None, default=None
        Predicts the labels from the view, e.g. ``Ridge()`` or ``LogisticRegression()``; cloned before fitting. None
        is ridge regression in closed form. A classifier gives probabilities (else decision values): of its classes
        where every row has exactly one label, else of one-vs-rest copies.
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
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "image": [HasMethods("fit"), None],
        "text": [HasMethods("fit"), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, image: Any = None, text: Any = None, ridge: float = 0.3) -> None:
        self.image = image
        self.text = text
        self.ridge = ridge

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        assert labels is not None  # fit refuses missing labels
        self.image_ = _fitted(self.image, self.ridge, pairs.image, labels)
        self.text_ = _fitted(self.text, self.ridge, pairs.text, labels)

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return _predict(self.image_, X)

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return _predict(self.text_, X)


class _LabelRidge:
    """Ridge regression of sparse labels on one view, by its covariance."""

    def __init__(self, ridge: float) -> None:
        self.ridge = ridge

    def fit(self, X: Any, Y: sp.csr_array) -> _LabelRidge:
        self.mean_ = column_mean(X)
        S = add_ridge(scatter(X, self.mean_), self.ridge)
        C = grouped_sums(X, self.mean_, Y)
        try:
            self.coef_ = scipy.linalg.solve(S, C, assume_a="pos", check_finite=False)
        except (np.linalg.LinAlgError, scipy.linalg.LinAlgWarning):
            self.coef_ = scipy.linalg.lstsq(S, C, check_finite=False)[0]  # singular without a ridge
        self.intercept_ = column_mean(Y)
        return self

    def predict(self, X: Any) -> FloatArray:
        return project(X, self.mean_, self.coef_) + self.intercept_.astype(X.dtype)


class _Model:
    """A given scikit-learn model, fitted on labels, that answers with one column per label."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: Any, Y: sp.csr_array) -> _Model:
        dense = Y.toarray()
        self.n_labels_ = dense.shape[1]
        if not is_classifier(self.model):
            self.model_, self.columns_ = clone(self.model).fit(X, dense), None
        elif self.n_labels_ > 1 and (dense.sum(axis=1) == 1).all():
            self.model_ = clone(self.model).fit(X, dense.argmax(axis=1))
            self.columns_ = self.model_.classes_
        else:
            self.model_, self.columns_ = OneVsRestClassifier(clone(self.model)).fit(X, dense.astype(int)), None
        return self

    def predict(self, X: Any) -> FloatArray:
        if not is_classifier(self.model_):
            scores = self.model_.predict(X)
        elif hasattr(self.model_, "predict_proba"):
            scores = self.model_.predict_proba(X)
        else:
            scores = self.model_.decision_function(X)
        scores = np.asarray(scores, dtype=X.dtype).reshape(X.shape[0], -1)
        if self.columns_ is None or len(self.columns_) == scores.shape[1] == self.n_labels_:
            return scores[:, -self.n_labels_ :]
        return self._all_columns(scores)

    def _all_columns(self, scores: FloatArray) -> FloatArray:
        """Spread the scores of the classes met in training over all label columns."""
        assert self.columns_ is not None
        if scores.shape[1] == 1:  # the decision value of two classes
            scores = np.hstack([-scores, scores])
        out = np.full((len(scores), self.n_labels_), scores.min(axis=1, keepdims=True), dtype=scores.dtype)
        out[:, self.columns_] = scores
        return out


def _fitted(model: Any, ridge: float, X: Any, labels: Labels) -> Any:
    return (_LabelRidge(ridge) if model is None else _Model(model)).fit(X, labels.matrix)


def _predict(model: Any, X: FloatArray) -> FloatArray:
    return np.asarray(model.predict(X))
