"""What the finished fits say about a figure of a paper, with their figures."""

from __future__ import annotations

from typing import Any

import dagnn
import numpy as np
from experiments_fits import Fit
from experiments_grids import DIRECTIONS, Found, Grid, at, peak
from experiments_kept import SCOPE


def each(fits: dict[str, Fit], found: Found, key: str) -> dict[str, Any]:
    """Return what was kept under a key, by the titles of the fits."""
    runs = {title: found.one(fit) for title, fit in fits.items()}
    return {title: run[key] for title, run in runs.items() if run is not None}


def listed(values: dict[str, float], digits: int = 3) -> str:
    """Return titles with their figures."""
    return ", ".join(f"{title} {value:.{digits}f}" for title, value in values.items())


def first_and_last(found: Found, fits: dict[str, Fit]) -> str:
    """Return the precision among the first and the last scope, of every method."""
    parts = []
    for direction, title in (("image_to_text", "image→text"), ("text_to_image", "text→image")):
        curves = each(fits, found, f"scope_{direction}")
        said = [f"{name} {curve[0]:.3f} and {curve[-1]:.3f}" for name, curve in curves.items()]
        parts.append(f"{title}: {', '.join(said)}")
    return f"precision among the first {SCOPE[0]} and {SCOPE[-1]}; {'; '.join(parts)}."


def told_apart(found: Found, fits: dict[str, Fit]) -> str:
    """Return how well images and texts are told apart."""
    right = each(fits, found, "told_apart")
    maps = {title: (run["i2t"] + run["t2i"]) / 2 for title, fit in fits.items() if (run := found.one(fit))}
    return (
        f"share of embeddings whose modality logistic regression tells: {listed(right)}; .5 is chance. "
        f"mAP of the test rows: {listed(maps)}."
    )


def course(found: Found, fits: dict[str, Fit]) -> str:
    """Return the first and the last values of a training."""
    parts = []
    for title, history in each(fits, found, "history").items():
        # The scores of single directions are in the picture.
        shown = {key: own for key, own in history.items() if key not in ("epoch", "norm") and "2" not in key}
        said = [f"{key.replace('_', ' ')} {own[0]:.3g} → {own[-1]:.3g}" for key, own in shown.items()]
        first, last = (f"{history['epoch'][i]:.0f}" for i in (0, -1))
        parts.append(f"{title}, epoch {first} → {last}: {', '.join(said)}".replace("validation map", "validation mAP"))
    return "; ".join(parts) + "."


def similar(found: Found, fits: dict[str, Fit]) -> str:
    """Return how near the labels are that the paper calls similar."""
    return (
        "share of the other labels that are farther, by cosine, from baby than people, male and female are, and from "
        f"flower than plant and tree are: {listed(each(fits, found, 'farther'))}; about .5 by chance."
    )


def best(found: Found, grid: Grid) -> str:
    """Return where both directions together are best and worst."""
    return f"{grid.score} {peak(found, grid)}."


def acmr_weights(found: Found, grid: Grid) -> str:
    """Return the best weights, those of the paper, and those without one of the terms."""
    own = {
        "both .1": at(found, grid, 0.1, 0.1),
        "without L_imd, alpha 100": at(found, grid, 100, 0),
        "without L_imi, beta 100": at(found, grid, 0, 100),
    }
    return f"mAP {peak(found, grid)}; {listed(own)}."


def at_full_size() -> str:
    """Return the validation mAPs of DAGNN with layers of graph attention, as benchmarks/dagnn.py measured them."""
    fits = dagnn.finished()
    means = fits.groupby("variant")["validation"].mean()
    values = [means.get(f"paper{name}", np.nan) for name in dagnn.LAYERS]
    return " / ".join(f"{value:.3f}" for value in values)


def layers(found: Found, grid: Grid) -> str:
    """Return the best number of layers of every kind of graph network."""
    Z = found.scores(grid)
    numbers = list(grid.x.values)
    said = [
        f"{name} with {numbers[int(np.nanargmax(row))]} ({np.nanmax(row):.3f}; five {row[-1]:.3f})"
        for name, row in zip(grid.y.values, Z, strict=True)
    ]
    full = f"At the paper's widths, 1 to 5 layers of GAT have validation mAPs of {at_full_size()}."
    return f"best number of layers: {', '.join(said)}. {full}"


def losses(found: Found, grid: Grid) -> str:
    """Return what every loss reaches over the numbers of layers, and in the mean over them."""
    said = []
    for name, row in zip(grid.y.values, found.scores(grid), strict=True):
        along = " / ".join(f"{value:.3f}" for value in row)
        said.append(f"{name} {along}, mean {row.mean():.3f}")
    numbers = ", ".join(str(number) for number in grid.x.values)
    return f"mAP over {numbers} layers: {'; '.join(said)}."


def two_weights(found: Found, grid: Grid) -> str:
    """Return the best weights of both directions."""
    return "; ".join(f"{title} {peak(found, grid, key)}" for key, title in DIRECTIONS.items()) + "."


def single(found: Found, grid: Grid) -> str:
    """Return the means of both directions over one parameter."""
    means = found.scores(grid).mean(axis=0)
    said = {str(value): float(mean) for value, mean in zip(grid.x.values, means, strict=True)}
    return f"{grid.score}, mean of both directions, by {grid.x.name}: {listed(said)}."
