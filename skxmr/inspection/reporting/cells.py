"""Tables of a page from data frames, and the HTML of their cells."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from skxmr.inspection.drawing.html_table import Column, html_table
from skxmr.inspection.drawing.words import and_more, one_line

if TYPE_CHECKING:
    import pandas as pd

# What stands for a number that there is not.
_NOTHING = "-"
# Labels of a row that are shown.
_LABELS = 8
# Letters of a name that are shown, where it stands alone and among others.
_LETTERS = 120
_LETTERS_OF_SEVERAL = 40


def table(frame: pd.DataFrame, columns: list[Column], n_lines: int | None = None, all_lines: str = "") -> str:
    """Return the first lines of a frame as HTML; where there are more, `all_lines` says what has them."""
    shown = frame if n_lines is None else frame.head(n_lines)
    html = f'<div class="wide">{html_table((line for _, line in shown.iterrows()), columns)}</div>'
    n_more = len(frame) - len(shown)
    if n_more:
        html += f"<p>{n_more:,} more lines are in <code>{escape(all_lines)}</code>.</p>"
    return html


def name(value: object, letters: int = _LETTERS) -> str:
    """Return a name that users have given, kept apart from the direction in which the page is written."""
    return f"<bdi>{escape(one_line(value, letters))}</bdi>"


def labels_cell(names: list[object]) -> str:
    """Return the labels of a row."""
    if not names:
        return "no label"
    return and_more([name(label, _LETTERS_OF_SEVERAL) for label in names[:_LABELS]], len(names))


def decimal(value: float, digits: int = 3) -> str:
    """Return a number with so many digits."""
    return _NOTHING if math.isnan(value) else f"{value:.{digits}f}"


def whole(value: float) -> str:
    """Return a whole number."""
    return _NOTHING if math.isnan(value) else f"{int(value):,}"


def bar(value: float) -> str:
    """Return a share of 1 as a number and a bar."""
    if math.isnan(value):
        return _NOTHING
    width = 100 * min(max(value, 0.0), 1.0)
    return f'<span class="level"><span class="bar"><i style="width:{width:.1f}%"></i></span> {value:.3f}</span>'
