"""Scorers for scikit-learn's search tools."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.metadata_routing import MetadataRequest

from skxmr._call import need_both, unpack
from skxmr._labels import encode_labels
from skxmr._repeated import Repeated
from skxmr._validation import check_choice, check_k
from skxmr.metrics._cutoffs import hit_at_k, ndcg_at_k, precision_at_k, recall_at_k
from skxmr.metrics._groups import SameGroup
from skxmr.metrics._precision import mean_average_precision
from skxmr.metrics._relevance import SameRow, SharedLabels
from skxmr.metrics._similarity import SIMILARITIES, Similarity
from skxmr.pairs import Pairs

MEASURES: dict[str, Any] = {
    "map": mean_average_precision,
    "precision": precision_at_k,
    "recall": recall_at_k,
    "hit": hit_at_k,
    "ndcg": ndcg_at_k,
}
DIRECTIONS = ("both", "image_to_text", "text_to_image")


def score_matrices(
    estimator: Any, X: Any, y: Any, labels: Any, metric: str = "cosine", *, by_labels: bool = True
) -> tuple[Any, Any]:
    """Return (scores, relevance) of image queries against texts, for a retriever or a pipeline or search around one.

    Labels given: relevant means a shared label. No labels and fitted without: the same row. No labels although
    fitted with: an error, because a forgiving score would be silently wrong. An image that several texts share is one
    query; its labels are those of its first text, and without labels all its texts are relevant. `by_labels=False`
    leaves labels out of it, given or learned from.
    """
    pairs, labels = unpack(X, y, labels)
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
    if isinstance(pairs.image, Repeated):
        images, index = pairs.distinct_images()
        relevance: Any = SameGroup(np.arange(images.shape[0]), index)
        if labels is not None:
            encoded = encode_labels(labels)
            first = np.unique(index, return_index=True)[1]
            relevance = SharedLabels(encoded._replace(matrix=encoded.matrix[first]), encoded)
        image = _embedded(estimator, pairs.replace(image=images, text=None)).image
        return Similarity(image, _embedded(estimator, pairs.replace(image=None)).text, metric), relevance
    relevance = SameRow(len(pairs)) if labels is None else SharedLabels(labels)
    embedded = _embedded(estimator, pairs)
    return Similarity(embedded.image, embedded.text, metric), relevance


def _embedded(estimator: Any, pairs: Pairs) -> Pairs:
    embedded = estimator.transform(pairs)
    if not isinstance(embedded, Pairs):
        raise TypeError(
            f"{type(estimator).__name__}.transform returned a {type(embedded).__name__}, but a retriever, "
            "or a pipeline that ends in one, gives a Pairs of embeddings."
        )
    return embedded


def _fitted_with_labels(estimator: Any) -> bool:
    """Look through searches and pipelines for the retriever's own memory of its labels."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return bool(getattr(estimator, "fitted_with_labels_", False))


class _Scorer:
    """A callable ``scorer(estimator, X, y)`` that can also receive routed ``labels``."""

    def __init__(self) -> None:
        self._labels_request: bool | str | None = True

    def set_score_request(self, *, labels: bool | str | None = True) -> Any:
        """Ask scikit-learn's metadata routing for `labels` (the default), or not.

        Parameters
        ----------
        labels : bool, str or None, default=True
            As in scikit-learn's ``set_score_request``.

        Returns
        -------
        self
        """
        self._labels_request = labels
        return self

    def get_metadata_routing(self) -> MetadataRequest:
        """Describe to scikit-learn what this scorer wants routed to it.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner=type(self).__name__)
        request.score.add_request(param="labels", alias=self._labels_request)
        return request


class RetrievalScorer(_Scorer):
    """One retrieval measure as a scorer: ``scoring=RetrievalScorer("map", "image_to_text")``.

    Parameters
    ----------
    measure : {"map", "precision", "recall", "hit", "ndcg"}, default="map"
        What is measured; all but ``"map"`` and ``"ndcg"`` need `k`.
    direction : {"both", "image_to_text", "text_to_image"}, default="both"
        Which modality queries the other; ``"both"`` is the mean of the two.
    k : int or None, default=None
        The cut-off rank.
    metric : {"cosine", "inner", "euclidean"}, default="cosine"
        The similarity that ranks.

    Raises
    ------
    ValueError
        If an option is unknown or a measure lacks its k.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.metrics import RetrievalScorer
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> scorer = RetrievalScorer("precision", "image_to_text", k=5)
    >>> bool(scorer(CCA().fit(pairs, labels), pairs, labels) > 0.5)
    True
    """

    def __init__(
        self, measure: str = "map", direction: str = "both", k: int | None = None, metric: str = "cosine"
    ) -> None:
        super().__init__()
        check_choice(measure, "measure", MEASURES)
        check_choice(direction, "direction", DIRECTIONS)
        check_choice(metric, "metric", SIMILARITIES)
        check_k(k)
        if k is None and measure not in ("map", "ndcg"):
            raise ValueError(f"measure={measure!r} needs a cut-off: RetrievalScorer({measure!r}, k=10).")
        self.measure, self.direction, self.k, self.metric = measure, direction, k, metric

    def __call__(self, estimator: Any, X: Any, y: Any = None, labels: Any = None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : retriever, or a pipeline or search around one
            Fitted.
        X, y, labels : object
            ``(pairs, labels)`` or ``(image, text, labels)``.

        Returns
        -------
        float
        """
        scores, relevance = score_matrices(estimator, X, y, labels, self.metric)
        wanted = {"both": (False, True), "image_to_text": (False,), "text_to_image": (True,)}[self.direction]
        values = [
            MEASURES[self.measure](scores.T if swap else scores, relevance.T if swap else relevance, k=self.k)
            for swap in wanted
        ]
        return float(sum(values) / len(values))

    def __repr__(self) -> str:
        return f"RetrievalScorer({self.measure!r}, {self.direction!r}, k={self.k}, metric={self.metric!r})"


class RetrievalScores(_Scorer):
    """Both mAPs and their mean from one embedding pass, for multimetric search with ``refit="map"``.

    Parameters
    ----------
    k : int or None, default=None
        The cut-off rank of mAP@k; it divides by min(k, number of relevant items).
    metric : {"cosine", "inner", "euclidean"}, default="cosine"
        The similarity that ranks.

    Raises
    ------
    ValueError
        If the metric is unknown.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.metrics import RetrievalScores
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> sorted(RetrievalScores()(CCA().fit(pairs, labels), pairs, labels))
    ['i2t_map', 'map', 't2i_map']
    """

    def __init__(self, k: int | None = None, metric: str = "cosine") -> None:
        super().__init__()
        check_choice(metric, "metric", SIMILARITIES)
        check_k(k)
        self.k, self.metric = k, metric

    def __call__(self, estimator: Any, X: Any, y: Any = None, labels: Any = None) -> dict[str, float]:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : retriever, or a pipeline or search around one
            Fitted.
        X, y, labels : object
            ``(pairs, labels)`` or ``(image, text, labels)``.

        Returns
        -------
        dict
            ``i2t_map``, ``t2i_map`` and ``map``, their mean.
        """
        scores, relevance = score_matrices(estimator, X, y, labels, self.metric)
        i2t = mean_average_precision(scores, relevance, k=self.k)
        t2i = mean_average_precision(scores.T, relevance.T, k=self.k)
        return {"i2t_map": i2t, "t2i_map": t2i, "map": (i2t + t2i) / 2}

    def __repr__(self) -> str:
        return f"RetrievalScores(k={self.k}, metric={self.metric!r})"
