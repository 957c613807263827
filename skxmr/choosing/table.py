"""The table of candidates: which methods are tried on which data, with which parameters, in which order."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import KernelPCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

import skxmr
from skxmr._data.packed import words_of
from skxmr.choosing.facts import Facts
from skxmr.steps.mean_regions import MeanRegions
from skxmr.steps.per_modality import PerModality

Grid: TypeAlias = dict[str, list[Any]]
# A name, an unfitted retriever, and the parameters that it tries.
Entry: TypeAlias = tuple[str, BaseEstimator, Grid]

# Kernel principal components of each view.
_KERNEL_COLUMNS = 1000
# An exact kernel matrix of so many rows takes 800 MB, and its decomposition minutes.
KERNEL_ROWS = 10_000

# Parameters on kernel principal components, by method.
KERNEL_GRIDS: dict[str, Grid] = {
    "SemanticMatching": {"model__ridge": [0.12, 0.25, 0.5]},
    "MLCCA": {
        "model__ridge": [0.12, 0.25, 0.5],
        "model__weights": ["cosine", "dot"],
        "model__correlation_power": [0.5, 0.75],
    },
}
# Shares of the votes in the similarity.
_VOTES: Grid = {"votes__weight": [0.5, 0.8]}
# Parameters of methods in closed form on the views as they are. They span what was chosen on the sets of
# docs/results.md, the most usual value first.
GRIDS: dict[str, Grid] = {
    "SemanticMatching": {"ridge": [0.3, 0.1, 1.0, 3.0]},
    "MLCCA": {"ridge": [0.5, 0.25, 1.0], "correlation_power": [0.5, 0.0, 1.0], "weights": ["cosine", "dot"]},
    "CCA3V": {"ridge": [0.5, 1.0], "eigenvalue_power": [4.0, 6.0, 2.0]},
    "GMA": {"ridge": [0.5, 1.0], "alpha": [1.0, 0.3], "eigenvalue_power": [0.5]},
    "CCA": {"ridge": [1.0, 0.25, 4.0, 16.0], "correlation_power": [2.0, 0.5]},
    "PLS": {"scale": [True, False]},
    "CFA": {},
    "KCCA": {"text_kernel": ["cosine", "rbf"], "ridge": [0.02], "correlation_power": [1.0, 2.0]},
}
# Deep methods at their defaults, those first that were best per second in docs/results.md.
_DEEP_WITH_LABELS = ("DSCMR", "IGNN", "L2GCN", "ACMR", "DAGNN", "ALGCN")


def with_kernels(model: BaseEstimator, non_negative: bool = True) -> Pipeline:
    """Return a closed form on kernel principal components of both views, which makes it nonlinear.

    Rows get length 1, so that one width of the kernel suits data of any scale. Image features that are averages of
    units are never negative; square roots then weaken the few large ones.
    """
    roots = [FunctionTransformer(np.sqrt)] if non_negative else []
    image, text = (KernelPCA(_KERNEL_COLUMNS, kernel="rbf", gamma=gamma) for gamma in (2.0, 1.0))
    views = PerModality(image=make_pipeline(*roots, Normalizer(), image), text=make_pipeline(Normalizer(), text))
    return Pipeline([("views", views), ("model", model)])


def with_votes(model: BaseEstimator) -> Pipeline:
    """Return a pipeline with the model, or the steps of one, in which the nearest rows then vote on the labels."""
    steps = model.steps if isinstance(model, Pipeline) else [("model", model)]
    return Pipeline([*steps, ("votes", skxmr.NeighborVotes())])


def parts_of_words() -> TfidfVectorizer:
    """Return tf-idf weights of parts of words, three to five letters each, which also match words of other forms."""
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, dtype=np.float32)


def entries(facts: Facts) -> list[Entry]:
    """Return the methods that suit the data, quick ones first.

    Raises
    ------
    TypeError
        If images are neither vectors nor regions, because features of image files are computed once, before a search.
    """
    if facts.image.kind == "raw":
        raise TypeError(
            "the images are raw items, and a search would compute their features again for every candidate; put "
            "ImageFeatures(cache=...) in front: make_pipeline(PerModality(image=ImageFeatures(...)), AutoRetriever())."
        )
    if facts.of_sets:
        return _of_sets(facts)
    found = _with_labels(facts) if facts.n_labels else _without_labels(facts)
    if facts.text.kind != "raw":
        return found
    return [(name, _reading(estimator), _within(grid)) for name, estimator, grid in found]


def _reading(estimator: BaseEstimator) -> Pipeline:
    """Return a pipeline that turns texts into vectors first."""
    return Pipeline([("views", PerModality(text=parts_of_words())), ("model", estimator)])


def _within(grid: Grid) -> Grid:
    """Return parameters of the last step of a pipeline."""
    return {f"model__{key}": values for key, values in grid.items()}


def _closed(*names: str) -> list[Entry]:
    return [(name, _unfitted(name), GRIDS[name]) for name in names]


def _unfitted(name: str) -> BaseEstimator:
    """Return a method at its defaults; thresholds of tags change no score and take several fits, so there are none."""
    return skxmr.SemanticMatching(tag_folds=None) if name == "SemanticMatching" else getattr(skxmr, name)()


def _with_labels(facts: Facts) -> list[Entry]:
    found = _closed("SemanticMatching", "MLCCA", "CCA3V", "GMA")
    if facts.n_rows <= KERNEL_ROWS:
        for name, grid in KERNEL_GRIDS.items():
            model = with_votes(with_kernels(_unfitted(name), facts.image.non_negative))
            found.append((f"{name} on kernels, votes", model, grid | _VOTES))
        model = with_kernels(skxmr.JRL(), facts.image.non_negative)
        found.append(("JRL on kernels", model, {"model__selection": [0.01, 0.003]}))
    return found + [(f"{name}, votes", with_votes(_unfitted(name)), {}) for name in _DEEP_WITH_LABELS]


def _without_labels(facts: Facts) -> list[Entry]:
    return [*_closed("CCA", "PLS", "CFA", "KCCA"), ("DCCA", skxmr.DCCA(), {})]


def _of_sets(facts: Facts) -> list[Entry]:
    """Return what compares regions and words, and what embeds them."""
    found: list[Entry] = []
    if facts.image.kind == "regions":
        text = TfidfVectorizer(analyzer=words_of)
        means = Pipeline([("views", PerModality(image=MeanRegions(), text=text)), ("model", skxmr.CCA())])
        directions: Grid = {"attention": ["text_to_image", "image_to_text"]}
        found = [("CCA on means", means, _within(GRIDS["CCA"])), ("SCAN", skxmr.SCAN(), directions)]
        found.append(("RACG", skxmr.RACG(), {}))
    return [*found, ("VSEPP", skxmr.VSEPP(), {})]
