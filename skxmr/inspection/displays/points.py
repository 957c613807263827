"""The points of curves: which cut-off ranks they stand for, their means over queries, and checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from skxmr._data.kinds import Float64Array
from skxmr.inspection.asking.runs import Run
from skxmr.metrics._blocks import mean
from skxmr.metrics._scorers import DIRECTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Values along a curve (p,), of several runs (r, p), or either of them by direction.
Values: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
# Points of a curve where nobody chooses them, which are as far apart on a logarithmic axis.
_POINTS = 40


class Curve(NamedTuple):
    """Points of several runs, (r, p) both."""

    x: Float64Array
    y: Float64Array


def cuts_of(runs: list[Run], ks: list[int] | None) -> list[int]:
    """Return the cut-off ranks: those that are given, or points over the smallest gallery."""
    if ks is not None:
        return ks
    m = min(run.scores.shape[1] for run in runs)
    return np.unique(np.geomspace(1, m, _POINTS).round().astype(int)).tolist()


def over_ranks(ax: Axes, curves: dict[str, Curve]) -> None:
    """Make the axis of ranks logarithmic where they span more than a decade, and mark its ranks in plain numbers."""
    ranks = np.concatenate([curve.x.ravel() for curve in curves.values()])
    if ranks.max() > 10 * ranks.min() > 0:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:,.0f}")


def mean_over_queries(values: Float64Array) -> Float64Array:
    """Average values (n, p) over the queries that have a relevant item."""
    return np.array([mean(column) for column in values.T])


def mean_and_spread(values: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return the mean and the standard deviation over the runs (r, c) that have a value; NaN where none has."""
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    counted = np.maximum(n, 1)
    middle = np.where(there, values, 0).sum(axis=0) / counted
    spread = np.sqrt((np.where(there, values - middle, 0) ** 2).sum(axis=0) / counted)
    return np.where(n > 0, middle, np.nan), np.where(n > 0, spread, np.nan)


def as_curves(x: Values, y: Values, x_name: str, y_name: str) -> dict[str, Curve]:
    """Return checked values by direction; one that is not given by direction belongs to the direction ""."""
    of_x = x if isinstance(x, Mapping) else None
    of_y = y if isinstance(y, Mapping) else {"": y}
    unknown = [direction for direction in of_y if direction not in ("", *DIRECTIONS)]
    if unknown or not of_y or (of_x is not None and set(of_x) != set(of_y)):
        raise ValueError(
            f"{x_name} and {y_name} are arrays, or dicts with the keys 'image_to_text' and 'text_to_image', the same "
            f"in both; got {list(of_x or ['an array'])} and {list(of_y)}."
        )
    found = {}
    for direction, values in of_y.items():
        ys = np.atleast_2d(np.asarray(values, dtype=np.float64))
        xs = np.atleast_2d(np.asarray(of_x[direction] if of_x is not None else x, dtype=np.float64))
        if ys.ndim != 2 or ys.size == 0 or xs.shape[-1] != ys.shape[-1] or len(xs) not in (1, len(ys)):
            raise ValueError(
                f"{x_name} has the shape {np.shape(xs)} and {y_name} {np.shape(ys)}; both hold one value per point, "
                "and a row per run if there are several."
            )
        if np.isinf(xs).any() or np.isnan(xs).any() or np.isinf(ys).any() or np.isnan(ys).any():
            raise ValueError(f"{x_name} or {y_name} holds NaN or infinite values, which cannot be drawn.")
        found[direction] = Curve(np.broadcast_to(xs, ys.shape), ys)
    return found
