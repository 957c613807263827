"""
Train a deep method and let it tag images
=========================================

Claim: one deep model retrieves in both directions and names the labels of images that it has never seen, and its user
writes no training loop. ``DAGNN`` is trained on real handwritten digits with generated captions.

.. image:: /tags.png
   :alt: Test images with the four best labels
"""

# sphinx_gallery_thumbnail_path = 'tags.png'

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import DAGNN, LabelGraph, Pairs, PerModality, SemanticMatching
from skxmr.datasets import load_captioned_digits
from skxmr.metrics import RetrievalScores

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
# The matrices are small: more threads would wait for one another.
torch.set_num_threads(1)
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

# %%
# Data and pipeline
# -----------------
# Labels in a DataFrame keep their names, so that the tags of the model have names too.


def digits_and_labels(subset: str) -> tuple[Pairs, pd.DataFrame]:
    """Return pairs of digits and captions, and their labels with names."""
    digits = load_captioned_digits(subset)
    return digits.pairs, pd.DataFrame(digits.labels, columns=digits.label_names)


def with_features(*steps: tuple[str, Any]) -> Pipeline:
    """Return a pipeline that turns images and captions into features first."""
    return Pipeline([("views", PerModality(image=StandardScaler(), text=TfidfVectorizer())), *steps])


def report(name: str, model: Pipeline) -> Pipeline:
    """Fit on the training rows and print both mAPs on the test rows."""
    start = time.perf_counter()
    model.fit(*train)
    seconds = time.perf_counter() - start
    found = RetrievalScores()(model, *test)
    scores = f"image→text {found['i2t_map']:.3f}, text→image {found['t2i_map']:.3f}"
    print(f"{name:<18} {scores}, fit {seconds:.1f} s", flush=True)
    return model


train = digits_and_labels("train")
test = digits_and_labels("test")

# %%
# Training
# --------
# The default sizes are those of the paper's data. A network for digits may be much smaller.

small = {"n_components": 64, "hidden": 256, "width": 128, "dropout": 0.2, "input_dropout": 0.1, "random_state": 0}
print("captioned digits, test rows:")
report("SemanticMatching", with_features(("model", SemanticMatching())))
model = report("DAGNN", with_features(("model", DAGNN(**small, max_epochs=30))))

# %%
# Every term of the loss and both validation mAPs are recorded. The epoch with the best validation mAP is kept.

history = model[-1].history_
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for name in ("classification", "invariance", "adversary"):
    left.plot(history["epoch"], history[name], label=name)
left.set(xlabel="epoch", ylabel="mean over the batches, unweighted", title="terms of the loss")
for name, label in (("validation_i2t_map", "image→text"), ("validation_t2i_map", "text→image")):
    right.plot(history["epoch"], history[name], label=label)
best = model[-1].best_epoch_
right.axvline(best, color="grey", linestyle="--", label=f"epoch {best} is kept")
right.set(xlabel="epoch", ylabel="mAP", title="validation rows")
for axes in (left, right):
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
figure.savefig(OUTPUT / "training.png", dpi=110, bbox_inches="tight")
print(f"picture: {OUTPUT / 'training.png'}", flush=True)

# %%
# Tags for images alone
# ---------------------
# Each label has a classifier in the common space, so an image is tagged without any text. Green tags are right, red
# ones wrong.

digits = load_captioned_digits("test")
chosen = [int(np.flatnonzero(digits.digits == d)[5]) for d in range(10)]
features = model[:-1].transform(Pairs(image=digits.pairs.image[chosen]))
names = digits.label_names.tolist()
figure, grid_of_axes = plt.subplots(2, 5, figsize=(12, 6), layout="constrained")
best = model[-1].annotate(image=features, k=4, threshold=-np.inf)
for ax, row, tags in zip(grid_of_axes.ravel(), chosen, best, strict=True):
    ax.imshow(digits.images[row], cmap="gray_r")
    ax.axis("off")
    for line, tag in enumerate(tags):
        colour = "#1a7f37" if digits.labels[row, names.index(tag)] else "#cf222e"
        ax.text(0.5, -0.09 - 0.12 * line, tag, color=colour, ha="center", transform=ax.transAxes)
figure.suptitle("The four best labels of test images: green has it, red has not")
figure.savefig(OUTPUT / "tags.png", dpi=110, bbox_inches="tight")
print(f"picture: {OUTPUT / 'tags.png'}", flush=True)

# %%
# Does the label graph help?
# --------------------------
# Two searches answer that by validation: the first over the parameters of DAGNN's own graph, the second over a
# ``LabelGraph`` step, whose kind "identity" connects no labels at all.

model = DAGNN(**small, max_epochs=8)
scoring = {"scoring": RetrievalScores(), "refit": "map", "cv": KFold(2, shuffle=True, random_state=0)}
own = GridSearchCV(with_features(("model", model)), {"model__tau": [0.2, 0.5], "model__p": [0.25, 1.0]}, **scoring)
own.fit(*train)
print(f"\nsearch over tau and p of DAGNN: {own.best_params_}, validation mAP {own.best_score_:.3f}", flush=True)

step = with_features(("graph", LabelGraph()), ("model", model))
by_step = GridSearchCV(step, {"graph__kind": ["cooccurrence", "identity"]}, **scoring).fit(*train)
for kind, score in zip(by_step.cv_results_["param_graph__kind"], by_step.cv_results_["mean_test_map"], strict=True):
    print(f"with the graph of a LabelGraph step, kind={kind}: validation mAP {score:.3f}")
