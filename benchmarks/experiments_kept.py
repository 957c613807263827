"""What experiments.py keeps of a fitted model besides its scores, as values that can be drawn again."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skxmr import RACG
from skxmr.datasets import make_captioned_scenes
from skxmr.inspection import (
    AttentionDisplay,
    EmbeddingDisplay,
    PrecisionRecallAtRankDisplay,
    PrecisionScopeDisplay,
)

Kept = dict[str, Any]
DIRECTIONS = ("image_to_text", "text_to_image")
# The cut-off ranks of ACMR's Figure 3.
SCOPE = range(50, 1001, 50)
# Labels that DAGNN's paper finds near one another.
NEAR = (("baby", ("people", "male", "female")), ("flower", ("plant_life", "tree")))
_EPOCHS = 50
_N_PAIRS = 5


def rounded(values: Any, digits: int = 3) -> Any:
    """Return numbers as JSON holds them."""
    return np.round(np.asarray(values, dtype=float), digits).tolist()


def curves(model: Any, rows: Any) -> Kept:
    """Return precision over scope and precision over recall on the held rows."""
    ks = [k for k in SCOPE if k <= len(rows.held)] or [1, len(rows.held)]
    scope = PrecisionScopeDisplay.from_estimator(model, rows.held, rows.held_labels, ks=ks)
    recall = PrecisionRecallAtRankDisplay.from_estimator(model, rows.held, rows.held_labels)
    plt.close("all")
    kept: Kept = {"ks": ks}
    for direction in DIRECTIONS:
        kept[f"scope_{direction}"] = rounded(scope.precision[direction][0], 4)
        kept[f"recall_{direction}"] = rounded(recall.recall[direction][0], 4)
        kept[f"precision_{direction}"] = rounded(recall.precision[direction][0], 4)
    return kept


def space(model: Any, rows: Any) -> Kept:
    """Return the places of held rows in the common space by t-SNE, and how well the modalities are told apart."""
    if not hasattr(model, "history_"):
        return {}
    display = EmbeddingDisplay.from_estimator(
        model, rows.held, rows.held_labels, method="tsne", max_points=250, n_groups=4
    )
    plt.close("all")
    embedded = model.transform(rows.held)
    parts = [np.asarray(view) for view in (embedded.image, embedded.text)]
    X = np.concatenate([view / np.maximum(np.linalg.norm(view, axis=1, keepdims=True), 1e-12) for view in parts])
    of_text = np.repeat([0, 1], [len(view) for view in parts])
    order = np.random.default_rng(0).permutation(len(X))
    right = cross_val_score(LogisticRegression(max_iter=200), X[order], of_text[order], cv=3)
    points = {kind: rounded(own / np.abs(own).max()) for kind, own in display.points.items()}
    groups = [str(group) for group in display.groups]
    return {"points": points, "groups": groups, "told_apart": round(float(right.mean()), 3)}


def history(model: Any, rows: Any) -> Kept:
    """Return the loss, its terms and the scores of the validation rows over some fifty epochs."""
    if not hasattr(model, "history_"):
        return {}
    frame = model.history_.select_dtypes("number").drop(columns="seconds", errors="ignore")
    last = frame.iloc[-1:]
    frame = frame.iloc[:: max(1, len(frame) // _EPOCHS)]
    columns = {name: [float(f"{value:.4g}") for value in frame[name]] for name in frame}
    best = getattr(model, "best_epoch_", None)
    return {"history": columns, "best_epoch": best, "last_loss": float(f"{float(last['loss'].iloc[0]):.4g}")}


def classifiers(model: Any, rows: Any) -> Kept:
    """Return the places of the label classifiers by t-SNE, and how near those are that the paper calls similar."""
    display = EmbeddingDisplay.from_estimator(model, method="tsne")
    plt.close("all")
    names = [str(name) for name in model.classes_]
    Z = model.classifiers_ / np.linalg.norm(model.classifiers_, axis=1, keepdims=True)
    cosines = Z @ Z.T
    shares = []
    for label, similar in NEAR:
        for other in similar:
            if {label, other} <= set(names):
                row = np.delete(cosines[names.index(label)], names.index(label))
                shares.append(np.mean(row < cosines[names.index(label), names.index(other)]))
    points = display.points["label"]
    kept: Kept = {"label_points": rounded(points / np.abs(points).max()), "names": names}
    # How many labels are farther from a label than one that the paper calls similar to it, in the mean.
    return kept | {"farther": round(float(np.mean(shares or [0])), 3)}


def attention(model: Any, rows: Any) -> Kept:
    """Return which words look at which regions of a held scene, and the nodes of five pairs by t-SNE."""
    if not isinstance(model, RACG):
        return {}
    made = rows.held
    display = AttentionDisplay.from_estimator(model, made, row=0)
    _, index = made.distinct_images()
    first = np.unique(index, return_index=True)[1]
    chosen = made[first[:_N_PAIRS]]
    found = model.relations(chosen)
    kept: Kept = {"attention": rounded(display.attention), "words": list(display.words)}
    kept |= {"boxes": rounded(display.boxes), "n_scenes": len(first)}
    for name in ("nodes", "within", "integrated"):
        parts = [(getattr(one, name)[: one.n_regions], getattr(one, name)[one.n_regions :]) for one in found]
        regions = [own for own, _ in parts]
        words = [own for _, own in parts]
        flat = EmbeddingDisplay.from_embeddings(np.concatenate([*regions, *words]), method="tsne").points["image"]
        kept[name] = rounded(flat / np.abs(flat).max())
    kept["regions_of"] = [i for i, one in enumerate(found) for _ in range(one.n_regions)]
    kept["words_of"] = [i for i, one in enumerate(found) for _ in range(len(one.nodes) - one.n_regions)]
    plt.close("all")
    return kept


def picture(seed: int, n: int) -> Any:
    """Return the picture of the first held scene of a seed: dark digits on white."""
    return 1 - make_captioned_scenes(n, subset="train", random_state=4000 + seed).images[0] / 16
