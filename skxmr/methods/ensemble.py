"""RetrieverEnsemble: the mean of several retrievers' similarities."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import _BaseComposition

from skxmr._data.kinds import FloatArray, LabelsLike, View
from skxmr._data.pairs import Pairs
from skxmr._data.tensors import asarray
from skxmr.methods._combined import CombinedRetriever
from skxmr.metrics._asking import need_retriever, some_similarities, whole_similarity


class RetrieverEnsemble(CombinedRetriever, _BaseComposition):
    """Mean of the similarities of several retrievers, as in RACG* and in SCAN's ensembles.

    Parameters
    ----------
    estimators : list of (str, retriever)
        Retrievers, or pipelines that end in one, by name; their parameters are reached as ``name__...``.
    weights : sequence of float or None, default=None
        Weight of each retriever; None gives all the same weight.

    Attributes
    ----------
    estimators_ : list
        Fitted clones.

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

    def __init__(self, estimators: list[tuple[str, BaseEstimator]], weights: ArrayLike | None = None) -> None:
        self.estimators = estimators
        self.weights = weights

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
        if self.weights is None:
            return
        weights = asarray(self.weights, "weights")
        if weights.shape != (len(self.estimators),):
            raise ValueError(f"weights has shape {weights.shape}; one for each of {len(self.estimators)} is needed.")
        good = weights.dtype.kind in "biuf" and np.isfinite(weights).all() and (weights >= 0).all()
        if not good or weights.sum() == 0:
            raise ValueError(f"weights must be finite, at least 0 and not all 0; got {self.weights!r}.")

    def _fit(self, pairs: Pairs, labels: LabelsLike) -> None:
        self.estimators_ = [clone(estimator).fit(pairs, labels) for _, estimator in self.estimators]

    def _similarity(self, image: View, text: View, where: sp.csr_array | None) -> FloatArray | sp.csr_array:
        images = Pairs(image)
        texts = Pairs(text=text)
        if where is None:
            return self._mean([whole_similarity(estimator, images, texts) for estimator in self.estimators_])
        found = [some_similarities(estimator, images, texts, where) for estimator in self.estimators_]
        # All of them hold the same pairs in the same order.
        mean = found[0]
        mean.data = self._mean([part.data for part in found])
        return mean

    def _mean(self, arrays: list[FloatArray]) -> FloatArray:
        """Return the weighted mean of one array per retriever."""
        weights = np.ones(len(arrays)) if self.weights is None else asarray(self.weights, "weights").astype(float)
        shares = (weights / weights.sum()).tolist()
        return np.asarray(sum(share * array for share, array in zip(shares, arrays, strict=True)))


def _is_named(entry: object) -> bool:
    """Tell a pair of a name and a retriever."""
    return isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
