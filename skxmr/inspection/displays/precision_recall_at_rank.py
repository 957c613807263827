"""Precision over recall, rank by rank, as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from skxmr._data.kinds import Float64Array
from skxmr.inspection.asking.runs import Run, Runs
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.points import Curve, Values, as_curves, cuts_of, mean_over_queries
from skxmr.metrics._blocks import per_query
from skxmr.metrics._ranking import Ranking


@dataclass(kw_only=True, eq=False, repr=False)
class PrecisionRecallAtRankDisplay(CurveDisplay):
    """Precision over recall of retrieval: one point per cut-off rank, both averaged over the queries.

    At rank k precision is the share of relevant items among the first k, and recall the share of a query's relevant
    items that are among them. This is the precision-recall curve of the cross-modal literature; that of
    ``sklearn.metrics.PrecisionRecallDisplay`` has a point per threshold of one classifier.

    Parameters
    ----------
    recall, precision : array-like of shape (p,) or (r, p), or dict of them
        The values at each rank, of one run or of r runs, such as folds or seeds; or by direction, ``"image_to_text"``
        and ``"text_to_image"``.

    Examples
    --------
    >>> from skxmr.inspection import PrecisionRecallAtRankDisplay
    >>> display = PrecisionRecallAtRankDisplay.from_predictions([[0.9, 0.5, 0.1]], [[1, 0, 1]])
    >>> display.line_.get_xdata().tolist(), display.line_.get_ydata().round(2).tolist()
    ([0.5, 0.5, 1.0], [1.0, 0.5, 0.67])
    """

    recall: Values
    precision: Values
    _labels: ClassVar[tuple[str, str]] = ("recall", "precision")

    @classmethod
    def _of_runs(cls, runs: Runs, ks: list[int] | None, name: str | None) -> Self:
        recall = {}
        precision = {}
        for direction, own in runs.items():
            # Galleries of images and of texts may differ in size.
            found = np.array([_at_ranks(run, cuts_of(own, ks)) for run in own])  # (r, 2, p)
            precision[direction] = found[:, 0]
            recall[direction] = found[:, 1]
        return cls(recall=recall, precision=precision, name=name)

    def _curves(self) -> dict[str, Curve]:
        return as_curves(self.recall, self.precision, "recall", "precision")

    def _finish(self, curves: dict[str, Curve]) -> None:
        super()._finish(curves)
        self.ax_.set(xlim=(0, 1.01))


def _at_ranks(run: Run, cuts: list[int]) -> Float64Array:
    """Return precision and recall at every cut-off (2, p)."""
    ranks = np.array(cuts)

    def measure(ranking: Ranking) -> Float64Array:
        found = np.cumsum(ranking.expected()[:, : max(cuts)], axis=1, dtype=np.float64)[:, ranks - 1]
        return np.concatenate([found / ranks, found / np.maximum(ranking.n_relevant, 1)[:, None]], axis=1)

    return mean_over_queries(per_query(run.scores, run.relevance, measure, k=max(cuts))).reshape(2, -1)
