"""Objective: named loss terms over a network's outputs and the labels."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from skxmr.nn import contrastive, losses

PAIRS = ("image", "text"), ("image", "image"), ("text", "text")


class Outputs(dict[str, Tensor]):
    """What a network returned for a batch; rows of unit length and their cosines are computed once for all terms."""

    def __init__(self, outputs: Mapping[str, Tensor]) -> None:
        super().__init__(outputs)
        self._unit: dict[str, Tensor] = {}
        self._cosines: dict[tuple[str, str], Tensor] = {}

    def unit(self, name: str) -> Tensor:
        """Return an output's rows divided by their lengths; a zero row stays."""
        if name not in self._unit:
            self._unit[name] = functional.normalize(self[name], dim=1)
        return self._unit[name]

    def cosine(self, first: str, second: str) -> Tensor:
        """Return the cosines of all rows of an output with all rows of another, or of the same."""
        if (first, second) not in self._cosines:
            self._cosines[first, second] = self.unit(first) @ self.unit(second).T
        return self._cosines[first, second]


class Objective:
    """What a method minimises: the weighted sum of its named terms.

    A subclass has one method a term, called with the network's outputs and the labels Y (n, c). Adversaries are
    functions in the network, behind a gradient reversal, so their terms are *added*: the reversal layer is the minus
    sign.

    Parameters
    ----------
    weights : mapping of str to float
        Weight of each term; terms that are not named, or weigh nothing, are not computed.
    critic_every : int
        Update discriminators with every so-manieth batch only.
    smallest_batch : int
        A remainder of fewer rows joins the batch before it.
    rate_factors : mapping of str to float or None
        Factor of the learning rate for parameters of the network, by name; these are not decayed.
    clip : float or None
        Longer gradients are scaled to this length.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        critic_every: int = 1,
        smallest_batch: int = 2,
        rate_factors: Mapping[str, float] | None = None,
        clip: float | None = None,
    ) -> None:
        self.weights = {name: weight for name, weight in weights.items() if weight != 0}
        self.critic_every = critic_every
        self.smallest_batch = smallest_batch
        self.rate_factors = dict(rate_factors or {})
        self.clip = clip

    def terms(self, outputs: Mapping[str, Tensor], Y: Tensor) -> dict[str, Tensor]:
        """Return the named terms of a batch, scalars all."""
        shared = Outputs(outputs)
        return {name: getattr(self, name)(shared, Y) for name in self.weights}

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the terms."""
        weighted = (terms[name] if weight == 1 else weight * terms[name] for name, weight in self.weights.items())
        return functools.reduce(operator.add, weighted)


class LabelObjective(Objective):
    """The terms of methods whose labels have classifiers in the common space.

    Parameters
    ----------
    weights, rate_factors : mapping
        As in :class:`Objective`.
    temperature : float
        Of the cosines, in the soft contrastive term or the invariance term: no method has both.
    count : bool
        The invariance term counts the shared labels, and does not just see whether there are any.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        temperature: float = 2.0,
        count: bool = True,
        rate_factors: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(weights, rate_factors=rate_factors)
        self.temperature = temperature
        self.count = count

    def classification(self, outputs: Outputs, Y: Tensor) -> Tensor:
        """L_cla on the cosines with the classifiers: DAGNN eq. 9, both modalities."""
        scores = [outputs.cosine(name, "classifiers") for name in ("image", "text")]
        return losses.classification(scores[0], Y) + losses.classification(scores[1], Y)

    def invariance(self, outputs: Outputs, Y: Tensor) -> Tensor:
        """L_mdi: DAGNN eq. 10."""
        cosines = [outputs.cosine(*pair) for pair in PAIRS]
        return losses.likelihood_of_cosines(cosines, Y, self.temperature, self.count)

    def soft(self, outputs: Outputs, Y: Tensor) -> Tensor:
        """Soft contrastive loss of I-GNN and L2-GCN."""
        cosines = [outputs.cosine(*pair) for pair in PAIRS]
        return contrastive.soft_contrastive_of_cosines(cosines, Y, self.temperature)

    def adversary(self, outputs: Outputs, Y: Tensor) -> Tensor:
        """L_adv: DAGNN eq. 11."""
        return losses.origins(outputs["from_image"], outputs["from_text"], len(Y))
