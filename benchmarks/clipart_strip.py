"""Draw what a method finds among drawings that it was not fitted on: docs/clipart.png.

    python benchmarks/clipart_strip.py

The drawings are the test rows of clipart.npz, of the Open Clip Art Library (public domain). Queries are the first test
rows of a few labels, so that none is picked because its results are good. Of nearly equal drawings one is shown.
"""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from common import ROOT
from matplotlib.figure import SubFigure
from tasks import TASKS, clipart_file

from skxmr import MLCCA
from skxmr.metrics import SharedLabels

QUERIES = ("bird", "food", "computer", "tree")
COLOURS = {True: "#1a7f37", False: "#cf222e"}


class Found(NamedTuple):
    """Test drawings (n, 64, 64, 3), captions, groups (n,), how well image i fits text j, whether they share a label."""

    images: Any
    captions: list[str]
    groups: Any
    scores: Any
    relevance: Any
    queries: list[int]


def found() -> Found:
    """Fit on the training rows and compare all test images with all test texts."""
    rows = TASKS["clipart"].load(0)
    scores = MLCCA(63, ridge=1.0, correlation_power=0.5).fit(rows.train, rows.y_train).similarity(rows.test)
    # Nothing finds itself or its twins.
    scores[np.equal.outer(rows.test.groups, rows.test.groups)] = -1
    with np.load(clipart_file(), allow_pickle=False) as file:
        n = int(file["n_train"])
        names = file["label_names"].tolist()
        queries = [int(np.flatnonzero(rows.y_test[:, names.index(name)])[0]) for name in QUERIES]
        captions = file["captions"][n:].tolist()
        return Found(file["images"][n:], captions, rows.test.groups, scores, SharedLabels(rows.y_test)[:], queries)


def nearest(scores: Any, groups: Any, k: int) -> Any:
    """Return the k rows with the largest scores, at most one of each group."""
    order = np.argsort(-scores, kind="stable")
    first = np.unique(groups[order], return_index=True)[1]
    return order[np.sort(first)[:k]]


def frame(axes: Any, image: Any, colour: str = "white") -> None:
    """Show a drawing in a frame."""
    axes.imshow(image)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=3)


def draw_captions(figure: SubFigure, of: Found) -> None:
    """Show each query drawing with the captions that fit it best."""
    figure.suptitle("query drawing → nearest captions of other drawings", fontsize=13)
    for i, axes in zip(of.queries, figure.subplots(len(of.queries), 2, width_ratios=[1, 4]), strict=True):
        frame(axes[0], of.images[i])
        axes[1].axis("off")
        for line, j in enumerate(nearest(of.scores[i], of.groups, 5)):
            words = f"{of.scores[i, j]:.2f}  {textwrap.shorten(of.captions[j], 62, placeholder=' ...')}"
            colour = COLOURS[bool(of.relevance[i, j])]
            axes[1].text(0, 0.9 - 0.2 * line, words, color=colour, fontsize=9, va="center")


def draw_drawings(figure: SubFigure, of: Found) -> None:
    """Show each query caption with the drawings that fit it best."""
    figure.suptitle("query caption → nearest other drawings", fontsize=13)
    for i, axes in zip(of.queries, figure.subplots(len(of.queries), 6), strict=True):
        words = textwrap.shorten(of.captions[i], 80, placeholder=" ...")
        # A title would make the first column as wide as it is itself.
        axes[0].text(0, 1.06, words, fontsize=9, transform=axes[0].transAxes).set_in_layout(False)
        for one, j in zip(axes, nearest(of.scores[:, i], of.groups, 6), strict=True):
            frame(one, of.images[j], COLOURS[bool(of.relevance[j, i])])


def main() -> None:
    """Draw the picture of the documentation."""
    mpl.use("Agg")
    of = found()
    figure = plt.figure(figsize=(15, 7.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.1])
    draw_captions(left, of)
    draw_drawings(right, of)
    note = "green: shares at least one label with the query; red: shares none. "
    figure.text(0.5, -0.03, note + "Drawings: Open Clip Art Library, public domain", ha="center")
    figure.savefig(ROOT / "docs" / "clipart.png", dpi=80, bbox_inches="tight")


if __name__ == "__main__":
    main()
