"""Adaptive label-aware graph convolutional networks."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import pandas as pd
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skxmr._data.option_checks import check_choice
from skxmr.deep.labels import PAPER, LabelRetriever
from skxmr.deep.split import Split
from skxmr.nn.label_networks import AdaptiveClassifiers, LabelGraphNetwork, MultiHopGNN
from skxmr.nn.objective import LabelObjective, Objective, Outputs
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

    def departure(self, outputs: Outputs, Y: Tensor) -> Tensor:
        """L_reg of the learned matrix."""
        return outputs["departure"]


class ALGCN(LabelRetriever):
    """Adaptive label-aware graph convolutional networks: label classifiers over a graph that is learned as well.

    Two encoders map images and texts into a common space, and graph convolutions turn label vectors into classifiers
    there. They spread over ``D^-1/2 ReLU(A + gamma B) D^-1/2``: the label graph A and a learned matrix B. Minimised is
    ``w_cla L_cla + alpha L_mdi + w_reg L_reg``.

    Parameters
    ----------
    n_components : int, default=512
        Width of the common space.
    tau : float, default=0.4
        Threshold of the label graph on P(L_i | L_j); see :class:`LabelGraph`.
    p : float, default=0.5
        Weight of a neighbour in the label graph.
    graph : {"cooccurrence", "identity"} or (c, c) matrix, default="cooccurrence"
        The label graph A. A `LabelGraph` step wins, and `tau`, `p` and `graph` must then be at their defaults.
    gamma : float, default=0.5
        Weight of the learned matrix; 0 leaves A as it is.
    rate_factor : float, default=5.0
        The learned matrix has `lr` times this for its learning rate, and no weight decay.
    n_layers : int, default=3
        Number of graph layers, all concatenated for the classifiers.
    width : int, default=512
        Width of a graph layer.
    label_embedding : array (c, d), DataFrame named by the labels, path of a word-vector file, or None, default=None
        Label vectors, never trained. None factorises the labels' mutual information in the fitting rows.
    w_cla : float, default=1.0
        Weight of the classification term.
    alpha : float, default=0.0
        Weight of the modality-invariance term.
    w_reg : float, default=0.0
        Weight of the regulariser of the learned matrix: per layer the mean squared distance from
        ``min(.5, A + Bernoulli(.2))``.
    pretrain_text, hidden : object
        As in :class:`DAGNN`.
    lr, batch_size, max_epochs, optimizer, weight_decay, schedule : object
        As in :class:`DeepRetriever`.
    dropout, input_dropout, standardize, device, precision, compile, random_state : object
        As in :class:`DeepRetriever`.
    early_stopping, validation_fraction, callbacks, verbose, warm_start : object
        As in :class:`DeepRetriever`.

    Attributes
    ----------
    adaptive_matrix_ : DataFrame of shape (c, c)
        The learned graph, normalised, named by `classes_`: row i receives from column j.
    classifiers_ : ndarray of shape (c, n_components)
        Label classifiers, in the order of `classes_`.
    network_, history_, best_epoch_ : object
        As in :class:`DeepRetriever`.

    Raises
    ------
    ValueError
        If parameters or label vectors do not fit the labels.

    References
    ----------
    Qian et al., "Adaptive label-aware graph convolutional networks for cross-modal retrieval", TMM 24, 2022, and the
    authors' code for what the paper leaves open. Deviations: the defaults (encoders with a hidden layer, dropout,
    scaled inputs, AdamW, one cycle, no invariance term, a smaller `rate_factor`) are chosen on validation rows,
    :meth:`paper` has the paper's; row i of the graph receives from j where P(L_i | L_j) >= tau (the authors' code goes
    the other way).

    Examples
    --------
    >>> from skxmr import ALGCN
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = ALGCN(16, hidden=32, width=16, max_epochs=5, random_state=0).fit(pairs, labels)
    >>> model.adaptive_matrix_.shape
    (8, 8)
    """

    _requires_labels = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LabelRetriever._training_constraints,
        **{name: [Interval(Integral, 1, None, closed="left")] for name in ("n_layers", "width")},
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("gamma", "w_cla", "alpha", "w_reg")},
        "rate_factor": [Interval(Real, 0, None, closed="neither")],
        "pretrain_text": [StrOptions({"auto"}), "boolean"],
        "hidden": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_components: int = 512,
        *,
        tau: float = 0.4,
        p: float = 0.5,
        graph: Any = "cooccurrence",
        gamma: float = 0.5,
        rate_factor: float = 5.0,
        n_layers: int = 3,
        width: int = 512,
        label_embedding: Any = None,
        w_cla: float = 1.0,
        alpha: float = 0.0,
        w_reg: float = 0.0,
        pretrain_text: bool | str = False,
        hidden: int | None = 2048,
        lr: float = 1e-3,
        batch_size: int | str = "auto",
        max_epochs: int | str = "auto",
        optimizer: Any = "adamw",
        weight_decay: float = 0.01,
        schedule: str = "onecycle",
        dropout: float = 0.5,
        input_dropout: float = 0.3,
        standardize: bool | str = "view",
        device: str = "auto",
        precision: str = "float32",
        compile: bool = False,
        random_state: Any = None,
        early_stopping: int | None = None,
        validation_fraction: float = 0.1,
        callbacks: list[Any] | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        super().__init__(
            n_components, lr=lr, batch_size=batch_size, max_epochs=max_epochs, optimizer=optimizer,
            weight_decay=weight_decay, schedule=schedule, dropout=dropout, input_dropout=input_dropout,
            standardize=standardize, device=device, precision=precision, compile=compile, random_state=random_state,
            early_stopping=early_stopping, validation_fraction=validation_fraction, callbacks=callbacks,
            verbose=verbose, warm_start=warm_start,
        )  # fmt: skip
        self.tau = tau
        self.p = p
        self.graph = graph
        self.gamma = gamma
        self.rate_factor = rate_factor
        self.n_layers = n_layers
        self.width = width
        self.label_embedding = label_embedding
        self.w_cla = w_cla
        self.alpha = alpha
        self.w_reg = w_reg
        self.pretrain_text = pretrain_text
        self.hidden = hidden

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
    def adaptive_matrix_(self) -> pd.DataFrame:
        """The learned graph (c, c), named by the labels."""
        check_is_fitted(self)
        network = self.network_
        A = network.classifiers.adapted(network.A).cpu().numpy()
        return pd.DataFrame(A, index=list(self.classes_), columns=list(self.classes_))

    def _build(self, split: Split) -> tuple[nn.Module, Objective]:
        if self.w_cla == self.alpha == 0:
            raise ValueError("w_cla and alpha are both 0, so nothing brings images and texts together.")
        weights = {"classification": self.w_cla, "invariance": self.alpha, "departure": self.w_reg}
        objective = ALGCNObjective(weights, rate_factors={"classifiers.B": self.rate_factor})
        own = LabelGraph(self.tau, self.p, self.graph)
        network = partial(ALGCNNetwork, regularized=self.w_reg > 0)
        return self._network(split, own, self._classifiers, kind=network), objective

    def _classifiers(self, Q: Tensor) -> nn.Module:
        gnn = MultiHopGNN("gcn", Q.shape[1], self.width, self.n_layers, self.n_components)
        return AdaptiveClassifiers(gnn, len(Q), self.gamma)
