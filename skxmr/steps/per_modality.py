"""Scikit-learn transformers, one per modality."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import PairsStep, need_pairs
from skxmr._data.kinds import MODALITIES, is_frame
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import IndexedRows
from skxmr._data.views import as_view


class PerModality(PairsStep):
    """Apply one scikit-learn transformer to the images and another to the texts of a `Pairs`.

    Each transformer gets its view as it stands: sparse text stays sparse, raw captions reach a vectoriser as strings.

    Parameters
    ----------
    image, text : transformer or "passthrough", default="passthrough"
        Cloned before fitting. Their parameters are reached as ``image__...`` and ``text__...``.

    Attributes
    ----------
    image_, text_ : transformer or "passthrough"
        The fitted transformers; present for the modalities seen in fit.

    Raises
    ------
    TypeError
        If X is not a `Pairs`, or a parameter is neither a transformer nor ``"passthrough"``.
    ValueError
        At transform, if a modality comes that was not seen in fit.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skxmr import Pairs, PerModality
    >>> views = PerModality(image=StandardScaler(), text=TfidfVectorizer())
    >>> views.fit_transform(Pairs([[0.0], [2.0]], ["a red bird", "a blue bird"])).text.shape
    (2, 3)
    """

    def __init__(self, image: Any = "passthrough", text: Any = "passthrough") -> None:
        self.image = image
        self.text = text

    def fit(self, X: Any, y: Any = None) -> PerModality:
        """Fit the transformer of each modality present.

        Parameters
        ----------
        X : Pairs
            The views.
        y : object, default=None
            Labels, handed to both transformers; images that several rows share have none of their own.

        Returns
        -------
        self
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Pairs:
        """Fit the transformers and return the transformed views.

        Parameters
        ----------
        X : Pairs
            The views.
        y : object, default=None
            Labels, handed to both transformers.

        Returns
        -------
        Pairs
        """
        pairs = need_pairs(X, "PerModality")
        out = {}
        for name in MODALITIES:
            self.__dict__.pop(f"{name}_", None)
            view, transformer = getattr(pairs, name), _transformer(getattr(self, name), name)
            if view is None:
                continue
            if transformer != "passthrough":
                transformer = clone(transformer)
                view = _fitted_rows(transformer, view, y)
            setattr(self, f"{name}_", transformer)
            out[name] = view
        return pairs.replace(**out)

    def transform(self, X: Any) -> Pairs:
        """Transform the modalities present; one alone is enough.

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
        out = {}
        for name in MODALITIES:
            view = getattr(pairs, name)
            if view is None:
                continue
            if not hasattr(self, f"{name}_"):
                raise ValueError(f"{name} was not seen in fit; PerModality was fitted on the other modality alone.")
            transformer = getattr(self, f"{name}_")
            out[name] = view if transformer == "passthrough" else _rows(transformer, view)
        return pairs.replace(**out)

    def __sklearn_is_fitted__(self) -> bool:
        return any(hasattr(self, f"{name}_") for name in MODALITIES)


def _transformer(transformer: Any, name: str) -> Any:
    if isinstance(transformer, str) and transformer == "passthrough":
        return transformer
    if isinstance(transformer, type) or not (hasattr(transformer, "fit") and hasattr(transformer, "transform")):
        raise TypeError(f"{name} must be a transformer instance or 'passthrough'; got {transformer!r}.")
    return transformer


def _rows(transformer: Any, view: Any) -> Any:
    """Transform a view; an image that several rows share, once."""
    if isinstance(view, IndexedRows):
        images, index = view.distinct()
        return _again(_rows(transformer, images), images, index)
    return _without_index(view, transformer.transform(view))


def _fitted_rows(transformer: Any, view: Any, y: Any) -> Any:
    """Fit and transform a view; an image that several rows share counts once, and has no labels of its own."""
    if isinstance(view, IndexedRows):
        images, index = view.distinct()
        return _again(_fitted_rows(transformer, images, None), images, index)
    if hasattr(transformer, "fit_transform"):
        return _without_index(view, transformer.fit_transform(view, y))
    return _without_index(view, transformer.fit(view, y).transform(view))


def _again(out: Any, images: Any, index: Any) -> IndexedRows:
    view = as_view(out, "image")
    if view.shape[0] != images.shape[0]:
        raise ValueError(f"the transformer of image returned {view.shape[0]} rows for {images.shape[0]} images.")
    return IndexedRows(view, index)


def _without_index(view: Any, out: Any) -> Any:
    """Return the output without an index that its input did not have: scikit-learn invents one for frames."""
    return out.to_numpy() if is_frame(out) and not is_frame(view) else out
