"""Tables of HTML; every cell is made by a function that escapes what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any, NamedTuple


class Column(NamedTuple):
    """A column: its title, what makes the HTML of its cell from a line, and whether it holds numbers or names lines."""

    title: str
    cell: Callable[[Any], str]
    numeric: bool = False
    heading: bool = False


def html_table(lines: Iterable[Any], columns: list[Column], caption: str | None = None) -> str:
    """Return lines of anything as a table, with a caption below it."""
    note = "" if caption is None else f'<caption style="caption-side: bottom">{escape(caption)}</caption>\n'
    heads = "".join(_cell(column, "th", "col", escape(column.title)) for column in columns)
    rows = []
    for line in lines:
        cells = [_cell(column, "th" if column.heading else "td", "row", column.cell(line)) for column in columns]
        rows.append(f"<tr>{''.join(cells)}</tr>\n")
    return f"<table>\n{note}<thead><tr>{heads}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>"


def _cell(column: Column, tag: str, scope: str, html: str) -> str:
    heads = f' scope="{scope}"' if tag == "th" else ""
    aligned = ' class="number"' if column.numeric else ""
    return f"<{tag}{heads}{aligned}>{html}</{tag}>"
