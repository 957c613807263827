"""Train DAGNN, look at its training, search its label graph, and let it tag images.

Claim: on the captioned digits one deep model retrieves in both directions and names the labels of images it has never
seen, without a training loop of the user's. Part of ``make demo``; the pictures are written to ``output/``.
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
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import DAGNN, LabelGraph, Pairs, PerModality, SemanticMatching
from skxmr.datasets import load_captioned_digits
from skxmr.metrics import RetrievalScores

matplotlib.use("Agg")  # pictures go to files
torch.set_num_threads(1)  # the matrices are small: more threads would wait for one another
OUTPUT = Path(os.environ.get("SKXMR_OUTPUT", "output"))
SMALL = {"n_components": 64, "hidden": 256, "width": 128, "dropout": 0.2, "input_dropout": 0.1, "random_state": 0}


def say(text: str) -> None:
    """Print at once, so that progress is visible."""
    print(text, flush=True)


def with_features(*steps: tuple[str, Any]) -> Pipeline:
    """Return a pipeline that makes features of the digits and captions first."""
    return Pipeline([("views", PerModality(image=StandardScaler(), text=TfidfVectorizer())), *steps])


def report(name: str, model: Pipeline, train: tuple[Pairs, Any], test: tuple[Pairs, Any]) -> Pipeline:
    """Fit and print both mAPs on the test rows."""
    start = time.perf_counter()
    model.fit(*train)
    seconds = time.perf_counter() - start
    found = RetrievalScores()(model, *test)
    say(f"{name:<18} image→text {found['i2t_map']:.3f}, text→image {found['t2i_map']:.3f}, fit {seconds:.1f} s")
    return model


def search(train: tuple[Pairs, Any]) -> None:
    """Ask, by validation, how much the label graph matters: by DAGNN's own parameters, then by a step."""
    folds = KFold(2, shuffle=True, random_state=0)
    model = DAGNN(**SMALL | {"max_epochs": 8})
    scoring = {"scoring": RetrievalScores(), "refit": "map", "cv": folds}
    own = GridSearchCV(with_features(("model", model)), {"model__tau": [0.2, 0.5], "model__p": [0.25, 1.0]}, **scoring)
    say(f"\nsearch over tau and p of DAGNN: {own.fit(*train).best_params_}, validation mAP {own.best_score_:.3f}")
    step = with_features(("graph", LabelGraph()), ("model", model))
    by_step = GridSearchCV(step, {"graph__kind": ["cooccurrence", "identity"]}, **scoring).fit(*train)
    for kind, score in zip(by_step.cv_results_["param_graph__kind"], by_step.cv_results_["mean_test_map"], strict=True):
        say(f"with the graph of a LabelGraph step, kind={kind}: validation mAP {score:.3f}")


def draw_training(model: DAGNN, path: Path) -> None:
    """Draw the loss terms and the validation mAPs over the epochs."""
    history = model.history_
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for name in ("classification", "invariance", "adversary"):
        left.plot(history["epoch"], history[name], label=name)
    left.set(xlabel="epoch", ylabel="mean over the batches, unweighted", title="terms of the loss")
    for name, label in (("validation_i2t_map", "image→text"), ("validation_t2i_map", "text→image")):
        right.plot(history["epoch"], history[name], label=label)
    right.axvline(model.best_epoch_, color="grey", linestyle="--", label=f"epoch {model.best_epoch_} is kept")
    right.set(xlabel="epoch", ylabel="mAP", title="validation rows")
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def draw_tags(model: Pipeline, path: Path) -> None:
    """Draw test images with the labels the model gives them: green where right, red where wrong."""
    digits = load_captioned_digits("test")
    chosen = [int(np.flatnonzero(digits.digits == d)[5]) for d in range(10)]
    features = model[:-1].transform(Pairs(image=digits.pairs.image[chosen]))
    names = digits.label_names.tolist()
    figure, axes = plt.subplots(2, 5, figsize=(12, 6), layout="constrained")
    for ax, row, tags in zip(axes.ravel(), chosen, model[-1].annotate(image=features, k=4), strict=True):
        ax.imshow(digits.images[row], cmap="gray_r")
        ax.axis("off")
        for line, tag in enumerate(tags):
            colour = "#1a7f37" if digits.labels[row, names.index(tag)] else "#cf222e"
            ax.text(0.5, -0.09 - 0.12 * line, tag, color=colour, ha="center", transform=ax.transAxes)
    figure.suptitle("The four best labels of test images: green has it, red has not")
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a picture and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
    say(f"picture: {path}")


def main() -> int:
    """Run the tour."""
    digits = [load_captioned_digits(subset) for subset in ("train", "test")]
    train, test = ((part.pairs, pd.DataFrame(part.labels, columns=part.label_names)) for part in digits)
    say("captioned digits, test rows:")
    report("SemanticMatching", with_features(("model", SemanticMatching())), train, test)
    model = report("DAGNN", with_features(("model", DAGNN(**SMALL | {"max_epochs": 30}))), train, test)
    draw_training(model[-1], OUTPUT / "training.png")
    draw_tags(model, OUTPUT / "tags.png")
    search(train)
    return 0


if __name__ == "__main__":
    sys.exit(main())
