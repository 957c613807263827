"""
Fit, search and compare retrievers
==================================

Claim: methods that learn from labels (``MLCCA``, ``SemanticMatching``) retrieve better across modalities than methods
that see the pairs only (``CCA``, ``PLS``). The pictures are drawings of the Open Clip Art Library, where the variable
``SKXMR_CLIPART`` names its folder, and else icons; the texts are words of the people who made them. Two research sets
are compared as well where the variable ``SKXMR_DATA`` names their folder. The example needs
``pip install 'skxmr[demo]'``.

.. image:: /quickstart.png
   :alt: Query drawings with the words found for them, and words with the drawings found for them

Drawings: Open Clip Art Library 0.18 (openclipart.org), public domain.
"""

# sphinx_gallery_thumbnail_path = 'quickstart.png'

from __future__ import annotations

import os
import re
import time
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, MLCCA, PLS, Pairs, PerModality, SemanticMatching
from skxmr.datasets import load_corel5k_tags, load_icons, load_openclipart, load_wikipedia
from skxmr.features import ImageFeatures
from skxmr.inspection import RetrievalDisplay
from skxmr.metrics import RetrievalScores, SharedLabels
from skxmr.model_selection import MultilabelStratifiedKFold

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
CLIPART = os.environ.get("SKXMR_CLIPART")
load = partial(load_openclipart, CLIPART) if CLIPART else load_icons


# %%
# A table of retrievers
# ---------------------
# One function fits retrievers on the training pairs and prints what they reach on the test pairs: the mean average
# precision (mAP) of both directions, and the seconds that fitting took.


def compare(title: str, retrievers: dict[str, Any], train: tuple[Pairs, Any], test: tuple[Pairs, Any]) -> None:
    """Print both mAPs on the test rows and the time of the fit, a line per retriever."""
    chance = SharedLabels(test[1])[:].mean()
    print(f"\n{title}: {len(train[0])} training and {len(test[0])} test pairs, mAP by chance about {chance:.3f}")
    print(f"{'method':<18} {'image→text':>11} {'text→image':>11} {'fit, s':>8}")
    for name, retriever in retrievers.items():
        start = time.perf_counter()
        retriever.fit(*train)
        seconds = time.perf_counter() - start
        found = RetrievalScores()(retriever, *test)
        print(f"{name:<18} {found['i2t_map']:>11.3f} {found['t2i_map']:>11.3f} {seconds:>8.2f}", flush=True)


# %%
# Pictures and words
# ------------------
# A retriever works on numbers, so a pipeline first turns each view into features. EfficientNet-Lite0, a network that
# was trained on photographs, turns pictures into vectors, which are kept in a folder and so computed once. Words become
# tf-idf vectors of their parts, three to five letters each.

network = ImageFeatures("efficientnet_lite0", cache=OUTPUT / "features")
letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True)


def with_features(retriever: Any) -> Pipeline:
    """Return a pipeline that turns pictures and words into features and hands them to a retriever."""
    return make_pipeline(PerModality(image=network, text=letters), retriever)


pictures = load("test")
train = load("train", return_X_y=True)
test = (pictures.pairs, pictures.labels)
start = time.perf_counter()
clone(network).set_params(verbose=1).fit_transform(np.concatenate([train[0].image, test[0].image]))
print(f"features of all pictures in {time.perf_counter() - start:.0f} s", flush=True)
methods = {
    "SemanticMatching": SemanticMatching(ridge=1.0, tag_folds=None),
    "CCA": CCA(32, ridge=1.0, correlation_power=2.0),
    "PLS": PLS(32),
    "MLCCA": MLCCA(48, ridge=1.0),
}
compare("pictures", {name: with_features(method) for name, method in methods.items()}, train, test)

# %%
# Searching the whole pipeline
# ----------------------------
# scikit-learn's grid search chooses the preprocessing of each view and the parameters of the method together. Every
# label has its share in every fold, and pictures of one series, which are nearly the same, are in one fold.

grid = {
    "permodality__image": [network, make_pipeline(network, StandardScaler())],
    "mlcca__ridge": [0.5, 2.0],
    "mlcca__weights": ["cosine", "dot"],
}
print("\nsearching over image scaling, ridge and weights of MLCCA ...", flush=True)
folds = MultilabelStratifiedKFold(3, shuffle=True, random_state=0)
search = GridSearchCV(with_features(MLCCA(48)), grid, scoring=RetrievalScores(), refit="map", cv=folds)
search.fit(*train, groups=train[0].groups)
found = RetrievalScores()(search, *test)
print(f"chosen by 3-fold validation (mAP {search.best_score_:.3f}): {search.best_params_}")
print(f"on the test rows: image→text {found['i2t_map']:.3f}, text→image {found['t2i_map']:.3f}")

# %%
# What is retrieved
# -----------------
# Above: pictures and the words of four other pictures. Below: words and six other pictures. What is relevant shares a
# label with the query. The first test pictures of three labels ask, and of nearly equal pictures one is shown.

rows = np.sort(np.unique(pictures.groups, return_index=True)[1])
tags = pd.DataFrame(pictures.labels[rows], columns=pictures.label_names)
queries = tags.filter(regex="(?i)building|food|music").idxmax()
# Some of those who drew have left their addresses in the words.
texts = [re.sub(r"\S+@\S+", "", text) for text in pictures.pairs.text[rows]]
options = {"queries": queries, "texts": texts, "exclude_self": True}
figure, (above, below) = plt.subplots(2, 1, figsize=(9, 9.7), height_ratios=[1, 1.1], layout="constrained")
RetrievalDisplay.from_estimator(
    search, pictures.pairs[rows], tags, **options, direction="image_to_text", k=4, ax=above, name="pictures → words"
)
RetrievalDisplay.from_estimator(search, pictures.pairs[rows], tags, **options, ax=below, name="words → pictures")
figure.supxlabel(pictures.attribution, fontsize=9)
figure.savefig(OUTPUT / "quickstart.png", dpi=100)
print(f"picture: {OUTPUT / 'quickstart.png'}", flush=True)

# %%
# The research sets
# -----------------
# Corel5k and Wikipedia are not part of the package. Where they are on disk the same methods are compared on them, with
# parameters near those that ``benchmarks/reproduce.py`` chose on training rows, the same for all methods.

research_sets = {
    "corel5k_tags": (load_corel5k_tags, {"n_components": 48, "ridge": 0.5}),
    "wikipedia (LDA text)": (load_wikipedia, {"n_components": 9, "ridge": 0.25}),
}
for title, (load, settings) in research_sets.items():
    try:
        train = load("train", return_X_y=True)
        test = load("test", return_X_y=True)
    except FileNotFoundError as error:
        print(f"\n{title} left out: {error}")
        continue
    methods = {
        "SemanticMatching": SemanticMatching(tag_folds=None),
        "CCA": CCA(**settings),
        "PLS": PLS(settings["n_components"]),
        "MLCCA": MLCCA(**settings),
    }
    compare(title, methods, train, test)
