"""The base of the Displays of curves: computed of rankings, averaged over runs and drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from skxmr._data.kinds import LabelsLike, View
from skxmr._docstrings import documented_like
from skxmr.inspection.asking.runs import (
    Estimators,
    Runs,
    name_of,
    runs_of_estimators,
    runs_of_folds,
    runs_of_predictions,
)
from skxmr.inspection.displays.display import Display
from skxmr.inspection.displays.points import Curve
from skxmr.inspection.drawing.axes import named_legend, need_matplotlib, open_frame
from skxmr.inspection.drawing.words import arrowed
from skxmr.metrics._cutoffs import checked_cuts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

# Methods differ in colours and marks, and the directions of one method in lines.
_MARKS = "os^Dv"
_LINES = {"": "-", "image_to_text": "-", "text_to_image": "--"}
# Marks along a curve; a curve may have more points.
_N_MARKS = 12


@dataclass(kw_only=True, eq=False, repr=False)
class CurveDisplay(Display):
    """Base of the Displays of curves over cut-off ranks.

    Attributes
    ----------
    line_ : Line2D, or list of Line2D
        The curve, or those of both directions.
    band_ : PolyCollection, list of them, or None
        The standard deviation over several runs around each curve; None where there is one run.
    """

    _labels: ClassVar[tuple[str, str]]

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimators,
        X: View,
        y: View | LabelsLike = None,
        labels: LabelsLike = None,
        *,
        ks: Iterable[int] | None = None,
        direction: str = "both",
        name: str | None = None,
        ax: Axes | None = None,
        curve_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Rank with a fitted model and draw.

        Parameters
        ----------
        estimator : retriever, pipeline or search around one, or a list of them
            Fitted. Several, such as fits with other seeds, are drawn as their mean and a band of one standard
            deviation.
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images.
        y : labels if X is a Pairs, else array-like of shape (n, d_text)
            The labels, or the texts.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the rows. Items that share one are relevant; None, if fit had none either: then the same row is.
        ks : iterable of int or None, default=None
            The cut-off ranks; None takes some forty over the whole gallery.
        direction : {"both", "image_to_text", "text_to_image"}, default="both"
            Which modality queries the other.
        name : str or None, default=None
            What the picture calls the method; None takes the name of its class.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        curve_kwargs : dict or None, default=None
            Passed to matplotlib's ``plot``.

        Returns
        -------
        display
            With the values, and the artists that show them.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        runs = runs_of_estimators(estimator, X, y, labels, direction)
        return cls._drawn(runs, ks, name_of(estimator) if name is None else name, ax, curve_kwargs)

    @classmethod
    @documented_like(from_estimator)
    def from_predictions(
        cls,
        scores: Any,
        relevance: Any,
        *,
        ks: Iterable[int] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        curve_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw rankings that are given as scores.

        Parameters
        ----------
        scores : matrix of shape (n, m), or list of matrices
            Larger means closer: an array, or a :class:`skxmr.metrics.Similarity`. Several, such as those of folds or
            seeds, are drawn as their mean and a band of one standard deviation.
        relevance : boolean matrix of shape (n, m), or list of matrices
            Which items are relevant; a single matrix serves all scores.
        name : str or None, default=None
            What the picture calls the method.
        """
        need_matplotlib(f"{cls.__name__}.from_predictions")
        return cls._drawn(runs_of_predictions(scores, relevance), ks, name, ax, curve_kwargs)

    @classmethod
    @documented_like(from_estimator)
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        X: View,
        y: LabelsLike = None,
        *,
        ks: Iterable[int] | None = None,
        direction: str = "both",
        name: str | None = None,
        ax: Axes | None = None,
        curve_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw what the models of a cross-validation find among the rows that they have not seen.

        Parameters
        ----------
        cv_results : dict
            Of ``cross_validate(..., return_estimator=True, return_indices=True)``.
        X : Pairs
            What it was given.
        y : labels or None, default=None
            What it was given.
        ks : iterable of int or None, default=None
            The cut-off ranks; None takes some forty over the smallest gallery.

        Returns
        -------
        display
            With the values, and the artists that show them: the mean over the folds and a band of one standard
            deviation.
        """
        need_matplotlib(f"{cls.__name__}.from_cv_results")
        runs = runs_of_folds(cv_results, X, y, direction)
        return cls._drawn(runs, ks, name_of(cv_results["estimator"]) if name is None else name, ax, curve_kwargs)

    @documented_like(from_estimator)
    @documented_like(Display.plot)
    def plot(
        self, ax: Axes | None = None, *, name: str | None = None, curve_kwargs: Mapping[str, Any] | None = None
    ) -> Self:
        """Draw the curves."""
        curves = self._curves()
        self._draw_on(ax, (5.5, 4))
        given = _style_of(curve_kwargs)
        mark = _MARKS[len({str(line.get_color()) for line in self.ax_.lines}) % len(_MARKS)]
        lines: list[Line2D] = []
        bands: list[PolyCollection] = []
        for direction, curve in curves.items():
            style: dict[str, Any] = {"marker": mark, "markersize": 5, "linestyle": _LINES[direction]}
            style["markevery"] = max(1, curve.x.shape[1] // _N_MARKS)
            if lines:
                style["color"] = lines[0].get_color()
            (line,) = self.ax_.plot(curve.x.mean(axis=0), curve.y.mean(axis=0), **style | given)
            line.set_label(self._called(name, arrowed(direction, "→")))
            lines.append(line)
            if len(curve.y) > 1:
                bands.append(self._band(curve, line))
        self.line_: Line2D | list[Line2D] = lines if len(lines) > 1 else lines[0]
        self.band_: PolyCollection | list[PolyCollection] | None = bands if len(bands) > 1 else next(iter(bands), None)
        self._finish(curves)
        open_frame(self.ax_)
        named_legend(self.ax_)
        return self

    def _band(self, curve: Curve, line: Line2D) -> PolyCollection:
        """Draw one standard deviation around the mean over the runs."""
        middle = curve.y.mean(axis=0)
        spread = curve.y.std(axis=0)
        return self.ax_.fill_between(
            curve.x.mean(axis=0), middle - spread, middle + spread, color=line.get_color(), alpha=0.2, linewidth=0
        )

    @classmethod
    def _drawn(
        cls,
        runs: Runs,
        ks: Iterable[int] | None,
        name: str | None,
        ax: Axes | None,
        curve_kwargs: Mapping[str, Any] | None,
    ) -> Self:
        return cls._of_runs(runs, None if ks is None else checked_cuts(ks, "ks"), name).plot(
            ax, curve_kwargs=curve_kwargs
        )

    @classmethod
    @abstractmethod
    def _of_runs(cls, runs: Runs, ks: list[int] | None, name: str | None) -> Self:
        """Measure rankings at the cut-off ranks."""

    @abstractmethod
    def _curves(self) -> dict[str, Curve]:
        """Return the checked points of every direction."""

    def _finish(self, curves: dict[str, Curve]) -> None:
        """Name the axes and set their limits."""
        x, y = self._labels
        # Of all that is drawn here, bands included. A mark at the upper edge is not cut.
        highest = float(self.ax_.dataLim.y1)
        self.ax_.set(xlabel=x, ylabel=y, ylim=(0, max(1.05 * highest, 0.01)))


def _style_of(curve_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return properties of a line by their full names, such as color for c, because matplotlib refuses both."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    if not isinstance(curve_kwargs, Mapping | None):
        raise TypeError(
            f"curve_kwargs is a {type(curve_kwargs).__name__}; pass a dict of properties of matplotlib's lines, such "
            "as {'linewidth': 2}."
        )
    return dict(normalize_kwargs(dict(curve_kwargs or {}), Line2D))
