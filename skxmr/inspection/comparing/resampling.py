"""Intervals of means and of differences: queries are drawn again, and so are seeds where there are several.

Queries are drawn by scipy's bootstrap, whose BCa intervals allow for skewed values such as average precisions. Seeds
are few, and drawings of a few vary less than what they come from. So the drawings of seeds are scaled to the variance
that seeds have, and the interval is widened by Student's t, the more the larger their part in it is (Satterthwaite,
1946).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from skxmr._data.kinds import AnyArray, Float64Array

# Means that are closer than this part of the largest value differ by rounding only.
ROUNDING = 1e-12
# Drawings of all queries that are held at once.
_BATCH = 50
# BCa leaves out each query once, which takes the square of their number; of so many, percentiles are the same.
_MANY = 10_000


class Intervals(NamedTuple):
    """Lower and upper limits, each (r,)."""

    low: Float64Array
    high: Float64Array


class SeedEffect(NamedTuple):
    """What the choice of seeds adds to a mean: drawings (n_resamples,), their variance and its degrees of freedom."""

    drawn: Float64Array
    variance: float
    freedom: int


def seed_effects(runs: Float64Array, n_resamples: int, rng: np.random.Generator) -> list[SeedEffect]:
    """Return what seeds add to the mean of runs (s, n): nothing for one seed, and where they differ by chance only."""
    s, n = runs.shape
    if s == 1:
        return []
    means = runs.mean(axis=1)
    effects = means - means.mean()
    residuals = runs - runs.mean(axis=0) - effects[:, None]
    # So far would the means differ if all seeds were equally good; drawing the queries covers that already.
    by_queries = (residuals**2).sum() / ((s - 1) * (n - 1) * n)
    variance = float((means.var(ddof=1) - by_queries) / s)
    # Means of equal values may differ by rounding.
    if variance <= 0 or np.abs(effects).max() <= ROUNDING * np.abs(runs).max():
        return []
    drawn = effects[rng.integers(s, size=(n_resamples, s))].mean(axis=1)
    drawn *= np.sqrt(variance / (effects.var() / s))
    return [SeedEffect(drawn, variance, s - 1)]


def intervals(
    rows: Float64Array,
    seeds: Sequence[Sequence[SeedEffect]],
    level: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> Intervals:
    """Return intervals of the means of rows (r, n) of values per query, to each of which some drawings of seeds add."""
    with warnings.catch_warnings():
        # BCa is not defined where all values are equal, or all drawn means are on one side of the mean.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        # Nor is a standard error, which is not used, where there is one resample.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.bootstrap(
            (np.arange(rows.shape[1]),),
            means_of(rows),
            n_resamples=n_resamples,
            batch=_BATCH,
            vectorized=True,
            confidence_level=level,
            method="BCa" if rows.shape[1] <= _MANY else "percentile",
            # Newer versions of scipy also call it rng.
            random_state=rng,
        )
    low, high = np.array(found.confidence_interval)
    for row, effects in enumerate(seeds):
        if effects or not np.isfinite([low[row], high[row]]).all():
            low[row], high[row] = _percentiles(rows[row], found.bootstrap_distribution[row], effects, level)
    return Intervals(low, high)


def means_of(rows: Float64Array) -> Callable[..., Float64Array]:
    """Return a statistic for scipy: the means of all rows (r, n) over the drawn queries (..., k), as (r, ...)."""
    n = rows.shape[1]

    def means(drawn: AnyArray, axis: int = -1) -> Float64Array:
        # With the number of times that each query was drawn, all means are one product of matrices.
        queries = drawn.reshape(-1, drawn.shape[-1]).astype(np.intp)
        first = n * np.arange(len(queries))[:, None]
        counts = np.bincount((first + queries).ravel(), minlength=n * len(queries)).reshape(-1, n)
        found: Float64Array = rows @ counts.T.astype(np.float64) / drawn.shape[-1]
        return found.reshape(len(rows), *drawn.shape[:-1])

    return means


def _percentiles(
    values: Float64Array, drawn: Float64Array, effects: Sequence[SeedEffect], level: float
) -> tuple[float, float]:
    """Return the limits of the mean of values (n,) by its drawings (n_resamples,) and those of seeds."""
    tail = (1 - level) / 2
    mean = values.mean()
    away = drawn + sum(effect.drawn for effect in effects) - mean
    widening = 1.0
    if effects:
        of_queries = values.var(ddof=1) / len(values)
        total = of_queries + sum(effect.variance for effect in effects)
        parts = of_queries**2 / (len(values) - 1) + sum(effect.variance**2 / effect.freedom for effect in effects)
        widening = float(stats.t.isf(tail, total**2 / parts) / stats.norm.isf(tail))
    low, high = mean + widening * np.quantile(away, [tail, 1 - tail])
    return float(low), float(high)
