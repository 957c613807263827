"""The base of all Displays: computed values, and the artists that show them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from skxmr._docstrings import completed
from skxmr.inspection.drawing.axes import drawing_axes
from skxmr.inspection.drawing.words import PLAIN, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


@dataclass(kw_only=True, eq=False, repr=False)
class Display:
    """Base of all Displays, which follow scikit-learn's conventions.

    The constructor takes computed values, `plot` draws them, and class methods such as `from_estimator` compute and
    draw at once.

    Parameters
    ----------
    name : str or None, default=None
        What the picture calls the method.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    """

    name: str | None = None

    def __init_subclass__(cls) -> None:
        cls.__doc__ = completed(cls)

    @abstractmethod
    def plot(self, ax: Axes | None = None, *, name: str | None = None) -> Self:
        """Draw the values.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw, all panels within it if there are several; None makes a figure.
        name : str or None, default=None
            What the picture calls the method; None takes the name of the display.

        Returns
        -------
        self
        """

    def _draw_on(self, ax: Axes | None, size: tuple[float, float], projection: str | None = None) -> Axes:
        """Return the axes that are given, or new ones of this size in inches, and remember them."""
        found = drawing_axes(ax, f"{type(self).__name__}.plot", size, projection)
        self.ax_: Axes = found
        self.figure_: Figure | SubFigure = found.figure
        return found

    def _called(self, name: str | None, *parts: str) -> str:
        """Return the name that `plot` was given, else that of the display, and whatever else there is to say."""
        own = self.name if name is None else name
        return ", ".join(str(part) for part in (own, *parts) if part not in (None, ""))

    def _write_title(self, name: str | None, pad: float | None = None) -> None:
        """Write the title where there is a name."""
        title = self._called(name)
        if title:
            self.ax_.set_title(written(title, 80), pad=pad, **PLAIN)
