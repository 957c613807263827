"""AnnotatingRetriever: the base of retrievers that also score every label for an image or for a text alone."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import one_view
from skxmr._data.kinds import FloatArray, View
from skxmr._data.option_checks import check_k, flags_checked
from skxmr.base.embedding import CrossModalRetriever

# The tags of every row, and their scores.
Tags = list[list[Any]]
Scores = list[list[float]]


class AnnotatingRetriever(CrossModalRetriever):
    """Base of retrievers that name the labels of an image or of a text. A method overrides `_label_scores`."""

    def decision_function(self, image: View = None, text: View = None) -> FloatArray:
        """Score every label for images or for texts.

        Parameters
        ----------
        image : array-like of shape (n, d_image), or None
            The images; give either them or the texts. A `Pairs` that holds one view may stand for either.
        text : array-like of shape (n, d_text), or None
            The texts.

        Returns
        -------
        ndarray of shape (n, c)
            Larger means that the label fits better; columns in the order of `classes_`.
        """
        check_is_fitted(self)
        name, view = one_view(image, text)
        return self._label_scores(self.encode_image(view) if name == "image" else self.encode_text(view))

    @flags_checked
    def annotate(
        self,
        image: View = None,
        text: View = None,
        k: int | None = None,
        threshold: float | None = None,
        return_scores: bool = False,
    ) -> Tags | tuple[Tags, Scores]:
        """Name the labels that fit best.

        Parameters
        ----------
        image : array-like of shape (n, d_image), or None
            The images; give either them or the texts. A `Pairs` that holds one view may stand for either.
        text : array-like of shape (n, d_text), or None
            The texts.
        k : int or None, default=None
            The largest number of labels per row. None is all of them, and so is a number beyond that of the labels.
        threshold : float or None, default=None
            Labels that score less are left out, so that a row may have none; see `decision_function`.
        return_scores : bool, default=False
            Whether to return the scores of the named labels as well.

        Returns
        -------
        names : list of n lists of label names
            Best first; equal scores in the order of `classes_`.
        scores : list of n lists of float
            Their scores, if `return_scores` is True.
        """
        check_k(k)
        _check_threshold(threshold)
        of_rows = self.decision_function(image, text)
        classes = np.asarray(self.classes_)
        names: Tags = []
        scores: Scores = []
        for row in of_rows:
            best = np.argsort(-row, kind="stable")[:k]
            if threshold is not None:
                best = best[row[best] >= threshold]
            names.append(classes[best].tolist())
            scores.append(row[best].tolist())
        return (names, scores) if return_scores else names

    @abstractmethod
    def _label_scores(self, embedded: FloatArray) -> FloatArray:
        """Score every label (n, c) for embeddings (n, n_components)."""


def _check_threshold(threshold: object) -> None:
    is_number = isinstance(threshold, Real) and not isinstance(threshold, bool)
    if threshold is not None and not (is_number and threshold == threshold):
        raise ValueError(f"threshold must be a number or None; got {threshold!r}.")
