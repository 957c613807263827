"""Scorers for scikit-learn's search tools.

They are objects with `set_score_request` and `get_metadata_routing`, because scikit-learn never routes labels to a
plain function.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from skxmr._data.kinds import Float64Array, LabelsLike, View
from skxmr._data.option_checks import check_choice, check_k
from skxmr._data.pairs import Pairs
from skxmr.metrics._asking import score_matrices
from skxmr.metrics._blocks import mean
from skxmr.metrics._cutoffs import checked_cuts, hit_at_k, ndcg_at_k, precision_at_k, recall_at_k
from skxmr.metrics._matrices import BlockedMatrix
from skxmr.metrics._precision import average_precision, mean_average_precision
from skxmr.metrics._recalls import retrieval_recalls
from skxmr.metrics._several import NamedScore, SeveralScores
from skxmr.metrics._similarity import SIMILARITIES

Score = TypeVar("Score")
# What is measured of each query; a score is the mean over the queries.
MEASURES: dict[str, Callable[..., float | Float64Array]] = {
    "map": average_precision,
    "precision": partial(precision_at_k, average=False),
    "recall": partial(recall_at_k, average=False),
    "hit": partial(hit_at_k, average=False),
    "ndcg": partial(ndcg_at_k, average=False),
}
_LONG = {"map": "mean_average_precision", "hit": "hit_rate", "ndcg": "nDCG"}
DIRECTIONS = ("image_to_text", "text_to_image")


def check_measure(measure: str, k: int | None, metric: str) -> None:
    """Refuse an unknown measure or similarity, and a measure that lacks its cut-off."""
    check_choice(measure, "measure", MEASURES)
    check_choice(metric, "metric", SIMILARITIES)
    check_k(k)
    if k is None and measure not in ("map", "ndcg"):
        raise ValueError(f"measure={measure!r} needs a cut-off, such as k=10.")


def values_per_query(
    scores: BlockedMatrix, relevance: BlockedMatrix, measure: str, k: int | None, direction: str
) -> Float64Array:
    """Return a measure of each image (n,) that looks for texts (m), or of each text (m,) that looks for images."""
    if direction == "text_to_image":
        return np.asarray(MEASURES[measure](scores.T, relevance.T, k=k))
    return np.asarray(MEASURES[measure](scores, relevance, k=k))


class _Scorer(ABC, Generic[Score]):
    """A callable ``scorer(estimator, X, y)`` that can also receive routed ``labels``."""

    # Whether labels tell what is relevant.
    _by_labels = True
    # The similarity that ranks, unless a scorer lets its user choose.
    metric = "cosine"
    _labels_request: bool | str | None = True

    def __call__(self, estimator: BaseEstimator, X: Pairs | View, y: View = None, labels: LabelsLike = None) -> Score:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : retriever, or a pipeline or search around one
            Fitted.
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images.
        y : labels if X is a Pairs, else array-like of shape (n, d_text)
            The labels, or the texts.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the rows.

        Returns
        -------
        float, or dict of str to float
            The score, or the scores by name.
        """
        scores, relevance = score_matrices(estimator, X, y, labels, self.metric, by_labels=self._by_labels)
        return self._measured(scores, relevance)

    @abstractmethod
    def _measured(self, scores: BlockedMatrix, relevance: BlockedMatrix) -> Score:
        """Measure how well images (n) find texts (m), and the other way round."""

    def set_score_request(self, *, labels: bool | str | None = True) -> Self:
        """Ask scikit-learn's metadata routing for `labels` (the default), or not.

        Parameters
        ----------
        labels : bool, str or None, default=True
            True asks for the labels, False or None does not, and a string asks for the metadata of that name.

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


@dataclass(eq=False)
class RetrievalScorer(_Scorer[float]):
    """One retrieval measure as a scorer: ``scoring=RetrievalScorer("map", "image_to_text")``.

    Parameters
    ----------
    measure : {"map", "precision", "recall", "hit", "ndcg"}, default="map"
        What is measured; all but ``"map"`` and ``"ndcg"`` need `k`.
    direction : {"both", "image_to_text", "text_to_image"}, default="both"
        Which modality queries the other; ``"both"`` is the mean of the two.
    k : int or None, default=None
        The cut-off rank.
    metric : {"cosine", "inner", "euclidean", "hamming"}, default="cosine"
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

    measure: str = "map"
    direction: str = "both"
    k: int | None = None
    metric: str = "cosine"

    def __post_init__(self) -> None:
        check_measure(self.measure, self.k, self.metric)
        check_choice(self.direction, "direction", ("both", *DIRECTIONS))

    def _measured(self, scores: BlockedMatrix, relevance: BlockedMatrix) -> float:
        directions = DIRECTIONS if self.direction == "both" else (self.direction,)
        values = [mean(values_per_query(scores, relevance, self.measure, self.k, each)) for each in directions]
        return NamedScore(sum(values) / len(values))

    @property
    def __name__(self) -> str:
        """What scikit-learn's curves call the score."""
        name = _LONG.get(self.measure, self.measure)
        name += "" if self.k is None else f"_at_{self.k}"
        return name if self.direction == "both" else f"{name},_{self.direction}"


