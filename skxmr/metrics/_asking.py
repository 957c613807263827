"""From a fitted estimator and rows to a score and a relevance matrix: the one place that asks a retriever."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import as_pairs, need_both
from skxmr._data.labels import encode_labels
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import IndexedRows
from skxmr.metrics._relevance import SameGroup, SameRow, SharedLabels
from skxmr.metrics._similarity import Similarity

# Images whose similarities are looked at together.
_ROWS = 256


def score_matrices(
    estimator: Any, X: Any, y: Any, labels: Any, metric: str = "cosine", *, by_labels: bool = True
) -> tuple[Any, Any]:
    """Return (scores, relevance) of image queries against texts, for a retriever or a pipeline or search around one.

    Labels given: relevant means a shared label. No labels and fitted without: the same row. No labels although
    fitted with: an error, because a forgiving score would be silently wrong. An image that several texts share is one
    query; its labels are those of its first text, and without labels all its texts are relevant. `by_labels=False`
    leaves labels out of it, given or learned from.
    """
    pairs, labels = as_pairs(X, y, labels)
    need_both(pairs, "scoring")
    if len(pairs) == 0:
        raise ValueError("the Pairs to score has no rows; pass at least one image with its text.")
    if not by_labels:
        labels = None
    elif labels is None and hasattr(estimator, "classes_"):
        raise ValueError(
            "the model was fitted with labels but is scored without; pass them: score(pairs, labels) or "
            "score(X_img, X_txt, labels). In scikit-learn's search tools use Pairs as X and the labels as y, "
            "or enable metadata routing and pass labels=."
        )
    if isinstance(pairs.image, IndexedRows):
        images, index = pairs.distinct_images()
        relevance: Any = SameGroup(np.arange(images.shape[0]), index)
        if labels is not None:
            encoded = encode_labels(labels)
            first = np.unique(index, return_index=True)[1]
            relevance = SharedLabels(encoded._replace(matrix=encoded.matrix[first]), encoded)
        parts = pairs.replace(image=images, text=None), pairs.replace(image=None)
        return similarity_matrix(estimator, *parts, metric), relevance
    relevance = SameRow(len(pairs)) if labels is None else SharedLabels(labels)
    return similarity_matrix(estimator, pairs, pairs, metric), relevance


def similarity_matrix(estimator: Any, images: Pairs, texts: Pairs, metric: str = "cosine") -> Any:
    """Return the similarity of all images of one `Pairs` with all texts of another, or of the same.

    The one place that asks a retriever, or a pipeline or search around one: embeddings are compared a block at a time,
    a retriever without `transform` compares pair by pair and has a similarity of its own.
    """
    if not hasattr(estimator, "transform"):
        if metric != "cosine":
            raise ValueError(f"metric={metric!r} compares embeddings, and this model has a similarity of its own.")
        return _own_similarity(estimator, images, texts)
    if images is texts:
        embedded = _embedded(estimator, images)
        return Similarity(embedded.image, embedded.text, metric)
    return Similarity(_embedded(estimator, images).image, _embedded(estimator, texts).text, metric)


def some_similarities(estimator: Any, images: Pairs, texts: Pairs, where: Any) -> sp.csr_array:
    """Return the similarities of the pairs that `where` (n, m) holds; of embeddings, whole rows are computed."""
    asked = check_where(where, len(images), len(texts))
    if not hasattr(estimator, "transform"):
        found: sp.csr_array = _own_similarity(estimator, images, texts, asked)
        return found
    scores, data = similarity_matrix(estimator, images, texts), []
    rows = np.repeat(np.arange(len(images)), np.diff(asked.indptr))
    for start in range(0, len(images), _ROWS):
        own = slice(*np.searchsorted(rows, (start, start + _ROWS)))
        data.append(scores[start : start + _ROWS][rows[own] - start, asked.indices[own]])
    return sp.csr_array((np.concatenate(data), asked.indices, asked.indptr), asked.shape)


def check_where(where: Any, n: int, m: int) -> sp.csr_array:
    """Return which pairs are asked for, as CSR with sorted indices."""
    asked = sp.csr_array(where, copy=True) != 0
    if asked.shape != (n, m):
        raise ValueError(f"where has shape {asked.shape}, but there are {n} images and {m} texts.")
    asked.sum_duplicates()
    asked.eliminate_zeros()
    return sp.csr_array(asked)


def _own_similarity(estimator: Any, images: Pairs, texts: Pairs, where: sp.csr_array | None = None) -> Any:
    """Ask a retriever that compares pairs for its similarity, after the steps of pipelines around it."""
    pipelines, retriever = _unwrapped(estimator)
    for steps in pipelines:
        same = images is texts
        images = steps.transform(images)
        texts = images if same else steps.transform(texts)
    if where is None:
        return retriever.similarity(images.image, texts.text)
    return retriever.similarity(images.image, texts.text, where=where)


def _unwrapped(estimator: Any) -> tuple[list[Any], Any]:
    """Return what pipelines do before the retriever, in order, and the retriever.

    Only `transform` reaches through scikit-learn's pipelines and searches; `similarity` does not.
    """
    pipelines: list[Any] = []
    while not hasattr(estimator, "similarity"):
        # Imported here, because the linear methods otherwise load in half the time without it.
        from sklearn.pipeline import Pipeline

        if isinstance(estimator, Pipeline):
            if len(estimator.steps) > 1:
                pipelines.append(estimator[:-1])
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "estimator"):
            # A search has found `best_estimator_`, and FrozenEstimator keeps the one it was given.
            check_is_fitted(estimator)
            estimator = getattr(estimator, "best_estimator_", estimator.estimator)
        else:
            raise TypeError(
                f"{type(estimator).__name__} has neither transform nor similarity; pass a retriever, or a pipeline or "
                "search around one."
            )
    return pipelines, estimator


def _embedded(estimator: Any, pairs: Pairs) -> Pairs:
    embedded = estimator.transform(pairs)
    if not isinstance(embedded, Pairs):
        raise TypeError(
            f"{type(estimator).__name__}.transform returned a {type(embedded).__name__}, but a retriever, "
            "or a pipeline that ends in one, gives a Pairs of embeddings."
        )
    return embedded
