"""TextFeatures: what a sentence encoder makes of texts, as a scikit-learn transformer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import field
from numbers import Integral
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Tags
from sklearn.utils._param_validation import HasMethods, Interval
from tqdm.auto import tqdm

from skxmr._data.estimator import ClassNamePrefixFeaturesOutMixin, Constraints, Estimator, TransformerMixin
from skxmr._data.kinds import Frame, View
from skxmr._data.pairs import Pairs
from skxmr._data.views import as_view
from skxmr.features.cache import Vectors, open_cache
from skxmr.features.once import vectors_of
from skxmr.features.vectors import checked_vectors


class SentenceEncoder(Protocol):
    """What turns texts into vectors, such as a model of sentence-transformers."""

    def encode(self, sentences: list[str], /) -> object:
        """Return an array or a tensor of shape (n, d)."""


class TextFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Text features by any sentence encoder.

    Used as ``PerModality(text=TextFeatures(model, cache="features", cache_key="..."))``. It learns nothing, so
    `transform` needs no `fit`. With `cache` every text is encoded once: later calls, clones in a search and other
    processes read its vector. Equal texts of one call are encoded once in any case.

    Parameters
    ----------
    model : object with ``encode(list of str) -> array (n, d)``
        Such as a ``SentenceTransformer``. Every clone, as in a search, copies it.
    cache : str, path or None, default=None
        A folder in which vectors are kept, made where it is missing. They are found again by the text and the model:
        its classes, settings and numbers, not its code.
    cache_key : str or None, default=None
        A name by which the model is known in the cache in place of its content; choose another one when it changes. A
        model that holds objects of compiled code, such as most tokenizers, needs one.
    batch_size : int, default=256
        Number of texts that are given to the model, and kept, together.
    verbose : int, default=0
        1 shows a progress bar.
    factory : str or None, default=None
        Only for :func:`skxmr.save`, which cannot write the code of others: the function that makes the model again, as
        ``"package.module:function"``. The weights of a module of torch are saved.
    factory_params : dict or None, default=None
        The arguments of the factory, by name.

    Raises
    ------
    OSError
        If the cache is no folder to write in.
    TypeError
        If X, or one of its rows, is no text, or the model is a string.
    ValueError
        If there are no rows, the model does not give one finite vector per text, or the cache cannot tell its content.

    Warns
    -----
    UserWarning
        If there is no room for the cache. The features are computed all the same.

    See Also
    --------
    ImageFeatures : The same for images, where the cache is described.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr.features import TextFeatures
    >>> class Lengths:
    ...     def encode(self, texts):
    ...         return np.array([[len(text), text.count(" ")] for text in texts])
    >>> TextFeatures(Lengths()).transform(["a red bird", "sea"])
    array([[10.,  2.],
           [ 3.,  0.]], dtype=float32)
    """

    model: SentenceEncoder = field(kw_only=False)
    cache: str | os.PathLike[str] | None = None
    cache_key: str | None = None
    batch_size: int = 256
    verbose: int = 0
    factory: str | None = None
    factory_params: dict[str, Any] | None = None
    _made_by_factory: ClassVar[tuple[str, ...]] = ("model",)
    _parameter_constraints: ClassVar[Constraints] = {
        "model": [HasMethods("encode")],
        "cache": [str, os.PathLike, None],
        "cache_key": [str, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
        "factory": [str, None],
        "factory_params": [dict, None],
    }

    def fit(self, X: View, y: object = None) -> Self:
        """Check the parameters and X; nothing is encoded.

        Parameters
        ----------
        X : list, object array or Series of str
            The texts.
        y : object, default=None
            Ignored.

        Returns
        -------
        self
        """
        self._checked(X)
        return self

    def transform(self, X: View) -> NDArray[np.float32]:
        """Encode the texts.

        Parameters
        ----------
        X : list, object array or Series of str
            The texts.

        Returns
        -------
        ndarray of shape (n, d), float32
        """
        texts = self._checked(X)

        def compute(numbers: Sequence[int]) -> tuple[list[bytes], Vectors]:
            batch = [texts[i] for i in numbers]
            return [_key(text) for text in batch], self._encoded(batch)

        with ExitStack() as opened:
            cache = open_cache(self.cache, self.cache_key, lambda: (self.model,), "text")
            if cache is not None:
                opened.enter_context(cache)
            bar = opened.enter_context(tqdm(total=len(texts), unit="text", disable=not self.verbose))
            return vectors_of([_key(text) for text in texts], compute, self.batch_size, cache, bar)

    def _encoded(self, texts: list[str]) -> Vectors:
        with torch.inference_mode():
            return checked_vectors(self.model.encode(texts), len(texts), f"{type(self.model).__name__}.encode")

    def _checked(self, X: View) -> list[str]:
        self._validate_params()
        if isinstance(self.model, str):
            # A string has a method of this name, which encodes characters.
            raise TypeError(
                f"model is the string {self.model!r}, but an encoder is wanted, such as "
                f"SentenceTransformer({self.model!r})."
            )
        if isinstance(X, (Pairs, str)):
            way = "put it into PerModality(text=...)" if isinstance(X, Pairs) else "pass a single text as [text]"
            raise TypeError(f"X is a {type(X).__name__}, but a list of texts is wanted; {way}.")
        rows = as_view(X, "text")
        texts = rows.to_numpy(dtype=object) if isinstance(rows, Frame) else rows
        if getattr(texts, "ndim", 1) != 1:
            raise ValueError(f"X has the shape {texts.shape}; pass one text per row, such as a column of a table.")
        if len(texts) == 0:
            raise ValueError("X is empty; at least one text is needed.")
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(
                    f"row {i} of X is a {type(text).__name__}, not a text; replace it by a str, also by ''."
                )
        return [str(text) for text in texts]

    @property
    def _n_features_out(self) -> int:
        """The number of features; scikit-learn names the features by it."""
        return self._encoded([""]).shape[1]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
