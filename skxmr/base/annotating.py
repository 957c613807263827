"""AnnotatingRetriever: the base of retrievers that also score every label for an image or for a text alone."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import field
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import one_view
from skxmr._data.kinds import AnyArray, Float64Array, FloatArray, View
from skxmr._data.option_checks import check_k, flags_checked
from skxmr.base.embedding import CrossModalRetriever
from skxmr.base.thresholds import Threshold, as_thresholds, best_thresholds

# The tags of every row, and their scores.
Tags = list[list[Any]]
Scores = list[list[float]]
# For "image" and "text" scores (n, c) of rows that were held out, and the labels (n, c) of these rows.
Held = dict[str, tuple[FloatArray, sp.csr_array]]


class AnnotatingRetriever(CrossModalRetriever):
    """Base of retrievers that name the labels of an image or of a text.

    A method overrides `_label_scores`, and calls `_learn_thresholds` with scores of rows that it did not learn from.

    Attributes
    ----------
    tag_thresholds_ : dict
        For ``"image"`` and ``"text"`` an array (c,): the score from which on a label is named, in the order of
        `classes_`. It is the one with the largest F1 on rows that were held out, drawn towards the best one of all
        labels together where few of these rows have the label, and equal to it where none has. Missing if no rows were
        held out.
    """

    tag_thresholds_: dict[str, Float64Array] = field(init=False)

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
        embedded: AnyArray = self.encode_image(view) if name == "image" else self.encode_text(view)
        return self._label_scores(embedded)

    @flags_checked
    def annotate(
        self,
        image: View = None,
        text: View = None,
        k: int | None = None,
        threshold: Threshold = None,
        return_scores: bool = False,
    ) -> Tags | tuple[Tags, Scores]:
        """Name the labels whose scores reach their thresholds.

        Parameters
        ----------
        image : array-like of shape (n, d_image), or None
            The images; give either them or the texts. A `Pairs` that holds one view may stand for either.
        text : array-like of shape (n, d_text), or None
            The texts.
        k : int or None, default=None
            The largest number of labels per row. None is no limit, and so is a number beyond that of the labels.
        threshold : float, mapping from labels to float, or None, default=None
            Labels that score less are left out, so that a row may have none; see `decision_function`. None takes
            `tag_thresholds_`, and a mapping takes them for labels that it does not have. ``-np.inf`` leaves no label
            out.
        return_scores : bool, default=False
            Whether to return the scores of the named labels as well.

        Returns
        -------
        names : list of n lists of label names
            Best first; equal scores in the order of `classes_`.
        scores : list of n lists of float
            Their scores, if `return_scores` is True.

        Raises
        ------
        ValueError
            If neither `k` nor `threshold` is given and fit has set no thresholds, because no rows were held out.
        """
        check_k(k)
        of_rows = self.decision_function(image, text)
        name, _ = one_view(image, text)
        learned: Float64Array | None = getattr(self, "tag_thresholds_", {}).get(name)
        classes = np.asarray(self.classes_)
        least = as_thresholds(threshold, classes, learned)
        if least is None and k is None:
            raise ValueError(
                f"this {type(self).__name__} has no thresholds of tags, because fit held out no rows to choose them "
                "on; pass k, the largest number of tags, or threshold, -np.inf for all tags."
            )
        names: Tags = []
        scores: Scores = []
        for row in of_rows:
            best = np.argsort(-row, kind="stable")
            if least is not None:
                best = best[row[best] >= least[best]]
            best = best[:k]
            names.append(classes[best].tolist())
            scores.append(row[best].tolist())
        return (names, scores) if return_scores else names

    def _learn_thresholds(self, held: Held | None) -> None:
        """Set the thresholds by scores and labels of held-out rows of both modalities; None removes earlier ones."""
        if held is not None:
            self.tag_thresholds_ = {name: best_thresholds(scores, Y) for name, (scores, Y) in held.items()}
        elif hasattr(self, "tag_thresholds_"):
            del self.tag_thresholds_

    @abstractmethod
    def _label_scores(self, embedded: FloatArray) -> FloatArray:
        """Score every label (n, c) for embeddings (n, n_components)."""
