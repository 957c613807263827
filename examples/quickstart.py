"""
Fit, search and compare retrievers
==================================

Claim: methods that learn from labels (``MLCCA``, ``SemanticMatching``) retrieve better across modalities than methods
that see the pairs only (``CCA``, ``PLS``). The images are real handwritten digits with generated captions; two research
sets are compared as well where the variable ``SKXMR_DATA`` names their folder.

.. image:: /quickstart.png
   :alt: Query images with the captions retrieved for them, and captions with their images
"""

# sphinx_gallery_thumbnail_path = 'quickstart.png'

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, MLCCA, PLS, Pairs, PerModality, SemanticMatching
from skxmr.datasets import load_captioned_digits, load_corel5k_tags, load_wikipedia
from skxmr.metrics import RetrievalScores, SharedLabels

# Pictures go to files, also on a machine without a screen.
matplotlib.use("Agg")
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)


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
# Digits and captions
# -------------------
# A retriever works on numbers, so a pipeline first turns each view into features: images are standardised, captions
# become tf-idf vectors.


def with_features(retriever: Any) -> Pipeline:
    """Return a pipeline that turns images and captions into features and hands them to a retriever."""
    return make_pipeline(PerModality(image=StandardScaler(), text=TfidfVectorizer()), retriever)


train = load_captioned_digits("train", return_X_y=True)
test = load_captioned_digits("test", return_X_y=True)
methods = {"SemanticMatching": SemanticMatching(), "CCA": CCA(), "PLS": PLS(), "MLCCA": MLCCA()}
compare("captioned digits", {name: with_features(method) for name, method in methods.items()}, train, test)

# %%
# Searching the whole pipeline
# ----------------------------
# scikit-learn's grid search chooses the preprocessing of each view and the parameters of the method together.

grid = {
    "permodality__image": [StandardScaler(), "passthrough"],
    "permodality__text__ngram_range": [(1, 1), (1, 2)],
    "mlcca__ridge": [0.05, 0.25, 1.0],
    "mlcca__weights": ["cosine", "dot"],
}
print("\nsearching over image scaling, bigrams in the text, ridge and weights of MLCCA ...", flush=True)
folds = KFold(3, shuffle=True, random_state=0)
search = GridSearchCV(with_features(MLCCA()), grid, scoring=RetrievalScores(), refit="map", cv=folds).fit(*train)
found = RetrievalScores()(search, *test)
print(f"chosen by 3-fold validation (mAP {search.best_score_:.3f}): {search.best_params_}")
print(f"on the test rows: image→text {found['i2t_map']:.3f}, text→image {found['t2i_map']:.3f}")

# %%
# What is retrieved
# -----------------
# Left: a query image and its five nearest captions. Right: a query caption and its six nearest images. Green results
# share at least one label with the query, red ones share none.

digits = load_captioned_digits("test")
model = search.best_estimator_
# One row per image, one column per caption
scores = model[-1].similarity(model[:-1].transform(digits.pairs))
relevance = SharedLabels(digits.labels)[:]
queries = [int(np.flatnonzero(digits.digits == d)[3]) for d in (0, 3, 4, 7)]
colours = {True: "#1a7f37", False: "#cf222e"}

figure = plt.figure(figsize=(15, 7.6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.1])
left.suptitle("query image → nearest captions", fontsize=13)
right.suptitle("query caption → nearest images", fontsize=13)
for i, axes in zip(queries, left.subplots(4, 2, width_ratios=[1, 3.6]), strict=True):
    axes[0].imshow(digits.images[i], cmap="gray_r")
    for line, j in enumerate(np.argsort(-scores[i])[:5]):
        caption = f"{scores[i, j]:.2f}  {digits.pairs.text[j]}"
        axes[1].text(0, 0.9 - 0.2 * line, caption, color=colours[bool(relevance[i, j])], fontsize=9, va="center")
    for ax in axes:
        ax.axis("off")
for i, axes in zip(queries, right.subplots(4, 6), strict=True):
    axes[0].set_title(digits.pairs.text[i], loc="left", fontsize=9)
    for ax, j in zip(axes, np.argsort(-scores[:, i])[:6], strict=True):
        ax.imshow(digits.images[j], cmap="gray_r")
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set(color=colours[bool(relevance[j, i])], linewidth=3)
figure.text(0.5, -0.03, "green: shares at least one label with the query; red: shares none", ha="center")
figure.savefig(OUTPUT / "quickstart.png", dpi=110, bbox_inches="tight")
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
        "SemanticMatching": SemanticMatching(),
        "CCA": CCA(**settings),
        "PLS": PLS(settings["n_components"]),
        "MLCCA": MLCCA(**settings),
    }
    compare(title, methods, train, test)
