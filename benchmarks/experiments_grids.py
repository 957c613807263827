"""Scores over the values of one parameter or two, and their heat maps: what most figures of the papers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from experiments_fits import Changes, Fit, Record

from skxmr.inspection import SearchSurfaceDisplay

DIRECTIONS = {"i2t": "image→text", "t2i": "text→image"}


class Axis(NamedTuple):
    """What varies: what is written along the axis, and the parameters that it stands for."""

    name: str
    values: Mapping[Any, Changes]


def over(parameter: str, values: Sequence[Any], name: str | None = None) -> Axis:
    """Return the axis of a parameter."""
    return Axis(name or parameter, {value: {parameter: value} for value in values})


@dataclass(frozen=True)
class Grid:
    """A setting over one or two axes; without a second axis its rows are the two directions.

    Parameters
    ----------
    setting : str
        The name of the setting.
    x, y : Axis
        What varies.
    score : str
        What the scores are called.
    """

    setting: str
    x: Axis
    y: Axis | None = None
    score: str = "mAP"

    def cells(self) -> list[list[Fit | None]]:
        """Return the fits of the grid by rows; a cell in which nothing would be learned has none."""
        rows = [{}] if self.y is None else list(self.y.values.values())
        return [[self._fit({**a, **b}) for a in self.x.values.values()] for b in rows]

    def _fit(self, changes: dict[str, Any]) -> Fit | None:
        if self.setting == "acmr" and changes.get("alpha") == changes.get("beta") == 0:
            return None
        if changes.get("w_cla") == 0:
            # Nothing is asked of the label classifiers, so that their layers change nothing.
            changes = {key: value for key, value in changes.items() if key != "n_layers"}
        return Fit(self.setting, changes)

    def fits(self) -> list[Fit]:
        """Return all fits, each once."""
        fits = [fit for row in self.cells() for fit in row if fit is not None]
        return list({fit.key(0): fit for fit in fits}.values())

    def made_small(self) -> Grid:
        """Return the grid of the first two values of each axis."""
        x, y = (None if a is None else a._replace(values=dict(list(a.values.items())[:2])) for a in (self.x, self.y))
        return replace(self, x=x, y=y)


class Found:
    """The finished fits, by their keys."""

    def __init__(self, records: Mapping[str, Record]) -> None:
        self.records = records

    def seeds(self, fits: Sequence[Fit]) -> list[int]:
        """Return the seeds for which all of these fits are finished; where there is none, the first seed."""
        seeds = {record["seed"] for record in self.records.values()}
        return sorted(seed for seed in seeds if all(fit.key(seed) in self.records for fit in fits)) or [0]

    def one(self, fit: Fit, seed: int = 0) -> Record | None:
        """Return a finished fit, or None."""
        return self.records.get(fit.key(seed))

    def missing(self, fits: Sequence[Fit], seeds: int) -> list[tuple[Fit, int]]:
        """Return what is not finished, seed by seed."""
        return [(fit, seed) for seed in range(seeds) for fit in fits if fit.key(seed) not in self.records]

    def scores(self, grid: Grid, direction: str | None = None) -> Any:
        """Return the mean scores (b, a) over the seeds, of one direction or of both together; NaN where not finished.

        A grid with one axis has a row for each direction.
        """
        if grid.y is None and direction is None:
            return np.concatenate([self.scores(grid, key) for key in DIRECTIONS])
        return np.array([self._mean(grid, row, direction) for row in grid.cells()])

    def _mean(self, grid: Grid, row: Sequence[Fit | None], direction: str | None) -> list[float]:
        keys = list(DIRECTIONS) if direction is None else [direction]
        found = []
        for fit in row:
            runs = [] if fit is None else [self.one(fit, seed) for seed in self.seeds(grid.fits())]
            values = [run[key] for run in runs if run is not None for key in keys]
            found.append(float(np.mean(values)) if values else np.nan)
        return found


def display(found: Found, grid: Grid, direction: str | None = None, name: str | None = None) -> SearchSurfaceDisplay:
    """Return the scores of a grid, ready to be drawn; numbers grow upwards, and other rows are read from the top."""
    rows = list(DIRECTIONS.values()) if grid.y is None else list(grid.y.values)
    scores = found.scores(grid, direction)
    if isinstance(rows[0], str):
        rows = rows[::-1]
        scores = scores[::-1]
    return SearchSurfaceDisplay(
        x=list(grid.x.values),
        y=rows,
        scores=scores,
        x_name=grid.x.name,
        y_name="" if grid.y is None else grid.y.name,
        score_name=grid.score,
        name=name,
    )


def heat_map(found: Found, grid: Grid, name: str | None = None, size: tuple[float, float] | None = None) -> Any:
    """Return the heat map of a grid as a figure."""
    figure, ax = plt.subplots(figsize=size or (6, 3.6 if grid.y else 2.2), layout="constrained")
    display(found, grid, name=name).plot(ax)
    ax.tick_params("x", rotation=0)
    return figure


def heat_maps(found: Found, grid: Grid, size: tuple[float, float] = (11, 4)) -> Any:
    """Return the heat maps of both directions of a grid as a figure."""
    figure, axes = plt.subplots(1, 2, figsize=size, layout="constrained")
    for ax, (key, name) in zip(axes, DIRECTIONS.items(), strict=True):
        display(found, grid, key, name).plot(ax)
    return figure


def surfaces(found: Found, grid: Grid) -> Any:
    """Return surfaces of both directions, as the paper has them, and heat maps with the figures below."""
    figure = plt.figure(figsize=(11, 9), layout="constrained")
    for i, (key, title) in enumerate(DIRECTIONS.items()):
        solid = display(found, grid, key, title).plot(figure.add_subplot(2, 2, i + 1, projection="3d"), kind="surface")
        # The name of the axis stands beside its numbers.
        solid.ax_.zaxis.labelpad = 12
        display(found, grid, key, title).plot(figure.add_subplot(2, 2, i + 3))
    return figure


def peak(found: Found, grid: Grid, direction: str | None = None) -> str:
    """Return where a grid of two axes, or the mean of both directions over one, is best and worst."""
    Z = found.scores(grid, direction)
    if grid.y is None:
        Z = Z.mean(axis=0, keepdims=True)
    if np.isnan(Z).all():
        return "not finished"
    places = [np.unravel_index(choose(Z), Z.shape) for choose in (np.nanargmax, np.nanargmin)]
    best, worst = (f"{_place(grid, place)} ({Z[place]:.3f})" for place in places)
    return f"best at {best}, worst at {worst}"


def at(found: Found, grid: Grid, x: Any, y: Any = None) -> float:
    """Return the mean score of both directions at a place of a grid, NaN where the grid has no such place."""
    Z = found.scores(grid)
    columns = list(grid.x.values)
    rows = [None] if grid.y is None else list(grid.y.values)
    if x not in columns or y not in rows:
        return float("nan")
    return float(Z[:, columns.index(x)].mean() if grid.y is None else Z[rows.index(y), columns.index(x)])


def _place(grid: Grid, place: Any) -> str:
    x = f"{grid.x.name} {list(grid.x.values)[place[1]]}"
    return x if grid.y is None else f"{x}, {grid.y.name} {list(grid.y.values)[place[0]]}"
