"""What retrievers that are made of retrievers have in common."""

from __future__ import annotations

from typing import Any, ClassVar

import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import image_and_text
from skxmr._data.kinds import FloatArray
from skxmr._data.pairs import Pairs
from skxmr.metrics._scorers import RetrievalScorer


class CombinedRetriever(BaseEstimator):
    """Base of retrievers that ask others: a similarity, no embeddings."""

    scores_pairs: ClassVar[bool] = True
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"labels": True}
    __metadata_request__score: ClassVar[dict[str, bool | None]] = {"labels": True, "sample_weight": None}

    def similarity(self, image: Any, text: Any = None, where: Any = None) -> FloatArray | sp.csr_array:
        """Similarity of every image with every text, or of some pairs.

        Parameters
        ----------
        image : Pairs, or images of n rows
            A `Pairs` gives both views; an image that several of its rows share is one row of the answer.
        text : texts of m rows, or None
            Needed unless `image` is a `Pairs`.
        where : bool array or sparse matrix of shape (n, m), or None
            Which pairs; None is all.

        Returns
        -------
        ndarray of shape (n, m), or csr_array
            Sparse, with an entry for each pair, if `where` is given.
        """
        check_is_fitted(self)
        image, text = image_and_text(image, text, "similarity")
        return self._similarity(Pairs(image), Pairs(text=text), where)

    def score(self, X: Any, y: Any = None, labels: Any = None) -> float:
        """Mean of image-to-text and text-to-image mAP under `similarity`, over the given rows.

        Parameters
        ----------
        X, y, labels : object
            As in `fit`; relevance is as in :meth:`CrossModalRetriever.score`.

        Returns
        -------
        float
            In [0, 1].
        """
        check_is_fitted(self)
        return RetrievalScorer()(self, X, y, labels)

    def _similarity(self, images: Pairs, texts: Pairs, where: Any) -> Any:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags
