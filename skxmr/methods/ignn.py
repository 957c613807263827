"""I-GNN: dual adversarial graph neural networks with an iteratively learned graph and a contrastive loss."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self, cast

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skxmr._data.kinds import FloatArray
from skxmr._data.labels import Labels
from skxmr._data.option_checks import check_choice
from skxmr.deep.label_vectors import label_vectors
from skxmr.deep.labels import PAPER, LabelRetriever
from skxmr.deep.split import Split
from skxmr.nn.label_networks import IterativeClassifiers, MultiHopGNN
from skxmr.nn.objective import LabelObjective, Objective
from skxmr.steps.label_graph import LabelGraph

_SHARE = 0.5  # of the given graph
_PAPER: dict[str, dict[str, Any]] = {
    "mirflickr": {"w_cla": 0.5, "beta": 2.0, "batch_size": 100},
    "nuswide": {"w_cla": 0.8, "beta": 0.2, "batch_size": 2048},
    "coco": {"w_cla": 2.8, "beta": 0.2, "batch_size": 512, "temperature": 0.2},
}


class IGNN(LabelRetriever):
    """I-GNN: label classifiers over a graph learned from trainable label vectors, contrastive loss and a dual GAN.

    The graph mixes one given, by default the cosines of the first label vectors, with one that is learned: cosines of
    the label vectors under learned weightings of their dimensions. Graph convolutions over it give the classifiers.
    Minimised is ``w_cla L_cla + w_soft L_soft + beta L_adv``; the reversal layer makes the adversary.

    Parameters
    ----------
    n_components : int, default=512
        Width of the common space.
    graph : {"similarity", "cooccurrence", "probability", "identity"} or (c, c) matrix, default="similarity"
        The given graph A_0: cosines of the label vectors where they reach `threshold`, or as in :class:`LabelGraph`
        with its defaults. A `LabelGraph` step wins, and `graph` must then be at its default.
    threshold : float, default=0.4
        Least cosine of an edge.
    n_heads : int, default=8
        Number of learned weightings.
    n_layers : int, default=5
        Number of graph layers, all concatenated for the classifiers.
    width : int, default=512
        Width of a graph layer.
    label_embedding : array (c, d), DataFrame named by the labels, path of a word-vector file, or None, default=None
        Label vectors to start from; they are trained. None factorises the labels' mutual information in the fitting
        rows, so that no word vectors are needed.
    w_cla : float, default=1.0
        Weight of the classification term.
    w_soft : float, default=1.0
        Weight of the soft contrastive term.
    beta : float, default=0.0
        Weight of the adversarial term; 0 leaves the discriminators out.
    temperature : float, default=0.22
        Of the soft contrastive term.
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
    learned_graph_ : DataFrame of shape (c, c)
        The mixed graph, not normalised, named by `classes_`: row i receives from column j.
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
    Qian et al., "Integrating multi-label contrastive learning with dual adversarial graph neural networks for
    cross-modal retrieval", TPAMI 2022, and the authors' code. Deviations: the defaults are those that validation chose
    for :class:`L2GCN`, without the adversary; :meth:`paper` has the paper's; the mixed graph is normalised
    symmetrically; no BatchNorm on raw inputs (:meth:`paper` standardises them) or in the decoders; discriminators
    normalise real and reconstructed rows together.

    Examples
    --------
    >>> from skxmr import IGNN
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = IGNN(16, hidden=32, width=16, max_epochs=5, random_state=0).fit(pairs, labels)
    >>> model.learned_graph_.shape
    (8, 8)
    """

    _requires_labels = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LabelRetriever._training_constraints,
        "threshold": [Interval(Real, 0, 1, closed="both")],
        **{name: [Interval(Integral, 1, None, closed="left")] for name in ("n_heads", "n_layers", "width")},
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("w_cla", "w_soft", "beta")},
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "pretrain_text": [StrOptions({"auto"}), "boolean"],
        "hidden": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_components: int = 512,
        *,
        graph: Any = "similarity",
        threshold: float = 0.4,
        n_heads: int = 8,
        n_layers: int = 5,
        width: int = 512,
        label_embedding: Any = None,
        w_cla: float = 1.0,
        w_soft: float = 1.0,
        beta: float = 0.0,
        temperature: float = 0.22,
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
        self.graph = graph
        self.threshold = threshold
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.width = width
        self.label_embedding = label_embedding
        self.w_cla = w_cla
        self.w_soft = w_soft
        self.beta = beta
        self.temperature = temperature
        self.pretrain_text = pretrain_text
        self.hidden = hidden

    @classmethod
    def paper(cls, dataset: str = "mirflickr", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        The paper's label vectors are 300-d GloVe vectors: pass them as `label_embedding`. Raw features are standardised
        in place of the batch normalisation in the authors' code, so that the image decoder ends without a rectifier.

        Parameters
        ----------
        dataset : {"mirflickr", "nuswide", "coco"}, default="mirflickr"
            Weights (.5, 2), (.8, .2) or (2.8, .2) of L_cla and L_adv; batches of 100, 2048 or 512; temperature .2 for
            MS-COCO.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        IGNN
            Unfitted.
        """
        check_choice(dataset, "dataset", _PAPER)
        constants = PAPER | {"standardize": True, "w_soft": 1.0, "temperature": 0.22}
        return cls(**constants | _PAPER[dataset] | overrides)

    @property
    def learned_graph_(self) -> pd.DataFrame:
        """The mixed graph (c, c), named by the labels."""
        check_is_fitted(self)
        network = self.network_
        A = network.classifiers.adapted(network.A).cpu().numpy()
        return pd.DataFrame(A, index=list(self.classes_), columns=list(self.classes_))

    def _build(self, split: Split) -> tuple[nn.Module, Objective]:
        if self.w_cla == self.w_soft == 0:
            raise ValueError("w_cla and w_soft are both 0, so nothing brings images and texts together.")
        weights = {"classification": self.w_cla, "soft": self.w_soft, "adversary": self.beta}
        similar = isinstance(self.graph, str) and self.graph == "similarity"
        own = LabelGraph(kind=self._similarity(split) if similar else self.graph)
        judged = "reconstruction" if self.beta else None
        return self._network(split, own, self._classifiers, judged), LabelObjective(weights, self.temperature)

    def _classifiers(self, Q: Tensor) -> nn.Module:
        gnn = MultiHopGNN("gcn", Q.shape[1], self.width, self.n_layers, self.n_components)
        return IterativeClassifiers(gnn, Q, self.n_heads, self.threshold, _SHARE)

    def _similarity(self, split: Split) -> FloatArray:
        vectors = label_vectors(self.label_embedding, cast(Labels, split.labels))
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        S = unit @ unit.T
        np.fill_diagonal(S, 1.0)  # also of a label without a vector
        return np.where(S >= self.threshold, S, 0.0)
