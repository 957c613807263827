"""Thresholds of tags: from which score on a label is named."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from numbers import Real

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import AnyArray, BoolArray, Float64Array, FloatArray

# A number for all labels, or one for each of some labels.
Threshold = float | Mapping[object, float] | None


# How many rows of a label the threshold of all labels together is worth. Of 0 to 10, on training rows of two sets with
# 63 and 50 labels that were not used otherwise: F1 over all tags still grows a little beyond 2, while its mean over the
# labels falls.
_POOLED = 2


def best_thresholds(scores: FloatArray, Y: sp.csr_array) -> Float64Array:
    """Return for every label a threshold (c,) with a large F1 on rows that it was not learned from.

    `scores` (n, c) are those of the rows, and `Y` (n, c) their labels. The threshold that gives the largest F1 lies
    halfway between the lowest score that is named and the next one. With few rows of a label its own best threshold is
    mostly chance. A label of k rows therefore gets the mean of its own, k times, and of the best one of all labels
    together, twice; a label without rows has the latter alone.
    """
    positive = Y.toarray() > 0
    of_all = best_threshold(scores.ravel(), positive.ravel())
    thresholds = np.full(scores.shape[1], of_all)
    for j in np.flatnonzero(positive.any(axis=0)):
        own = best_threshold(scores[:, j], positive[:, j])
        n_rows = int(positive[:, j].sum())
        thresholds[j] = (n_rows * own + _POOLED * of_all) / (n_rows + _POOLED)
    return thresholds


def best_threshold(scores: FloatArray, positive: BoolArray) -> float:
    """Return the threshold with the largest F1 of scores (n,), of which some are of `positive` rows (n,)."""
    order = np.argsort(-scores)
    ranked = scores[order].astype(np.float64)
    hits = np.cumsum(positive[order])
    named = np.arange(1, len(ranked) + 1)
    f1 = 2 * hits / (named + hits[-1])
    # Equal scores are named together.
    f1[:-1][ranked[:-1] == ranked[1:]] = -1
    last = int(f1.argmax())
    following = ranked[last + 1] if last + 1 < len(ranked) else ranked[last]
    return float((ranked[last] + following) / 2)


def as_thresholds(threshold: Threshold, classes: AnyArray, learned: Float64Array | None) -> Float64Array | None:
    """Return the threshold (c,) of every label: the given ones, else the learned ones."""
    if threshold is None:
        return learned
    if not isinstance(threshold, Mapping):
        _check_number(threshold, "threshold")
        return np.full(len(classes), float(threshold))
    place = {name: j for j, name in enumerate(classes.tolist())}
    for name, value in threshold.items():
        if name not in place:
            near = get_close_matches(str(name), [str(known) for known in place]) or list(place)[:5]
            raise ValueError(f"threshold has an entry for {name!r}, which is no label of the fit; labels are {near}.")
        _check_number(value, f"threshold[{name!r}]")
    if learned is None and len(threshold) < len(place):
        raise ValueError(
            f"threshold has {len(threshold)} of {len(place)} labels, and fit has set no thresholds for the others; "
            "pass one for every label."
        )
    thresholds = np.zeros(len(place)) if learned is None else learned.copy()
    for name, value in threshold.items():
        thresholds[place[name]] = value
    return thresholds


def _check_number(value: object, name: str) -> None:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not (is_number and value == value):
        wanted = "a number, a mapping from labels to numbers, or None" if name == "threshold" else "a number"
        raise ValueError(f"{name} must be {wanted}; got {value!r}.")
