"""Fit, search and compare retrievers on real images, and look at what they retrieve.

Claim: on digits and Corel5k, methods that learn from labels (MLCCA, SemanticMatching) retrieve better across
modalities than those that see the pairs only (CCA, PLS). Run with ``make demo``; the picture is written to
``output/quickstart.png``. The research sets are used where ``SKXMR_DATA`` names their folder.
"""

from __future__ import annotations

import os
import sys
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

matplotlib.use("Agg")  # pictures go to files
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))


def say(text: str) -> None:
    """Print at once, so that progress is visible."""
    print(text, flush=True)


def compare(title: str, retrievers: dict[str, Any], train: tuple[Pairs, Any], test: tuple[Pairs, Any]) -> None:
    """Print a table: both mAPs on the test rows and the fit time of each retriever."""
    chance = SharedLabels(test[1])[:].mean()
    say(f"\n{title}: {len(train[0])} training and {len(test[0])} test pairs, mAP by chance about {chance:.3f}")
    say(f"{'method':<18} {'image→text':>11} {'text→image':>11} {'fit, s':>8}")
    for name, retriever in retrievers.items():
        start = time.perf_counter()
        retriever.fit(*train)
        seconds = time.perf_counter() - start
        found = RetrievalScores()(retriever, *test)
        say(f"{name:<18} {found['i2t_map']:>11.3f} {found['t2i_map']:>11.3f} {seconds:>8.2f}")


def captioned_digits() -> Pipeline:
    """Compare the retrievers on the embedded digits; return the best pipeline of a search."""
    train, test = (load_captioned_digits(subset, return_X_y=True) for subset in ("train", "test"))

    def with_features(retriever: Any) -> Pipeline:
        return make_pipeline(PerModality(image=StandardScaler(), text=TfidfVectorizer()), retriever)

    methods = {"SemanticMatching": SemanticMatching(), "CCA": CCA(), "PLS": PLS(), "MLCCA": MLCCA()}
    compare("captioned digits", {name: with_features(m) for name, m in methods.items()}, train, test)

    say("\nsearching the pipeline: image scaling, bigrams in the text, ridge and weights of MLCCA ...")
    grid = {
        "permodality__image": [StandardScaler(), "passthrough"],
        "permodality__text__ngram_range": [(1, 1), (1, 2)],
        "mlcca__ridge": [0.05, 0.25, 1.0],
        "mlcca__weights": ["cosine", "dot"],
    }
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(with_features(MLCCA()), grid, scoring=RetrievalScores(), refit="map", cv=folds).fit(*train)
    found = RetrievalScores()(search, *test)
    say(f"chosen by 3-fold validation (mAP {search.best_score_:.3f}): {search.best_params_}")
    say(f"on the test rows: image→text {found['i2t_map']:.3f}, text→image {found['t2i_map']:.3f}")
    return search.best_estimator_


def research_sets() -> None:
    """Compare the retrievers on Corel5k and Wikipedia, where they are on disk."""
    settings = {  # near what benchmarks/reproduce.py chose on training rows, the same for all methods
        "corel5k_tags": (load_corel5k_tags, 48, 0.5),
        "wikipedia (LDA text)": (load_wikipedia, 9, 0.25),
    }
    for title, (load, k, ridge) in settings.items():
        try:
            train, test = (load(subset, return_X_y=True) for subset in ("train", "test"))
        except FileNotFoundError as error:
            say(f"\n{title} left out: {error}")
            continue
        methods = {
            "SemanticMatching": SemanticMatching(),
            "CCA": CCA(n_components=k, ridge=ridge),
            "PLS": PLS(n_components=k),
            "MLCCA": MLCCA(n_components=k, ridge=ridge),
        }
        compare(title, methods, train, test)


def picture(model: Pipeline, path: Path) -> None:
    """Draw query images with the captions retrieved for them, and captions with their images."""
    digits = load_captioned_digits("test")
    relevance = SharedLabels(digits.labels)[:]
    embedded = model.transform(digits.pairs)
    image, text = (view / np.linalg.norm(view, axis=1, keepdims=True) for view in (embedded.image, embedded.text))
    scores = image @ text.T
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
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)


def main() -> int:
    """Run the tour."""
    best = captioned_digits()
    picture(best, OUTPUT / "quickstart.png")
    say(f"picture: {OUTPUT / 'quickstart.png'}")
    research_sets()
    return 0


if __name__ == "__main__":
    sys.exit(main())
