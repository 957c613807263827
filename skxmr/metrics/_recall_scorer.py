"""Recalls of both directions as a scorer: an image is answered by its own texts, whatever the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skxmr._validation import check_k
from skxmr.metrics._recalls import checked_cuts, retrieval_recalls
from skxmr.metrics._score_matrices import score_matrices
from skxmr.metrics._scorers import _Scorer


class RecallScores(_Scorer):
    """R@k of both directions from one embedding pass, for multimetric search with ``refit="mr"``.

    Relevant are an image's own texts, and nothing else: all of them where the `Pairs` has an ``image_index``, else that
    of the same row. Search tools that pass labels may; they are ignored.

    Parameters
    ----------
    ks : sequence of int, default=(1, 5, 10)
        The cut-off ranks.
    folds : int, default=1
        Cut the scored images into so many equal runs and average, as in :func:`retrieval_recalls`.

    Raises
    ------
    TypeError
        If `ks` is a number.
    ValueError
        If a cut-off or `folds` is no positive integer; while scoring, if a cut-off exceeds what there is to rank or the
        images cannot be cut into so many runs.

    Notes
    -----
    Median ranks are better the smaller they are, so they are no choice for `refit`. In a search ``GroupKFold`` with
    ``groups=pairs.groups`` keeps the texts of an image together; a test fold has to hold as many images as the largest
    cut-off.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.metrics import RecallScores
    >>> pairs, _ = make_multilabel_pairs(random_state=0)
    >>> sorted(RecallScores(ks=[1, 10])(CCA().fit(pairs), pairs))
    ['i2t_median_rank', 'i2t_r1', 'i2t_r10', 'mr', 't2i_median_rank', 't2i_r1', 't2i_r10']
    """

    def __init__(self, ks: Sequence[int] = (1, 5, 10), folds: int = 1) -> None:
        super().__init__()
        check_k(folds, optional=False, name="folds")
        self.ks, self.folds = tuple(checked_cuts(ks)), folds

    def __call__(self, estimator: Any, X: Any, y: Any = None, labels: Any = None) -> dict[str, float]:
        """Score a fitted estimator, fitted with or without labels.

        Parameters
        ----------
        estimator : retriever, or a pipeline or search around one
            Fitted.
        X, y, labels : object
            ``(pairs, labels)`` or ``(image, text, labels)``; the labels are ignored.

        Returns
        -------
        dict
            As :func:`retrieval_recalls`: ``i2t_r1``, ..., ``t2i_r1``, ..., ``mr`` and the median ranks.
        """
        scores, relevance = score_matrices(estimator, X, y, labels, by_labels=False)
        return retrieval_recalls(scores, relevance, self.ks, folds=self.folds)

    def __repr__(self) -> str:
        return f"RecallScores(ks={self.ks}, folds={self.folds})"
