"""RetrieverEnsemble: the mean of several retrievers' similarities, which is one embedding where all of them embed."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.preprocessing import normalize
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted

from skxmr._data.kinds import FloatArray, LabelsLike, Seed, View
from skxmr._data.pairs import Pairs
from skxmr._data.tensors import asarray
from skxmr.methods._chosen_weights import chosen_weights, held_out_rows
from skxmr.methods._combined import EmbeddingCombination
from skxmr.metrics._asking import (
    at_pairs,
    check_where,
    embedded,
    need_retriever,
    some_similarities,
    whole_similarity,
)
from skxmr.metrics._similarity import Similarity


class RetrieverEnsemble(EmbeddingCombination, _BaseComposition):
    """Mean of the similarities of several retrievers, as in RACG* and in SCAN's ensembles.

    If all of them embed, so does the ensemble: the unit vectors of the retrievers stand side by side, each times the
    square root of its weight, so that the cosine of two such rows is the weighted mean of the cosines. It can then
    be put into a :class:`RetrievalIndex`. A row that one of them maps to the origin, such as a text without a word that
    it knows, has the length of the other vectors only, so that its cosines do not shrink.

    Deep retrievers with the same `random_state` hold out the same rows to choose their epochs. Where each has its own,
    the ensemble may be slightly better, as it was on held-out rows of one set.

    Parameters
    ----------
    estimators : list of (str, retriever)
        Retrievers, or pipelines that end in one, by name; their parameters are reached as ``name__...``.
    weights : sequence of float, "validation" or None, default=None
        Weight of each retriever; None gives all the same weight. ``"validation"`` chooses weights for which rows that
        are held out have the largest mAP; then all rows are fitted.
    validation_fraction : float, default=0.2
        Share of the rows that is held out; rows of an image or group stay together. Used with ``weights="validation"``.
    random_state : int, RandomState or None, default=None
        Which rows are held out.

    Attributes
    ----------
    estimators_ : list
        Fitted clones.
    weights_ : ndarray of shape (n_estimators,)
        Shares of the retrievers, whose sum is 1.

    Raises
    ------
    ValueError
        If there are no estimators, names repeat, or there are more or fewer weights.

    Examples
    --------
    >>> from skxmr import SCAN, Pairs, Regions, RetrieverEnsemble
    >>> from skxmr.datasets import make_captioned_scenes
    >>> scenes = make_captioned_scenes(20, random_state=0)
    >>> pairs = Pairs(Regions(scenes.regions, mask=scenes.mask), scenes.sentences, image_index=scenes.image_index)
    >>> small = {"n_components": 16, "word_width": 8, "batch_size": 20, "max_epochs": 2, "random_state": 0}
    >>> both = [(name, SCAN(attention=name, **small)) for name in ("text_to_image", "image_to_text")]
    >>> RetrieverEnsemble(both).fit(pairs).similarity(pairs).shape
    (20, 100)
    """

    def __init__(
        self,
        estimators: list[tuple[str, BaseEstimator]],
        weights: ArrayLike | None = None,
        validation_fraction: float = 0.2,
        random_state: Seed = None,
    ) -> None:
        self.estimators = estimators
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return two networks that compare regions with words."""
        from skxmr import SCAN

        (small,) = SCAN._get_test_params()
        directions = ("text_to_image", "image_to_text")
        return [{"estimators": [(name, SCAN(**small | {"attention": name})) for name in directions]}]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, those of the retrievers as well.

        Parameters
        ----------
        deep : bool, default=True
            Whether to look into the retrievers.

        Returns
        -------
        dict
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, or replace retrievers by name.

        Parameters
        ----------
        **params : object
            By name.

        Returns
        -------
        self
        """
        self._set_params("estimators", **params)
        return self

    def _check_parts(self) -> None:
        named = isinstance(self.estimators, (list, tuple)) and all(map(_is_named, self.estimators))
        if not named or not self.estimators:
            raise ValueError(f"estimators must be a list of one or more (name, retriever); got {self.estimators!r}.")
        self._validate_names([name for name, _ in self.estimators])
        for name, estimator in self.estimators:
            need_retriever(estimator, f"{name!r} of estimators")
        if self.weights is None or self._chooses():
            return
        weights = asarray(self.weights, "weights")
        if weights.shape != (len(self.estimators),):
            raise ValueError(f"weights has shape {weights.shape}; one for each of {len(self.estimators)} is needed.")
        good = weights.dtype.kind in "biuf" and np.isfinite(weights).all() and (weights >= 0).all()
        if not good or weights.sum() == 0:
            raise ValueError(f"weights must be finite, at least 0 and not all 0; got {self.weights!r}.")

    def _chooses(self) -> bool:
        """Tell whether weights are chosen."""
        return isinstance(self.weights, str) and self.weights == "validation"

    def _fit(self, pairs: Pairs, labels: LabelsLike) -> None:
        n = len(self.estimators)
        estimators = [estimator for _, estimator in self.estimators]
        if self._chooses():
            rows = held_out_rows(pairs, self.validation_fraction, self.random_state)
            weights = chosen_weights(estimators, pairs, labels, *rows)
        else:
            weights = np.ones(n) if self.weights is None else asarray(self.weights, "weights").astype(float)
        self.estimators_ = [clone(estimator).fit(pairs, labels) for estimator in estimators]
        self.weights_ = weights / weights.sum()

    def _embeds(self) -> bool:
        """Tell whether every retriever embeds."""
        estimators = getattr(self, "estimators", [])
        return bool(estimators) and all(_is_named(entry) and hasattr(entry[1], "transform") for entry in estimators)

    def _encode(self, view: View, name: str) -> FloatArray:
        check_is_fitted(self)
        if view is None:
            raise ValueError(f"{name} is missing; pass the {name} view.")
        parts = []
        for weight, estimator in zip(self.weights_, self.estimators_, strict=True):
            rows = np.asarray(getattr(embedded(estimator, Pairs(**{name: view})), name))
            parts.append(normalize(rows) * rows.dtype.type(np.sqrt(weight)))
        return np.hstack(parts)

    def _similarity(self, image: View, text: View, where: sp.csr_array | None) -> FloatArray | sp.csr_array:
        images = Pairs(image)
        texts = Pairs(text=text)
        if self._embeds():
            # The same as for whoever asks for embeddings, where a method maps a row to the origin as well.
            scores = Similarity(self._encode(image, "image"), self._encode(text, "text"))
            return scores[:] if where is None else at_pairs(scores, check_where(where, len(images), len(texts)))
        if where is None:
            return self._mean([whole_similarity(estimator, images, texts) for estimator in self.estimators_])
        found = [some_similarities(estimator, images, texts, where) for estimator in self.estimators_]
        # All of them hold the same pairs in the same order.
        mean = found[0]
        mean.data = self._mean([part.data for part in found])
        return mean

    def _mean(self, arrays: list[FloatArray]) -> FloatArray:
        """Return the weighted mean of one array per retriever."""
        shares = self.weights_.tolist()
        return np.asarray(sum(share * array for share, array in zip(shares, arrays, strict=True)))


def _is_named(entry: object) -> bool:
    """Tell a pair of a name and a retriever."""
    return isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
