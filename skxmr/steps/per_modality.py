"""PerModality: one scikit-learn transformer for the images and one for the texts."""

from __future__ import annotations

from typing import Protocol, Self

from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import PairsStep, check_labels_of, need_pairs
from skxmr._data.kinds import MODALITIES, Frame, IndexArray, LabelsLike, View
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import IndexedRows, distinct
from skxmr._data.views import as_view
from skxmr.steps._rows import naming, texts_of


class Transformer(Protocol):
    """A transformer of scikit-learn."""

    def fit(self, X: View, y: LabelsLike = None) -> Self:
        """Learn from rows."""

    def transform(self, X: View) -> View:
        """Return transformed rows."""


class PerModality(PairsStep, kw_only=False):
    """Apply one scikit-learn transformer to the images and another to the texts of a `Pairs`.

    Each transformer gets its view unchanged: sparse text stays sparse, and a vectoriser gets raw captions as strings.
    Of a data frame with a single column a vectoriser gets that column.

    Parameters
    ----------
    image, text : transformer or "passthrough", default="passthrough"
        Cloned before fitting. Their parameters are reached as ``image__...`` and ``text__...``.

    Attributes
    ----------
    image_, text_ : transformer or "passthrough"
        The fitted transformers, for the modalities seen in fit.

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
            Labels, passed to both transformers, but not with images that several rows share.

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
                rows, index = distinct(view)
                # An image that several rows share has no labels of its own.
                own = y if index is None else None
                with naming(name, transformer, rows):
                    rows = texts_of(rows, transformer)
                    if hasattr(transformer, "fit_transform"):
                        transformed = transformer.fit_transform(rows, own)
                    else:
                        transformed = transformer.fit(rows, own).transform(rows)
                out[name] = _in_kind(transformed, rows, index)
            fitted[name] = transformer
        new = pairs.replace(**out)
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
                rows, index = distinct(view)
                with naming(name, transformer, rows):
                    rows = texts_of(rows, transformer)
                    transformed = transformer.transform(rows)
                out[name] = _in_kind(transformed, rows, index)
        return pairs.replace(**out)

    def __sklearn_is_fitted__(self) -> bool:
        return any(hasattr(self, f"{name}_") for name in MODALITIES)


def _checked(transformer: Transformer | str, name: str) -> Transformer | str:
    if isinstance(transformer, str) and transformer == "passthrough":
        return transformer
    if isinstance(transformer, type) or not (hasattr(transformer, "fit") and hasattr(transformer, "transform")):
        raise TypeError(f"{name} must be a transformer instance or 'passthrough'; got {transformer!r}.")
    return transformer


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
