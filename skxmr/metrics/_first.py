"""The first relevant item of a ranking: its expected rank, and the probability that it is among the first k."""

from __future__ import annotations

from typing import Any

import numpy as np

from skxmr.metrics._ranking import Array, Ranking


def expected_first(ranking: Ranking) -> Array:
    """Return the expected rank of the first relevant item (b,), nan where there is none."""
    first = ranking.relevance.argmax(axis=1) + 1.0
    if (ties := ranking.ties) is not None:
        leading = ties.above == 0  # w of s places drawn: the first of them is expected at (s + 1) / (w + 1)
        leading &= ties.within > 0
        expected = ties.start + (ties.size + 1) / (ties.within + 1)
        first[ties.row[leading]] = expected[leading]
    return np.where(ranking.n_relevant > 0, first, np.nan)


def hit_probability(ranking: Ranking, k: int) -> Array:
    """Return the probability (b,) that a relevant item is among the first k, over the orders of ties."""
    hit: Any = ranking.relevance[:, :k].any(axis=1).astype(np.float64)
    for row, start, size, above, within in zip(*ranking.ties or [()] * 5, strict=True):
        if start < k < start + size:  # the cut goes through this group: k - start of its items are drawn
            drawn = np.arange(k - start)
            missed = np.prod(np.maximum(size - within - drawn, 0) / (size - drawn))
            hit[row] = 1.0 if above else 1.0 - missed
    return np.asarray(hit)
