"""Tables of HTML from data frames; every cell is made by a function that escapes what it shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

# What stands for a number that there is not.
_NOTHING = "-"
# Labels of a row that are shown.
_LABELS = 8
# Letters of a name that are shown, where it stands alone and among others.
_LETTERS = 120
_LETTERS_OF_SEVERAL = 40


class Column(NamedTuple):
    """A column: its title, and what makes the HTML of its cell from a line of the frame."""

    title: str
    cell: Callable[[Any], str]
    numeric: bool = False


def table(frame: pd.DataFrame, columns: list[Column], n_lines: int | None = None, all_lines: str = "") -> str:
    """Return the first lines of a frame as HTML; where there are more, `all_lines` says what has them."""
    shown = frame if n_lines is None else frame.head(n_lines)
    heads = "".join(f'<th scope="col"{_class(column)}>{escape(column.title)}</th>' for column in columns)
    lines = []
    for _, line in shown.iterrows():
        cells = "".join(f"<td{_class(column)}>{column.cell(line)}</td>" for column in columns)
        lines.append(f"<tr>{cells}</tr>")
    html = f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    n_more = len(frame) - len(shown)
    if n_more:
        html += f"<p>{n_more:,} more lines are in <code>{escape(all_lines)}</code>.</p>"
    return html


def name(value: object, letters: int = _LETTERS) -> str:
    """Return a name that users have given, kept apart from the direction in which the page is written."""
    text = " ".join(str(value).split())
    return f"<bdi>{escape(text if len(text) <= letters else f'{text[:letters]}…')}</bdi>"


def labels_cell(names: list[object]) -> str:
    """Return the labels of a row."""
    if not names:
        return "no label"
    shown = ", ".join(name(label, _LETTERS_OF_SEVERAL) for label in names[:_LABELS])
    return shown if len(names) <= _LABELS else f"{shown} and {len(names) - _LABELS} more"


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


def _class(column: Column) -> str:
    return ' class="number"' if column.numeric else ""
