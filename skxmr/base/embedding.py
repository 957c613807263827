"""CrossModalRetriever: the base of retrievers that embed images and texts in one space."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import PairsStep, as_pairs, image_and_text
from skxmr._data.kinds import MODALITIES, AnyArray, Embeddings, FloatArray, LabelsLike, Matrix, View
from skxmr._data.names import as_names
from skxmr._data.pairs import Pairs
from skxmr._data.partial import in_places, present_rows
from skxmr._docstrings import documented_like
from skxmr.base.retriever import Retriever
from skxmr.metrics._similarity import Similarity


class CrossModalRetriever(Retriever, PairsStep):
    """Base of retrievers that embed: two views in, one common space out.

    A method overrides `_fit`, `_encode_image` and `_encode_text`; they receive checked views only.

    Attributes
    ----------
    n_features_ : dict
        Number of features of ``"image"`` and ``"text"`` seen in fit.
    """

    # Whether both views have the same features.
    _equal_widths: ClassVar[bool] = False

    @documented_like(Retriever.fit)
    def fit_transform(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Any:
        """Fit, then transform the same rows.

        Returns
        -------
        Pairs, or tuple of two ndarrays
            Both views in the common space: a `Pairs` for a `Pairs`, a tuple for two arrays.
        """
        self.fit(X, y, labels)
        return self.transform(X) if isinstance(X, Pairs) else self.transform(X, y)

    def encode_image(self, X: View) -> Embeddings:
        """Map images into the common space.

        Parameters
        ----------
        X : array-like of shape (n, d_image), or Pairs
            Images alone are enough.

        Returns
        -------
        ndarray of shape (n, n_components)
            float32 for input of float16 or float32, else float64; float32 always from deep methods.
        """
        return self._encode(X, "image")

    @documented_like(encode_image)
    def encode_text(self, X: View) -> Embeddings:
        """Map texts into the common space.

        Parameters
        ----------
        X : array-like of shape (n, d_text), or Pairs
            Texts alone are enough.
        """
        return self._encode(X, "text")

    def transform(self, X: View, y: View = None) -> Any:
        """Map one or both views into the common space; the result has the form of what is given.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            A `Pairs` may hold one view only, and rows without image or text stay so.
        y : array-like of shape (n, d_text), or None
            The texts, where X is the images.

        Returns
        -------
        Pairs, tuple of two ndarrays, or ndarray
            For a `Pairs`, two arrays, or images alone; each of shape (n, n_components).
        """
        check_is_fitted(self)
        if isinstance(X, Pairs):
            if y is not None:
                raise TypeError("transform(pairs) takes no second argument: a Pairs holds both views.")
            embedded: dict[str, Any] = {}
            for name in MODALITIES:
                view = getattr(X, name)
                if view is not None:
                    embedded[name] = in_places(view, self._encode(present_rows(view), name))
            return X.replace(**embedded)
        if y is None:
            return self.encode_image(X)
        pairs, _ = as_pairs(X, y)
        return self.encode_image(pairs), self.encode_text(pairs)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> AnyArray:
        """Name the columns of the embeddings by the class and their numbers, such as ``"cca0"``.

        Parameters
        ----------
        input_features : array-like of str, or None
            Ignored; scikit-learn's pipelines pass it.

        Returns
        -------
        ndarray of shape (n_components,), object
            One name per column, the same for images and texts.
        """
        check_is_fitted(self)
        return as_names([f"{type(self).__name__.lower()}{i}" for i in range(self._embedding_width())])

    def _embedding_width(self) -> int:
        """Return the width of the embeddings, which one row of zeros tells for every method."""
        return int(self.encode_image(np.zeros((1, self.n_features_["image"]), np.float32)).shape[1])

    @documented_like(Retriever.similarity)
    def similarity(self, image: View, text: View = None) -> FloatArray:
        """Cosine similarity of every image with every text in the common space.

        Returns
        -------
        ndarray of shape (n, m)
            In [-1, 1]; 0 for a row that maps to the origin.
        """
        image, text = image_and_text(image, text, "similarity")
        return Similarity(self.encode_image(image), self.encode_text(text))[:]

    @abstractmethod
    def _encode_image(self, X: Matrix) -> Embeddings:
        """Map checked images (n, d_image) to (n, n_components)."""

    @abstractmethod
    def _encode_text(self, X: Matrix) -> Embeddings:
        """Map checked texts (n, d_text) to (n, n_components)."""

    def _encode(self, X: View, name: str) -> Embeddings:
        check_is_fitted(self)
        view = getattr(X, name) if isinstance(X, Pairs) else X
        if view is None:
            raise ValueError(f"{name} is missing; pass the {name} view.")
        encode = self._encode_image if name == "image" else self._encode_text
        return np.asarray(encode(self._checked_query(view, name)))