@dataclass(eq=False)
class RetrievalScores(_Scorer[dict[str, float]]):
    """Both mAPs and their mean from one embedding pass, for multimetric search with ``refit="map"``.

    Scoring returns a dict of ``i2t_map``, ``t2i_map`` and ``map``, their mean. A halving search takes a single score:
    ``RetrievalScorer()``.

    Parameters
    ----------
    k : int or None, default=None
        The cut-off rank of mAP@k; it divides by min(k, number of relevant items).
    metric : {"cosine", "inner", "euclidean", "hamming"}, default="cosine"
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

    k: int | None = None
    metric: str = "cosine"

    def __post_init__(self) -> None:
        check_choice(self.metric, "metric", SIMILARITIES)
        check_k(self.k)

    def _measured(self, scores: BlockedMatrix, relevance: BlockedMatrix) -> dict[str, float]:
        i2t = mean_average_precision(scores, relevance, k=self.k)
        t2i = mean_average_precision(scores.T, relevance.T, k=self.k)
        return SeveralScores({"i2t_map": i2t, "t2i_map": t2i, "map": (i2t + t2i) / 2}, "map")

    @property
    def __name__(self) -> str:
        """What scikit-learn's curves, which show the mean of both directions, call the score."""
        return _LONG["map"] if self.k is None else f"{_LONG['map']}_at_{self.k}"


@dataclass(eq=False)
class RecallScores(_Scorer[dict[str, float]]):
    """R@k of both directions from one embedding pass, for multimetric search with ``refit="mr"``.

    Scoring returns the dict of :func:`retrieval_recalls`. Only an image's own texts are relevant: all of them where the
    `Pairs` has an ``image_index``, else the text of the same row. Search tools may pass labels; they are ignored. A
    halving search takes a single score: ``RetrievalScorer("hit", k=10)``, without labels.

    Parameters
    ----------
    ks : sequence of int, default=(1, 5, 10)
        The cut-off ranks.
    folds : int, default=1
        Cut the scored images into this many equal runs and average, as in :func:`retrieval_recalls`.

    Raises
    ------
    TypeError
        If `ks` is a number.
    ValueError
        If a cut-off or `folds` is not a positive integer; while scoring, if a cut-off exceeds the number of items to
        rank or the images cannot be cut into equal runs.

    Notes
    -----
    Do not use a median rank for `refit`, because smaller ranks are better. In a search, ``GroupKFold`` with
    ``groups=pairs.groups`` keeps the texts of an image together; every test fold needs at least as many images as the
    largest cut-off.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.metrics import RecallScores
    >>> pairs, _ = make_multilabel_pairs(random_state=0)
    >>> sorted(RecallScores(ks=[1, 10])(CCA().fit(pairs), pairs))
    ['i2t_median_rank', 'i2t_r1', 'i2t_r10', 'mr', 't2i_median_rank', 't2i_r1', 't2i_r10']
    """

    _by_labels = False

    ks: Sequence[int] = (1, 5, 10)
    folds: int = 1

    def __post_init__(self) -> None:
        check_k(self.folds, optional=False, name="folds")
        self.ks = tuple(checked_cuts(self.ks, "ks"))

    def _measured(self, scores: BlockedMatrix, relevance: BlockedMatrix) -> dict[str, float]:
        return SeveralScores(retrieval_recalls(scores, relevance, self.ks, folds=self.folds), "mr")

    @property
    def __name__(self) -> str:
        """What scikit-learn's curves, which show mR, call the score."""
        return "mean_recall"
