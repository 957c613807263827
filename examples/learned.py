"""
Looking into what was learned
=============================

Claim: what a deep method has learned can be looked at: which epoch is kept, which labels it connects and how strongly,
where its classifiers of labels lie, which parameters matter, and which digits the words of a sentence look at. Every
picture is one call. The labels are those of drawings of the Open Clip Art Library, where the variable
``SKXMR_CLIPART`` names its folder, and else those of icons. The example needs ``pip install 'skxmr[demo,plot]'``.

.. image:: /learned.png
   :alt: A training, label graphs, a search over tau and p, the classifiers of labels, and the common space

.. image:: /attention.png
   :alt: A scene of digits once per word of its sentence, with frames around the digits that the word looks at

Digits: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (UCI Machine Learning Repository),
CC BY 4.0. Drawings: Open Clip Art Library 0.18 (openclipart.org), public domain.
"""

# sphinx_gallery_thumbnail_path = 'learned.png'

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV

from skxmr import ALGCN, SCAN, Pairs, PerModality, Regions, Sentences
from skxmr.datasets import load_icons, load_openclipart, make_captioned_scenes
from skxmr.features import ImageFeatures, PadToSquare
from skxmr.inspection import (
    AttentionDisplay,
    EmbeddingDisplay,
    LabelGraphDisplay,
    SearchSurfaceDisplay,
    TrainingDisplay,
)
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
# A method that learns its label graph
# ------------------------------------
# Pictures are described by 16 x 16 pixels and words by their parts, so that the example takes seconds.

pictures = load("train")
views = PerModality(
    image=ImageFeatures(torch.nn.Flatten(), prepare=PadToSquare(16), cache=OUTPUT / "features"),
    text=TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), max_features=500, sublinear_tf=True),
)
pairs = views.fit_transform(pictures.pairs)
labels = pd.DataFrame(pictures.labels, columns=pictures.label_names)
sizes = {"hidden": 128, "width": 64, "n_layers": 2, "random_state": 0}
model = ALGCN(32, **sizes, max_epochs=12, validation_fraction=0.2).fit(pairs, labels)
folds = MultilabelStratifiedKFold(2, shuffle=True, random_state=0)
grid = {"tau": [0.1, 0.2, 0.4], "p": [0.25, 1.0]}
search = GridSearchCV(ALGCN(32, **sizes, max_epochs=4), grid, cv=folds, refit=False)
search.fit(pairs, labels, groups=pictures.groups)

# %%
# Its pictures
# ------------
# The range of the search's colours says that tau and p hardly matter here. Images and texts are mostly apart in the
# common space, because the loss compares either with the labels and not with one another.

figure = plt.figure(figsize=(9.2, 13.8), layout="constrained")
# Each row has a layout of its own, because its legends and bars take other room.
first, second, third, fourth = figure.subfigures(4, 1, height_ratios=[1.3, 1.2, 1.1, 1])
TrainingDisplay.from_estimator(model, ax=first.subplots())
LabelGraphDisplay.from_estimator(model, kind="network", n_labels=12, ax=second.subplots())
surface, classifiers = third.subplots(1, 2, width_ratios=[1, 1.2])
SearchSurfaceDisplay.from_cv_results(search.cv_results_, score="score", ax=surface, name="validation mAP")
space = fourth.subplots()
EmbeddingDisplay.from_estimator(model, method="tsne", ax=classifiers, name="classifiers of labels")
EmbeddingDisplay.from_estimator(model, pairs, labels, method="tsne", n_groups=4, max_points=300, ax=space)
figure.savefig(OUTPUT / "learned.png", dpi=100)
print(f"picture: {OUTPUT / 'learned.png'}", flush=True)

# %%
# Words that look at regions
# --------------------------
# Scenes of handwritten digits with sentences about them. The more attention a digit has, the stronger its frame.

scenes = make_captioned_scenes(150, min_digits=3, random_state=0)
texts = Sentences(scenes.tokens, scenes.tags, scenes.heads)
described = Pairs(Regions(scenes.regions, scenes.boxes, scenes.mask), texts, image_index=scenes.image_index)
attending = SCAN(64, word_width=32, batch_size=50, max_epochs=15, lr=2e-3, random_state=0).fit(described)
row = 0
picture = 1 - scenes.images[scenes.image_index[row]] / 16
AttentionDisplay.from_estimator(attending, described, row=row, picture=picture).figure_.savefig(
    OUTPUT / "attention.png", dpi=80
)
print(f"picture: {OUTPUT / 'attention.png'}", flush=True)
