"""From a fitted estimator and rows to a score and a relevance matrix: the one place that asks a retriever."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import as_pairs, need_both
from skxmr._data.codes import as_signs
from skxmr._data.kinds import MODALITIES, FloatArray, IndexArray, LabelsLike, View
from skxmr._data.labels import encode_labels
from skxmr._data.masks import check_unmasked
from skxmr._data.pairs import Pairs
from skxmr._data.partial import PartialRows
from skxmr._data.repeated import distinct
from skxmr.metrics._code_similarity import CodeSimilarity
from skxmr.metrics._matrices import BlockedMatrix
from skxmr.metrics._relevance import SameGroup, SameRow, SharedLabels
from skxmr.metrics._similarity import Similarity

# Which pairs are asked for, of shape (n, m).
Where: TypeAlias = ArrayLike | sp.sparray

# Images whose similarities with all texts are computed together.
_ROWS = 256


def score_matrices(
    estimator: BaseEstimator,
    X: View,
    y: View | LabelsLike,
    labels: LabelsLike,
    metric: str = "cosine",
    *,
    by_labels: bool = True,
) -> tuple[BlockedMatrix, BlockedMatrix]:
    """Return (scores, relevance) of image queries against texts, for a retriever or a pipeline or search around one.

    Labels given: relevant means a shared label. No labels and fitted without: the same row. No labels although
    fitted with: an error, because a forgiving score would be silently wrong. An image that several texts share is one
    query; its labels are those of its first text, and without labels all its texts are relevant. A row without an image
    asks with its text and is found by none, and the reverse. `by_labels=False` leaves out labels, those that are given
    and those of fit.
    """
    need_retriever(estimator, "estimator")
    pairs, labels = as_pairs(X, y, labels)
    need_both(pairs.image, pairs.text, "scoring")
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
    if isinstance(pairs.image, PartialRows) or isinstance(pairs.text, PartialRows):
        return _of_single_views(estimator, pairs, labels, metric)
    images, index = distinct(pairs.image)
    if index is not None:
        queries = pairs.replace(image=images, text=None)
        gallery = pairs.replace(image=None)
        return similarity_matrix(estimator, queries, gallery, metric), relevance_matrix(len(pairs), index, labels)
    return similarity_matrix(estimator, pairs, pairs, metric), relevance_matrix(len(pairs), None, labels)


def _of_single_views(
    estimator: BaseEstimator, pairs: Pairs, labels: LabelsLike, metric: str
) -> tuple[BlockedMatrix, BlockedMatrix]:
    """Return (scores, relevance) of the images that are there against the texts that are there."""
    sides = {}
    for name in MODALITIES:
        sides[name] = np.flatnonzero(~getattr(pairs, f"{name}_missing"))
        if len(sides[name]) == 0:
            raise ValueError(f"no row to score has {name}; scoring needs images and texts, not always in one row.")
    with_image = pairs[sides["image"]]
    images, index = with_image.distinct_images()
    queries = with_image.replace(image=images, text=None)
    gallery = pairs[sides["text"]].replace(image=None)
    scores = similarity_matrix(estimator, queries, gallery, metric)
    if labels is None:
        # A text without an image is in the group of none.
        shown = np.full(len(pairs), len(queries))
        shown[sides["image"]] = index
        return scores, SameGroup(np.arange(len(queries)), shown[sides["text"]])
    encoded = encode_labels(labels)
    first = sides["image"][np.unique(index, return_index=True)[1]]
    own = encoded._replace(matrix=encoded.matrix[first])
    return scores, SharedLabels(own, encoded._replace(matrix=encoded.matrix[sides["text"]]))


def need_retriever(estimator: BaseEstimator, name: str) -> None:
    """Refuse what is neither a retriever nor a pipeline or search around one."""
    last = estimator
    while not hasattr(last, "similarity") and not isinstance(last, type):
        steps = _steps(last)
        inner = steps[-1][1] if steps else getattr(last, "estimator", None)
        if inner is None:
            break
        last = inner
    # Steps on Pairs make embeddings as well, and so may what others write; scikit-learn's own transformers do not.
    embeds = hasattr(last, "transform") and not type(last).__module__.startswith("sklearn.")
    if isinstance(last, type) or not (hasattr(last, "similarity") or embeds):
        wanted = "a retriever, such as CCA(), or a pipeline or search that ends in one"
        if isinstance(last, type):
            raise TypeError(f"{name} must be {wanted}; got the class {last.__name__}, so call it: {last.__name__}().")
        reason = "has neither transform nor similarity"
        if hasattr(last, "transform"):
            reason = "transforms a matrix, not a Pairs; in front of a retriever it stands in PerModality"
        raise TypeError(f"{name} must be {wanted}; got {estimator!r}: {type(last).__name__} {reason}.")


def relevance_matrix(n: int, index: IndexArray | None, labels: LabelsLike) -> SameGroup | SharedLabels:
    """Return the relevance of n texts to distinct images; `index` tells which of these each text is about.

    Without an index row i of both is the same item.
    """
    if index is None:
        return SameRow(n) if labels is None else SharedLabels(encode_labels(labels))
    if labels is None:
        return SameGroup(np.arange(index.max() + 1), index)
    encoded = encode_labels(labels)
    first = np.unique(index, return_index=True)[1]
    return SharedLabels(encoded._replace(matrix=encoded.matrix[first]), encoded)


def similarity_matrix(estimator: BaseEstimator, images: Pairs, texts: Pairs, metric: str = "cosine") -> BlockedMatrix:
    """Return the similarity of all images of one `Pairs` with all texts of another, or of the same.

    An estimator with `transform` embeds, and embeddings are compared a block at a time; codes by their Hamming
    distances. Another one compares pair by pair, and is asked for its own similarity.
    """
    if not hasattr(estimator, "transform"):
        if metric != "cosine":
            raise ValueError(f"metric={metric!r} compares embeddings, and this model has a similarity of its own.")
        return _own_similarity(estimator, images, texts)
    of_images = _transformed(estimator, images)
    of_texts = of_images if images is texts else _transformed(estimator, texts)
    n_bits = bits_of(estimator)
    if n_bits is None or metric == "hamming":
        return Similarity(of_images.image, of_texts.text, metric)
    if metric != "cosine":
        raise ValueError(
            f"metric={metric!r} compares vectors, and this model makes codes; take 'hamming', or 'cosine', which is "
            "that of their signs and ranks alike."
        )
    return CodeSimilarity(of_images.image, of_texts.text, n_bits)


def whole_similarity(estimator: BaseEstimator, images: Pairs, texts: Pairs) -> FloatArray:
    """Return the similarity of all images with all texts as an array (n, m)."""
    return np.asarray(similarity_matrix(estimator, images, texts)[:])


def some_similarities(estimator: BaseEstimator, images: Pairs, texts: Pairs, where: Where) -> sp.csr_array:
    """Return the similarities of the pairs that `where` (n, m) holds; of embeddings, whole rows are computed."""
    asked = check_where(where, len(images), len(texts))
    if not hasattr(estimator, "transform"):
        return _own_similarity(estimator, images, texts, asked)
    return at_pairs(similarity_matrix(estimator, images, texts), asked)


def at_pairs(scores: BlockedMatrix, asked: sp.csr_array) -> sp.csr_array:
    """Return the scores of the pairs that are asked for, of whole rows block by block."""
    data = []
    for block in gen_batches(asked.shape[0], _ROWS):
        own = asked[block]
        rows = np.repeat(np.arange(own.shape[0]), np.diff(own.indptr))
        data.append(np.asarray(scores[block])[rows, own.indices])
    return sp.csr_array((np.concatenate(data), asked.indices, asked.indptr), asked.shape)


def check_where(where: Where, n: int, m: int) -> sp.csr_array:
    """Return which pairs are asked for, as CSR with sorted indices."""
    # The comparison merges and sorts the entries of its operand, so that must be a copy.
    asked: sp.csr_array = sp.csr_array(check_unmasked(where, "where"), copy=True) != 0
    if asked.shape != (n, m):
        raise ValueError(f"where has shape {asked.shape}, but there are {n} images and {m} texts.")
    return asked


def _own_similarity(
    estimator: BaseEstimator, images: Pairs, texts: Pairs, where: sp.csr_array | None = None
) -> FloatArray | sp.csr_array:
    """Ask a retriever that compares pairs for its similarity, after the steps of pipelines around it."""
    pipelines, retriever = unwrapped(estimator)
    for steps in pipelines:
        same = images is texts
        images = steps.transform(images)
        texts = images if same else steps.transform(texts)
    if where is None:
        return retriever.similarity(images.image, texts.text)
    return retriever.similarity(images.image, texts.text, where=where)


def unwrapped(estimator: BaseEstimator) -> tuple[list[BaseEstimator], BaseEstimator]:
    """Return what pipelines do before the retriever, in order, and the retriever.

    Only `transform` reaches through scikit-learn's pipelines and searches; `similarity` does not.
    """
    pipelines = []
    while not hasattr(estimator, "similarity"):
        # Imported only here, because it would double the time in which the linear methods load.
        from sklearn.pipeline import Pipeline

        if isinstance(estimator, Pipeline):
            steps = _steps(estimator)
            if len(steps) > 1:
                pipelines.append(Pipeline(steps[:-1]))
            estimator = steps[-1][1]
        elif hasattr(estimator, "estimator"):
            # A search has found `best_estimator_`, and FrozenEstimator keeps the one it was given.
            check_is_fitted(estimator)
            if not getattr(estimator, "refit", True):
                raise ValueError(
                    f"{type(estimator).__name__} was fitted with refit=False, so it holds no fitted model; set "
                    "refit=True, or fit a model with its best_params_."
                )
            estimator = getattr(estimator, "best_estimator_", estimator.estimator)
        elif hasattr(estimator, "transform"):
            # What embeds is a retriever too, although it has no similarity of its own.
            break
        else:
            raise TypeError(
                f"{type(estimator).__name__} is neither a retriever nor a pipeline or search around one; pass one of "
                "these."
            )
    return pipelines, estimator


def _steps(estimator: BaseEstimator) -> list[tuple[str, BaseEstimator]]:
    """Return the steps of a pipeline that do something, in order; none of another estimator."""
    return [step for step in getattr(estimator, "steps", ()) if step[1] not in (None, "passthrough")]


def bits_of(estimator: BaseEstimator) -> int | None:
    """Return the number of bits of the codes that a fitted estimator makes; None if it makes vectors."""
    _, retriever = unwrapped(estimator)
    n_bits: int | None = getattr(retriever, "n_bits_", None)
    return n_bits


def embedded(estimator: BaseEstimator, pairs: Pairs) -> Pairs:
    """Return the embeddings of the views of a `Pairs` as vectors; codes become vectors of signs, -1 and 1."""
    found = _transformed(estimator, pairs)
    n_bits = bits_of(estimator)
    if n_bits is None:
        return found
    vectors: dict[str, View] = {}
    for name in MODALITIES:
        codes = getattr(found, name)
        if codes is not None:
            vectors[name] = as_signs(codes, n_bits).astype(np.float32)
    return found.replace(**vectors)


def _transformed(estimator: BaseEstimator, pairs: Pairs) -> Pairs:
    """Return what `transform` makes of a `Pairs`."""
    found = estimator.transform(pairs)
    if not isinstance(found, Pairs):
        raise TypeError(
            f"{type(estimator).__name__}.transform returned a {type(found).__name__}, but a retriever, "
            "or a pipeline that ends in one, gives a Pairs of embeddings."
        )
    return found
