"""Whether one method is better than another: means, intervals, and paired tests over the same queries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import check_random_state

from skxmr._data.kinds import Float64Array, LabelsLike, Seed
from skxmr._data.option_checks import check_k
from skxmr._data.pairs import Pairs
from skxmr._data.warn import warn
from skxmr.inspection.comparing.comparison import Comparison
from skxmr.inspection.comparing.per_query import Measure, MethodLike, Runs, runs_by_direction
from skxmr.inspection.comparing.randomisation import holm, randomisation_p
from skxmr.inspection.comparing.resampling import ROUNDING, intervals, seed_effects
from skxmr.metrics._scorers import check_measure

if TYPE_CHECKING:
    import pandas as pd


def compare(
    methods: Mapping[str, MethodLike],
    pairs: Pairs | None = None,
    labels: LabelsLike = None,
    *,
    measure: str = "map",
    k: int | None = None,
    metric: str = "cosine",
    confidence_level: float = 0.95,
    n_resamples: int = 10_000,
    random_state: Seed = 0,
) -> Comparison:
    """Tell whether one method is better than another, for each direction of retrieval.

    The interval of a mean says where it may lie for other queries of the same kind and, where a method has several
    seeds, for other seeds. Two methods are compared by their differences per query, because some queries are harder
    than others for every method. Their p-value says how often differences of random signs have a mean as far from 0.

    Parameters
    ----------
    methods : dict of str to method
        Each method is one of: a fitted model (a retriever, or a pipeline or search around one), a list of fitted models
        that differ in their seeds, an array of values per query (n,) or (seeds, n), or a dict of such arrays by
        direction, ``"image_to_text"`` and ``"text_to_image"``. Larger values are better. All methods have the same
        queries in the same order. A query that is nan has no relevant item, in all methods, and is left out.
    pairs : Pairs or None, default=None
        What fitted models are measured on.
    labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
        The labels of these rows, as for ``score``.
    measure : {"map", "precision", "recall", "hit", "ndcg"}, default="map"
        What is measured of each query of fitted models; all but ``"map"`` and ``"ndcg"`` need `k`.
    k : int or None, default=None
        The cut-off rank.
    metric : {"cosine", "inner", "euclidean", "hamming"}, default="cosine"
        The similarity that ranks.
    confidence_level : float, default=0.95
        How often intervals hold the true value. A p-value below 1 - `confidence_level` is taken for a difference.
    n_resamples : int, default=10_000
        How often queries, seeds and signs are drawn. If there are at most so many choices of signs, all are tried.
    random_state : int, RandomState or None, default=0
        What is drawn.

    Returns
    -------
    Comparison
        Its data frames ``means`` and ``differences``, and tables of them.

    Raises
    ------
    TypeError
        If an argument or a method is of a wrong kind.
    ValueError
        If methods have different queries, directions or missing values, a value is infinite, fewer than two queries
        have a value, a fitted model comes without pairs, or an option is unknown.

    Warns
    -----
    UserWarning
        If there are fewer than 50 queries, or so many methods that more resamples are needed to tell them apart.

    Notes
    -----
    Intervals of methods with one run are BCa intervals [1]_ of drawn queries, or percentiles where there are more than
    10,000 queries. With several seeds, queries and seeds are drawn; the seeds of two methods are not paired. The test
    is that of [2]_, of means over the seeds: it is about these runs on other queries. Holm's correction [3]_ is over
    all pairs of methods of a direction. A method is called worse than the best one only if both its corrected p-value
    and the interval of the difference say so.

    Queries are taken to be drawn independently. Where several texts share an image, they are not, and the intervals of
    text-to-image retrieval are too narrow.

    References
    ----------
    .. [1] B. Efron, "Better Bootstrap Confidence Intervals", Journal of the American Statistical Association 82 (1987).
    .. [2] M. D. Smucker, J. Allan, B. Carterette, "A Comparison of Statistical Significance Tests for Information
       Retrieval Evaluation", CIKM 2007.
    .. [3] S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
       (1979).

    Examples
    --------
    >>> from skxmr import CCA, MLCCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.inspection import compare
    >>> pairs, labels = make_multilabel_pairs(300, random_state=0)
    >>> models = {"CCA": CCA().fit(pairs[:200]), "MLCCA": MLCCA().fit(pairs[:200], labels[:200])}
    >>> found = compare(models, pairs[200:], labels[200:])
    >>> print(found.to_markdown(digits=2, note=False))
    | method | image → text | text → image |
    | --- | --- | --- |
    | CCA | 0.77 [0.73, 0.80] | 0.77 [0.74, 0.80] |
    | MLCCA | **0.80** [0.76, 0.84] | **0.83** [0.79, 0.85] |
    """
    check_measure(measure, k, metric)
    check_k(n_resamples, optional=False, name="n_resamples")
    if not isinstance(confidence_level, Real) or not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level must be a number between 0 and 1, such as 0.95; got {confidence_level!r}.")
    # A number that every direction begins with, so that each has the same result with and without the other one.
    seed = check_random_state(random_state).randint(2**31)
    found = runs_by_direction(methods, Measure(pairs, labels, measure, k, metric))
    _warn_of_few_resamples(len(methods), n_resamples, 1 - confidence_level)
    tables = [_compared(direction, runs, confidence_level, n_resamples, seed) for direction, runs in found.items()]
    return Comparison(_joined([means for means, _ in tables]), _joined([rest for _, rest in tables]), confidence_level)


def _warn_of_few_resamples(n_methods: int, n_resamples: int, threshold: float) -> None:
    """Warn where no corrected p-value can be small, because a drawn one is at least 1 / (n_resamples + 1)."""
    n_tests = n_methods * (n_methods - 1) // 2
    smallest = n_tests / (n_resamples + 1)
    if n_tests and smallest >= threshold:
        warn(
            f"with {n_methods} methods and n_resamples={n_resamples:,}, no corrected p-value is below "
            f"{min(smallest, 1):.2g}, so that no method can be shown to be worse; pass "
            f"n_resamples={math.ceil(n_tests / threshold):,} or more."
        )


def _compared(
    direction: str, runs: Runs, level: float, n_resamples: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the means of the methods and the differences of every two of them, in one direction."""
    import pandas as pd

    of_queries, of_seeds, of_signs = np.random.default_rng(seed).spawn(3)
    names = list(runs)
    first, second = np.array([*combinations(range(len(names)), 2)], dtype=np.intp).reshape(-1, 2).T
    values = np.array([found.mean(axis=0) for found in runs.values()])
    apart = _differences(values[first], values[second])
    seeds = [seed_effects(found, n_resamples, of_seeds) for found in runs.values()]
    seeds += [seeds[a] + seeds[b] for a, b in zip(first, second, strict=True)]
    low, high = intervals(np.concatenate([values, apart]), seeds, level, n_resamples, of_queries)
    means = pd.DataFrame({"direction": direction, "method": names, "mean": values.mean(axis=1)})
    means["low"] = low[: len(names)]
    means["high"] = high[: len(names)]
    p = randomisation_p(apart, n_resamples, of_signs)
    differences = pd.DataFrame({"direction": direction, "method": np.array(names, object)[first]})
    differences["other"] = np.array(names, object)[second]
    differences["difference"] = apart.mean(axis=1)
    differences["low"] = low[len(names) :]
    differences["high"] = high[len(names) :]
    differences["p"] = p
    differences["p_holm"] = holm(p)
    _mark(means, differences, ROUNDING * float(np.abs(values).max()), 1 - level)
    means["queries"] = values.shape[1]
    means["seeds"] = [len(found) for found in runs.values()]
    return means, differences


def _differences(values: Float64Array, others: Float64Array) -> Float64Array:
    """Return differences (r, n) that are exactly 0 where values differ by rounding, as means over seeds may."""
    found = values - others
    found[np.abs(found) <= ROUNDING * np.maximum(np.abs(values), np.abs(others))] = 0
    return found


def _mark(means: pd.DataFrame, differences: pd.DataFrame, rounding: float, threshold: float) -> None:
    """Add which methods have the best mean, and which were not shown to be worse than it."""
    means["best"] = means["mean"] >= means["mean"].max() - rounding
    best = means["method"][means["best"]].iloc[0]
    shown = differences[(differences["p_holm"] < threshold) & (differences["low"] * differences["high"] > 0)]
    worse = {*shown["method"][shown["other"] == best], *shown["other"][shown["method"] == best]}
    means["not_worse"] = means["best"] | ~means["method"].isin(worse)


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True)
