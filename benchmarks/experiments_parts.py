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
PARTS = {
    "without auxiliary loss": "no auxiliary loss",
    "RACG, dense": "dense text graph",
    "without text graph": "no text graph",
    "without cross-graph": "no cross-graph",
    "without heads": "no heads",
}
WHERE = (
    "2,000 generated scenes, 1,000 others to test on, as [fine-grained retrieval](fine_grained.md) describes; "
    "differences from the whole RACG, paired over the seeds"
)


def differences() -> tuple[dict[str, list[float]], dict[str, int]]:
    """Return the R@1 of RACG without a part minus that of RACG, of both directions, and the number of seeds."""
    frame = pd.DataFrame(fine_grained.finished(fine_grained.FINISHED))
    whole = runs(frame, "RACG")
    found = {}
    seeds = {}
    for part, title in PARTS.items():
        own = runs(frame, part)
        gains = [(own[f"{key}_r1"] - whole[f"{key}_r1"]).dropna() for key in DIRECTIONS]
        found[title] = [float(np.mean(gain)) for gain in gains]
        seeds[title] = len(gains[0])
    return found, seeds


def draw(found: Any, fits: Any) -> Any:
    """Return the heat map of the differences."""
    parts, _ = differences()
    figure, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
    SearchSurfaceDisplay(
        x=list(DIRECTIONS.values()),
        y=list(parts)[::-1],
        scores=np.array(list(parts.values()))[::-1],
        x_name="",
        y_name="",
        score_name="R@1 minus RACG's",
    ).plot(ax)
    ax.tick_params("x", rotation=0)
    return figure


def says(found: Any, fits: Any) -> str:
    """Return the differences in words."""
    parts, seeds = differences()
    said = [f"{title} {i2t:+.3f} and {t2i:+.3f} (seeds: {seeds[title]})" for title, (i2t, t2i) in parts.items()]
    return f"R@1 minus RACG's, image→text and text→image: {'; '.join(said)}."
