"""Rows of a query and what was found for it, drawn on one axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skxmr.inspection.drawing.axes import SMALL, colours_of_results, inches
from skxmr.inspection.drawing.items import Item
from skxmr.inspection.drawing.words import PLAIN, wrapped, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

# Widths and heights in sides of a picture.
QUERY = 1.6
GAP = 0.12
LINE = 0.24
NOTE = 0.26
TEXTS = 4.5
# How right, wrong and unknown results are framed, and the sign that stands beside them.
_FRAMES: dict[bool | None, dict[str, Any]] = {
    True: {"linewidth": 3, "linestyle": "-"},
    False: {"linewidth": 1.5, "linestyle": (0, (3, 2))},
    None: {"linewidth": 0.8, "linestyle": "-", "alpha": 0.4},
}
_SIGNS = {True: "✓", False: "✗", None: " "}


def size_of(n_queries: int, k: int, pictures: bool) -> tuple[float, float]:
    """Return the width and the height of all rows, in sides of a picture."""
    width = QUERY + GAP + (k * (1 + GAP) if pictures else TEXTS)
    return width, n_queries * _row_height(k, pictures)


def _row_height(k: int, pictures: bool) -> float:
    return 1 + NOTE + GAP if pictures else max(1.0, k * LINE) + 2 * GAP


class Strip:
    """Draws queries and results on axes whose unit is the side of a picture, and keeps the artists.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    k : int
        Results per query.
    pictures : bool
        Whether the results are pictures.
    """

    def __init__(self, ax: Axes, n_queries: int, k: int, pictures: bool) -> None:
        self.ax = ax
        self.pictures = pictures
        self.height = _row_height(k, pictures)
        width, height = size_of(n_queries, k, pictures)
        ax.set(xlim=(-GAP, width), ylim=(height, -GAP), aspect="equal", anchor="NW")
        ax.set_axis_off()
        across, down = inches(ax)
        # Letters of the smallest size are about .6 of it wide.
        self.letters = min(across / (width + GAP), down / (height + GAP)) * 72 / (0.62 * SMALL)
        self.colours = colours_of_results()
        self.frames: list[Rectangle] = []

    def query(self, i: int, item: Item) -> None:
        """Draw the query of row i."""
        top = i * self.height
        if isinstance(item, str):
            text = wrapped(written(item, 200), int(QUERY * self.letters), 6)
            self._write(0, top + 0.5, text, weight="bold")
        else:
            self._show(item, 0, top)

    def result(self, i: int, rank: int, item: Item, score: float | None, right: bool | None) -> None:
        """Draw what was found at a rank, from 0, for the query of row i."""
        left = QUERY + GAP
        note = " ".join(part for part in (_SIGNS[right], "" if score is None else f"{score:.2f}") if part.strip())
        if not self.pictures:
            text = written(f"{note}  {item}", int(TEXTS * self.letters))
            y = i * self.height + max(0.0, 0.5 - 0.5 * LINE * self._n_lines) + LINE * (rank + 0.5)
            self._write(left, y, text, color=self.colours[right])
            return
        left += rank * (1 + GAP)
        top = i * self.height
        if isinstance(item, str):
            self._write(left + 0.05, top + 0.5, wrapped(written(item, 80), int(self.letters), 4))
        else:
            self._show(item, left, top)
        self._frame(left, top, right)
        self._write(left + 0.5, top + 1 + NOTE / 2 + 0.02, note, color=self.colours[right], ha="center")

    @property
    def _n_lines(self) -> int:
        return round((self.height - 2 * GAP) / LINE)

    def _show(self, picture: Any, left: float, top: float) -> None:
        """Draw a picture within a square, with its own proportions."""
        height, width = picture.shape[:2]
        long = max(height, width)
        across = width / long
        down = height / long
        x = left + (1 - across) / 2
        y = top + (1 - down) / 2
        self.ax.imshow(picture, extent=(x, x + across, y + down, y), aspect="equal", interpolation="antialiased")

    def _frame(self, left: float, top: float, right: bool | None) -> None:
        from matplotlib.patches import Rectangle

        frame = Rectangle((left, top), 1, 1, fill=False, zorder=3, edgecolor=self.colours[right], **_FRAMES[right])
        self.ax.add_patch(frame)
        self.frames.append(frame)

    def _write(self, x: float, y: float, text: str, **style: Any) -> None:
        options: dict[str, Any] = {"fontsize": SMALL, "va": "center", "clip_on": True} | PLAIN | style
        self.ax.text(x, y, text, **options)


def legend_line(relevant: Sequence[Sequence[bool]] | None, pictures: bool) -> str:
    """Return what the signs mean, of those that occur; only pictures have frames."""
    if relevant is None:
        return ""
    found = np.unique(np.concatenate([np.asarray(row, bool) for row in relevant] or [np.zeros(0, bool)]))
    framed = {True: " and a full frame", False: " and a dashed frame"} if pictures else {True: "", False: ""}
    said = {True: f"✓{framed[True]}: relevant to the query", False: f"✗{framed[False]}: not relevant"}
    return "      ".join(said[bool(value)] for value in found[::-1])
