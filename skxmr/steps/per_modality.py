"""PerModality: one scikit-learn transformer for the images and one for the texts."""

from __future__ import annotations

from functools import partial
from typing import Protocol, Self

from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import PairsStep, check_labels_of, need_pairs
from skxmr._data.kinds import MODALITIES, AnyArray, Frame, IndexArray, LabelsLike, View, column_names
from skxmr._data.names import SeesNames, as_names, n_columns, with_prefix
from skxmr._data.pairs import Pairs
from skxmr._data.partial import in_places, present_rows
from skxmr._data.repeated import IndexedRows, distinct
from skxmr._data.views import as_view
from skxmr.steps._rows import naming, texts_of
from skxmr.steps._supervised import (
    labels_for,
    labels_of_images,
    labels_where_present,
    selecting_by_labels,
    why_not_these_labels,
)


class Transformer(Protocol):
    """A transformer of scikit-learn."""

    def fit(self, X: View, y: LabelsLike = None) -> Self:
        """Learn from rows."""

    def transform(self, X: View) -> View:
        """Return transformed rows."""


class PerModality(SeesNames, PairsStep, kw_only=False):
    """Apply one scikit-learn transformer to the images and another to the texts of a `Pairs`.

    Each transformer gets its view unchanged: sparse text stays sparse, and a vectoriser gets raw captions as strings.
    Of a data frame with a single column a vectoriser gets that column. A transformer that learns from labels gets class
    ids, or a table of 0 and 1 of rows with several labels; ``SelectKBest`` and its kin then score a feature by the
    label that it tells best. Others that take one label per row only, such as ``LinearDiscriminantAnalysis`` or
    ``TargetEncoder``, refuse such rows.

    Parameters
    ----------
    image, text : transformer or "passthrough", default="passthrough"
        Cloned before fitting. Their parameters are reached as ``image__...`` and ``text__...``.

    Attributes
    ----------
    image_, text_ : transformer or "passthrough"
        The fitted transformers, for the modalities seen in fit.
    feature_names_in_ : dict
        Column names of ``"image"`` and ``"text"`` seen in fit, with an entry for each that was a DataFrame whose
        columns are strings; missing if neither was.

    Raises
    ------
    TypeError
        If X is not a `Pairs`, or a parameter is neither a transformer nor ``"passthrough"``.
    ValueError
        If transform gets a modality that was not seen in fit.
    TypeError or ValueError
        If a transformer fails: the message names the view and, where it can be told, the row and its value.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skxmr import Pairs, PerModality
    >>> views = PerModality(image=StandardScaler(), text=TfidfVectorizer())
    >>> views.fit_transform(Pairs([[0.0], [2.0]], ["a red bird", "a blue bird"])).text.shape
    (2, 3)
    """

    image: Transformer | str = "passthrough"
    text: Transformer | str = "passthrough"

    def fit(self, X: Pairs, y: LabelsLike = None) -> Self:
        """Fit the transformer of each modality present.

        Parameters
        ----------
        X : Pairs
            The views.
        y : object, default=None
            Labels, passed to both transformers. An image that several rows share has the labels of the first.

        Returns
        -------
        self
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Pairs, y: LabelsLike = None) -> Pairs:
        """Fit the transformers and return the transformed views.

        Parameters
        ----------
        X : Pairs
            The views.
        y : object, default=None
            Labels, as in `fit`.

        Returns
        -------
        Pairs
        """
        pairs = need_pairs(X, "PerModality")
        if y is not None:
            check_labels_of(pairs, y)
        out: dict[str, View] = {}
        fitted: dict[str, Transformer | str] = {}
        for name in MODALITIES:
            transformer = _checked(getattr(self, name), name)
            view = getattr(pairs, name)
            if view is None:
                continue
            if not isinstance(transformer, str):
                transformer = clone(transformer)
                some = labels_where_present(view, y)
                rows, index = distinct(present_rows(view))
                own = labels_for(transformer, some) if index is None else labels_of_images(transformer, some, index)
                transformer = selecting_by_labels(transformer, own)
                with naming(name, transformer, rows, partial(why_not_these_labels, transformer, own)):
                    rows = texts_of(rows, transformer)
                    transformed = _fitted_and_transformed(transformer, rows, own)
                out[name] = in_places(view, _in_kind(transformed, rows, index))
            fitted[name] = transformer
        new = pairs.replace(**out)
        self._remember_names({name: column_names(getattr(pairs, name)) for name in MODALITIES})
        self._widths = {name: n_columns(getattr(pairs, name)) for name in MODALITIES}
        for name in MODALITIES:
            if name in fitted:
                setattr(self, f"{name}_", fitted[name])
            elif hasattr(self, f"{name}_"):
                delattr(self, f"{name}_")
        return new

    def transform(self, X: Pairs) -> Pairs:
        """Transform the modalities present; one of them is enough.

        Parameters
        ----------
        X : Pairs
            The views.

        Returns
        -------
        Pairs
        """
        check_is_fitted(self)
        pairs = need_pairs(X, "PerModality")
        out: dict[str, View] = {}
        for name in MODALITIES:
            view = getattr(pairs, name)
            if view is None:
                continue
            if not hasattr(self, f"{name}_"):
                raise ValueError(f"{name} was not seen in fit; PerModality was fitted on the other modality alone.")
            transformer = getattr(self, f"{name}_")
            if not isinstance(transformer, str):
                rows, index = distinct(present_rows(view))
                with naming(name, transformer, rows):
                    rows = texts_of(rows, transformer)
                    transformed = transformer.transform(rows)
                out[name] = in_places(view, _in_kind(transformed, rows, index))
        return pairs.replace(**out)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> AnyArray:
        """Name the columns of both views as their transformers do, with ``image__`` or ``text__`` in front.

        Parameters
        ----------
        input_features : array-like of str, or None
            Ignored; the transformers remember the names that they have seen.

        Returns
        -------
        ndarray of str objects
            The columns of the images, then those of the texts. Columns that pass through and have no names are called
            x0, x1 and so on.
        """
        check_is_fitted(self)
        seen = getattr(self, "feature_names_in_", {})
        names: dict[str, AnyArray] = {}
        for name in MODALITIES:
            transformer = getattr(self, f"{name}_", None)
            if transformer is None:
                continue
            if isinstance(transformer, str):
                names[name] = seen.get(name, as_names([f"x{i}" for i in range(self._widths[name])]))
            elif hasattr(transformer, "get_feature_names_out"):
                names[name] = transformer.get_feature_names_out()
            else:
                kind = type(transformer).__name__
                raise AttributeError(f"the transformer of {name}, {kind}, does not provide get_feature_names_out.")
        return with_prefix(names)

    def __sklearn_is_fitted__(self) -> bool:
        return any(hasattr(self, f"{name}_") for name in MODALITIES)


def _checked(transformer: Transformer | str, name: str) -> Transformer | str:
    if isinstance(transformer, str) and transformer == "passthrough":
        return transformer
    if isinstance(transformer, type) or not (hasattr(transformer, "fit") and hasattr(transformer, "transform")):
        raise TypeError(f"{name} must be a transformer instance or 'passthrough'; got {transformer!r}.")
    return transformer


def _fitted_and_transformed(transformer: Transformer, rows: View, labels: LabelsLike) -> View:
    if not hasattr(transformer, "fit_transform"):
        return transformer.fit(rows, labels).transform(rows)
    transformed = transformer.fit_transform(rows, labels)
    # PLSRegression and its kin also return the labels' scores.
    return transformed[0] if isinstance(transformed, tuple) else transformed


def _in_kind(out: View, rows: View, index: IndexArray | None) -> View:
    """Return transformed rows as their view was: a data frame only for a data frame, and by index if there is one."""
    # Scikit-learn can be told to make data frames of everything; their new row names would match no other view.
    if isinstance(out, Frame) and not isinstance(rows, Frame):
        out = out.to_numpy()
    if index is None:
        return out
    out = as_view(out, "image")
    if out.shape[0] != rows.shape[0]:
        raise ValueError(f"the transformer of image returned {out.shape[0]} rows for {rows.shape[0]} images.")
    return IndexedRows(out, index)
