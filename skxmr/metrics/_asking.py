"""From a fitted estimator and rows to a score and a relevance matrix: the one place that asks a retriever."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from skxmr._data.arguments import as_pairs, need_both
from skxmr._data.labels import encode_labels
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import IndexedRows
from skxmr.metrics._relevance import SameGroup, SameRow, SharedLabels
from skxmr.metrics._similarity import Similarity

_ROWS = 256  # images whose similarities are looked at together


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
    elif labels is None and _fitted_with_labels(estimator):
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
    whatever scores pair by pair has a similarity of its own.
    """
    if scores_pairs(estimator):
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
    if scores_pairs(estimator):
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


def scores_pairs(estimator: Any) -> bool:
    """Tell whether a retriever, or what a pipeline or search has around it, makes no embeddings."""
    return bool(getattr(_retriever(estimator), "scores_pairs", False))


def _own_similarity(estimator: Any, images: Pairs, texts: Pairs, where: Any = None) -> Any:
    if hasattr(estimator, "best_estimator_"):
        return _own_similarity(estimator.best_estimator_, images, texts, where)
    if hasattr(estimator, "steps"):
        if len(estimator.steps) > 1:
            same, images = images is texts, estimator[:-1].transform(images)
            texts = images if same else estimator[:-1].transform(texts)
        return _own_similarity(estimator.steps[-1][1], images, texts, where)
    given = {} if where is None else {"where": where}
    return estimator.similarity(images.image, texts.text, **given)


def _embedded(estimator: Any, pairs: Pairs) -> Pairs:
    embedded = estimator.transform(pairs)
    if not isinstance(embedded, Pairs):
        raise TypeError(
            f"{type(estimator).__name__}.transform returned a {type(embedded).__name__}, but a retriever, "
            "or a pipeline that ends in one, gives a Pairs of embeddings."
        )
    return embedded


def _retriever(estimator: Any) -> Any:
    """Return the retriever in searches and pipelines."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return estimator


def _fitted_with_labels(estimator: Any) -> bool:
    return bool(getattr(_retriever(estimator), "fitted_with_labels_", False))
