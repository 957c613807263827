"""Pictures of what experiments.py kept of single fits: curves, embeddings, trainings and attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from experiments_fits import Fit, Record
from experiments_grids import Found
from experiments_kept import DIRECTIONS, picture

from skxmr.inspection import (
    AttentionDisplay,
    EmbeddingDisplay,
    PrecisionRecallAtRankDisplay,
    PrecisionScopeDisplay,
    TrainingDisplay,
)

# What is drawn, by the title that it has in the picture.
Named = Mapping[str, Fit]


def records(found: Found, fits: Named) -> dict[str, Record]:
    """Return the finished fits of the first seed by their titles."""
    runs = {title: found.one(fit) for title, fit in fits.items()}
    return {title: run for title, run in runs.items() if run is not None}


def ranking_curves(found: Found, fits: Named) -> Any:
    """Return precision over scope and over recall below, a column per direction."""
    figure, axes = plt.subplots(2, 2, figsize=(10.5, 8), layout="constrained")
    for column, direction in enumerate(DIRECTIONS):
        for title, run in records(found, fits).items():
            scope = {direction: run[f"scope_{direction}"]}
            PrecisionScopeDisplay(ks=run["ks"], precision=scope, name=title).plot(axes[0, column])
            recall, precision = ({direction: run[f"{name}_{direction}"]} for name in ("recall", "precision"))
            PrecisionRecallAtRankDisplay(recall=recall, precision=precision, name=title).plot(axes[1, column])
        # Colours and marks are those of the curves above.
        axes[1, column].get_legend().remove()
    return figure


def spaces(found: Found, fits: Named) -> Any:
    """Return embeddings of held rows side by side, with the same legend."""
    runs = records(found, fits)
    figure, axes = plt.subplots(1, len(runs), figsize=(4.2 * len(runs) + 1, 4), layout="constrained", squeeze=False)
    for ax, (title, run) in zip(axes[0], runs.items(), strict=True):
        EmbeddingDisplay(points=run["points"], groups=run["groups"], method="tsne", name=title).plot(ax)
    for ax in axes[0][:-1]:
        ax.get_legend().remove()
    return figure


def label_maps(found: Found, fits: Named) -> Any:
    """Return label classifiers side by side."""
    runs = records(found, fits)
    figure, axes = plt.subplots(1, len(runs), figsize=(5.6 * len(runs), 4.6), layout="constrained", squeeze=False)
    for ax, (title, run) in zip(axes[0], runs.items(), strict=True):
        EmbeddingDisplay(points={"label": run["label_points"]}, names=run["names"], method="tsne", name=title).plot(ax)
    return figure


def trainings(found: Found, fits: Named, left_out: Sequence[str] = ()) -> Any:
    """Return the course of trainings: side by side, or below one another where there are scores of validation rows."""
    runs = records(found, fits)
    frames = {
        title: pd.DataFrame(run["history"]).drop(columns=list(left_out), errors="ignore") for title, run in runs.items()
    }
    scored = any(name.startswith("validation") for frame in frames.values() for name in frame)
    shape = (len(runs), 1) if scored else (1, len(runs))
    size = (10, 4.6 * len(runs)) if scored else (5 * len(runs), 4.6)
    figure, axes = plt.subplots(*shape, figsize=size, layout="constrained", squeeze=False)
    for ax, (title, frame) in zip(axes.ravel(), frames.items(), strict=True):
        best = runs[title]["best_epoch"] if scored else None
        TrainingDisplay(history=frame, best_epoch=best, name=title).plot(ax)
    return figure


def looking(found: Found, fits: Named) -> Any:
    """Return which words look at which regions of a scene."""
    ((title, run),) = records(found, fits).items()
    return (
        AttentionDisplay(
            attention=run["attention"],
            words=run["words"],
            boxes=run["boxes"],
            picture=picture(run["seed"], run["n_scenes"]),
            name=title,
        )
        .plot()
        .figure_
    )


def nodes(found: Found, fits: Named) -> Any:
    """Return the regions and words of five pairs, before and after messages."""
    ((_, run),) = records(found, fits).items()
    titles = {"nodes": "as encoded", "within": "messages within a modality", "integrated": "messages of both"}
    figure, axes = plt.subplots(1, len(titles), figsize=(13.5, 4), layout="constrained")
    n_regions = len(run["regions_of"])
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        points = np.array(run[name])
        parts = {"image": points[:n_regions], "text": points[n_regions:]}
        for kind, of in (("image", "regions_of"), ("text", "words_of")):
            groups = [f"pair {i + 1}" for i in run[of]]
            EmbeddingDisplay(points={kind: parts[kind]}, groups=groups, method="tsne", name=title).plot(ax)
    for ax in axes[:-1]:
        ax.get_legend().remove()
    return figure
