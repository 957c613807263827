"""Deep supervised cross-modal retrieval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skxmr._data.estimator import Constraints
from skxmr._data.option_checks import check_choice
from skxmr.deep.loop import Learner
from skxmr.deep.options import PAPER_ADAM
from skxmr.deep.split import Split
from skxmr.deep.tagging import TaggingRetriever
from skxmr.nn import losses
from skxmr.nn.networks import ACTIVATIONS, Dropout, TwoBranchNetwork
from skxmr.nn.objective import PAIRS, Batch, Objective, Outputs


class DSCMRNetwork(TwoBranchNetwork):
    """Two branches that end in one shared layer, the embedding, and one shared layer of label scores.

    Parameters
    ----------
    inputs, encoders : sequence of two nn.Module
        As in :class:`TwoBranchNetwork`; the encoders give hidden units.
    hidden, d, c : int
        Hidden units, width of the common space, number of labels.
    """

    def __init__(self, inputs: Sequence[nn.Module], encoders: Sequence[nn.Module], hidden: int, d: int, c: int) -> None:
        shared = nn.Linear(hidden, d)
        super().__init__(inputs, [nn.Sequential(encoder, shared) for encoder in encoders])
        self.to_labels = nn.Linear(d, c)

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return the embeddings and their label scores."""
        out = super().forward(image, text)
        return out | {f"{name}_scores": self.to_labels(rows) for name, rows in out.items()}


class DSCMRObjective(Objective):
    """L_1 + alpha L_2 + beta L_3: label scores, pairs that share labels, an image and its text."""

    def __init__(self, weights: Mapping[str, float], temperature: float = 2.0) -> None:
        super().__init__(weights)
        self.temperature = temperature

    def classification(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_1, of both modalities."""
        image = losses.classification(outputs["image_scores"], batch.labels)
        return image + losses.classification(outputs["text_scores"], batch.labels)

    def discrimination(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_2, across modalities and within."""
        cosines = [outputs.cosine(*pair) for pair in PAIRS]
        return losses.pairwise_likelihood(cosines, batch.labels, self.temperature, count=False)

    def alignment(self, outputs: Outputs, batch: Batch) -> Tensor:
        """L_3, ``1/n sum_i |u_i - v_i|_2``: the mean distance of an image from its text."""
        return torch.linalg.vector_norm(outputs["image"] - outputs["text"], dim=1).mean()


class DSCMR(TaggingRetriever):
    """Deep supervised cross-modal retrieval: two branches with a shared last layer, and shared scores of the labels.

    Minimised is ``w_cla L_1 + alpha L_2 + beta L_3``: the distance of the label scores from the labels, the negative
    log-likelihood of sharing labels (across and within modalities), and the distance of an image from its text. A label
    scores by what the last layer gives, about 1 where it fits and 0 where not.

    Parameters
    ----------
    w_cla : float, default=1.0
        Weight of the classification term L_1.
    alpha : float, default=1.0
        Weight of the discrimination term L_2.
    temperature : float, default=0.2
        In L_2 two rows share a label with probability sigmoid(cosine / temperature); the paper has 2.
    beta : float, default=0.01
        Weight of the alignment term L_3.
    pretrain_text : bool or "auto", default=False
        Whether a text network d -> 4096 -> 300 is first trained on the labels and then frozen; ``"auto"`` does so only
        for CSR text of more than 300 words.
    hidden : int, default=2048
        Number of hidden units of each branch.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the hidden units.

    Raises
    ------
    ValueError
        If a parameter is out of range, or all weights are 0.

    References
    ----------
    Zhen et al., "Deep supervised cross-modal retrieval", CVPR 2019, eqs. 2-8. Deviations: the defaults (dropout, scaled
    inputs, AdamW, one cycle, 256 components, a large `alpha` with a low `temperature`, a small `beta`) are chosen on
    validation rows, and :meth:`paper` has those of the paper. The Frobenius norms of the whole batch are means of the
    norms of its rows, as in the authors' code. Rows with several labels count as the same class if they share a label
    (the authors' code counts how many they share).

    Examples
    --------
    >>> from skxmr import DSCMR
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = DSCMR(16, hidden=32, max_epochs=5, random_state=0).fit(pairs, labels)
    >>> model.encode_text(pairs).shape
    (200, 16)
    """

    _requires_labels = True
    n_components: int = field(default=256, kw_only=False)
    w_cla: float = 1.0
    alpha: float = 1.0
    temperature: float = 0.2
    beta: float = 0.01
    pretrain_text: bool | str = False
    hidden: int = 2048
    activation: str = "gelu"
    _parameter_constraints: ClassVar[Constraints] = {
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("w_cla", "alpha", "beta")},
        "pretrain_text": [StrOptions({"auto"}), "boolean"],
        "hidden": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"gelu", "relu"})],
        "temperature": [Interval(Real, 0, None, closed="neither")],
    }

    @classmethod
    def paper(cls, dataset: str = "wikipedia", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        Parameters
        ----------
        dataset : {"wikipedia", "pascal", "nuswide10k", "xmedianet"}, default="wikipedia"
            The paper has the same constants for all of them: 1024 components, batches of 100, Adam at 1e-4.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        DSCMR
            Unfitted.
        """
        check_choice(dataset, "dataset", ("wikipedia", "pascal", "nuswide10k", "xmedianet"))
        constants: dict[str, Any] = {
            "n_components": 1024, "alpha": 1e-3, "temperature": 2.0, "beta": 0.1, "pretrain_text": False,
            "activation": "relu", "lr": 1e-4, "batch_size": 100, "max_epochs": 500, "optimizer": PAPER_ADAM,
            "weight_decay": 0.0, "schedule": "constant", "dropout": 0.0, "input_dropout": 0.0, "standardize": False,
        }  # fmt: skip
        return cls(**constants | overrides)

    def _build(self, split: Split) -> Learner:
        if self.w_cla == self.alpha == self.beta == 0:
            raise ValueError("w_cla, alpha and beta are all 0, so there is nothing to minimise.")
        inputs, widths, _ = self._inputs(split, self.pretrain_text)
        encoders = [self._branch(d) for d in widths]
        network = DSCMRNetwork(inputs, encoders, self.hidden, self.n_components, len(split.required_labels.names))
        weights = {"classification": self.w_cla, "discrimination": self.alpha, "alignment": self.beta}
        return Learner(network, DSCMRObjective(weights, self.temperature))

    def _branch(self, d: int) -> nn.Module:
        hidden = nn.Linear(d, self.hidden)
        return nn.Sequential(Dropout(self.input_dropout), hidden, ACTIVATIONS[self.activation](), Dropout(self.dropout))
