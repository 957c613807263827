"""ComparingRetriever: the base of retrievers that compare an image and a text directly."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NoReturn

import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import image_and_text
from skxmr._data.kinds import FloatArray, View, n_rows
from skxmr._docstrings import documented_like
from skxmr.base.retriever import Retriever
from skxmr.metrics._asking import Where, check_where

# What retrievers that embed have and these have not.
_OF_EMBEDDINGS = ("encode_image", "encode_text", "fit_transform", "transform")


class ComparingRetriever(Retriever):
    """Base of retrievers that compare images and texts pair by pair: a similarity of every pair, no embeddings.

    There is no `transform` and no `encode_image` or `encode_text`, because neither an image nor a text has a vector of
    its own. A method overrides `_fit` and `_similarity`; they receive checked views only.
    """

    @documented_like(Retriever.similarity)
    def similarity(self, image: View, text: View = None, where: Where | None = None) -> FloatArray | sp.csr_array:
        """Similarity of every image with every text, or of some pairs.

        Parameters
        ----------
        where : bool array or sparse matrix of shape (n, m), or None
            Which pairs; None is all.

        Returns
        -------
        ndarray of shape (n, m), or csr_array
            Sparse, with an entry for each pair, if `where` is given.
        """
        check_is_fitted(self)
        image, text = image_and_text(image, text, "similarity")
        image = self._checked_query(image, "image")
        text = self._checked_query(text, "text")
        asked = None if where is None else check_where(where, n_rows(image, "image"), n_rows(text, "text"))
        return self._similarity(image, text, asked)

    @abstractmethod
    def _similarity(self, image: View, text: View, where: sp.csr_array | None) -> FloatArray | sp.csr_array:
        """Compare n images, each given once, with m texts; `where` (n, m) holds the pairs to compare, None all."""

    # Hidden from type checkers, which would otherwise believe that every attribute exists.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Say what to use in place of embeddings; called only for attributes that do not exist."""
            who = type(self).__name__
            message = f"{who!r} object has no attribute {name!r}"
            if name in _OF_EMBEDDINGS:
                message += (
                    f": {who} makes no embeddings, it compares images and texts pair by pair. Ask for "
                    "similarity(image, text); to search among many items, TwoStage(first=CCA(), second=...) finds "
                    "candidates by a method that embeds and compares only those."
                )
            raise AttributeError(message, name=name, obj=self)
