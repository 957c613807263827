"""R@k over k as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from skxmr._data.kinds import Float64Array
from skxmr.inspection.asking.runs import Run, Runs
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.points import Curve, Values, as_curves, cuts_of, mean_over_queries, over_ranks
from skxmr.metrics._blocks import per_query
from skxmr.metrics._gains import hit_probability
from skxmr.metrics._ranking import Ranking


@dataclass(kw_only=True, eq=False, repr=False)
class RecallAtKDisplay(CurveDisplay):
    """R@k over k: the share of queries that find a relevant item among the first k.

    This is the recall of the fine-grained literature, :func:`skxmr.metrics.hit_at_k`. Where every query has one
    relevant item, it is the share of relevant items that are found as well.

    Parameters
    ----------
    ks : array-like of shape (p,)
        The cut-off ranks.
    recall : array-like of shape (p,) or (r, p), or dict of them
        R@k at each, of one run or of r runs, such as folds or seeds; or by direction, ``"image_to_text"`` and
        ``"text_to_image"``.

    See Also
    --------
    skxmr.metrics.retrieval_recalls : The values without the picture.

    Examples
    --------
    >>> from skxmr.inspection import RecallAtKDisplay
    >>> display = RecallAtKDisplay.from_predictions([[0.9, 0.5], [0.8, 0.7]], [[1, 0], [0, 1]], name="mine")
    >>> display.ks.tolist(), display.line_.get_ydata().tolist()
    ([1, 2], [0.5, 1.0])
    """

    ks: ArrayLike
    recall: Values
    _labels: ClassVar[tuple[str, str]] = ("k", "R@k: queries answered among the first k")

    @classmethod
    def _of_runs(cls, runs: Runs, ks: list[int] | None, name: str | None) -> Self:
        cuts = cuts_of([run for own in runs.values() for run in own], ks)
        recall = {direction: np.array([_recalls(run, cuts) for run in own]) for direction, own in runs.items()}
        return cls(ks=np.array(cuts), recall=recall, name=name)

    def _curves(self) -> dict[str, Curve]:
        return as_curves(self.ks, self.recall, "ks", "recall")

    def _finish(self, curves: dict[str, Curve]) -> None:
        super()._finish(curves)
        over_ranks(self.ax_, curves)


def _recalls(run: Run, cuts: list[int]) -> Float64Array:
    """Return R@k at every cut-off (p,)."""

    def measure(ranking: Ranking) -> Float64Array:
        return np.stack([hit_probability(ranking, k) for k in cuts], axis=1)

    return mean_over_queries(per_query(run.scores, run.relevance, measure, k=max(cuts)))
