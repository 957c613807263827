"""What retrievers that are made of retrievers have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

from skxmr._data.arguments import as_pairs, need_both
from skxmr._data.kinds import MODALITIES, LabelsLike, View, column_names
from skxmr._data.labels import encode_labels
from skxmr._data.pairs import Pairs
from skxmr._docstrings import documented_like
from skxmr.base import ComparingRetriever


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
