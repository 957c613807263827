"""What retrievers that are made of retrievers have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sklearn.utils import Tags, TransformerTags

from skxmr._data.arguments import as_pairs, need_both, need_complete
from skxmr._data.kinds import MODALITIES, FloatArray, LabelsLike, View, column_names
from skxmr._data.labels import encode_labels
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import WRAP_HINT
from skxmr._docstrings import documented_like
from skxmr.base import ComparingRetriever, CrossModalRetriever

if TYPE_CHECKING:
    Method = TypeVar("Method", bound=Callable[..., object])

    def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
        """Let a method exist only where the check holds."""
        ...

else:
    from sklearn.utils.metaestimators import available_if


class CombinedRetriever(ComparingRetriever):
    """Base of retrievers that are made of others. These check the views and binarise the labels themselves."""

    @documented_like(ComparingRetriever.fit)
    def fit(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Self:
        """Fit every retriever on the same rows.

        Parameters
        ----------
        X : Pairs, or images of n rows
            Both views, or the images.
        """
        self._check_parts()
        pairs, labels = as_pairs(X, y, labels)
        need_both(pairs.image, pairs.text, "fit")
        need_complete(pairs, type(self).__name__)
        encoded = None if labels is None else encode_labels(labels)
        self._fit(pairs, labels)
        self._remember_labels(encoded)
        self._remember_names({name: column_names(getattr(pairs, name)) for name in MODALITIES})
        return self

    def _checked_query(self, view: View, name: str) -> View:
        """Return a view as it is given."""
        return view

    @abstractmethod
    def _check_parts(self) -> None:
        """Refuse retrievers and parameters that do not fit together."""

    @abstractmethod
    def _fit(self, pairs: Pairs, labels: LabelsLike) -> None:
        """Fit clones of the retrievers; `labels` are as the user gave them."""


def _all_embed(combination: EmbeddingCombination) -> bool:
    """Tell whether a combination embeds."""
    return combination._embeds()


class EmbeddingCombination(CombinedRetriever):
    """Base of combinations that embed where all of their retrievers do.

    A combination overrides `_embeds` and `_encode`.
    """

    @abstractmethod
    def _embeds(self) -> bool:
        """Tell whether there are embeddings, also before `fit`."""

    @abstractmethod
    def _encode(self, view: View, name: str) -> FloatArray:
        """Map one view into the common space."""

    @available_if(_all_embed)
    @documented_like(CrossModalRetriever.fit_transform)
    def fit_transform(self, X: View, y: View | LabelsLike = None, labels: LabelsLike = None) -> Any:
        """Fit, then transform the same rows."""
        self.fit(X, y, labels)
        return self.transform(X) if isinstance(X, Pairs) else self.transform(X, y)

    @available_if(_all_embed)
    def transform(self, X: View, y: View = None) -> Any:
        """Map one or both views into the common space; the result has the form of what is given.

        Parameters
        ----------
        X : Pairs, or images of n rows
            Both views or one of them, or the images.
        y : texts of n rows, or None
            The texts, if X are images.

        Returns
        -------
        Pairs, tuple of two ndarrays, or ndarray
            For a `Pairs`, two arrays, or images alone.
        """
        if isinstance(X, Pairs):
            if y is not None:
                raise TypeError("transform(pairs) takes no second argument: a Pairs holds both views.")
            found: dict[str, Any] = {}
            for name in MODALITIES:
                if getattr(X, name) is not None:
                    found[name] = self._encode(getattr(X, name), name)
            return X.replace(**found)
        if isinstance(X, tuple):
            raise TypeError(f"image is a tuple of length {len(X)}; {WRAP_HINT}.")
        return self.encode_image(X) if y is None else (self.encode_image(X), self.encode_text(y))

    @available_if(_all_embed)
    def encode_image(self, X: View) -> FloatArray:
        """Map images into the common space.

        Parameters
        ----------
        X : images of n rows, or Pairs
            Images alone are enough.

        Returns
        -------
        ndarray of shape (n, d)
            Embeddings; those of an ensemble are the unit vectors of all retrievers side by side, times the square roots
            of the weights.
        """
        return self._encode(X.image if isinstance(X, Pairs) else X, "image")

    @available_if(_all_embed)
    @documented_like(encode_image)
    def encode_text(self, X: View) -> FloatArray:
        """Map texts into the common space.

        Parameters
        ----------
        X : texts of n rows, or Pairs
            Texts alone are enough.
        """
        return self._encode(X.text if isinstance(X, Pairs) else X, "text")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self._embeds():
            tags.transformer_tags = TransformerTags(preserves_dtype=["float64", "float32"])
        return tags
