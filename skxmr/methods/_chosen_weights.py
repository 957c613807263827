"""Weights of retrievers, chosen by the mAP of rows that they were not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import _safe_indexing

from skxmr._data.kinds import AnyArray, Float64Array, FloatArray, IndexArray, LabelsLike, Seed
from skxmr._data.pairs import Pairs
from skxmr.metrics._asking import score_matrices
from skxmr.metrics._precision import mean_average_precision

# Retrievers that are picked one after the other; the weights are multiples of its inverse.
_PICKS = 20


def held_out_rows(pairs: Pairs, fraction: object, random_state: Seed) -> tuple[IndexArray, IndexArray]:
    """Return the rows to fit and those that are held out; rows of one image or group stay together."""
    share = float(fraction) if isinstance(fraction, Real) and not isinstance(fraction, bool) else np.nan
    if not 0 < share < 1:
        raise ValueError(f"validation_fraction must be a share of the rows between 0 and 1; got {fraction!r}.")
    split = GroupShuffleSplit(1, test_size=share, random_state=random_state)
    fitted, held_out = next(split.split(np.zeros(len(pairs)), groups=pairs.groups))
    return fitted, held_out


def chosen_weights(
    estimators: Sequence[BaseEstimator], pairs: Pairs, labels: LabelsLike, fitted: IndexArray, held_out: IndexArray
) -> Float64Array:
    """Return how often each retriever is picked.

    The retriever that makes the mean of the picked ones best is picked next, again and again, and the same one may be
    picked several times (Caruana et al., "Ensemble selection from libraries of models", ICML 2004).
    """
    some = pairs[fitted]
    others = pairs[held_out]
    labels_of = [None if labels is None else _safe_indexing(labels, rows) for rows in (fitted, held_out)]
    scores: list[FloatArray] = []
    relevance: AnyArray = np.zeros(0)
    for estimator in estimators:
        model = clone(estimator).fit(some, labels_of[0])
        found, is_relevant = score_matrices(model, others, None, labels_of[1])
        scores.append(np.asarray(found[:]))
        relevance = np.asarray(is_relevant[:])
    return picked(scores, relevance)[0]


def picked(scores: Sequence[FloatArray], relevance: AnyArray) -> tuple[Float64Array, float]:
    """Return how often each of several score matrices is picked, and the mean mAP of the mean of the picked ones."""
    counts = np.zeros(len(scores))
    best_counts = counts
    best = -np.inf
    total = np.zeros_like(scores[0], dtype=np.float64)
    for _ in range(_PICKS):
        values = [_quality(total + own, relevance) for own in scores]
        chosen = int(np.argmax(values))
        counts = counts.copy()
        counts[chosen] += 1
        total += scores[chosen]
        if values[chosen] > best:
            best = values[chosen]
            best_counts = counts
    return best_counts, best


def _quality(scores: AnyArray, relevance: AnyArray) -> float:
    """Return the mean of both directions' mAP."""
    return (mean_average_precision(scores, relevance) + mean_average_precision(scores.T, relevance.T)) / 2
