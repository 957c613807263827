"""The course of a training as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skxmr._docstrings import documented_like
from skxmr.inspection.asking.learned import learned_part
from skxmr.inspection.asking.runs import name_of
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.display import Display
from skxmr.inspection.drawing.axes import named_legend, need_matplotlib, open_frame, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# Columns of a history that are neither terms of the loss nor scores.
_OTHERS = {"epoch", "seconds", "loss"}
_LINES = ("-", "--", "-.", ":")
_MARKS = "os^Dv"
_N_MARKS = 8


@dataclass(kw_only=True, eq=False, repr=False)
class TrainingDisplay(Display):
    """The terms of the loss and the scores of the validation rows over the epochs, and the epoch that is kept.

    Parameters
    ----------
    history : DataFrame
        A row per epoch, as `history_` of the deep methods: ``epoch``, ``loss``, the terms of the loss, and scores whose
        names begin with ``validation_``.
    best_epoch : int or None, default=None
        The epoch that is kept.

    Attributes
    ----------
    axes_ : ndarray of Axes
        The terms, and the scores where there are any.
    lines_ : dict of str to Line2D
        The curves by the names of their columns.

    Examples
    --------
    >>> from skxmr import DSCMR
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.inspection import TrainingDisplay
    >>> pairs, labels = make_multilabel_pairs(80, random_state=0)
    >>> model = DSCMR(4, hidden=8, max_epochs=2, validation_fraction=0.3, random_state=0).fit(pairs, labels)
    >>> display = TrainingDisplay.from_estimator(model)
    >>> len(display.axes_), "validation_i2t_map" in display.lines_
    (2, True)
    """

    history: pd.DataFrame
    best_epoch: int | None = None

    @classmethod
    @documented_like(CurveDisplay.from_estimator)
    def from_estimator(cls, estimator: BaseEstimator, *, name: str | None = None, ax: Axes | None = None) -> Self:
        """Draw the training of a fitted model.

        Parameters
        ----------
        estimator : deep retriever, or a pipeline, search or TwoStage around one
            Fitted.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        model = learned_part(estimator, ["history_"], cls.__name__, "DAGNN, DSCMR, SCAN and the other deep ones")
        best = getattr(model, "best_epoch_", None)
        return cls(history=model.history_, best_epoch=best, name=name_of(model) if name is None else name).plot(ax)

    @documented_like(Display.plot)
    def plot(self, ax: Axes | None = None, *, name: str | None = None) -> Self:
        """Draw the terms, and beside them the scores of the validation rows where there are any."""
        terms, scores = self._columns()
        outer = self._draw_on(ax, (9.5, 4.8) if scores else (5.5, 4.8))
        self.axes_: NDArray[Any] = panels(outer, 2, gap=0.16)[0] if scores else np.array([outer], dtype=object)
        self.lines_: dict[str, Line2D] = {}
        self._curves(self.axes_[0], terms, "mean over the batches")
        if scores:
            self._curves(self.axes_[1], scores, "score of the validation rows")
        self._write_title(name)
        return self

    def _columns(self) -> tuple[list[str], list[str]]:
        """Return the columns with the loss and its terms, and those with scores between 0 and 1."""
        frame = self.history
        if not isinstance(frame, pd.DataFrame) or len(frame) == 0 or "epoch" not in frame:
            raise ValueError(
                "history must be a DataFrame with the column 'epoch' and a row per epoch, such as history_."
            )
        numbers = [str(name) for name in frame.select_dtypes("number").columns]
        terms = [name for name in numbers if not name.startswith("validation_") and name not in _OTHERS]
        scores = [name for name in numbers if name.startswith("validation_") and not name.endswith("median_rank")]
        # With a single term the loss is that term, up to its weight.
        loss = ["loss"] if "loss" in numbers and len(terms) != 1 else []
        return loss + terms, scores

    def _curves(self, ax: Axes, columns: list[str], ylabel: str) -> None:
        from matplotlib.ticker import MaxNLocator

        epochs = self.history["epoch"].to_numpy()
        for i, column in enumerate(columns):
            values = self.history[column].to_numpy(dtype=float)
            (line,) = ax.plot(epochs, values, linestyle=_LINES[i % len(_LINES)], marker=_MARKS[i % len(_MARKS)])
            line.set(markersize=4, markevery=max(1, len(epochs) // _N_MARKS))
            line.set_label(_named(column))
            self.lines_[column] = line
        if self.best_epoch is not None:
            kept = ax.axvline(self.best_epoch, color="0.5", linewidth=1, linestyle=(0, (6, 3)))
            kept.set_label(f"epoch {self.best_epoch} is kept")
        ax.set(xlabel="epoch", ylabel=ylabel)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        open_frame(ax)
        # Below the axes, because the curves may go anywhere within them.
        named_legend(ax, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def _named(column: str) -> str:
    """Return how the legend calls a column."""
    said = {"loss": "loss, the weighted sum", "validation_map": "mAP, mean", "validation_mr": "mean recall"}
    if column in said:
        return said[column]
    name = column.removeprefix("validation_").replace("i2t_", "image→text ").replace("t2i_", "text→image ")
    return name.replace("map", "mAP") if column.startswith("validation_") else name
