"""Retriever: what retrievers that embed and retrievers that compare pairs have in common."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import as_pairs, need_both, need_complete
from skxmr._data.estimator import Estimator
from skxmr._data.kinds import MODALITIES, Chunked, FloatArray, LabelsLike, View, column_names
from skxmr._data.labels import Labels, encode_labels, need_labels
from skxmr._data.names import SeesNames
from skxmr._data.pairs import Pairs
from skxmr._data.partial import in_places, present_rows
from skxmr._data.view_checks import check_chunks, check_view
from skxmr._data.warn import warn
from skxmr._linalg.workspace import hold_workspace
from skxmr.metrics._scorers import RetrievalScorer

# Fewer rows of a view than these, where others lack it, are worth a warning.
_FEW = 10


class Checked(NamedTuple):
    """What fit was given, checked: views, binarised labels, and the column names of views that were tables."""

    pairs: Pairs
    labels: Labels | None
    columns: dict[str, list[str] | None]


class Retriever(SeesNames, Estimator, metaclass=ABCMeta):
    """Base of all retrievers: it learns from images and texts, and tells how similar an image and a text are.

    There are two kinds. A :class:`CrossModalRetriever` embeds images and texts in one space, and so has `transform`. A
    :class:`ComparingRetriever` compares an image and a text directly, and has no `transform`:
    ``hasattr(estimator, "transform")`` tells the two apart, in scikit-learn's pipelines and searches as well.

    Attributes
    ----------
    classes_ : ndarray of shape (c,)
        Label names; present if fitted with labels.
    fitted_with_labels_ : bool
        Whether fit saw labels; `score` then wants them too.
    n_samples_seen_ : int
        Number of rows that were learned from, validation rows included; of all parts, where they came in parts.
    feature_names_in_ : dict
        Column names of ``"image"`` and ``"text"`` seen in fit, with an entry for each that was a DataFrame whose
        columns are strings; missing if neither was.
    """

    _requires_labels: ClassVar[bool] = False
    # Whether fit takes dask arrays.
    _by_chunks: ClassVar[bool] = False
    # Whether fit learns from rows that have no image or no text. It is then given views that may be `PartialRows`.
    _learns_from_single_views: ClassVar[bool] = False
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"labels": True}
    # Pipeline.score always mentions sample_weight, so routing must know it, though it is not requested.
    __metadata_request__score: ClassVar[dict[str, bool | None]] = {"labels": True, "sample_weight": None}

    def fit(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Self:
        """Learn from pairs of an image and a text: ``fit(image, text, labels)`` or ``fit(Pairs(image, text), labels)``.

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
        checked = self._checked(X, y, labels)
        self._fit(checked.pairs, checked.labels)
        return self._remember(checked)

    @abstractmethod
    def similarity(self, image: View, text: View = None) -> FloatArray:
        """Similarity of every image with every text.

        Parameters
        ----------
        image : Pairs, or array-like of n rows
            A `Pairs` gives both views; an image that several of its rows share is one row of the answer.
        text : array-like of m rows, or None
            Any number of texts; needed unless `image` is a `Pairs`.

        Returns
        -------
        ndarray of shape (n, m)
            Larger means more similar.
        """

    def score(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> float:
        """Mean of image-to-text and text-to-image mAP under `similarity`, over the given rows.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images. An image that several rows share is one query, answered by all its texts.
        y : labels if X is a Pairs, else array-like of shape (n, d_text)
            The texts.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the scored rows. Items that share at least one label are relevant; an image that several rows
            share has the labels of the first. None, if fit had none either: then the same row is relevant.

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

    def _checked(self, X: View, y: View | LabelsLike, labels: LabelsLike, again: bool = False) -> Checked:
        """Return checked views and labels; `again` wants the widths and columns of the rows before."""
        self._validate_params()
        pairs, labels = as_pairs(X, y, labels)
        need_both(pairs.image, pairs.text, "fit")
        if not self._learns_from_single_views:
            need_complete(pairs, type(self).__name__)
        if labels is None and self._requires_labels:
            raise ValueError(
                f"{type(self).__name__} learns from labels, and requires y to be passed, but the target y is None: "
                "fit(X_img, X_txt, labels) or fit(Pairs(X_img, X_txt), labels)."
            )
        widths = self.n_features_ if again else {}
        seen = self._columns if again else {}
        by_chunks = self._by_chunks and (isinstance(pairs.image, Chunked) or isinstance(pairs.text, Chunked))
        views = {}
        for name in MODALITIES:
            view = getattr(pairs, name)
            if by_chunks:
                views[name] = check_chunks(view, name, width=widths.get(name))
            else:
                rows = self._checked_view(present_rows(view), name, 2, widths.get(name), seen.get(name))
                views[name] = in_places(view, rows)
                _warn_of_few(views[name], name)
        columns = seen or {name: column_names(getattr(pairs, name)) for name in MODALITIES}
        if isinstance(labels, Chunked):
            labels = labels.compute()
        encoded = None if labels is None else need_labels(encode_labels(labels))
        checked = pairs.replace(**views)
        checked._eps = pairs._eps
        # Whoever has rows checked computes with them next.
        hold_workspace()
        return Checked(checked, encoded, columns)

    def _checked_view(self, view: View, name: str, min_rows: int, width: int | None, columns: list[str] | None) -> View:
        """Return a view as the method takes it."""
        return check_view(view, name, min_rows=min_rows, width=width, columns=columns)

    def _checked_query(self, view: View, name: str) -> View:
        """Return a view that is like the one seen in fit, as the method takes it."""
        return self._checked_view(view, name, 1, self.n_features_[name], self._columns[name])

    def _widths(self, pairs: Pairs) -> dict[str, int]:
        """Return the widths of checked views."""
        return {name: int(getattr(pairs, name).shape[1]) for name in MODALITIES}

    def _remember(self, checked: Checked, before: int = 0) -> Self:
        """Keep what later calls are compared with, and how many rows there were, besides those of parts before."""
        self.n_samples_seen_ = before + len(checked.pairs)
        if self._learns_from_single_views:
            earlier = getattr(self, "n_samples_per_view_", {}) if before else {}
            self.n_samples_per_view_ = {}
            for name in MODALITIES:
                n = int(present_rows(getattr(checked.pairs, name)).shape[0])
                self.n_samples_per_view_[name] = n + earlier.get(name, before)
        self._columns = checked.columns
        self._remember_names(checked.columns)
        self.n_features_ = self._widths(checked.pairs)
        self._remember_labels(checked.labels)
        return self

    def _remember_labels(self, labels: Labels | None) -> None:
        """Keep the names of the labels; scorers see by `classes_` whether fit was given labels."""
        if labels is not None:
            self.classes_ = labels.names
        elif hasattr(self, "classes_"):
            del self.classes_
        self.fitted_with_labels_ = labels is not None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fitted_with_labels_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self._requires_labels
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = False
        return tags


def _warn_of_few(view: View, name: str) -> None:
    """Warn where so many rows of a view are missing that hardly any are left."""
    n = present_rows(view).shape[0]
    if n < _FEW and n < view.shape[0]:
        warn(f"{name} is missing in all but {n} of {view.shape[0]} rows; what is learned of it will be poor.")
