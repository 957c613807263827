"""Steps of scikit-learn that are linear up to a constant, through which contributions are followed back exactly."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import Float64Array


def is_linear(step: BaseEstimator) -> bool:
    """Tell whether a step is known to be linear; a class that is derived from one may do anything."""
    kind = type(step)
    if not kind.__module__.startswith("sklearn."):
        return False
    if hasattr(step, "get_support"):
        return True
    # What a scaler clips is no longer linear.
    return kind.__name__ in _WEIGHTS and not getattr(step, "clip", False)


def mapped(step: BaseEstimator, values: Float64Array) -> Float64Array:
    """Return values (d,) after a step, which may have been fitted on a data frame."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        # A step with copy=False writes into what it is given.
        return np.asarray(step.transform(values[None].copy()), dtype=np.float64)[0]


def weights_before(step: BaseEstimator, weights: Float64Array) -> Float64Array:
    """Return what the features before a step weigh (d,), given what those after it weigh."""
    if hasattr(step, "get_support"):
        chosen = step.get_support()
        before = np.zeros(len(chosen))
        before[chosen] = weights
        return before
    return np.asarray(_WEIGHTS[type(step).__name__](step, weights))


def origin_before(step: BaseEstimator, origin: Float64Array) -> Float64Array:
    """Return values before a step (d,) that it maps to the given ones, as far as it can."""
    return np.asarray(step.inverse_transform(origin[None].copy()), dtype=np.float64)[0]


def _of_divided(step: Any, weights: Float64Array) -> Float64Array:
    # Scalers that leave the scale as it is have None.
    return weights if step.scale_ is None else weights / step.scale_


def _of_components(step: Any, weights: Float64Array) -> Float64Array:
    if getattr(step, "whiten", False):
        lengths = np.sqrt(step.explained_variance_)
        weights = weights / np.maximum(lengths, np.finfo(lengths.dtype).eps)
    return step.components_.T @ weights


_WEIGHTS = {
    "IncrementalPCA": _of_components,
    "MaxAbsScaler": _of_divided,
    "MinMaxScaler": lambda step, weights: weights * step.scale_,
    "PCA": _of_components,
    "RobustScaler": lambda step, weights: _of_divided(step, weights) if step.with_scaling else weights,
    "StandardScaler": _of_divided,
    "TruncatedSVD": _of_components,
}
