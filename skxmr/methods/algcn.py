"""Adaptive label-aware graph convolutional networks."""

from __future__ import annotations

from dataclasses import field
from functools import partial
from numbers import Real
from typing import Any, ClassVar, Self

import pandas as pd
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skxmr._data.estimator import Constraints
from skxmr._data.option_checks import check_choice
from skxmr.deep.labels import PAPER, LabelRetriever
from skxmr.deep.loop import Learner, LoopOptions
from skxmr.deep.split import Split
from skxmr.nn.device import ordinary_torch
from skxmr.nn.label_networks import AdaptiveClassifiers, LabelGraphNetwork, MultiHopGNN
from skxmr.nn.objective import Batch, LabelObjective, Outputs
from skxmr.steps.label_graph import LabelGraph

_PAPER = {
    "mirflickr": {"batch_size": 100, "max_epochs": 30},
    "nuswide": {"batch_size": 1024, "max_epochs": 40},
    "coco": {"batch_size": 512, "max_epochs": 50},
}


class ALGCNNetwork(LabelGraphNetwork):
    """A :class:`LabelGraphNetwork` that also tells, if asked to, how far its learned matrix is from the given one."""

    classifiers: AdaptiveClassifiers

    def __init__(self, *parts: Any, regularized: bool = False) -> None:
        super().__init__(*parts)
        self.regularized = regularized

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return embeddings, classifiers and the regulariser of the matrix."""
        out = super().forward(image, text)
        return out | {"departure": self.classifiers.departure(self.A)} if self.regularized else out


class ALGCNObjective(LabelObjective):
    """w_cla L_cla + alpha L_mdi + w_reg L_reg."""

    def departure(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_reg of the learned matrix."""
        return outputs["departure"]


class ALGCN(LabelRetriever):
    """Adaptive label-aware graph convolutional networks: label classifiers over a graph that is learned as well.

    Two encoders map images and texts into a common space, and graph convolutions turn label vectors into classifiers in
    that space. The graph is ``D^-1/2 ReLU(A + gamma B) D^-1/2``, made of the label graph A and a learned matrix B.
    Minimised is ``w_cla L_cla + alpha L_mdi + w_reg L_reg``.

    Parameters
    ----------
    tau : float, default=0.4
        Label i receives from label j in the label graph if P(L_i | L_j) reaches this; see :class:`LabelGraph`.
    p : float, default=0.5
        Weight of a neighbour in the label graph.
    gamma : float, default=0.5
        Weight of the learned matrix B; 0 uses A alone.
    rate_factor : float, default=5.0
        The learning rate of the learned matrix is `lr` times this; it has no weight decay.
    n_layers : int, default=3
        Number of graph layers. The classifiers are a linear map of all of them.
    alpha : float, default=0.0
        Weight of the modality-invariance term L_mdi.
    w_reg : float, default=0.0
        Weight of L_reg, which regularises the learned matrix: per layer its mean squared distance from
        ``min(.5, A + Bernoulli(.2))``.

    Attributes
    ----------
    adaptive_matrix_ : DataFrame of shape (c, c)
        The graph that was learned, normalised, with the names of `classes_`: row i receives from column j.

    Raises
    ------
    ValueError
        If parameters or label vectors do not fit the labels.

    References
    ----------
    Qian et al., "Adaptive label-aware graph convolutional networks for cross-modal retrieval", TMM 24, 2022, and the
    authors' code for what the paper leaves open. Deviations: the defaults (encoders with a hidden layer, dropout,
    scaled inputs, AdamW, one cycle, no invariance term, a smaller `rate_factor`) are chosen on validation rows,
    and :meth:`paper` has those of the paper. Row i of the graph receives from j where P(L_i | L_j) >= tau (the authors'
    code goes the other way).

    Examples
    --------
    >>> from skxmr import ALGCN
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = ALGCN(16, hidden=32, width=16, max_epochs=5, random_state=0).fit(pairs, labels)
    >>> model.adaptive_matrix_.shape
    (8, 8)
    """

    network_: ALGCNNetwork = field(init=False)
    tau: float = 0.4
    p: float = 0.5
    gamma: float = 0.5
    rate_factor: float = 5.0
    n_layers: int = 3
    alpha: float = 0.0
    w_reg: float = 0.0
    _graph_parameters: ClassVar[tuple[str, ...]] = ("tau", "p", "graph")
    _parameter_constraints: ClassVar[Constraints] = {
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("gamma", "alpha", "w_reg")},
        "rate_factor": [Interval(Real, 0, None, closed="neither")],
    }

    @classmethod
    def paper(cls, dataset: str = "mirflickr", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        Batch sizes, epochs and Adam's betas are those of the authors' code. The paper's label vectors are 300-d GloVe
        vectors: pass them as `label_embedding`.

        Parameters
        ----------
        dataset : {"mirflickr", "nuswide", "coco"}, default="mirflickr"
            Batches of 100, 1024 or 512 rows; 30, 40 or 50 epochs.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        ALGCN
            Unfitted.
        """
        check_choice(dataset, "dataset", _PAPER)
        return cls(**PAPER | {"alpha": 0.2, "rate_factor": 100.0} | _PAPER[dataset] | overrides)

    @property
    @ordinary_torch()
    def adaptive_matrix_(self) -> pd.DataFrame:
        """The learned graph (c, c), named by the labels."""
        check_is_fitted(self)
        network = self.network_
        A = network.classifiers.adapted(network.A).cpu().numpy()
        return pd.DataFrame(A, index=list(self.classes_), columns=list(self.classes_))

    def _build(self, split: Split) -> Learner:
        if self.w_cla == self.alpha == 0:
            raise ValueError("w_cla and alpha are both 0, so nothing brings images and texts together.")
        weights = {"classification": self.w_cla, "invariance": self.alpha, "departure": self.w_reg}
        own = LabelGraph(self.tau, self.p, self.graph)
        network = partial(ALGCNNetwork, regularized=self.w_reg > 0)
        loop = LoopOptions(rate_factors={"classifiers.B": self.rate_factor})
        return Learner(self._network(split, own, self._classifiers, kind=network), ALGCNObjective(weights), loop)

    def _classifiers(self, Q: Tensor) -> nn.Module:
        gnn = MultiHopGNN("gcn", Q.shape[1], self.width, self.n_layers, self.n_components)
        return AdaptiveClassifiers(gnn, len(Q), self.gamma)
