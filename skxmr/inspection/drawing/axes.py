"""The axes that Displays draw on, and what all of them do there in the same way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from skxmr.inspection.drawing.words import PLAIN, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

# In points. Nothing is written smaller.
SMALL = 8
# Right and wrong, which differ in their frames and marks as well: on light and on dark pictures.
_RIGHT = ("#1a7f37", "#3fb950")
_WRONG = ("#b3261e", "#ff7b72")
# What matplotlib calls things that nobody has named.
_UNNAMED = re.compile(r"_child\d+$|_nolegend_$")


def need_matplotlib(who: str) -> None:
    """Refuse to go on without matplotlib."""
    try:
        import matplotlib.pyplot  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{who} draws with matplotlib ({error}): pip install 'skxmr[plot]'.") from error


def drawing_axes(ax: object, who: str, size: tuple[float, float] | None = None, projection: str | None = None) -> Axes:
    """Return the axes to draw on: those that are given, after a check, or those of a new figure."""
    need_matplotlib(who)
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    wanted = projection or "rectilinear"
    if ax is None:
        # Letters that the user has made larger need more room.
        larger = max(1.0, plt.rcParams["font.size"] / 10)
        size = None if size is None else (larger * size[0], larger * size[1])
        return plt.subplots(figsize=size, layout="constrained", subplot_kw={"projection": projection})[1]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax is a {type(ax).__name__}; pass an Axes, such as plt.subplots()[1], or None.")
    if ax.figure is None:
        raise ValueError("ax has been removed from its figure; pass axes that are part of one, or None.")
    if ax.name != wanted:
        raise ValueError(f"ax has the projection {ax.name!r}, but {who} needs {wanted!r} axes; pass such, or None.")
    return ax


def panels(ax: Axes, n_columns: int, n_rows: int = 1, gap: float = 0.12) -> NDArray[Any]:
    """Divide axes into smaller ones (n_rows, n_columns), which stand inside them and move with them.

    `gap` is the share of the width that lies between two columns. Between two rows there is room for a title.
    """
    ax.set_axis_off()
    found = np.empty((n_rows, n_columns), dtype=object)
    width = (1 - gap * (n_columns - 1)) / n_columns
    below = 0.2 / n_rows
    height = (1 - below * (n_rows - 1)) / n_rows
    for i in range(n_rows):
        for j in range(n_columns):
            bottom = 1 - height - i * (height + below)
            found[i, j] = ax.inset_axes((j * (width + gap), bottom, width, height))
    return found


def open_frame(ax: Axes) -> None:
    """Leave out the upper and the right edge of the axes."""
    ax.spines[["top", "right"]].set_visible(False)


def named_legend(ax: Axes, **options: Any) -> Legend | None:
    """Write the legend of everything on these axes that has a name.

    Matplotlib leaves out names that begin with an underscore, and reads formulas in them.
    """
    handles = [handle for handle in [*ax.lines, *ax.collections] if _is_named(str(handle.get_label()))]
    if not handles:
        return None
    legend = ax.legend(handles, [str(i) for i in range(len(handles))], frameon=False, **options)
    for text, handle in zip(legend.get_texts(), handles, strict=True):
        text.update(PLAIN)
        text.set_text(written(handle.get_label(), 60))
    return legend


def _is_named(label: str) -> bool:
    return bool(label) and not _UNNAMED.match(label)


def colours_of_results() -> dict[bool | None, str]:
    """Return the colours of right, wrong and unknown results; they are light where the style writes in a light one."""
    import matplotlib as mpl
    from matplotlib.colors import rgb_to_hsv, to_rgb

    written_in = mpl.rcParams["text.color"]
    dark = int(rgb_to_hsv(to_rgb(written_in))[2] > 0.5)
    return {True: _RIGHT[dark], False: _WRONG[dark], None: written_in}


def inches(ax: Axes) -> tuple[float, float]:
    """Return the width and the height of axes in inches."""
    box = ax.get_window_extent()
    dpi = ax.figure.dpi
    return max(box.width / dpi, 0.1), max(box.height / dpi, 0.1)


def named_ticks(
    ax: Axes, axis: Literal["x", "y"], places: Sequence[float], names: Sequence[object], width: int = 30
) -> None:
    """Write names at places of an axis, "x" or "y"."""
    texts = [written(name, width) for name in names]
    if axis == "x":
        ax.set_xticks(list(places), texts, rotation=90, **PLAIN)
    else:
        ax.set_yticks(list(places), texts, **PLAIN)
    ax.tick_params(axis, labelsize=9 if len(texts) <= 20 else SMALL, length=2)
