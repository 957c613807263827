"""What methods with label classifiers share: label vectors, the label graph, scores and tags for one modality."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import field
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar

import scipy.sparse as sp
import torch
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FloatArray
from skxmr.deep.label_graphs import fitted_graph
from skxmr.deep.label_vectors import label_vectors
from skxmr.deep.options import PAPER_ADAM
from skxmr.deep.split import Split
from skxmr.deep.tagging import TaggingRetriever
from skxmr.metrics import Similarity
from skxmr.nn.adversaries import DualGAN, EmbeddingCritic
from skxmr.nn.device import ordinary_torch
from skxmr.nn.label_networks import LabelGraphNetwork
from skxmr.nn.networks import encoder
from skxmr.steps.cooccurrence import KINDS
from skxmr.steps.label_graph import LabelGraph

# What the papers on label graphs have in common; the betas of Adam are those of their public codes.
PAPER: dict[str, Any] = {
    "n_components": 1024, "width": 1024, "pretrain_text": True, "hidden": None, "lr": 5e-5, "max_epochs": 40,
    "optimizer": PAPER_ADAM, "weight_decay": 0.0, "schedule": "constant", "dropout": 0.0, "input_dropout": 0.0,
    "standardize": False,
}  # fmt: skip


class LabelRetriever(TaggingRetriever):
    """Base of the deep methods whose labels have classifiers in the common space.

    Their network offers ``label_classifiers() -> (c, d)``. A label scores by the cosine of the embedding and its
    classifier, in [-1, 1].

    Parameters
    ----------
    graph : {"cooccurrence", "probability", "identity"} or (c, c) matrix, default="cooccurrence"
        The label graph, as in :class:`LabelGraph`. A `LabelGraph` step before the method is used in place of it, and
        all parameters of the graph must then be at their defaults.
    n_layers : int, default=5
        Number of graph layers.
    width : int, default=512
        Width of a graph layer.
    label_embedding : array (c, d), DataFrame named by the labels, path of a word-vector file, or None, default=None
        Label vectors, which are not trained. None factorises the labels' mutual information in the fitting rows.
    w_cla : float, default=1.0
        Weight of the classification term.
    pretrain_text : bool or "auto", default=False
        Whether a text network d -> 4096 -> 300 is first trained on the labels and then frozen; ``"auto"`` does so only
        for CSR text of more than 300 words.
    hidden : int or None, default=2048
        Number of hidden units of the encoders. None makes each one linear layer with a rectifier, as in the papers.

    Attributes
    ----------
    classifiers_ : ndarray of shape (c, n_components)
        Label classifiers, in the order of `classes_`.
    """

    network_: LabelGraphNetwork = field(init=False)
    graph: ArrayLike | sp.csr_array = "cooccurrence"
    n_layers: int = 5
    width: int = 512
    label_embedding: ArrayLike | PathLike[str] | None = None
    w_cla: float = 1.0
    pretrain_text: bool | str = False
    hidden: int | None = 2048
    _requires_labels = True
    # The parameters of the label graph; a method may have more.
    _graph_parameters: ClassVar[tuple[str, ...]] = ("graph",)
    _parameter_constraints: ClassVar[Constraints] = {
        "graph": [StrOptions(set(KINDS)), "array-like", "sparse matrix"],
        **{name: [Interval(Integral, 1, None, closed="left")] for name in ("n_layers", "width")},
        "w_cla": [Interval(Real, 0, None, closed="left")],
        "pretrain_text": [StrOptions({"auto"}), "boolean"],
        "hidden": [Interval(Integral, 1, None, closed="left"), None],
    }

    @property
    def classifiers_(self) -> FloatArray:
        """Label classifiers (c, n_components), float32, in the order of `classes_`."""
        check_is_fitted(self, "network_")
        self._need_trained_scores()
        with ordinary_torch(), torch.inference_mode():
            return self.network_.label_classifiers().float().cpu().numpy()

    def _label_scores(self, embedded: FloatArray) -> FloatArray:
        """Return the cosine of every embedding with every classifier, in [-1, 1]."""
        return Similarity(embedded, self.classifiers_)[:]

    def _network(
        self,
        split: Split,
        own: LabelGraph,
        classifiers: Callable[[torch.Tensor], nn.Module],
        judged: str | None = None,
        kind: Callable[..., LabelGraphNetwork] = LabelGraphNetwork,
    ) -> LabelGraphNetwork:
        """Make the network of a method.

        `classifiers` makes the label classifiers for given label vectors (c, d_label), `judged` says what a critic
        judges, rows that are a "reconstruction" or an "embedding", and `kind` is the class of the network.
        """
        Q = torch.as_tensor(label_vectors(self.label_embedding, split.required_labels), dtype=torch.float32)
        inputs, widths, positive = self._inputs(split, self.pretrain_text)
        d = self.n_components
        encoders = [encoder(width, d, self.hidden, self.dropout, self.input_dropout) for width in widths]
        graph = fitted_graph(split, own, self._changed_graph_parameters(), type(self).__name__)
        critic: nn.Module | None = None
        if judged == "reconstruction":
            critic = DualGAN(d, *widths, positive)
        elif judged == "embedding":
            critic = EmbeddingCritic(d)
        return kind(inputs, encoders, classifiers(Q), Q, graph, critic)

    def _changed_graph_parameters(self) -> dict[str, object]:
        """Return the parameters of the label graph that are not at their defaults, with these defaults."""
        parameters = inspect.signature(type(self)).parameters
        changed: dict[str, object] = {}
        for name in self._graph_parameters:
            # A subclass with a constructor of its own may have no such parameter.
            if name in parameters:
                value = getattr(self, name)
                default = parameters[name].default
                # A matrix cannot be compared with a name, and is never the default.
                comparable = isinstance(value, str if isinstance(default, str) else Real)
                if not comparable or value != default:
                    changed[name] = default
        return changed
