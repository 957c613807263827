"""RetrieverEnsemble: the mean of several retrievers' similarities."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import _BaseComposition

from skxmr._data.pairs import Pairs
from skxmr.methods._combined import CombinedRetriever
from skxmr.metrics._asking import similarity_matrix, some_similarities


class RetrieverEnsemble(CombinedRetriever, _BaseComposition):
    """Mean of the similarities of several retrievers, as in RACG* and in SCAN's ensembles.

    Parameters
    ----------
    estimators : list of (str, retriever)
        Retrievers, or pipelines that end in one, by name; their parameters are reached as ``name__...``.
    weights : sequence of float or None, default=None
        Weight of each; None weighs all alike.

    Attributes
    ----------
    estimators_ : list
        Fitted clones.
    fitted_with_labels_ : bool
        Whether fit saw labels.

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

    def __init__(self, estimators: list[tuple[str, Any]], weights: Any = None) -> None:
        self.estimators = estimators
        self.weights = weights

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return RACG*: two networks that compare regions with words, of two kinds of graphs."""
        from skxmr import RACG

        (small,) = RACG._get_test_params()
        small["n_heads"] = 2
        return [{"estimators": [("sparse", RACG(**small)), ("dense", RACG(**small, text_graph="dense"))]}]

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
        named = isinstance(self.estimators, (list, tuple)) and all(
            isinstance(entry, tuple) and len(entry) == 2 and hasattr(entry[1], "fit") for entry in self.estimators
        )
        if not named or not self.estimators:
            raise ValueError(f"estimators must be a list of one or more (name, retriever); got {self.estimators!r}.")
        self._validate_names([name for name, _ in self.estimators])
        if self.weights is None:
            return
        weights = np.asarray(self.weights)
        if weights.shape != (len(self.estimators),):
            raise ValueError(f"weights has shape {weights.shape}; one for each of {len(self.estimators)} is needed.")
        good = weights.dtype.kind in "biuf" and np.isfinite(weights).all() and (weights >= 0).all()
        if not good or weights.sum() == 0:
            raise ValueError(f"weights must be finite, at least 0 and not all 0; got {self.weights!r}.")

    def _fit(self, pairs: Pairs, labels: Any) -> None:
        self.estimators_ = [clone(estimator).fit(pairs, labels) for _, estimator in self.estimators]

    def _similarity(self, image: Any, text: Any, where: Any) -> Any:
        images = Pairs(image)
        texts = Pairs(text=text)
        weights = np.ones(len(self.estimators_)) if self.weights is None else np.asarray(self.weights, dtype=float)
        parts = [
            similarity_matrix(estimator, images, texts)[:]
            if where is None
            else some_similarities(estimator, images, texts, where)
            for estimator in self.estimators_
        ]
        arrays = parts if where is None else [part.data for part in parts]  # of the same pairs, in the same order
        mean = sum(w * array for w, array in zip((weights / weights.sum()).tolist(), arrays, strict=True))
        if where is not None:
            parts[0].data = mean
        return mean if where is None else parts[0]
