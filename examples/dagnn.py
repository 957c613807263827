"""
Train a deep method and let it tag images
=========================================

Claim: one deep model retrieves in both directions and names the labels of images that it has never seen, and its user
writes no training loop. ``DAGNN`` is trained on icons with the words by which people look for them. The example needs
``pip install 'skxmr[demo]'``.

.. image:: /tags.png
   :alt: Test icons with the three best labels

.. image:: /training.png
   :alt: Loss terms and validation mAPs over the epochs

Icons: Font Awesome Free by Fonticons, Inc. (fontawesome.com), licensed under CC BY 4.0.
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
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skxmr import DAGNN, LabelGraph, Pairs, PerModality, SemanticMatching
from skxmr.datasets import load_icons
from skxmr.features import ImageFeatures
from skxmr.inspection import RetrievalDisplay, TrainingDisplay
from skxmr.metrics import RetrievalScores
from skxmr.model_selection import MultilabelStratifiedKFold

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


def icons_and_labels(subset: str) -> tuple[Pairs, pd.DataFrame]:
    """Return pairs of icons and words, and their labels with names."""
    icons = load_icons(subset)
    return icons.pairs, pd.DataFrame(icons.labels, columns=icons.label_names)


def with_features(*steps: tuple[str, Any]) -> Pipeline:
    """Return a pipeline that turns icons and words into features first; those of icons are kept in a folder."""
    image = ImageFeatures("efficientnet_lite0", cache=OUTPUT / "features")
    text = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), max_features=2000, sublinear_tf=True)
    return Pipeline([("views", PerModality(image=image, text=text)), *steps])


def report(name: str, model: Pipeline) -> Pipeline:
    """Fit on the training rows and print both mAPs on the test rows."""
    start = time.perf_counter()
    model.fit(*train)
    seconds = time.perf_counter() - start
    found = RetrievalScores()(model, *test)
    scores = f"image→text {found['i2t_map']:.3f}, text→image {found['t2i_map']:.3f}"
    print(f"{name:<18} {scores}, fit {seconds:.1f} s", flush=True)
    return model


train = icons_and_labels("train")
test = icons_and_labels("test")

# %%
# Training
# --------
# The default sizes are those of the paper's data. A network for a thousand icons may be smaller.

small = {"n_components": 64, "hidden": 256, "width": 128, "dropout": 0.2, "input_dropout": 0.1, "random_state": 0}
print("icons, test rows:")
report("SemanticMatching", with_features(("model", SemanticMatching(ridge=1.0, tag_folds=None))))
model = report("DAGNN", with_features(("model", DAGNN(**small, max_epochs=30))))

# %%
# Every term of the loss and both validation mAPs are recorded. The epoch with the best validation mAP is kept.

TrainingDisplay.from_estimator(model).figure_.savefig(OUTPUT / "training.png", dpi=110)
print(f"picture: {OUTPUT / 'training.png'}", flush=True)

# %%
# Tags for images alone
# ---------------------
# Each label has a classifier in the common space, so an icon is tagged without any text. The icons were drawn by
# chance, and the three labels with the best scores are shown.

icons = load_icons("test")
chosen = np.random.default_rng(0).choice(len(icons.pairs), 10, replace=False)
scores = model[-1].decision_function(image=model[:-1].transform(Pairs(image=icons.pairs.image)))
shown = {"query_items": icons.pairs.image, "gallery_items": icons.label_names, "k": 3}
figure, axes = plt.subplots(1, 2, figsize=(9, 5.4), layout="constrained")
for ax, rows in zip(axes, np.split(chosen, 2), strict=True):
    RetrievalDisplay.from_predictions(scores, icons.labels, queries=rows, **shown, ax=ax)
figure.suptitle("Test icons and their three best labels")
figure.supxlabel(icons.attribution, fontsize=9)
figure.savefig(OUTPUT / "tags.png", dpi=110)
print(f"picture: {OUTPUT / 'tags.png'}", flush=True)

# %%
# Does the label graph help?
# --------------------------
# Two searches answer that by validation: the first over the parameters of DAGNN's own graph, the second over a
# ``LabelGraph`` step, whose kind "identity" connects no labels at all.

model = DAGNN(**small, max_epochs=12)
groups = load_icons("train").groups
scoring = {
    "scoring": RetrievalScores(),
    "refit": "map",
    "cv": MultilabelStratifiedKFold(2, shuffle=True, random_state=0),
}
own = GridSearchCV(with_features(("model", model)), {"model__tau": [0.2, 0.5], "model__p": [0.25, 1.0]}, **scoring)
own.fit(*train, groups=groups)
print(f"\nsearch over tau and p of DAGNN: {own.best_params_}, validation mAP {own.best_score_:.3f}", flush=True)

step = with_features(("graph", LabelGraph()), ("model", model))
by_step = GridSearchCV(step, {"graph__kind": ["cooccurrence", "identity"]}, **scoring).fit(*train, groups=groups)
for kind, score in zip(by_step.cv_results_["param_graph__kind"], by_step.cv_results_["mean_test_map"], strict=True):
    print(f"with the graph of a LabelGraph step, kind={kind}: validation mAP {score:.3f}")
