"""
Looking into what was learned
=============================

Claim: what a deep method has learned can be looked at: which epoch is kept, which labels it connects beyond those that
occur together, where its classifiers of labels lie, which parameters matter, and which digits the words of a sentence
look at. Every picture is one call. The example needs ``pip install 'skxmr[demo,plot]'``.

.. image:: /learned.png
   :alt: A training, a search over tau and p, the given and the learned label graph, and the classifiers of labels

.. image:: /attention.png
   :alt: A scene of digits once per word of its sentence, with frames around the digits that the word looks at

Digits: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (UCI Machine Learning Repository),
CC BY 4.0. Icons: Font Awesome Free by Fonticons, Inc. (fontawesome.com), licensed under CC BY 4.0.
"""

# sphinx_gallery_thumbnail_path = 'learned.png'

from __future__ import annotations

import os
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer

from skxmr import ALGCN, SCAN, Pairs, PerModality, Regions, Sentences
from skxmr.datasets import load_icons, make_captioned_scenes
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

# %%
# A method that learns its label graph
# ------------------------------------
# Icons are described by their pixels and words by their parts, so that the example takes seconds.

icons = load_icons("train")
views = PerModality(
    image=FunctionTransformer(lambda X: X[:, ::4, ::4].reshape(len(X), -1) / 255),
    text=TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), max_features=500, sublinear_tf=True),
)
pairs = views.fit_transform(icons.pairs)
labels = pd.DataFrame(icons.labels, columns=icons.label_names)
sizes = {"hidden": 128, "width": 64, "n_layers": 2, "random_state": 0}
model = ALGCN(32, **sizes, max_epochs=12, validation_fraction=0.2).fit(pairs, labels)
folds = MultilabelStratifiedKFold(2, shuffle=True, random_state=0)
grid = {"tau": [0.1, 0.2, 0.4], "p": [0.25, 1.0]}
search = GridSearchCV(ALGCN(32, **sizes, max_epochs=4), grid, cv=folds, refit=False)
search.fit(pairs, labels, groups=icons.groups)

# %%
# Its pictures
# ------------
# The range of the search's colours says that tau and p hardly matter here. Images and texts are apart in the common
# space, because the loss compares either with the labels and not with one another.

figure = plt.figure(figsize=(14, 14), layout="constrained")
# Each row has a layout of its own, because its legends and bars take other room.
upper, middle, lower = figure.subfigures(3, 1, height_ratios=[1.1, 1.3, 1.1])
training, surface = upper.subplots(1, 2)
TrainingDisplay.from_estimator(model, ax=training)
SearchSurfaceDisplay.from_cv_results(search.cv_results_, score="score", ax=surface, name="validation mAP")
LabelGraphDisplay.from_estimator(model, kind="network", n_labels=14, ax=middle.subplots())
classifiers, space = lower.subplots(1, 2)
EmbeddingDisplay.from_estimator(model, method="tsne", ax=classifiers, name="classifiers of labels")
EmbeddingDisplay.from_estimator(model, pairs, labels, method="tsne", n_groups=4, max_points=300, ax=space)
figure.savefig(OUTPUT / "learned.png", dpi=70)
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
