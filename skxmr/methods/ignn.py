"""I-GNN: dual adversarial graph neural networks with an iteratively learned graph and a contrastive loss."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skxmr._data.deprecation import OldParameters
from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FloatArray
from skxmr._data.option_checks import check_choice
from skxmr.deep.label_vectors import label_vectors
from skxmr.deep.labels import PAPER, LabelRetriever
from skxmr.deep.loop import Learner
from skxmr.deep.split import Split
from skxmr.nn.device import ordinary_torch
from skxmr.nn.label_networks import IterativeClassifiers, MultiHopGNN
from skxmr.nn.objective import LabelObjective
from skxmr.steps.cooccurrence import KINDS
from skxmr.steps.label_graph import LabelGraph

# Weight of the given graph in the mean of both.
_SHARE = 0.5
_PAPER: dict[str, dict[str, Any]] = {
    "mirflickr": {"w_cla": 0.5, "w_adv": 2.0, "batch_size": 100},
    "nuswide": {"w_cla": 0.8, "w_adv": 0.2, "batch_size": 2048},
    "coco": {"w_cla": 2.8, "w_adv": 0.2, "batch_size": 512, "temperature": 0.2},
}


class IGNN(LabelRetriever):
    """I-GNN: label classifiers over a graph that is learned with the label vectors, a contrastive loss and adversaries.

    The graph is the mean of a given one, by default the cosines of the initial label vectors, and a learned one: the
    cosines of the trained label vectors under learned weightings of their dimensions. Graph convolutions over it make
    the label classifiers. Minimised is ``w_cla L_cla + w_soft L_soft + w_adv L_adv``; L_adv has a reversed gradient.

    Parameters
    ----------
    graph : {"similarity", "cooccurrence", "probability", "identity"} or (c, c) matrix, default="similarity"
        The given graph A_0: the cosines of the label vectors that reach `threshold`, or a graph as in
        :class:`LabelGraph` with its defaults. A `LabelGraph` step before the method is used in place of it, and `graph`
        must then be at its default.
    threshold : float, default=0.4
        Smallest cosine that makes an edge.
    n_heads : int, default=8
        Number of learned weightings.
    n_layers : int, default=5
        Number of graph layers. The classifiers are a linear map of all of them.
    label_embedding : array (c, d), DataFrame named by the labels, path of a word-vector file, or None, default=None
        Initial label vectors, which are then trained. None factorises the labels' mutual information in the fitting
        rows, so that no word vectors are needed.
    w_soft : float, default=1.0
        Weight of the soft contrastive term.
    w_adv : float, default=0.0
        Weight of the adversarial term, beta in the paper; 0 leaves the discriminators out.
    temperature : float, default=0.22
        What the cosines are divided by in the soft contrastive term.

    Attributes
    ----------
    learned_graph_ : DataFrame of shape (c, c)
        The mean of both graphs, not normalised, with the names of `classes_`: row i receives from column j.

    Raises
    ------
    ValueError
        If parameters or label vectors do not fit the labels.

    References
    ----------
    Qian et al., "Integrating multi-label contrastive learning with dual adversarial graph neural networks for
    cross-modal retrieval", TPAMI 2022, and the authors' code. Deviations: the defaults are those that validation chose
    for :class:`L2GCN`, without the adversary, and :meth:`paper` has those of the paper. The mean of both graphs is
    normalised symmetrically. There is no BatchNorm on raw inputs (:meth:`paper` standardises them) or in the decoders.
    Discriminators normalise real and reconstructed rows together.

    Examples
    --------
    >>> from skxmr import IGNN
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = IGNN(16, hidden=32, width=16, max_epochs=5, random_state=0).fit(pairs, labels)
    >>> model.learned_graph_.shape
    (8, 8)
    """

    graph: Any = "similarity"
    threshold: float = 0.4
    n_heads: int = 8
    w_soft: float = 1.0
    w_adv: float = 0.0
    temperature: float = 0.22
    _parameter_constraints: ClassVar[Constraints] = {
        "graph": [StrOptions({"similarity", *KINDS}), "array-like", "sparse matrix"],
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("w_soft", "w_adv")},
        "temperature": [Interval(Real, 0, None, closed="neither")],
    }
    _old_parameters: ClassVar[OldParameters] = OldParameters(names={"beta": "w_adv"})

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
        return cls(**constants | _PAPER[dataset]).set_params(**overrides)

    @property
    @ordinary_torch()
    def learned_graph_(self) -> pd.DataFrame:
        """The mixed graph (c, c), named by the labels."""
        check_is_fitted(self)
        classifiers = self.network_.classifiers
        assert isinstance(classifiers, IterativeClassifiers)
        A = classifiers.adapted(self.network_.A).cpu().numpy()
        return pd.DataFrame(A, index=list(self.classes_), columns=list(self.classes_))

    def _build(self, split: Split) -> Learner:
        if self.w_cla == self.w_soft == 0:
            raise ValueError("w_cla and w_soft are both 0, so nothing brings images and texts together.")
        weights = {"classification": self.w_cla, "soft": self.w_soft, "adversary": self.w_adv}
        similar = isinstance(self.graph, str) and self.graph == "similarity"
        own = LabelGraph(kind=self._similarity(split) if similar else self.graph)
        judged = "reconstruction" if self.w_adv else None
        objective = LabelObjective(weights, self.temperature)
        return Learner(self._network(split, own, self._classifiers, judged), objective)

    def _classifiers(self, Q: Tensor) -> nn.Module:
        gnn = MultiHopGNN("gcn", Q.shape[1], self.width, self.n_layers, self.n_components)
        return IterativeClassifiers(gnn, Q, self.n_heads, self.threshold, _SHARE)

    def _similarity(self, split: Split) -> FloatArray:
        vectors = label_vectors(self.label_embedding, split.required_labels)
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        S = unit @ unit.T
        # A label without a vector is similar to itself as well.
        np.fill_diagonal(S, 1.0)
        return np.where(S >= self.threshold, S, 0.0)
