"""Dual adversarial graph neural networks."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skxmr._data.deprecation import OldParameters
from skxmr._data.estimator import Constraints
from skxmr._data.option_checks import check_choice
from skxmr._data.warn import warn
from skxmr.deep.labels import PAPER, LabelRetriever
from skxmr.deep.loop import Learner
from skxmr.deep.split import Split
from skxmr.nn.label_networks import FreeClassifiers, MultiHopGNN
from skxmr.nn.objective import LabelObjective
from skxmr.steps.label_graph import LabelGraph

_PAPER = {"mirflickr": {"n_layers": 4, "batch_size": 100}, "nuswide": {"n_layers": 5, "batch_size": 1024}}
# The threshold of the label graph depends on the kind of graph layer.
_PAPER_TAU = {"gat": 0.3, "gcn": 0.4}


class DAGNN(LabelRetriever):
    """Dual adversarial graph neural networks: a graph makes label classifiers, adversaries align the modalities.

    Two encoders map images and texts into a common space. A graph network turns label vectors into classifiers in that
    space, and each label receives from the labels that imply it. Two discriminators tell images from images that are
    reconstructed from texts, and texts from texts that are reconstructed from images; their gradient is reversed, which
    is the minus sign of eq. 12. `image_encoder` is the image network of eq. 1, whose weights the paper calls theta_cnn;
    without one, images are features. Minimised is ``w_cla L_cla + alpha L_mdi + w_adv L_adv`` (eqs. 9-12).

    Parameters
    ----------
    tau : float, default=0.4
        Label i receives from label j in the label graph if P(L_i | L_j) reaches this; see :class:`LabelGraph`.
    p : float, default=0.5
        Weight of a neighbour in the label graph. It has no effect with ``gnn="gat"``, which uses only the edges.
    gnn : {"gcn", "gat"}, default="gcn"
        The kind of graph layer: graph convolution or graph attention.
    n_layers : int, default=4
        Number of graph layers, which the paper calls hops.
    aggregate : {"concat", "linear", "last"}, default="concat"
        What the label classifiers are: a linear map of all graph layers (eq. 4), a linear map of the last layer, or
        the last layer itself.
    classifier : {"gnn", "linear"}, default="gnn"
        What makes the label classifiers: the graph network, or a trained vector per label (DAGNN-5 in the paper).
    discriminator : {"reconstruction", "embedding"} or None, default="reconstruction"
        What the discriminators judge: reconstructed rows, or embeddings (DAGNN-4 in the paper). None leaves the
        adversary out.
    w_cla : float, default=1.0
        Weight of the classification term; 0 is DAGNN-1 in the paper, which trains no label classifiers.
    alpha : float, default=0.5
        Weight of the modality-invariance term L_mdi; 0 is DAGNN-2 in the paper.
    temperature : float, default=0.2
        L_mdi scores a pair of rows by theta = cosine / temperature; the paper has 2.
    count : bool, default=False
        Whether L_mdi counts the labels that a pair of rows shares, as in the paper. False only asks whether it shares
        any, so that sigmoid(theta) is the probability of that.
    w_adv : float, default=0.02
        Weight of the adversarial term, beta in the paper; 0 is DAGNN-3 in the paper.

    Raises
    ------
    ValueError
        If parameters or label vectors do not fit the labels.

    References
    ----------
    Qian et al., "Dual adversarial graph neural networks for multi-label cross-modal retrieval", AAAI 2021. Deviations:
    the defaults (encoders with a hidden layer, dropout, scaled inputs, AdamW, one cycle, a smaller `w_adv`, in L_mdi a
    larger weight, a low `temperature` and no counts, `n_components` 512) are chosen on validation rows, and
    :meth:`paper` has those of the paper. Discriminators normalise real and reconstructed rows together. Decoders end in
    a rectifier if the view is never negative; otherwise that of images ends in a linear layer, and that of texts in a
    LeakyReLU, as in the paper. Label i receives from j where P(L_i | L_j) >= tau for both kinds of layer (the authors'
    graph convolution goes the other way). The loss of the text network, which the paper does not give, is binary
    cross-entropy.

    Examples
    --------
    >>> from skxmr import DAGNN
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = DAGNN(16, hidden=32, width=16, max_epochs=5, random_state=0)
    >>> model = model.fit(pairs, labels)
    >>> [len(tags) for tags in model.annotate(image=pairs.image[:3], k=2)]
    [2, 2, 2]
    """

    lr: float = 5e-4
    tau: float = 0.4
    p: float = 0.5
    gnn: str = "gcn"
    n_layers: int = 4
    aggregate: str = "concat"
    width: int = 1024
    classifier: str = "gnn"
    discriminator: str | None = "reconstruction"
    alpha: float = 0.5
    temperature: float = 0.2
    count: bool = False
    w_adv: float = 0.02
    _graph_parameters: ClassVar[tuple[str, ...]] = ("tau", "p", "graph")
    _parameter_constraints: ClassVar[Constraints] = {
        "gnn": [StrOptions({"gcn", "gat"})],
        "aggregate": [StrOptions({"concat", "linear", "last"})],
        "classifier": [StrOptions({"gnn", "linear"})],
        "discriminator": [StrOptions({"reconstruction", "embedding"}), None],
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("alpha", "w_adv")},
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "count": ["boolean"],
    }
    _old_parameters: ClassVar[OldParameters] = OldParameters(
        names={"n_hops": "n_layers", "beta": "w_adv"}, values={"aggregate": {True: "concat", False: "linear"}}
    )

    @classmethod
    def paper(cls, dataset: str = "mirflickr", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        With ``gnn="gcn"`` it has the paper's threshold for graph convolution, `tau` .4, in place of .3 for attention.
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
        loss = {"alpha": 0.2, "temperature": 2.0, "count": True, "w_adv": 0.2}
        gnn = overrides.get("gnn", "gat")
        graph = {"gnn": gnn, "tau": _PAPER_TAU.get(gnn, 0.3), "p": 0.5}
        return cls(**PAPER | graph | loss | _PAPER[dataset]).set_params(**overrides)

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small sizes, and the paper's other network and adversary, fitted on all rows."""
        (small,) = super()._get_test_params()
        other = {"gnn": "gat", "discriminator": "embedding", "hidden": None}
        return [small, small | other | {"max_epochs": 1, "validation_fraction": 0}]

    def _build(self, split: Split) -> Learner:
        if self.w_cla == self.alpha == 0:
            raise ValueError("w_cla and alpha are both 0, so nothing brings images and texts together.")
        judged = self.discriminator if self.w_adv else None
        adversary = self.w_adv if judged else 0.0
        weights = {"classification": self.w_cla, "invariance": self.alpha, "adversary": adversary}
        objective = LabelObjective(weights, self.temperature, self.count)
        own = LabelGraph(self.tau, self.p, self.graph, "symmetric" if self.gnn == "gcn" else "none")
        if split.pairs.label_graph is None:
            self._warn_of_idle_parameters()
        return Learner(self._network(split, own, self._classifiers, judged), objective)

    def _warn_of_idle_parameters(self) -> None:
        """Warn of changed parameters of the label graph that have no effect."""
        changed = self._changed_graph_parameters()
        if changed and self.classifier == "linear":
            warn(f'{", ".join(changed)}: no effect with classifier="linear", which has no graph.')
        elif "p" in changed and self.gnn == "gat":
            warn('p has no effect with gnn="gat", which uses the edges only, not their weights.')

    def _classifiers(self, Q: Tensor) -> nn.Module:
        if self.classifier == "linear":
            return FreeClassifiers(len(Q), self.n_components)
        return MultiHopGNN(self.gnn, Q.shape[1], self.width, self.n_layers, self.n_components, self.aggregate)
