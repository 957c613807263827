"""
Train a deep method and let it tag images
=========================================

Claim: one deep model retrieves in both directions and names the labels of images that it has never seen, and its user
writes no training loop. ``DAGNN`` is trained on drawings of the Open Clip Art Library, where the variable
``SKXMR_CLIPART`` names its folder, and else on icons, with words of the people who made them. The example needs
``pip install 'skxmr[demo]'``.

.. image:: /tags.png
   :alt: Test drawings with the three best labels

.. image:: /training.png
   :alt: Loss terms and validation mAPs over the epochs

Drawings: Open Clip Art Library 0.18 (openclipart.org), public domain.
"""

# sphinx_gallery_thumbnail_path = 'tags.png'

from __future__ import annotations

import os
import time
from functools import partial
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
from sklearn.utils import Bunch

from skxmr import DAGNN, LabelGraph, Pairs, PerModality, SemanticMatching
from skxmr.datasets import load_icons, load_openclipart
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
CLIPART = os.environ.get("SKXMR_CLIPART")
load = partial(load_openclipart, CLIPART) if CLIPART else load_icons

# %%
# Data and pipeline
# -----------------
# Labels in a DataFrame keep their names, so that the tags of the model have names too.


def with_names(pictures: Bunch) -> tuple[Pairs, pd.DataFrame]:
    """Return pairs of pictures and words, and their labels with names."""
    return pictures.pairs, pd.DataFrame(pictures.labels, columns=pictures.label_names)


def with_features(*steps: tuple[str, Any]) -> Pipeline:
    """Return a pipeline that turns pictures and words into features first; those of pictures are kept."""
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


pictures = load("test")
train = with_names(load("train"))
test = with_names(pictures)

# %%
# Training
# --------
# The default sizes are those of the paper's data. A network for one or two thousand pictures may be smaller.

small = {"n_components": 64, "hidden": 256, "width": 128, "dropout": 0.2, "input_dropout": 0.1, "random_state": 0}
print("test rows:")
report("SemanticMatching", with_features(("model", SemanticMatching(ridge=1.0, tag_folds=None))))
model = report("DAGNN", with_features(("model", DAGNN(**small, max_epochs=30))))

# %%
# Every term of the loss and both validation mAPs are recorded. The epoch with the best validation mAP is kept.

TrainingDisplay.from_estimator(model).figure_.savefig(OUTPUT / "training.png", dpi=110)
print(f"picture: {OUTPUT / 'training.png'}", flush=True)

# %%
# Tags for images alone
# ---------------------
# Each label has a classifier in the common space, so a picture is tagged without any text. The pictures were chosen by
# chance, none nearly equal to another, and the three labels with the best scores are shown.

chosen = np.random.default_rng(0).choice(np.unique(pictures.groups, return_index=True)[1], 10, replace=False)
scores = model[-1].decision_function(image=model[:-1].transform(Pairs(image=pictures.pairs.image)))
# A path is drawn as a picture, and a string would be written.
images = [Path(image) if CLIPART else image for image in pictures.pairs.image]
shown = {"query_items": images, "gallery_items": pictures.label_names, "k": 3}
figure, axes = plt.subplots(1, 2, figsize=(9, 5.4), layout="constrained")
for ax, rows in zip(axes, np.split(chosen, 2), strict=True):
    RetrievalDisplay.from_predictions(scores, pictures.labels, queries=rows, **shown, ax=ax)
figure.suptitle("Test pictures and their three best labels")
figure.supxlabel(pictures.attribution, fontsize=9)
figure.savefig(OUTPUT / "tags.png", dpi=110)
print(f"picture: {OUTPUT / 'tags.png'}", flush=True)

# %%
# Does the label graph help?
# --------------------------
# Two searches answer that by validation: the first over the parameters of DAGNN's own graph, the second over a
# ``LabelGraph`` step, whose kind "identity" connects no labels at all.

model = DAGNN(**small, max_epochs=12)
scoring = {
    "scoring": RetrievalScores(),
    "refit": "map",
    "cv": MultilabelStratifiedKFold(2, shuffle=True, random_state=0),
}
own = GridSearchCV(with_features(("model", model)), {"model__tau": [0.2, 0.5], "model__p": [0.25, 1.0]}, **scoring)
own.fit(*train, groups=train[0].groups)
print(f"\nsearch over tau and p of DAGNN: {own.best_params_}, validation mAP {own.best_score_:.3f}", flush=True)

step = with_features(("graph", LabelGraph()), ("model", model))
by_step = GridSearchCV(step, {"graph__kind": ["cooccurrence", "identity"]}, **scoring)
by_step.fit(*train, groups=train[0].groups)
for kind, score in zip(by_step.cv_results_["param_graph__kind"], by_step.cv_results_["mean_test_map"], strict=True):
    print(f"with the graph of a LabelGraph step, kind={kind}: validation mAP {score:.3f}")
