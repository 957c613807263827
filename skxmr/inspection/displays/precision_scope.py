"""The precision-scope curve as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from skxmr.inspection.asking.runs import Runs
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.points import Curve, Values, as_curves, cuts_of, over_ranks
from skxmr.metrics._cutoffs import precision_scope


@dataclass(kw_only=True, eq=False, repr=False)
class PrecisionScopeDisplay(CurveDisplay):
    """Precision among the first k items over k, the scope: the precision-scope curve of the cross-modal literature.

    Parameters
    ----------
    ks : array-like of shape (p,)
        The cut-off ranks.
    precision : array-like of shape (p,) or (r, p), or dict of them
        The precision at each, of one run or of r runs, such as folds or seeds; or by direction, ``"image_to_text"`` and
        ``"text_to_image"``.

    See Also
    --------
    skxmr.metrics.precision_scope : The values without the picture.

    Examples
    --------
    >>> from skxmr import MLCCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.inspection import PrecisionScopeDisplay
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = MLCCA().fit(pairs[:150], labels[:150])
    >>> display = PrecisionScopeDisplay.from_estimator(model, pairs[150:], labels[150:], ks=[1, 5, 10])
    >>> [line.get_label() for line in display.line_]
    ['MLCCA, image→text', 'MLCCA, text→image']
    """

    ks: ArrayLike
    precision: Values
    _labels: ClassVar[tuple[str, str]] = ("scope k", "precision among the first k")

    @classmethod
    def _of_runs(cls, runs: Runs, ks: list[int] | None, name: str | None) -> Self:
        cuts = cuts_of([run for own in runs.values() for run in own], ks)
        precision = {
            direction: np.array([precision_scope(run.scores, run.relevance, cuts) for run in own])
            for direction, own in runs.items()
        }
        return cls(ks=np.array(cuts), precision=precision, name=name)

    def _curves(self) -> dict[str, Curve]:
        return as_curves(self.ks, self.precision, "ks", "precision")

    def _finish(self, curves: dict[str, Curve]) -> None:
        super()._finish(curves)
        over_ranks(self.ax_, curves)
