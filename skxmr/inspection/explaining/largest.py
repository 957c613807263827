"""The features that count most, and what the others add together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skxmr.inspection.explaining.contributions import CONSTANT

if TYPE_CHECKING:
    import pandas as pd


class Line(NamedTuple):
    """A feature, or several of them together, and what it adds to the similarity."""

    name: str
    contribution: float
    value: float | None = None


def largest(table: pd.DataFrame, n: int) -> list[Line]:
    """Return the n features of one side that count most, and lines for the rest, which add up to the same sum.

    Zeros of sparse rows, such as the words that a text does not have, are one line: each of them adds little, for being
    no more than below the average.
    """
    shown = table[table["feature"] != CONSTANT]
    absent = shown["absent"].to_numpy()
    present = shown[~absent]
    contributions = present["contribution"].to_numpy()
    order = np.argsort(-np.abs(contributions), kind="stable")[:n]
    lines = []
    for name, contribution, value in present.iloc[order][["feature", "contribution", "value"]].itertuples(index=False):
        # What a method adds as a whole has no value.
        lines.append(Line(str(name), float(contribution), None if np.isnan(value) else float(value)))
    n_others = len(present) - len(order)
    if n_others:
        others = float(contributions.sum() - contributions[order].sum())
        lines.append(Line(f"{n_others:,} other feature{'s' * (n_others > 1)}", others))
    if absent.any():
        n_absent = int(absent.sum())
        below = float(shown.loc[absent, "contribution"].sum())
        lines.append(Line(f"{n_absent:,} absent feature{'s' * (n_absent > 1)}", below))
    constant = float(table.loc[table["feature"] == CONSTANT, "contribution"].sum())
    if abs(constant) > 1e-9:
        lines.append(Line("whatever the features are", constant))
    return lines
