"""Tables of methods by directions in Markdown, LaTeX and HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias


class Cell(NamedTuple):
    """A mean and its interval as text, and how they are marked."""

    mean: str
    interval: str
    best: bool
    not_worse: bool


Rows: TypeAlias = Mapping[str, Sequence[Cell]]
# Makes a table of the names of the directions, of the cells of each method, and of a note below them.
Format: TypeAlias = Callable[[Sequence[str], Rows, str | None], str]

_TITLES = {"image_to_text": ("image", "text"), "text_to_image": ("text", "image")}
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
    lines = [["method", *(_title(direction, "→", "value") for direction in directions)]]
    lines.append(["---"] * len(lines[0]))
    for name, cells in rows.items():
        lines.append([_markdown_text(name), *(_marked(cell, "**{}**", " †") for cell in cells)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return table if note is None else f"{table}\n\n{note}"


def latex(directions: Sequence[str], rows: Rows, note: str | None) -> str:
    """Return a tabular in LaTeX; the note is its last line."""
    width = 1 + len(directions)
    titles = ["method", *(_title(direction, r"$\to$", "value") for direction in directions)]
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


def html_table(directions: Sequence[str], rows: Rows, note: str | None) -> str:
    """Return a table in HTML; the note is its caption."""
    caption = "" if note is None else f'<caption style="caption-side: bottom">{html.escape(note)}</caption>\n'
    titles = "".join(
        f'<th scope="col">{title}</th>' for title in ["method", *(_title(each, "→", "value") for each in directions)]
    )
    lines = []
    for name, cells in rows.items():
        values = "".join(f"<td>{_marked(cell, '<strong>{}</strong>', ' <sup>†</sup>')}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row" dir="auto">{html.escape(name)}</th>{values}</tr>\n')
    return f"<table>\n{caption}<thead><tr>{titles}</tr></thead>\n<tbody>\n{''.join(lines)}</tbody>\n</table>"


def _marked(cell: Cell, bold: str, mark: str) -> str:
    mean = bold.format(cell.mean) if cell.best else cell.mean
    return f"{mean}{mark if cell.not_worse and not cell.best else ''} {cell.interval}"


def _title(direction: str, arrow: str, otherwise: str) -> str:
    """Return the title of a column."""
    ends = _TITLES.get(direction)
    return otherwise if ends is None else f"{ends[0]} {arrow} {ends[1]}"


def _markdown_text(text: str) -> str:
    """Return a name on one line in which Markdown and HTML mark nothing."""
    return re.sub(r"([\\`*_{}\[\]<>|#~$&])", r"\\\1", " ".join(text.split()))


def _latex_text(text: str) -> str:
    """Return a text on one line in which LaTeX marks nothing."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))


FORMATS: dict[str, Format] = {"markdown": markdown, "latex": latex, "html": html_table}
