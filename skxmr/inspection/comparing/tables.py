"""Tables of methods by directions in Markdown, LaTeX and HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import NamedTuple, TypeAlias

from skxmr.inspection.drawing.html_table import Column, html_table
from skxmr.inspection.drawing.words import arrowed
from skxmr.metrics._scorers import DIRECTIONS


class Cell(NamedTuple):
    """A mean and its interval as text, and how they are marked."""

    mean: str
    interval: str
    best: bool
    not_worse: bool


Rows: TypeAlias = Mapping[str, Sequence[Cell]]
# Makes a table of the names of the directions, of the cells of each method, and of a note below them.
Format: TypeAlias = Callable[[Sequence[str], Rows, str | None], str]

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def markdown(directions: Sequence[str], rows: Rows, note: str | None) -> str:
    """Return a table in Markdown."""
    lines = [["method", *map(_title, directions)]]
    lines.append(["---"] * len(lines[0]))
    for name, cells in rows.items():
        lines.append([_markdown_text(name), *(_marked(cell, "**{}**", " †") for cell in cells)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return table if note is None else f"{table}\n\n{note}"


def latex(directions: Sequence[str], rows: Rows, note: str | None) -> str:
    """Return a tabular in LaTeX; the note is its last line."""
    width = 1 + len(directions)
    titles = ["method", *(_title(direction, r" $\to$ ") for direction in directions)]
    lines = ["\\begin{tabular}{" + "l" * width + "}", "\\hline", f"{' & '.join(titles)} \\\\", "\\hline"]
    for name, cells in rows.items():
        # A group in front keeps a name such as [a] from being read as an option of the line break before it.
        marked = [f"{{}}{_latex_text(name)}", *(_marked(cell, r"\textbf{{{}}}", r"$^\dagger$") for cell in cells)]
        lines.append(f"{' & '.join(marked)} \\\\")
    lines.append("\\hline")
    if note is not None:
        text = _latex_text(note).replace("†", r"$\dagger$")
        lines.append("\\multicolumn{" + str(width) + "}{p{0.9\\linewidth}}{\\footnotesize " + text + "} \\\\")
    return "\n".join([*lines, "\\end{tabular}"])


def html(directions: Sequence[str], rows: Rows, note: str | None) -> str:
    """Return a table in HTML; the note is its caption."""
    columns = [Column("method", lambda line: f"<bdi>{escape(line[0])}</bdi>", heading=True)]
    for i, direction in enumerate(directions):
        columns.append(Column(_title(direction), partial(_html_cell, i)))
    return html_table(rows.items(), columns, note)


def _html_cell(place: int, line: tuple[str, Sequence[Cell]]) -> str:
    return _marked(line[1][place], "<strong>{}</strong>", " <sup>†</sup>")


def _marked(cell: Cell, bold: str, mark: str) -> str:
    mean = bold.format(cell.mean) if cell.best else cell.mean
    return f"{mean}{mark if cell.not_worse and not cell.best else ''} {cell.interval}"


def _title(direction: str, arrow: str = " → ") -> str:
    """Return the title of a column; values of no known direction are just values."""
    return arrowed(direction, arrow) if direction in DIRECTIONS else "value"


def _markdown_text(text: str) -> str:
    """Return a name on one line in which Markdown and HTML mark nothing."""
    return re.sub(r"([\\`*_{}\[\]<>|#~$&])", r"\\\1", " ".join(text.split()))


def _latex_text(text: str) -> str:
    """Return a text on one line in which LaTeX marks nothing."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))


FORMATS: dict[str, Format] = {"markdown": markdown, "latex": latex, "html": html}
