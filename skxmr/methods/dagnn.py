"""Dual adversarial graph neural networks."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skxmr._data.option_checks import check_choice
from skxmr.deep.labels import PAPER, LabelRetriever
from skxmr.deep.split import Split
from skxmr.nn.label_networks import FreeClassifiers, MultiHopGNN
from skxmr.nn.objective import LabelObjective, Objective
from skxmr.steps.label_graph import LabelGraph

_PAPER = {"mirflickr": {"n_hops": 4, "batch_size": 100}, "nuswide": {"n_hops": 5, "batch_size": 1024}}


class DAGNN(LabelRetriever):
    """Dual adversarial graph neural networks: label classifiers spread over the label graph, modalities made alike.

    Two encoders map images and texts into a common space. A graph network turns label vectors into classifiers there,
    each label receiving from the labels that imply it. Two discriminators behind a reversed gradient judge images
    against images reconstructed from texts, and texts against texts reconstructed from images. Minimised is
    ``w_cla L_cla + alpha L_mdi + beta L_adv`` (eqs. 9-12): the reversal layer is the minus sign of eq. 12.

    Parameters
    ----------
    n_components : int, default=512
        Width of the common space.
    tau : float, default=0.4
        Threshold of the label graph on P(L_i | L_j); see :class:`LabelGraph`.
    p : float, default=0.5
        Weight of a neighbour in the label graph; without effect for ``gnn="gat"``, which looks at the edges only.
    graph : {"cooccurrence", "identity"} or (c, c) matrix, default="cooccurrence"
        The label graph. A `LabelGraph` step wins, and `tau`, `p` and `graph` must then be at their defaults.
    gnn : {"gcn", "gat"}, default="gcn"
        Graph convolution or graph attention.
    n_hops : int, default=4
        Number of graph layers.
    aggregate : bool, default=True
        Combine the outputs of all graph layers (eq. 4) instead of taking the last.
    width : int, default=1024
        Width of a graph layer.
    classifier : {"gnn", "linear"}, default="gnn"
        ``"linear"`` gives every label a free vector instead (DAGNN-5 in the paper).
    label_embedding : array (c, d), DataFrame named by the labels, path of a word-vector file, or None, default=None
        Label vectors, never trained. None factorises the labels' mutual information in the fitting rows.
    discriminator : {"reconstruction", "embedding"} or None, default="reconstruction"
        What is judged; ``"embedding"`` is DAGNN-4 in the paper, None leaves the adversary out.
    w_cla : float, default=1.0
        Weight of the classification term; 0 is DAGNN-1, which trains no label classifiers.
    alpha : float, default=0.5
        Weight of the modality-invariance term L_mdi; 0 is DAGNN-2.
    temperature : float, default=0.2
        L_mdi scores a pair of rows by theta = cosine / temperature; 2 in the paper.
    count : bool, default=False
        L_mdi weighs a pair by the number of labels it shares, as in the paper. False: by whether it shares any, so that
        sigmoid(theta) is the probability of that.
    beta : float, default=0.02
        Weight of the adversarial term; 0 is DAGNN-3.
    pretrain_text : bool or "auto", default=False
        Train a text network d -> 4096 -> 300 on the labels first and freeze it; ``"auto"`` does so for CSR text of more
        than 300 words only.
    hidden : int or None, default=2048
        Hidden units of the encoders; None is the paper's single linear layer with a rectifier.
    lr, batch_size, max_epochs, optimizer, weight_decay, schedule : object
        As in :class:`DeepRetriever`.
    dropout, input_dropout, standardize, device, precision, compile, random_state : object
        As in :class:`DeepRetriever`.
    early_stopping, validation_fraction, callbacks, verbose, warm_start : object
        As in :class:`DeepRetriever`.

    Attributes
    ----------
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
    Qian et al., "Dual adversarial graph neural networks for multi-label cross-modal retrieval", AAAI 2021. Deviations:
    the defaults (encoders with a hidden layer, dropout, scaled inputs, AdamW, one cycle, a smaller `beta`, in L_mdi a
    larger weight, a low `temperature` and no counts, `n_components` 512) are chosen on validation rows, :meth:`paper`
    has the paper's; discriminators normalise real and reconstructed rows together; decoders end in a rectifier only
    where the view is never negative; label i receives from j where P(L_i | L_j) >= tau for both kinds of layer (the
    authors' graph convolution goes the other way); the text network's loss, which the paper does not give, is binary
    cross-entropy.

    Examples
    --------
    >>> from skxmr import DAGNN
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = DAGNN(16, hidden=32, width=16, max_epochs=5, random_state=0)
    >>> model = model.fit(pairs, labels)
    >>> model.annotate(image=pairs.image[:3], k=2) == model.annotate(image=pairs[:3], k=2)
    True
    """

    _requires_labels = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LabelRetriever._training_constraints,
        "gnn": [StrOptions({"gcn", "gat"})],
        "aggregate": ["boolean"],
        "classifier": [StrOptions({"gnn", "linear"})],
        "discriminator": [StrOptions({"reconstruction", "embedding"}), None],
        **{name: [Interval(Integral, 1, None, closed="left")] for name in ("n_hops", "width")},
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("w_cla", "alpha", "beta")},
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "count": ["boolean"],
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
        gnn: str = "gcn",
        n_hops: int = 4,
        aggregate: bool = True,
        width: int = 1024,
        classifier: str = "gnn",
        label_embedding: Any = None,
        discriminator: str | None = "reconstruction",
        w_cla: float = 1.0,
        alpha: float = 0.5,
        temperature: float = 0.2,
        count: bool = False,
        beta: float = 0.02,
        pretrain_text: bool | str = False,
        hidden: int | None = 2048,
        lr: float = 5e-4,
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
        self.gnn = gnn
        self.n_hops = n_hops
        self.aggregate = aggregate
        self.width = width
        self.classifier = classifier
        self.label_embedding = label_embedding
        self.discriminator = discriminator
        self.w_cla = w_cla
        self.alpha = alpha
        self.temperature = temperature
        self.count = count
        self.beta = beta
        self.pretrain_text = pretrain_text
        self.hidden = hidden

    @classmethod
    def paper(cls, dataset: str = "mirflickr", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        Where the paper is silent, the authors' codes: betas (.5, .999) of Adam and 40 epochs (they take 30 to 50). The
        paper's label vectors are 300-d GloVe vectors: pass them as `label_embedding`.

        Parameters
        ----------
        dataset : {"mirflickr", "nuswide"}, default="mirflickr"
            4 hops and batches of 100, or 5 hops and batches of 1024.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        DAGNN
            Unfitted.
        """
        check_choice(dataset, "dataset", _PAPER)
        loss = {"alpha": 0.2, "temperature": 2.0, "count": True, "beta": 0.2}
        return cls(**PAPER | {"tau": 0.3, "gnn": "gat"} | loss | _PAPER[dataset] | overrides)

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small sizes, and the paper's other network and adversary, fitted on all rows."""
        (small,) = super()._get_test_params()
        other = {"gnn": "gat", "discriminator": "embedding", "hidden": None}
        return [small, small | other | {"max_epochs": 1, "validation_fraction": 0}]

    def _build(self, split: Split) -> tuple[nn.Module, Objective]:
        if self.w_cla == self.alpha == 0:
            raise ValueError("w_cla and alpha are both 0, so nothing brings images and texts together.")
        judged = self.discriminator if self.beta else None
        adversary = self.beta if judged else 0.0
        weights = {"classification": self.w_cla, "invariance": self.alpha, "adversary": adversary}
        objective = LabelObjective(weights, self.temperature, self.count)
        own = LabelGraph(self.tau, self.p, self.graph, "symmetric" if self.gnn == "gcn" else "none")
        return self._network(split, own, self._classifiers, judged), objective

    def _classifiers(self, Q: Tensor) -> nn.Module:
        if self.classifier == "linear":
            return FreeClassifiers(len(Q), self.n_components)
        return MultiHopGNN(
            self.gnn, Q.shape[1], self.width, self.n_hops, self.n_components, "concat" if self.aggregate else "linear"
        )
