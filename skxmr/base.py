"""CrossModalRetriever: the contract of every method."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import PairsStep, as_pairs, image_and_text, need_both, refuse_pairwise
from skxmr._data.kinds import MODALITIES, FloatArray, column_names, is_chunked
from skxmr._data.labels import Labels, encode_labels
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_chunks, check_view
from skxmr.metrics._scorers import RetrievalScorer
from skxmr.metrics._similarity import Similarity


class Checked(NamedTuple):
    """What fit was given, checked: views, binarised labels, and the column names of views that were tables."""

    pairs: Pairs
    labels: Labels | None
    columns: dict[str, list[str] | None]


class CrossModalRetriever(PairsStep, metaclass=ABCMeta):
    """Base of all retrievers: two views in, one common space out, scored by how well one view retrieves the other.

    A method overrides `_fit`, `_encode_image` and `_encode_text`; they receive checked views only.

    Attributes
    ----------
    scores_pairs : bool
        Whether `similarity` is computed pair by pair, and there are no embeddings. Of the class.
    n_features_ : dict
        Number of features of ``"image"`` and ``"text"`` seen in fit.
    classes_ : ndarray of shape (c,)
        Label names; present if fitted with labels.
    fitted_with_labels_ : bool
        Whether fit saw labels; `score` then wants them too.
    """

    scores_pairs: ClassVar[bool] = False
    _requires_labels: ClassVar[bool] = False
    _by_chunks: ClassVar[bool] = False  # fit takes dask arrays
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"labels": True}
    # Pipeline.score always mentions sample_weight, so routing must know it, though it is not requested.
    __metadata_request__score: ClassVar[dict[str, bool | None]] = {"labels": True, "sample_weight": None}

    def fit(self, X: Any, y: Any = None, labels: Any = None) -> Self:
        """Learn the common space: ``fit(image, text, labels)`` or ``fit(Pairs(image, text), labels)``.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images; dense, CSR or DataFrame, and dask arrays for the methods in closed form.
        y : labels if X is a Pairs, else array-like of shape (n, d_text)
            The texts.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the rows.

        Returns
        -------
        self
        """
        self._fit(*(checked := self._checked(X, y, labels))[:2])
        return self._remember(checked)

    def _checked(self, X: Any, y: Any, labels: Any, again: bool = False) -> Checked:
        """Return checked views and labels; `again` wants the widths and columns of the rows before."""
        self._validate_params()
        pairs, labels = as_pairs(X, y, labels)
        need_both(pairs, "fit")
        if labels is None and self._requires_labels:
            raise ValueError(
                f"{type(self).__name__} learns from labels, and requires y to be passed, but the target y is None: "
                "fit(X_img, X_txt, labels) or fit(Pairs(X_img, X_txt), labels)."
            )
        widths, seen = (self.n_features_, self._columns) if again else ({}, {})
        if self._by_chunks and (is_chunked(pairs.image) or is_chunked(pairs.text)):
            views = {name: check_chunks(getattr(pairs, name), name, width=widths.get(name)) for name in MODALITIES}
        else:
            given = {name: (getattr(pairs, name), name, 2, widths.get(name), seen.get(name)) for name in MODALITIES}
            views = {name: self._checked_view(*view) for name, view in given.items()}
        columns = seen or {name: column_names(getattr(pairs, name)) for name in MODALITIES}
        labels = labels.compute() if is_chunked(labels) else labels
        return Checked(pairs.replace(**views), None if labels is None else encode_labels(labels), columns)

    def _checked_view(self, view: Any, name: str, min_rows: int, width: int | None, columns: Any) -> Any:
        """Return a view as the method takes it."""
        return check_view(view, name, min_rows=min_rows, width=width, columns=columns)

    def _widths(self, pairs: Pairs) -> dict[str, int]:
        """Return the widths of checked views."""
        return {name: int(getattr(pairs, name).shape[1]) for name in MODALITIES}

    def _remember(self, checked: Checked) -> Self:
        self._columns = checked.columns
        self.n_features_ = self._widths(checked.pairs)
        self.fitted_with_labels_ = checked.labels is not None
        self.__dict__.pop("classes_", None)
        if checked.labels is not None:
            self.classes_ = checked.labels.names
        return self

    def fit_transform(self, X: Any, y: Any = None, labels: Any = None) -> Any:
        """Fit, then transform the same rows.

        Parameters
        ----------
        X, y, labels : object
            As in :meth:`fit`.

        Returns
        -------
        Pairs, or tuple of two ndarrays
            As :meth:`transform`.
        """
        refuse_pairwise(self)
        self.fit(X, y, labels)
        return self.transform(X) if isinstance(X, Pairs) else self.transform(X, y)

    def encode_image(self, X: Any) -> FloatArray:
        """Map images into the common space.

        Parameters
        ----------
        X : array-like of shape (n, d_image), or Pairs
            Images alone are enough.

        Returns
        -------
        ndarray of shape (n, n_components)
            float32 for float32 input, else float64; float32 always from deep methods.
        """
        return self._encode(X, "image")

    def encode_text(self, X: Any) -> FloatArray:
        """Map texts into the common space.

        Parameters
        ----------
        X : array-like of shape (n, d_text), or Pairs
            Texts alone are enough.

        Returns
        -------
        ndarray of shape (n, n_components)
            float32 for float32 input, else float64; float32 always from deep methods.
        """
        return self._encode(X, "text")

    def transform(self, X: Any, y: Any = None) -> Any:
        """Map one or both views into the common space, answering in kind.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            A `Pairs` may hold one view only.
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
            encoded: dict[str, Any] = {
                name: self._encode(X, name) for name in MODALITIES if getattr(X, name) is not None
            }
            return X.replace(**encoded)
        if y is None:
            return self.encode_image(X)
        pairs, _ = as_pairs(X, y)
        return self.encode_image(pairs), self.encode_text(pairs)

    def similarity(self, image: Any, text: Any = None) -> FloatArray:
        """Cosine similarity of every image with every text in the common space.

        Parameters
        ----------
        image : array-like of shape (n, d_image), or Pairs
            A `Pairs` gives both views; an image that several of its rows share is one row of the answer.
        text : array-like of shape (m, d_text), or None
            Any number of texts; needed unless `image` is a `Pairs`.

        Returns
        -------
        ndarray of shape (n, m)
            In [-1, 1]; 0 for a row that maps to the origin.
        """
        check_is_fitted(self)
        image, text = image_and_text(image, text, "similarity")
        return Similarity(self.encode_image(image), self.encode_text(text))[:]

    def score(self, X: Any, y: Any = None, labels: Any = None) -> float:
        """Mean of image-to-text and text-to-image mAP under `similarity`, over the given rows.

        Parameters
        ----------
        X, y, labels : object
            As in :meth:`fit`. Relevance is built from the scored rows' own labels: sharing at least one. Without
            labels it is the same row, if the model was also fitted without; else that is an error. An image that
            several rows share is one query, answered by all its texts; its labels are those of the first.

        Returns
        -------
        float
            In [0, 1].
        """
        check_is_fitted(self)
        return RetrievalScorer()(self, X, y, labels)

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the parameters that the common tests use, small ones: one dict per estimator that they check."""
        return [{}]

    @abstractmethod
    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        """Learn from checked views of at least two rows."""

    @abstractmethod
    def _encode_image(self, X: FloatArray) -> FloatArray:
        """Map checked images (n, d_image) to (n, n_components)."""

    @abstractmethod
    def _encode_text(self, X: FloatArray) -> FloatArray:
        """Map checked texts (n, d_text) to (n, n_components)."""

    def _encode(self, X: Any, name: str) -> FloatArray:
        check_is_fitted(self)
        refuse_pairwise(self)
        view = getattr(X, name) if isinstance(X, Pairs) else X
        if view is None:
            raise ValueError(f"{name} is missing; pass the {name} view.")
        view = self._checked_view(view, name, 1, self.n_features_[name], self._columns[name])
        encode = self._encode_image if name == "image" else self._encode_text
        return np.asarray(encode(view))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self._requires_labels
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = False
        return tags
