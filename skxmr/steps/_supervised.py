"""Labels for transformers that learn from them, and the selection of features by several labels per row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import chi2
from sklearn.utils import get_tags

from skxmr._data.kinds import AnyArray, Float64Array, Frame, IndexArray, LabelsLike, Matrix, Sparse, View, take
from skxmr._data.labels import encode_labels
from skxmr._data.partial import PartialRows

# Scores of features, or scores and p-values.
Scored: TypeAlias = Float64Array | tuple[Float64Array, Float64Array]
ScoreFunction: TypeAlias = Callable[[Matrix, AnyArray], Scored]
# By these words errors of scikit-learn and numpy show that it is the labels which do not suit.
_ABOUT_LABELS = re.compile(r"\by\b|[Tt]arget|[Mm]ulti-?label|got None|inhomogeneous")


class BestLabel:
    """A score function for one label per row, applied to rows with several: a feature counts by its best label.

    Yang and Pedersen, "A comparative study on feature selection in text categorization", ICML 1997, compare the mean
    and the maximum over labels; this is the maximum. A p-value is the smallest one times the number of labels.
    """

    def __init__(self, score_func: ScoreFunction) -> None:
        self.score_func = score_func

    def __call__(self, X: Matrix, y: AnyArray) -> Scored:
        """Score the features by class ids (n,) or by multi-hot labels (n, c)."""
        y = np.asarray(y)
        if y.ndim == 1:
            return self.score_func(X, y)
        found = [self.score_func(X, label) for label in y.T if label.min() != label.max()]
        if not found:
            raise ValueError("no label tells the rows apart: every label is in all rows or in none.")
        if not isinstance(found[0], tuple):
            return np.fmax.reduce(found)
        scores, p_values = zip(*found, strict=True)
        return np.fmax.reduce(scores), np.minimum(1, len(found) * np.fmin.reduce(p_values))

    def __repr__(self) -> str:
        return f"BestLabel({self.score_func!r})"


def labels_for(transformer: BaseEstimator, y: LabelsLike) -> LabelsLike:
    """Return labels as scikit-learn takes them: of rows with several labels a table of 0 and 1.

    A transformer that does not learn from labels gets them unread.
    """
    if y is None or not _learns_from_labels(transformer):
        return y
    is_table = isinstance(y, Sparse) or (isinstance(y, Frame) and y.ndim == 2)
    if not is_table and not _is_of_tags(y):
        return y
    return encode_labels(y).matrix.toarray().astype(int)


def why_not_these_labels(transformer: BaseEstimator, y: LabelsLike, reason: str) -> str:
    """Say what is wrong with the labels if an error of a transformer in fit is about them; nothing if it is not."""
    if not _ABOUT_LABELS.search(reason):
        return ""
    if y is None:
        learns = "argument: 'y'" in reason or _learns_from_labels(transformer)
        return "without labels, from which it learns; pass them: fit(pairs, labels)" if learns else ""
    if getattr(y, "ndim", 1) != 2 and not _is_of_tags(y):
        return ""
    return (
        "with several labels per row, of which it takes one; pass class ids, or take what learns from several, such as "
        "SelectKBest or SelectFromModel(ExtraTreesClassifier())"
    )


def labels_of_images(transformer: BaseEstimator, y: LabelsLike, index: IndexArray) -> LabelsLike:
    """Return labels of distinct images, which are those of the first row that shows each, as where they are scored."""
    if y is None or not _learns_from_labels(transformer):
        return None
    first = np.unique(index, return_index=True)[1]
    return labels_for(transformer, _some_labels(y, first))


def labels_where_present(view: View, y: LabelsLike) -> LabelsLike:
    """Return the labels of the rows of a view that are not missing."""
    return _some_labels(y, view.rows) if isinstance(view, PartialRows) and y is not None else y


def _some_labels(y: LabelsLike, rows: IndexArray) -> LabelsLike:
    """Return the labels of some rows, in the form in which they came."""
    return [y[i] for i in rows] if isinstance(y, (list, tuple)) else take(y, rows)


def selecting_by_labels(transformer: BaseEstimator, y: LabelsLike) -> BaseEstimator:
    """Let an unfitted transformer score features by several labels per row, where scikit-learn's functions take one."""
    if getattr(y, "ndim", 1) != 2:
        return transformer
    changed = {}
    for name, value in transformer.get_params().items():
        if name.rpartition("__")[2] == "score_func" and _takes_one_label(value):
            changed[name] = BestLabel(value)
    return transformer.set_params(**changed) if changed else transformer


def _takes_one_label(score_func: object) -> bool:
    """Tell the score functions of scikit-learn but `chi2`, which takes several labels itself."""
    function = score_func.func if isinstance(score_func, partial) else score_func
    return getattr(function, "__module__", "").startswith("sklearn.") and function is not chi2


def _is_of_tags(y: object) -> bool:
    """Tell lists, arrays and Series with a collection of tags in some row."""
    rows = y.to_numpy() if isinstance(y, Frame) else y
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        return False
    return isinstance(rows, Iterable) and any(isinstance(row, (list, tuple, set, frozenset)) for row in rows)


def _learns_from_labels(transformer: BaseEstimator) -> bool:
    """Tell transformers that need labels or score features by them, also inside pipelines and SelectFromModel."""
    parameters = transformer.get_params()
    # The tags of SelectKBest and its kin do not say that they need labels.
    if any(name.rpartition("__")[2] == "score_func" for name in parameters):
        return True
    parts = [transformer, *parameters.values()]
    estimators = [part for part in parts if hasattr(part, "__sklearn_tags__") and not isinstance(part, type)]
    tags = [get_tags(part) for part in estimators]
    # Those of PLSRegression and its kin do not say it either.
    return any(tag.target_tags.required or tag.estimator_type == "regressor" for tag in tags)
