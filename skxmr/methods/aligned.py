"""AlignedEmbeddings: embeddings that are aligned already, compared as they are."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from skxmr._data.codes import need_no_codes
from skxmr._data.kinds import FloatArray, LabelsLike, Matrix, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr.base import CrossModalRetriever
from skxmr.base.retriever import Checked


class AlignedEmbeddings(CrossModalRetriever):
    """Embeddings that are aligned already, such as those of CLIP, are compared as they are.

    The images and the texts are in one space before `fit`, which learns nothing but their width. This makes the
    similarity of such embeddings a baseline: it can be scored like the other methods, be one choice of a search, find
    the candidates of :class:`TwoStage` and be a part of :class:`RetrieverEnsemble`.

    Raises
    ------
    TypeError
        If a view is uint8, as codes of bits are.
    ValueError
        If the images and the texts have different numbers of features, because then they are in two spaces.

    References
    ----------
    Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021 (CLIP), compares
    the embeddings of images and of texts by their cosine. Deviation: none.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import AlignedEmbeddings
    >>> of_images = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> of_texts = np.array([[3.0, 0.0], [1.0, 1.0]])
    >>> AlignedEmbeddings().fit(of_images, of_texts).similarity(of_images, of_texts).round(2)
    array([[1.  , 0.71],
           [0.  , 0.71]])
    """

    _equal_widths: ClassVar[bool] = True

    def _checked_view(self, view: View, name: str, min_rows: int, width: int | None, columns: list[str] | None) -> View:
        """Refuse codes of bits."""
        need_no_codes(view, name, "AlignedEmbeddings")
        return super()._checked_view(view, name, min_rows, width, columns)

    def _checked(self, X: View, y: View | LabelsLike, labels: LabelsLike, again: bool = False) -> Checked:
        """Refuse data frames with the same columns in another order, too."""
        checked = super()._checked(X, y, labels, again)
        image = checked.columns["image"]
        text = checked.columns["text"]
        if image is not None and text is not None and image != text and sorted(image) == sorted(text):
            raise ValueError(
                "image and text have the same columns in another order, and AlignedEmbeddings compares them by "
                "position; bring them into one order: text[image.columns]."
            )
        return checked

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        """Learn nothing, but refuse views of different widths."""
        d1 = pairs.image.shape[1]
        d2 = pairs.text.shape[1]
        if d1 != d2:
            raise ValueError(
                f"image has {d1} features but text has {d2}; AlignedEmbeddings compares them as they are, so that both "
                "must be in one space. Use a method that learns such a space, e.g. CCA."
            )

    def _encode_image(self, X: Matrix) -> FloatArray:
        return _dense(X)

    def _encode_text(self, X: Matrix) -> FloatArray:
        return _dense(X)


def _dense(X: Matrix) -> FloatArray:
    return X if isinstance(X, np.ndarray) else X.toarray()
