"""Measured figures in the sentences of the README and the docs, by their keys.

A key stands in a comment behind its figure, where no reader sees it:

    The adversary helps by .016 ± .007<!-- figure: dagnn-adversary -->.

Each key gives one number or several, for as many numbers in front of the comment. How they are written (decimals, a
zero before the point, a sign) stays as it is on the page.

    python benchmarks/figures.py    # write today's figures into the pages, as `make docs` does
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from common import ROOT
from figures_measured import FIGURES

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMENT = re.compile(r"<!-- figure: ([\w-]+) -->")
_NUMBER = r"(?<![\w.,])[+-]?(?:\d[\d,]*)?(?:\.\d+|(?<=\d))(?:e-?\d+)?"
# What may stand between the figures of one key: a few words, no other number.
_BETWEEN = r"[^\d<>|+-]{1,20}?"


class Figure(NamedTuple):
    """Where the numbers in front of a comment stand in a text, and what the results say in their place."""

    start: int
    end: int
    key: str
    values: Sequence[float]


def figures(text: str) -> Iterator[Figure]:
    """Yield all figures with a key; ValueError names what does not fit."""
    end = 0
    for comment in COMMENT.finditer(text):
        key = comment[1]
        if key not in FIGURES:
            raise ValueError(f"there is no figure {key!r} in benchmarks/figures_measured.py")
        values = _known(key)
        before = text[end : comment.start()]
        shown = re.search(_BETWEEN.join([_NUMBER] * len(values)) + r"\Z", before)
        if shown is None:
            raise ValueError(f"{len(values)} figures belong in front of <!-- figure: {key} -->, not {before[-60:]!r}")
        yield Figure(end + shown.start(), comment.start(), key, values)
        end = comment.end()


def filled(text: str) -> str:
    """Return a page with today's figures in front of all comments."""
    parts = []
    done = 0
    for figure in figures(text):
        parts += [text[done : figure.start], rewritten(text[figure.start : figure.end], figure.values)]
        done = figure.end
    return "".join([*parts, text[done:]])


def rewritten(text: str, values: Sequence[float]) -> str:
    """Return a piece of text with other numbers in it, each in the form of the one whose place it takes."""
    remaining = iter(values)
    return re.sub(_NUMBER, lambda found: like(next(remaining), found[0]), text)


def like(value: float, example: str) -> str:
    """Return a number in the form of another: its decimals, its exponent, its sign and the zero before its point."""
    sign = "+" if example[0] in "+-" else ""
    digits = example.lstrip("+-")
    decimals = len(digits.partition("e")[0].partition(".")[2])
    if "e" in digits:
        mantissa, _, exponent = f"{value:{sign}.{decimals}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    text = f"{value:{sign},.{decimals}f}"
    return re.sub(r"^([+-]?)0\.", r"\1.", text) if digits.startswith(".") else text


@cache
def _known(key: str) -> tuple[float, ...]:
    found = FIGURES[key]()
    return tuple(found) if isinstance(found, Sequence) else (found,)


def write(page: Path) -> None:
    """Write today's figures into a page."""
    page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for page in PAGES:
        write(page)
