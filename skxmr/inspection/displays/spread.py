"""Mean and standard deviation over runs."""

from __future__ import annotations

import numpy as np

from skxmr._data.kinds import Float64Array


def mean_and_spread(values: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return the mean and the standard deviation over the runs (r, c) that have a value; NaN where none has."""
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    counted = np.maximum(n, 1)
    middle = np.where(there, values, 0).sum(axis=0) / counted
    spread = np.sqrt((np.where(there, values - middle, 0) ** 2).sum(axis=0) / counted)
    return np.where(n > 0, middle, np.nan), np.where(n > 0, spread, np.nan)
