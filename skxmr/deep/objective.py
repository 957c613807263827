"""Objective: named loss terms over a network's outputs and the labels."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from skxmr import contrastive, losses

Outputs = Mapping[str, Tensor]


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
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        critic_every: int = 1,
        smallest_batch: int = 2,
        rate_factors: Mapping[str, float] | None = None,
    ) -> None:
        self.weights = {name: weight for name, weight in weights.items() if weight != 0}
        self.critic_every = critic_every
        self.smallest_batch = smallest_batch
        self.rate_factors = dict(rate_factors or {})

    def terms(self, outputs: Outputs, Y: Tensor) -> dict[str, Tensor]:
        """Return the named terms of a batch, scalars all."""
        return {name: getattr(self, name)(outputs, Y) for name in self.weights}

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the terms."""
        total: Tensor = sum(weight * terms[name] for name, weight in self.weights.items())  # type: ignore[assignment]
        return total


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
        scores = [losses.cosine(outputs[name], outputs["classifiers"]) for name in ("image", "text")]
        return losses.classification(scores[0], Y) + losses.classification(scores[1], Y)

    def invariance(self, outputs: Outputs, Y: Tensor) -> Tensor:
        """L_mdi: DAGNN eq. 10."""
        return losses.modality_invariance(outputs["image"], outputs["text"], Y, self.temperature, self.count)

    def soft(self, outputs: Outputs, Y: Tensor) -> Tensor:
        """Soft contrastive loss of I-GNN and L2-GCN."""
        return contrastive.soft_contrastive(outputs["image"], outputs["text"], Y, self.temperature)

    def adversary(self, outputs: Outputs, Y: Tensor) -> Tensor:
        """L_adv: DAGNN eq. 11."""
        return losses.origins(outputs["from_image"], outputs["from_text"], len(Y))
