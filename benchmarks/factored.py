"""A deep method that is put together from parts, so that each part can be exchanged while all others stay."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from skxmr._data.estimator import Constraints
from skxmr.deep.labels import LabelRetriever
from skxmr.deep.loop import Learner
from skxmr.deep.split import Split
from skxmr.nn import Batch, Outputs, contrastive, losses
from skxmr.nn.label_networks import FreeClassifiers, IterativeClassifiers, MultiHopGNN
from skxmr.nn.objective import PAIRS, LabelObjective
from skxmr.steps.label_graph import LabelGraph

# The terms of a loss, each of weight 1; those of the methods here that contain them have about the same weights.
LOSSES = {
    "classification": ("classification",),
    "soft contrastive": ("soft",),
    "classification, likelihood": ("classification", "likelihood"),
    "classification, soft contrastive": ("classification", "soft"),
    "classification, triplets": ("classification", "triplets"),
    "classification, circle": ("classification", "circle"),
}
STRUCTURES = ("none", "co-occurrence", "learned", "word vectors")
# What a critic judges; LabelRetriever knows it by these names.
ADVERSARIES = {"none": None, "dual GAN": "reconstruction", "modality classifier": "embedding"}
# Of the default of L2GCN, DAGNN and ACMR in this order.
_SOFT_TEMPERATURE = 0.22
_LIKELIHOOD_TEMPERATURE = 0.2
_MARGIN = 1.4
_N_LAYERS = 2
# Of IGNN.
_N_HEADS = 8
_THRESHOLD = 0.4
_SHARE = 0.5


class FactoredObjective(LabelObjective):
    """The terms that `LOSSES` names; the others are those of all methods with label classifiers."""

    def likelihood(self, outputs: Outputs, batch: Batch) -> Tensor:
        """DAGNN eq. 10 with the temperature of its default."""
        cosines = [outputs.cosine(*pair) for pair in PAIRS]
        return losses.pairwise_likelihood(cosines, batch.labels, _LIKELIHOOD_TEMPERATURE, count=False)

    def triplets(self, outputs: Outputs, batch: Batch) -> Tensor:
        """ACMR eqs. 4 and 5, of rows of unit length."""
        term = partial(contrastive.triplets, Y=batch.labels, hinge=1.0, margin=_MARGIN)
        image = outputs.unit("image")
        text = outputs.unit("text")
        return term(image, text) + term(text, image)

    def circle(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L2-GCN eqs. 11 to 17, the mean of both modalities."""
        parts = [contrastive.circle(outputs.cosine(name, name), batch.labels) for name in ("image", "text")]
        return (parts[0] + parts[1]) / 2


class Factored(LabelRetriever):
    """Two encoders and label classifiers, with an exchangeable loss, label structure and adversary.

    Parameters
    ----------
    loss : str, default="classification, soft contrastive"
        A key of `LOSSES`.
    structure : {"none", "co-occurrence", "learned", "word vectors"}, default="none"
        What makes the label classifiers: free vectors; graph convolutions over co-occurrences; the same over the mean
        of that graph and a learned one; or a network of the given label vectors.
    adversary : {"none", "dual GAN", "modality classifier"}, default="none"
        Two discriminators of reconstructed rows, or one that tells embeddings of images from those of texts.
    w_adv : float, default=0.1
        Weight of the adversary.
    """

    loss: str = "classification, soft contrastive"
    structure: str = "none"
    adversary: str = "none"
    w_adv: float = 0.1
    _parameter_constraints: ClassVar[Constraints] = {}

    def _build(self, split: Split) -> Learner:
        judged = ADVERSARIES[self.adversary]
        weights = dict.fromkeys(LOSSES[self.loss], 1.0)
        if judged:
            weights["adversary"] = self.w_adv
        kind = "identity" if self.structure in ("none", "word vectors") else "cooccurrence"
        # `IterativeClassifiers` normalises the graph itself.
        own = LabelGraph(0.4, 0.5, kind, "none" if self.structure == "learned" else "symmetric")
        network = self._network(split, own, self._classifiers, judged)
        return Learner(network, FactoredObjective(weights, _SOFT_TEMPERATURE))

    def _classifiers(self, Q: Tensor) -> nn.Module:
        if self.structure == "none":
            return FreeClassifiers(len(Q), self.n_components)
        gnn = MultiHopGNN("gcn", Q.shape[1], self.width, _N_LAYERS, self.n_components)
        if self.structure == "learned":
            return IterativeClassifiers(gnn, Q, _N_HEADS, _THRESHOLD, _SHARE)
        return gnn


def unit(embedded: Any) -> Any:
    """Return rows of length 1; the cosine of joined members is the mean of their cosines."""
    return torch.nn.functional.normalize(torch.as_tensor(embedded), dim=1).numpy()
