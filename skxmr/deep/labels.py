"""What methods with label classifiers share: label vectors, the label graph, scores and tags for one modality."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skxmr._labels import Labels
from skxmr._validation import FloatArray
from skxmr.deep.base import DeepRetriever
from skxmr.graph import LabelGraph
from skxmr.metrics import Similarity
from skxmr.pairs import Pairs

GRAPH_PARAMETERS = ("tau", "p", "graph")


class LabelRetriever(DeepRetriever):
    """Base of the deep methods whose labels have classifiers in the common space.

    Their network offers ``label_classifiers() -> (c, d)``.
    """

    @property
    def classifiers_(self) -> FloatArray:
        """Label classifiers (c, n_components), float32, in the order of `classes_`."""
        check_is_fitted(self)
        with torch.inference_mode():
            Z: FloatArray = self.network_.label_classifiers().float().cpu().numpy()
        return Z

    def decision_function(self, image: Any = None, text: Any = None) -> FloatArray:
        """Score every label for images or for texts: the cosine of the embedding and the label's classifier.

        Parameters
        ----------
        image : array-like of shape (n, d_image), Pairs or None
            The images; give either them or the texts.
        text : array-like of shape (n, d_text), Pairs or None
            The texts.

        Returns
        -------
        ndarray of shape (n, c)
            In [-1, 1], columns in the order of `classes_`.
        """
        check_is_fitted(self)
        if (image is None) == (text is None):
            raise ValueError("give either image= or text=, one of the two.")
        embedded = self.encode_text(text) if image is None else self.encode_image(image)
        return Similarity(embedded, self.classifiers_)[:]

    def annotate(self, image: Any = None, text: Any = None, k: int = 5) -> list[list[Any]]:
        """Name the labels that fit best.

        Parameters
        ----------
        image, text : object
            As in :meth:`decision_function`.
        k : int, default=5
            Number of labels per row, at most all of them.

        Returns
        -------
        list of n lists of k label names
            Best first; equal scores in the order of `classes_`.
        """
        scores = self.decision_function(image, text)
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= scores.shape[1]:
            raise ValueError(f"k must be an integer from 1 to {scores.shape[1]}, the number of labels; got {k!r}.")
        names = np.asarray(self.classes_)
        return [names[order[:k]].tolist() for order in np.argsort(-scores, axis=1, kind="stable")]


def fitted_graph(retriever: Any, pairs: Pairs, labels: Labels, normalize: str) -> Any:
    """Return the label graph to use: the one attached to the pairs, else the retriever's own `tau`, `p` and `graph`.

    An attached graph wins, so parameters of the retriever would have no effect: unless they are at their defaults that
    is an error.
    """
    if pairs.label_graph is None:
        own = LabelGraph(retriever.tau, retriever.p, retriever.graph, normalize)
        return own.fit(None, labels).matrix_
    defaults = inspect.signature(type(retriever)).parameters
    changed = [name for name in GRAPH_PARAMETERS if not _same(getattr(retriever, name), defaults[name].default)]
    if changed:
        raise ValueError(
            f"a LabelGraph step is attached, so {', '.join(changed)} of {type(retriever).__name__} would have no "
            f"effect; set or search them on the step: labelgraph__{changed[0].replace('graph', 'kind')}."
        )
    names, expected = pairs.label_graph.classes_, labels.names
    if len(names) != len(expected) or not (names == expected).all():
        raise ValueError(
            f"the attached label graph has {len(names)} labels, {names[:3].tolist()} ..., but the labels of fit are "
            f"{len(expected)}, {expected[:3].tolist()} ...; fit the LabelGraph step on the same labels."
        )
    attached = pairs.label_graph
    return LabelGraph(kind=attached.matrix_, normalize=_missing(attached, normalize)).fit(None, labels).matrix_


def _missing(attached: LabelGraph, normalize: str) -> str:
    return "none" if attached.normalize == normalize else normalize


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def statistical_label_vectors(labels: Labels, d: int = 300) -> NDArray[np.float64]:
    """Return label vectors (c, min(c, d)) from the labels alone, of unit length, for users without word vectors.

    Positive pointwise mutual information of the labels, ``max(0, log(M_ij n / (N_i N_j)))``, factorised: labels that
    occur together get near vectors. A label that never occurs gets a direction of its own.
    """
    Y = labels.matrix
    M = np.asarray((Y.T @ Y).toarray() if sp.issparse(Y) else Y.T @ Y)
    counts = np.maximum(np.diag(M), 1.0)
    with np.errstate(divide="ignore"):
        ppmi = np.maximum(np.log(M * Y.shape[0] / np.outer(counts, counts)), 0.0)
    ppmi[np.diag_indices_from(ppmi)] = np.maximum(np.diag(ppmi), 1.0)
    values, U = np.linalg.eigh(ppmi)
    order = np.argsort(-np.abs(values))[:d]
    vectors = U[:, order] * np.sqrt(np.abs(values[order]))
    signs = np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(order))] < 0, -1.0, 1.0)
    unit: NDArray[np.float64] = vectors * signs / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
