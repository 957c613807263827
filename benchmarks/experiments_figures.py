"""The figures of five papers: which fits each needs, how it is drawn, what the paper shows and what ours say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from experiments_fits import SETTINGS, Fit
from experiments_grids import Found, Grid


@dataclass(frozen=True)
class Figure:
    """A figure of a paper.

    Parameters
    ----------
    title : str
        What it shows.
    source : str
        The paper's key in docs/references.md, and its figure.
    paper : str
        What the paper shows.
    fits : Grid or dict of str to Fit
        A grid, or single fits by the titles that they have in the picture.
    draw : callable
        Takes the finished fits and this `fits`; returns a figure of matplotlib.
    says : callable
        Takes the finished fits and this `fits`; returns what ours show, with figures.
    reading : str
        Whether they agree, and why not.
    where : str
        The rows and sizes, where there are no fits of its own.
    """

    title: str
    source: str
    paper: str
    fits: Any
    draw: Callable[[Found, Any], Any]
    says: Callable[[Found, Any], str]
    reading: str = ""
    where: str = ""

    def all_fits(self) -> list[Fit]:
        """Return the fits that it needs."""
        return self.fits.fits() if isinstance(self.fits, Grid) else list(self.fits.values())

    def made_small(self) -> Figure:
        """Return the figure with fewer fits, for tests."""
        return replace(self, fits=self.fits.made_small()) if isinstance(self.fits, Grid) else self

    def is_drawable(self, found: Found) -> bool:
        """Return whether all its fits are finished for the first seed."""
        return not found.missing(self.all_fits(), 1)


def section(name: str, figure: Figure, found: Found) -> str:
    """Return what the page says about a figure."""
    fits = figure.all_fits()
    # Of single fits the first seed is drawn.
    n = len(found.seeds(fits)) if isinstance(figure.fits, Grid) else 1
    seeds = "" if not fits else " (1 seed)" if n == 1 else f" ({n} seeds)"
    lines = [
        f"### {figure.title}",
        f"![{figure.title}](papers_{name}.png)",
        f"* **The paper** ({figure.source}): {figure.paper}",
        f"* **Here**{seeds}: {figure.says(found, figure.fits)}",
    ]
    lines += [f"* **Compared:** {figure.reading}"] if figure.reading else []
    where = figure.where or SETTINGS[fits[0].setting].where
    lines += [f"* Measured on {where}. `python benchmarks/experiments.py --only {name}` makes it."]
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:])


def page(papers: Mapping[str, Mapping[str, Figure]], found: Found) -> str:
    """Return the part of docs/papers_figures.md that is made of the finished fits."""
    parts = []
    for paper, figures in papers.items():
        ready = [section(name, figure, found) for name, figure in figures.items() if figure.is_drawable(found)]
        parts += [f"## {paper}", *ready] if ready else []
    return "\n\n".join(parts)
