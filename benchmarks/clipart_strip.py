"""Draw what a method finds among drawings that it was not fitted on: docs/clipart.png.

    python benchmarks/clipart_strip.py

The drawings are the test rows of clipart.npz, of the Open Clip Art Library (public domain). Queries are the first test
rows of a few labels, so that none is picked because its results are good. Of nearly equal drawings one is shown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from common import ROOT
from tasks import TASKS, clipart_file

from skxmr import MLCCA
from skxmr.inspection import RetrievalDisplay
from skxmr.metrics import SharedLabels

QUERIES = ("bird", "food", "computer", "tree")


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


def shown(of: Found, images_ask: bool, k: int) -> dict[str, Any]:
    """Return what a Display shows: queries, the k items of the other modality that fit each best, and which fit."""
    scores, relevance = (of.scores, of.relevance) if images_ask else (of.scores.T, of.relevance.T)
    pictures = list(of.images)
    asking, gallery = (pictures, of.captions) if images_ask else (of.captions, pictures)
    best = [nearest(scores[i], of.groups, k) for i in of.queries]
    rows = list(zip(of.queries, best, strict=True))
    return {
        "queries": [asking[i] for i in of.queries],
        "results": [[gallery[j] for j in row] for row in best],
        "scores": [scores[i, row].tolist() for i, row in rows],
        "relevant": [relevance[i, row].tolist() for i, row in rows],
    }


def main() -> None:
    """Draw the picture of the documentation."""
    mpl.use("Agg")
    of = found()
    figure, (left, right) = plt.subplots(1, 2, figsize=(16, 6.4), width_ratios=[1, 1.4], layout="constrained")
    RetrievalDisplay(**shown(of, True, 5)).plot(left, name="query drawing → nearest captions of other drawings")
    RetrievalDisplay(**shown(of, False, 6)).plot(right, name="query caption → nearest other drawings")
    figure.text(0.5, -0.03, "Drawings: Open Clip Art Library, public domain", ha="center")
    figure.savefig(ROOT / "docs" / "clipart.png", dpi=80, bbox_inches="tight")


if __name__ == "__main__":
    main()
