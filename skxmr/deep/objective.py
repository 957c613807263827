"""Objective: named loss terms over a network's outputs and the labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor


class Objective(ABC):
    """What a method minimises: the weighted sum of its named terms.

    Adversaries are functions in the network, behind a gradient reversal, so their terms are *added*: the reversal layer
    is the minus sign.

    Parameters
    ----------
    weights : mapping of str to float
        Weight of each term; terms that are not named, or weigh nothing, are left out.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = {name: weight for name, weight in weights.items() if weight != 0}

    @abstractmethod
    def terms(self, outputs: Mapping[str, Tensor], Y: Tensor) -> dict[str, Tensor]:
        """Return the named terms of a batch, scalars all."""

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the terms."""
        total: Tensor = sum(weight * terms[name] for name, weight in self.weights.items())  # type: ignore[assignment]
        return total
