"""Two-layer graph convolutional network with the Circle-Soft loss."""

from __future__ import annotations

from functools import partial
from numbers import Real
from typing import Any, ClassVar, Self

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skxmr._data.estimator import Constraints
from skxmr._data.option_checks import check_choice
from skxmr._data.warn import warn
from skxmr.deep.labels import PAPER, LabelRetriever
from skxmr.deep.loop import Learner
from skxmr.deep.split import Split
from skxmr.nn import contrastive, losses
from skxmr.nn.graph_layers import LAYERS
from skxmr.nn.label_networks import LabelGraphNetwork, MultiHopGNN
from skxmr.nn.objective import Batch, LabelObjective, Outputs
from skxmr.steps.label_graph import LabelGraph

_WEIGHTS = {"epsilon": 0.6, "w_soft": 1.0, "w_cla": 1.1, "w_adv": 2.2, "temperature": 0.22}
_PAPER: dict[str, dict[str, Any]] = {
    "mirflickr": {"batch_size": 100, "n_layers": 5},
    "nuswide": {"batch_size": 2048, "n_layers": 6},
    "coco": {"batch_size": 512, "n_layers": 5, "temperature": 0.2},
}


class L2GCNNetwork(LabelGraphNetwork):
    """A :class:`LabelGraphNetwork` with a trainable balance of the two parts of the Circle-Soft loss, if asked for."""

    def __init__(self, *parts: Any, learned: bool = False) -> None:
        super().__init__(*parts)
        self.balance = nn.Parameter(torch.zeros(())) if learned else None

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return embeddings, classifiers, logits of the critic and epsilon, in [0, 1]."""
        out = super().forward(image, text)
        return out if self.balance is None else out | {"epsilon": torch.sigmoid(self.balance)}


class L2GCNObjective(LabelObjective):
    """epsilon L_circle + (1 - epsilon) L_soft + w_cla L_cla + w_adv L_adv (eqs. 11-26)."""

    def __init__(self, weights: dict[str, float], temperature: float, view_weight: float = 0.5) -> None:
        super().__init__(weights, temperature)
        self.view_weight = view_weight

    def circle(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_circle of both modalities (eqs. 11-17), times a trained epsilon."""
        parts = [contrastive.circle(outputs.cosine(name, name), batch.labels) for name in ("image", "text")]
        return outputs.get("epsilon", 1.0) * (parts[0] + parts[1])

    def soft(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_soft (eqs. 18-22), times one minus a trained epsilon."""
        return (1 - outputs.get("epsilon", 0.0)) * super().soft(outputs, batch)

    def adversary(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_adv (eq. 25): the cross-entropies of the image and of the text discriminator, weighted."""
        n = len(batch.labels)
        # The image discriminator judged the first n rows. At equal weights the sum is half of DAGNN's.
        by_image_critic = losses.origins(outputs["from_image"][:n], outputs["from_text"][:n], n)
        by_text_critic = losses.origins(outputs["from_image"][n:], outputs["from_text"][n:], n)
        return self.view_weight * by_image_critic + (1 - self.view_weight) * by_text_critic


class L2GCN(LabelRetriever):
    """Two-layer graph convolutional network (L2-GCN) with the Circle-Soft loss and a dual adversary.

    Each layer of the label graph network has two branches, one for a label and one for the mean of its neighbours. The
    Circle-Soft loss mixes a circle loss within each modality with a soft multi-label contrastive loss. Minimised is
    ``w_soft (epsilon L_circle + (1 - epsilon) L_soft) + w_cla L_cla + w_adv L_adv``, with a reversed gradient in L_adv.

    Parameters
    ----------
    tau : float, default=0.4
        Label i receives from label j in the label graph if P(L_i | L_j) reaches this; see :class:`LabelGraph`.
    p : float, default=0.5
        Weight of a neighbour in the label graph. It has no effect with ``layer="gat"``, which uses only the edges.
    layer : {"l2gcn", "gcn", "gat"}, default="l2gcn"
        The kind of graph layer: with two branches, graph convolution or graph attention.
    aggregate : {"concat", "linear", "last"}, default="last"
        What the label classifiers are: a linear map of all graph layers, a linear map of the last layer, or the last
        layer itself.
    epsilon : float or "learned", default=0.0
        Share of the circle term in the Circle-Soft loss; ``"learned"`` trains it.
    w_soft : float, default=1.0
        Weight of the whole Circle-Soft loss.
    w_adv : float, default=0.0
        Weight of the adversarial term; 0 leaves the discriminators out.
    view_weight : float, default=0.5
        Share of the image discriminator in the adversarial term.
    temperature : float, default=0.22
        What the cosines are divided by in the soft contrastive term.

    Raises
    ------
    ValueError
        If label vectors or the graph do not fit the labels.

    Notes
    -----
    Every graph layer adds to a label what its neighbours are, so that with five layers the classifiers of many labels
    are nearly parallel, which rankings suffer from a little and tags much. Take ``n_layers=2`` where tags are wanted.

    References
    ----------
    "L2-GCN with Circle-Soft", Scientific Reports 2026, eqs. 1-26. Deviations: the defaults are chosen on validation
    rows, where neither circle nor adversary helped, and :meth:`paper` has those of the paper. What the paper leaves
    open is read as follows: LeakyReLU between layers, the last of which gives the classifiers. With the constants for
    MIRFlickr that makes 35.17 million parameters; the paper prints 35.41. A linear map behind the last layer or behind
    all layers would make 36.22 or 40.41 million. 1.1 is the weight of L_cla and 2.2 that of L_adv; both discriminators
    weigh the same; epsilon is fixed at .6; the label graph and the text network are DAGNN's; m = .25 and gamma = 16 in
    the circle term (Sun et al., CVPR 2020).

    Examples
    --------
    >>> from skxmr import L2GCN
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = L2GCN(16, hidden=32, width=16, max_epochs=5, random_state=0).fit(pairs, labels)
    >>> model.decision_function(text=pairs.text).shape
    (200, 8)
    """

    tau: float = 0.4
    p: float = 0.5
    layer: str = "l2gcn"
    aggregate: str = "last"
    epsilon: float | str = 0.0
    w_soft: float = 1.0
    w_adv: float = 0.0
    view_weight: float = 0.5
    temperature: float = 0.22
    _graph_parameters: ClassVar[tuple[str, ...]] = ("tau", "p", "graph")
    _parameter_constraints: ClassVar[Constraints] = {
        "layer": [StrOptions(set(LAYERS))],
        "aggregate": [StrOptions({"concat", "linear", "last"})],
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("w_soft", "w_adv")},
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "epsilon": [Interval(Real, 0, 1, closed="both"), StrOptions({"learned"})],
        "view_weight": [Interval(Real, 0, 1, closed="both")],
    }

    @classmethod
    def paper(cls, dataset: str = "mirflickr", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        Parameters
        ----------
        dataset : {"mirflickr", "nuswide", "coco"}, default="mirflickr"
            Batches of 100, 2048 or 512 rows; 6 layers for NUS-WIDE, 5 for the others; temperature .2 for MS-COCO.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        L2GCN
            Unfitted.
        """
        check_choice(dataset, "dataset", _PAPER)
        return cls(**PAPER | _WEIGHTS | _PAPER[dataset] | overrides)

    def _build(self, split: Split) -> Learner:
        # The circle term compares only rows of the same modality.
        if self.w_cla == 0 and (self.w_soft == 0 or self.epsilon == 1):
            raise ValueError("w_cla and the weight of L_soft are both 0, so nothing brings images and texts together.")
        own = LabelGraph(self.tau, self.p, self.graph, "symmetric" if self.layer == "gcn" else "none")
        if split.pairs.label_graph is None and self.layer == "gat" and "p" in self._changed_graph_parameters():
            warn('p has no effect with layer="gat", which uses the edges only, not their weights.')
        network = partial(L2GCNNetwork, learned=self.epsilon == "learned")
        judged = "reconstruction" if self.w_adv else None
        return Learner(self._network(split, own, self._classifiers, judged, network), self._objective())

    def _classifiers(self, Q: Tensor) -> nn.Module:
        return MultiHopGNN(self.layer, Q.shape[1], self.width, self.n_layers, self.n_components, self.aggregate)

    def _objective(self) -> LabelObjective:
        weights = {"circle": self.w_soft, "soft": self.w_soft, "classification": self.w_cla, "adversary": self.w_adv}
        # A trained epsilon is a factor of the terms themselves.
        if not isinstance(self.epsilon, str):
            weights["circle"] *= self.epsilon
            weights["soft"] *= 1 - self.epsilon
        return L2GCNObjective(weights, self.temperature, self.view_weight)
