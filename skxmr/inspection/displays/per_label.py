"""Average precision label by label as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from skxmr._data.kinds import Float64Array, IndexArray, LabelsLike, View
from skxmr._data.option_checks import check_k
from skxmr._docstrings import documented_like
from skxmr.inspection.asking.runs import (
    Estimators,
    Runs,
    name_of,
    runs_of_estimators,
    runs_of_folds,
    runs_of_predictions,
)
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.display import Display
from skxmr.inspection.displays.points import Values, mean_and_spread
from skxmr.inspection.drawing.axes import named_legend, named_ticks, need_matplotlib, open_frame
from skxmr.inspection.drawing.words import arrowed, written
from skxmr.metrics._blocks import mean
from skxmr.metrics._precision import average_precision, means_per_class
from skxmr.metrics._scorers import DIRECTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# Marks of both directions, for each display on the same axes.
_MARKS = ("os", "^v", "DX", "<>")


class _Drawn(NamedTuple):
    """What axes show: the labels from top to bottom, None for those that are left out, and how many displays."""

    labels: list[object]
    n_displays: int


_DRAWN: WeakKeyDictionary[Axes, _Drawn] = WeakKeyDictionary()


@dataclass(kw_only=True, eq=False, repr=False)
class PerLabelDisplay(Display):
    """Average precision of the queries of each label, best first, with the number of these queries.

    A query counts for each of its labels. Labels whose queries have no relevant item have no value and come last. Of
    more labels than fit on a page the best and the worst are shown.

    Parameters
    ----------
    labels : sequence of length c
        Names of the labels.
    average_precision : array-like of shape (c,) or (r, c), or dict of them
        Mean average precision per label, of one run or of r runs, such as folds or seeds; or by direction,
        ``"image_to_text"`` and ``"text_to_image"``. NaN where there is no value.
    support : array-like of shape (c,)
        Number of queries per label.

    Attributes
    ----------
    line_ : Line2D, or list of Line2D
        The marks, of each direction if there are two.
    labels_ : list
        The names that are shown, from top to bottom; None stands for those that are left out.

    See Also
    --------
    skxmr.metrics.map_per_class : The values without the picture.

    Examples
    --------
    >>> from skxmr.inspection import PerLabelDisplay
    >>> display = PerLabelDisplay.from_predictions([[0.9, 0.1], [0.2, 0.4]], [[1, 0], [1, 0]], ["art", "music"])
    >>> display.labels_, display.line_.get_xdata().tolist()
    (['art', 'music'], [1.0, 0.5])
    """

    labels: Sequence[object]
    average_precision: Values
    support: ArrayLike

    @classmethod
    @documented_like(CurveDisplay.from_estimator)
    def from_estimator(
        cls,
        estimator: Estimators,
        X: View,
        y: View | LabelsLike = None,
        labels: LabelsLike = None,
        *,
        direction: str = "both",
        n_labels: int = 40,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Rank with a fitted model and draw.

        Parameters
        ----------
        n_labels : int, default=40
            The largest number of labels that are shown.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        runs = runs_of_estimators(estimator, X, y, labels, direction)
        return cls._of_runs(runs, name_of(estimator) if name is None else name).plot(ax, n_labels=n_labels)

    @classmethod
    @documented_like(from_estimator)
    @documented_like(CurveDisplay.from_predictions)
    def from_predictions(
        cls,
        scores: Any,
        relevance: Any,
        labels: LabelsLike,
        *,
        n_labels: int = 40,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw rankings that are given as scores.

        Parameters
        ----------
        labels : multi-hot (n, c), class ids (n,) or n lists of tags
            Labels of the queries.
        """
        need_matplotlib(f"{cls.__name__}.from_predictions")
        return cls._of_runs(runs_of_predictions(scores, relevance, labels), name).plot(ax, n_labels=n_labels)

    @classmethod
    @documented_like(from_estimator)
    @documented_like(CurveDisplay.from_cv_results)
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        X: View,
        y: LabelsLike,
        *,
        direction: str = "both",
        n_labels: int = 40,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw what the models of a cross-validation find among the rows that they have not seen."""
        need_matplotlib(f"{cls.__name__}.from_cv_results")
        runs = runs_of_folds(cv_results, X, y, direction)
        own_name = name_of(cv_results["estimator"]) if name is None else name
        return cls._of_runs(runs, own_name, in_all=True).plot(ax, n_labels=n_labels)

    @documented_like(from_estimator)
    @documented_like(Display.plot)
    def plot(self, ax: Axes | None = None, *, name: str | None = None, n_labels: int = 40) -> Self:
        """Draw a row of marks per label."""
        check_k(n_labels, optional=False, name="n_labels")
        values = self._checked_values()
        order = _best_first(np.array([found[0] for found in values.values()]))
        rows = _rows(order, n_labels)
        axes = self._draw_on(ax, (6, 1.2 + 0.21 * len(rows)))
        # Whoever draws on the axes of another one has its rows, which are named already; cleared axes have none.
        earlier = _DRAWN.get(axes) if axes.lines else None
        if earlier is not None:
            rows = self._rows_of(earlier.labels)
        n_earlier = 0 if earlier is None else earlier.n_displays
        lines: list[Line2D] = []
        for direction, (middle, spread) in values.items():
            title = self._called(name, arrowed(direction, "→"))
            lines.append(self._marks(rows, middle, spread, title, lines, _MARKS[n_earlier % len(_MARKS)]))
        self.line_: Line2D | list[Line2D] = lines if len(lines) > 1 else lines[0]
        self._name_rows(rows, len(order))
        _DRAWN[self.ax_] = _Drawn(self.labels_, n_earlier + 1)
        self.ax_.set(xlabel="mean average precision of its queries", xlim=(0, 1.02), ylim=(len(rows) - 0.5, -0.5))
        self.ax_.grid(axis="y", linewidth=0.4, color="0.85")
        open_frame(self.ax_)
        if len(lines) > 1 or lines[0].get_label():
            named_legend(self.ax_, loc="lower center", bbox_to_anchor=(0.5, 1))
        return self

    def _marks(
        self,
        rows: IndexArray,
        middle: Float64Array,
        spread: Float64Array,
        title: str,
        earlier: list[Line2D],
        marks: str,
    ) -> Line2D:
        """Draw the marks of one direction, and one standard deviation over several runs around each."""
        places = np.flatnonzero(rows >= 0)
        x = middle[rows[places]]
        style: dict[str, Any] = {"marker": marks[len(earlier)], "linestyle": "none", "markersize": 5}
        if earlier:
            # Both directions may have the same value: the later mark is open, so that both are seen.
            style |= {"color": earlier[0].get_color(), "markerfacecolor": "none"}
        (line,) = self.ax_.plot(x, places, **style)
        line.set_label(title)
        around = spread[rows[places]]
        if (around > 0).any():
            self.ax_.hlines(places, x - around, x + around, color=line.get_color(), linewidth=1, alpha=0.6)
        return line

    def _rows_of(self, labels: list[object]) -> IndexArray:
        """Return the rows of these labels, -1 for those that are left out; refuse labels of other queries."""
        place = {label: row for row, label in enumerate(self.labels)}
        missing = [label for label in labels if label is not None and label not in place]
        if missing:
            raise ValueError(
                f"ax shows average precision of the label {missing[0]!r}, which this display lacks; draw it on axes of "
                "its own."
            )
        return np.array([-1 if label is None else place[label] for label in labels], dtype=np.intp)

    def _name_rows(self, rows: IndexArray, n: int) -> None:
        """Write the name and the support of every row."""
        support = np.asarray(self.support)
        self.labels_: list[object] = [None if row < 0 else self.labels[row] for row in rows.tolist()]
        names = []
        for row in rows.tolist():
            left_out = f"… {n - len(rows) + 1:,} labels between"
            names.append(left_out if row < 0 else f"{written(self.labels[row], 24)} ({support[row]:,.0f})")
        named_ticks(self.ax_, "y", range(len(rows)), names, width=40)

    def _checked_values(self) -> dict[str, tuple[Float64Array, Float64Array]]:
        """Return the mean and the standard deviation over the runs, of every direction (c,)."""
        given = self.average_precision
        by_direction = given if isinstance(given, Mapping) else {"": given}
        c = len(self.labels)
        found = {}
        for direction, values in by_direction.items():
            runs = np.atleast_2d(np.asarray(values, dtype=np.float64))
            if (
                direction not in ("", *DIRECTIONS)
                or runs.ndim != 2
                or runs.shape[1] != c
                or np.shape(self.support) != (c,)
            ):
                raise ValueError(
                    f"there are {c} labels, but average_precision has the shape {np.shape(values)} and support "
                    f"{np.shape(self.support)}; both hold a value per label. Directions are 'image_to_text' and "
                    f"'text_to_image'; got {direction!r}."
                )
            found[direction] = mean_and_spread(runs)
        if not found or all(np.isnan(middle).all() for middle, _ in found.values()):
            raise ValueError("no label has a value; check that the labels of queries and gallery overlap.")
        return found

    @classmethod
    def _of_runs(cls, runs: Runs, name: str | None, in_all: bool = False) -> Self:
        """Measure rankings; the queries of folds are counted together (`in_all`), those of seeds are the same."""
        position: dict[object, int] = {}
        for run in (run for own in runs.values() for run in own):
            if run.labels is None:
                raise ValueError("PerLabelDisplay needs the labels of the queries; pass labels.")
            for label in run.labels.names.tolist():
                position.setdefault(label, len(position))
        values = {}
        support = np.zeros(len(position))
        for direction, own in runs.items():
            values[direction] = np.full((len(own), len(position)), np.nan)
            counts = np.zeros((len(own), len(position)))
            for i, run in enumerate(own):
                assert run.labels is not None
                columns = [position[label] for label in run.labels.names.tolist()]
                ap = average_precision(run.scores, run.relevance)
                # Raises the error for the case that no query has a relevant item.
                mean(ap)
                values[direction][i, columns] = means_per_class(ap, run.labels.matrix)
                counts[i, columns] = np.asarray(run.labels.matrix.sum(axis=0)).ravel()
            support = np.maximum(support, counts.sum(axis=0) if in_all else counts.max(axis=0))
        return cls(labels=list(position), average_precision=values, support=support, name=name)


def _best_first(values: Float64Array) -> IndexArray:
    """Return the labels in the order of their mean over the directions (d, c), those without a value last."""
    middle, _ = mean_and_spread(values)
    return np.argsort(-np.where(np.isnan(middle), -np.inf, middle), kind="stable")


def _rows(order: IndexArray, n_shown: int) -> IndexArray:
    """Return which labels are shown: the first and the last of an order, with -1 between where some are left out."""
    if len(order) <= n_shown:
        return order
    best = -(-n_shown // 2)
    return np.concatenate([order[:best], [-1], order[len(order) - n_shown // 2 :]])
