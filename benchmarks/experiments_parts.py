"""RACG without its parts, of the fits of fine_grained.py."""

from __future__ import annotations

from typing import Any

import fine_grained
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from experiments_grids import DIRECTIONS
from fine_grained_report import runs

from skxmr.inspection import SearchSurfaceDisplay

# What the paper's Figures 8 and 9 are about, and its ideas.
PARTS = ("without auxiliary loss", "RACG, dense", "without text graph", "without cross-graph", "without heads")
WHERE = (
    "2,000 generated scenes, 1,000 others to test on, as [fine-grained retrieval](fine_grained.md) describes; "
    "differences from the whole RACG, paired over the seeds"
)


def differences() -> dict[str, list[float]]:
    """Return the R@1 of RACG without a part minus that of RACG, of both directions, by the part and its seeds."""
    frame = pd.DataFrame(fine_grained.finished(fine_grained.FINISHED))
    whole = runs(frame, "RACG")
    found = {}
    for part in PARTS:
        own = runs(frame, part)
        gains = [(own[f"{key}_r1"] - whole[f"{key}_r1"]).dropna() for key in DIRECTIONS]
        seeds = "1 seed" if len(gains[0]) == 1 else f"{len(gains[0])} seeds"
        found[f"{part.removeprefix('RACG, ')}, {seeds}"] = [float(np.mean(gain)) for gain in gains]
    return found


def draw(found: Any, fits: Any) -> Any:
    """Return the heat map of the differences."""
    parts = differences()
    figure, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
    SearchSurfaceDisplay(
        x=list(DIRECTIONS.values()),
        y=list(parts),
        scores=np.array(list(parts.values())),
        x_name="",
        y_name="",
        score_name="R@1 minus RACG's",
    ).plot(ax)
    return figure


def says(found: Any, fits: Any) -> str:
    """Return the differences in words."""
    parts = [f"{part} {i2t:+.3f} and {t2i:+.3f}" for part, (i2t, t2i) in differences().items()]
    return f"R@1 minus RACG's, image→text and text→image: {'; '.join(parts)}."
