"""Two parameters of a search as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skxmr._data.kinds import Float64Array
from skxmr._data.option_checks import check_choice
from skxmr._docstrings import documented_like
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.cv_table import table_of
from skxmr.inspection.displays.display import Display
from skxmr.inspection.drawing.axes import SMALL, named_ticks, need_matplotlib
from skxmr.inspection.drawing.words import PLAIN, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

# Cells up to which each is labelled with its score.
_LABELLED = 14
# Letters up to which a number is written as it is.
_LONG = 6


@dataclass(kw_only=True, eq=False, repr=False)
class SearchSurfaceDisplay(Display):
    """The score of a search over two of its parameters: a heat map, or a surface.

    The best cell is framed. A cell without a score (NaN) is crossed out: its fit failed, or there was none.

    Parameters
    ----------
    x, y : sequence of length a and b
        The values of both parameters.
    scores : array-like of shape (b, a)
        The score of each pair of values.
    x_name, y_name : str
        Names of the parameters.
    score_name : str, default="score"
        Name of the score.

    Attributes
    ----------
    image_ : AxesImage or None
        The heat map.
    surface_ : Poly3DCollection or None
        The surface.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skxmr import MLCCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.inspection import SearchSurfaceDisplay
    >>> pairs, labels = make_multilabel_pairs(80, random_state=0)
    >>> grid = {"ridge": [0.1, 1.0], "n_components": [2, 4, 6]}
    >>> search = GridSearchCV(MLCCA(), grid, cv=2).fit(pairs, labels)
    >>> display = SearchSurfaceDisplay.from_cv_results(search.cv_results_)
    >>> display.x_name, display.y_name, display.scores.shape
    ('n_components', 'ridge', (2, 3))
    """

    x: Sequence[object]
    y: Sequence[object]
    scores: ArrayLike
    x_name: str
    y_name: str
    score_name: str = "score"

    @classmethod
    @documented_like(CurveDisplay.from_estimator)
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        parameters: Sequence[str] | None = None,
        score: str | None = None,
        kind: str = "heatmap",
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the results of a search.

        Parameters
        ----------
        cv_results : dict or DataFrame
            `cv_results_` of a search of scikit-learn.
        parameters : two str, or None, default=None
            The parameters along both axes, such as ``["model__tau", "model__p"]``; None takes the two that vary. Where
            further ones vary, a cell shows the best of their candidates.
        score : str or None, default=None
            Which mean score, such as ``"map"``; None takes the only one, or ``"map"`` or ``"mr"`` of several.
        kind : {"heatmap", "surface"}, default="heatmap"
            Cells with their scores, or a surface in three dimensions, which needs numbers along both axes and, where
            `ax` is given, one with ``projection="3d"``.
        name : str or None, default=None
            What the picture calls the method.
        """
        need_matplotlib(f"{cls.__name__}.from_cv_results")
        table = table_of(cv_results, parameters, score)
        return cls(
            x=table.x,
            y=table.y,
            scores=table.scores,
            x_name=table.names[0],
            y_name=table.names[1],
            score_name=table.score_name,
            name=name,
        ).plot(ax, kind=kind)

    @documented_like(from_cv_results)
    @documented_like(Display.plot)
    def plot(self, ax: Axes | None = None, *, name: str | None = None, kind: str = "heatmap") -> Self:
        """Draw the scores."""
        check_choice(kind, "kind", ("heatmap", "surface"))
        Z = np.asarray(self.scores, dtype=np.float64)
        if Z.shape != (len(self.y), len(self.x)) or Z.size == 0:
            raise ValueError(
                f"scores has the shape {Z.shape}, but ({len(self.y)}, {len(self.x)}) is wanted, as y and x."
            )
        if np.isnan(Z).all():
            raise ValueError("every score is NaN, so there is nothing to draw; all fits of the search failed.")
        self.image_: AxesImage | None = None
        self.surface_: Any = None
        if kind == "heatmap":
            self._heat_map(ax, Z)
        else:
            self._surface(ax, Z)
        self.ax_.set_xlabel(written(self.x_name, 50), **PLAIN)
        self.ax_.set_ylabel(written(self.y_name, 50), **PLAIN)
        self._write_title(name)
        return self

    def _heat_map(self, ax: Axes | None, Z: Float64Array) -> None:
        from matplotlib.patches import Rectangle

        b, a = Z.shape
        axes = self._draw_on(ax, (2.2 + 0.62 * min(a, 16), 1.6 + 0.45 * min(b, 20)))
        self.image_ = image = axes.imshow(Z, cmap="viridis", aspect="auto", origin="lower")
        x_texts = _spelled(self.x)
        named_ticks(axes, "x", range(a), x_texts, width=18)
        named_ticks(axes, "y", range(b), _spelled(self.y), width=18)
        if max(len(written(text)) for text in x_texts) <= 5:
            axes.tick_params("x", rotation=0)
        if max(a, b) <= _LABELLED:
            middle = (np.nanmin(Z) + np.nanmax(Z)) / 2
            for (i, j), value in np.ndenumerate(Z):
                if not np.isnan(value):
                    colour = "white" if value < middle else "black"
                    axes.text(j, i, f"{value:.3f}", ha="center", va="center", fontsize=SMALL, color=colour)
        for i, j in np.argwhere(np.isnan(Z)):
            axes.plot([j - 0.5, j + 0.5], [i - 0.5, i + 0.5], color="0.5", linewidth=0.8)
            axes.plot([j - 0.5, j + 0.5], [i + 0.5, i - 0.5], color="0.5", linewidth=0.8)
        best = np.unravel_index(np.nanargmax(Z), Z.shape)
        axes.add_patch(Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2.5))
        axes.set(xlim=(-0.5, a - 0.5), ylim=(-0.5, b - 0.5))
        bar = axes.figure.colorbar(image, ax=axes)
        bar.set_label(written(self.score_name, 60), **PLAIN)

    def _surface(self, ax: Axes | None, Z: Float64Array) -> None:
        b, a = Z.shape
        if not all(isinstance(value, (int, float, np.number)) for value in [*self.x, *self.y]) or min(a, b) < 2:
            raise ValueError(
                "kind='surface' needs numbers along both axes, two or more each; use kind='heatmap' for other values."
            )
        axes: Any = self._draw_on(ax, (6, 5), "3d")
        X, Y = np.meshgrid(np.asarray(self.x, dtype=float), np.asarray(self.y, dtype=float))
        self.surface_ = axes.plot_surface(X, Y, Z, cmap="viridis", edgecolor="0.3", linewidth=0.5)
        axes.set_zlabel(written(self.score_name, 40), **PLAIN)


def _spelled(values: Sequence[object]) -> list[str]:
    """Return values as text; long fractions, such as drawn ones, with as many digits as tell them apart."""
    found = [str(value) for value in values]
    for digits in range(3, 17):
        short = [
            f"{value:.{digits}g}" if isinstance(value, float) and len(text) > _LONG else text
            for value, text in zip(values, found, strict=True)
        ]
        if len(set(short)) == len(set(found)):
            return short
    return found
