"""Deep reversible consistency learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn
from torch.nn import functional

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import MODALITIES, FloatArray
from skxmr._data.option_checks import check_choice
from skxmr.deep.batches import PairsDataset
from skxmr.deep.encoding import validation_scores
from skxmr.deep.loop import Learner, LoopOptions, Prepared
from skxmr.deep.options import PAPER_ADAM, Options
from skxmr.deep.split import Split
from skxmr.deep.tagging import TaggingRetriever
from skxmr.methods._priors import PriorNetwork, qualities, train_priors
from skxmr.nn import losses
from skxmr.nn.device import initialising
from skxmr.nn.networks import ACTIVATIONS, Dropout, TwoBranchNetwork, UnitLength
from skxmr.nn.objective import Batch, Objective, Outputs
from skxmr.nn.retrieval_network import FittingRows, RetrievalNetwork


class DRCLNetwork(TwoBranchNetwork):
    """Two encoders that share nothing but the prior, which is fixed, and its pseudo-inverse.

    Parameters
    ----------
    inputs, encoders : sequence of two nn.Module
        As in :class:`TwoBranchNetwork`.
    d, c : int
        Width of the common space, number of labels.
    q_step : float
        How much the exponent of the classification term grows in every epoch, up to 1.
    """

    recast: Tensor
    epochs: Tensor
    learned_by: tuple[int, float | None]

    def __init__(
        self, inputs: Sequence[nn.Module], encoders: Sequence[nn.Module], d: int, c: int, q_step: float
    ) -> None:
        super().__init__(inputs, encoders)
        self.q_step = q_step
        self.to_labels = nn.Linear(d, c, bias=False).requires_grad_(False)
        self.register_buffer("recast", torch.zeros(c, d))
        self.register_buffer("epochs", torch.zeros(()))

    def set_prior(self, W: Tensor) -> None:
        """Keep the prior W (d, c), and its pseudo-inverse (c, d), which recasts labels."""
        self.to_labels.weight.data.copy_(W.T)
        self.recast.copy_(torch.linalg.pinv(W.double()))

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return the embeddings, the prior (c, d), its inverse (c, d), and the exponent of this epoch."""
        q = (self.q_step * (self.epochs + 1)).clamp(max=1)
        return super().forward(image, text) | {"prior": self.to_labels.weight, "recast": self.recast, "exponent": q}

    def settle(self, rows: FittingRows) -> None:
        """Count the epochs."""
        self.epochs += 1


class DRCLObjective(Objective):
    """eta J_L + alpha J_D + beta J_MSE, of each modality by itself, on mixtures of its rows."""

    def __init__(self, weights: Mapping[str, float], mixing: float) -> None:
        super().__init__(weights)
        self.mixing = mixing

    def _targets(self, outputs: Outputs, batch: Batch) -> Outputs:
        """Mix the rows once for all terms; labels (n, 2c) are those of the images, then those of the texts."""
        if "image_labels" not in outputs:
            for name, Y in zip(MODALITIES, batch.labels.chunk(2, dim=1), strict=True):
                outputs[name], outputs[f"{name}_labels"] = self._mixed(outputs[name], Y)
                outputs[f"{name}_recast"] = outputs[f"{name}_labels"] @ outputs["recast"]
        return outputs

    def _mixed(self, rows: Tensor, Y: Tensor) -> tuple[Tensor, Tensor]:
        """Feature augmentation: every row with a share of another one of the batch, and so its labels."""
        if self.mixing == 1:
            return rows, Y
        order = torch.randperm(len(rows), generator=self.generator, device=rows.device)
        share = self.mixing
        return share * rows + (1 - share) * rows[order], share * Y + (1 - share) * Y[order]

    def classification(self, outputs: Outputs, batch: Batch) -> Tensor:
        """J_L: the labels by the prior."""
        outputs = self._targets(outputs, batch)
        found = []
        for name in MODALITIES:
            logits = outputs[name] @ outputs["prior"].T
            found.append(losses.generalized_cross_entropy(logits, outputs[f"{name}_labels"], outputs["exponent"]))
        return found[0] + found[1]

    def discrimination(self, outputs: Outputs, batch: Batch) -> Tensor:
        """J_D: similarities as those of the recast representations."""
        outputs = self._targets(outputs, batch)
        found = [losses.similarity_consistency(outputs[f"{name}_recast"], outputs[name]) for name in MODALITIES]
        return found[0] + found[1]

    def regression(self, outputs: Outputs, batch: Batch) -> Tensor:
        """J_MSE, ``1/(n d) |r - f|^2``: embeddings as the recast representations."""
        outputs = self._targets(outputs, batch)
        found = [functional.mse_loss(outputs[name], outputs[f"{name}_recast"]) for name in MODALITIES]
        return found[0] + found[1]


class DRCL(TaggingRetriever):
    """Deep reversible consistency learning: each modality regresses on representations that are recast from the labels.

    First a network for each modality learns the labels, together with a matrix W (d, c) that maps its embeddings to
    label scores. The W of the modality that predicts the labels better becomes the prior (selective prior learning).
    Its pseudo-inverse recasts labels y as representations ``y pinv(W)``, which belong to no modality. Then new
    encoders are trained, each modality by itself, by ``w_cla J_L + alpha J_D + beta J_MSE`` on mixtures of rows
    (feature augmentation): the labels by the prior, the similarities of the recast representations, and these
    themselves. No term compares an image with its text, so that rows may lack an image or a text (`image_missing` and
    `text_missing` of a `Pairs`).

    Parameters
    ----------
    w_cla : float, default=1.0
        Weight of the classification term J_L, eta in the paper.
    alpha : float, default=0.1
        Weight of the discrimination term J_D.
    beta : float, default=0.1
        Weight of the regression term J_MSE.
    mixing : float, default=0.9
        Share of the row itself in a mixture, in [0, 1]; the rest is another row of the batch. 1 mixes nothing.
    q_step : float, default=0.01
        The exponent q of the generalised cross-entropy J_L is this times the number of the epoch, at most 1.
    hidden : int, default=2048
        Number of hidden units of each encoder.
    n_layers : int, default=1
        Number of hidden layers of each encoder.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the hidden units.
    text_lr : float or None, default=None
        Learning rate of the text encoder, whose weights are then not decayed; None is `lr`.
    prior_epochs : int, default=20
        Number of epochs in which the prior is learned.
    prior_lr : float or None, default=None
        Learning rate with which the prior is learned; None is `lr`.

    Attributes
    ----------
    prior_ : ndarray of shape (n_components, c)
        The prior W.
    prior_quality_ : dict
        For ``"image"`` and ``"text"`` the mean probability of the labels of the fitting rows by the matrix of this
        modality. The prior is that of the larger one.
    n_samples_per_view_ : dict
        For ``"image"`` and ``"text"`` how many rows had the view and were learned from.

    Raises
    ------
    ValueError
        If a parameter is out of range, or all weights are 0.

    References
    ----------
    Pu et al., "Deep reversible consistency learning for cross-modal retrieval", IEEE Transactions on Multimedia 2025,
    arXiv 2501.05686: selective prior learning with its quality score, reversible semantic consistency with J_L, J_D and
    J_MSE, feature augmentation. What its public description leaves open is as in the authors' code: the 2 in J_D, the
    means over all entries, the growth of q, and mixtures whose length is not 1. Deviations: both modalities are trained
    side by side, with equal numbers of steps, and the rows of the smaller view repeat; the epoch is chosen by the mAP
    of validation rows, not by the loss of each modality; the defaults (one hidden layer, dropout, scaled inputs, AdamW,
    one cycle, fewer epochs) are those of other methods here, and :meth:`paper` has those of the authors' code. Labels
    with several ones per row are allowed.

    Examples
    --------
    >>> from skxmr import DRCL
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> model = DRCL(16, hidden=32, max_epochs=5, prior_epochs=5, random_state=0).fit(pairs, labels)
    >>> model.encode_text(pairs).shape
    (200, 16)
    """

    _requires_labels = True
    _learns_from_single_views = True
    n_components: int = field(default=512, kw_only=False)
    w_cla: float = 1.0
    alpha: float = 0.1
    beta: float = 0.1
    mixing: float = 0.9
    q_step: float = 0.01
    hidden: int = 2048
    n_layers: int = 1
    activation: str = "gelu"
    text_lr: float | None = None
    prior_epochs: int = 20
    prior_lr: float | None = None
    network_: DRCLNetwork = field(init=False)
    _parameter_constraints: ClassVar[Constraints] = {
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("w_cla", "alpha", "beta")},
        "mixing": [Interval(Real, 0, 1, closed="both")],
        "q_step": [Interval(Real, 0, 1, closed="right")],
        **{name: [Interval(Integral, 1, None, closed="left")] for name in ("hidden", "n_layers", "prior_epochs")},
        "activation": [StrOptions({"gelu", "relu"})],
        **{name: [Interval(Real, 0, None, closed="neither"), None] for name in ("text_lr", "prior_lr")},
    }

    @classmethod
    def paper(cls, dataset: str = "wikipedia", **overrides: Any) -> Self:
        """Return an estimator with the constants of the authors' code as ordinary parameters.

        Parameters
        ----------
        dataset : {"wikipedia"}, default="wikipedia"
            The only set of images and texts for which they are public.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        DRCL
            Unfitted.
        """
        check_choice(dataset, "dataset", ("wikipedia",))
        constants: dict[str, Any] = {
            "n_components": 2048, "w_cla": 1.0, "alpha": 0.1, "beta": 0.1, "mixing": 0.9, "q_step": 0.01,
            "hidden": 4096, "n_layers": 2, "activation": "relu", "lr": 6e-6, "text_lr": 5e-3, "prior_epochs": 200,
            "prior_lr": 5e-4, "batch_size": 1024, "max_epochs": 200, "optimizer": PAPER_ADAM, "weight_decay": 0.0,
            "schedule": "constant", "dropout": 0.0, "input_dropout": 0.0, "standardize": False,
        }  # fmt: skip
        return cls(**constants | overrides)

    @property
    def prior_(self) -> FloatArray:
        """The prior W (n_components, c), float32."""
        return self.network_.to_labels.weight.detach().T.cpu().numpy()

    def _build(self, split: Split) -> Learner:
        weights = {"classification": self.w_cla, "discrimination": self.alpha, "regression": self.beta}
        if not any(weights.values()):
            raise ValueError("w_cla, alpha and beta are all 0, so there is nothing to minimise.")
        inputs, widths, _ = self._inputs(split)
        c = len(split.required_labels.names)
        network = DRCLNetwork(inputs, self._encoders(widths), self.n_components, c, self.q_step)
        # A fit that continues keeps the prior, so that a change of these is refused as without effect.
        network.learned_by = self.prior_epochs, self.prior_lr
        factors = {} if self.text_lr is None else {"text_encoder.*": self.text_lr / self.lr}
        return Learner(network, DRCLObjective(weights, self.mixing), LoopOptions(rate_factors=factors))

    def _encoders(self, widths: tuple[int, int]) -> list[nn.Module]:
        encoders: list[nn.Module] = []
        for width in widths:
            layers: list[nn.Module] = [Dropout(self.input_dropout)]
            for before in (width, *[self.hidden] * (self.n_layers - 1)):
                layers += [nn.Linear(before, self.hidden), ACTIVATIONS[self.activation](), Dropout(self.dropout)]
            encoders.append(nn.Sequential(*layers, nn.Linear(self.hidden, self.n_components, bias=False), UnitLength()))
        return encoders

    def _prepare(self, split: Split, network: RetrievalNetwork, device: torch.device) -> Prepared:
        """Serve the images and the texts that are there side by side; the rows of the smaller view repeat."""
        views = {name: split.rows_of(split.fitting, name) for name in MODALITIES}
        n = max(len(view.rows) for view in views.values())
        rows = []
        labels = []
        for name, view in views.items():
            if len(view.rows) == 0:
                raise ValueError(f"no row to fit has {name}; pass more of such rows, or set validation_fraction to 0.")
            assert view.labels is not None
            numbers = np.resize(np.arange(len(view.rows)), n)
            rows.append(view.rows[numbers])
            labels.append(view.labels.matrix[numbers])
        dataset = PairsDataset(
            views["image"].view, views["text"].view, sp.hstack(labels, format="csr"), device, rows[0], None, rows[1]
        )
        return Prepared(dataset, validation_scores(network, split))

    def _pretrain(self, network: Any, split: Split, prepared: Prepared, options: Options, seed: int) -> None:
        """Learn a matrix of each modality, and keep the better one as the prior."""
        rows = self._rows_at_first(network, split, prepared)
        assert isinstance(network, DRCLNetwork) and isinstance(rows, PairsDataset)
        counts = {name: len(split.rows_of(split.fitting, name).rows) for name in MODALITIES}
        widths = int(split.pairs.image.shape[1]), int(split.pairs.text.shape[1])
        inputs = network.image_input, network.text_input
        c, d = network.recast.shape
        with initialising(seed):
            own = PriorNetwork(inputs, self._encoders(widths), d, c, self.q_step)
        lr = self.lr if self.prior_lr is None else self.prior_lr
        options = options._replace(lr=lr, max_epochs=self.prior_epochs)
        train_priors(own, rows, options, seed)
        self.prior_quality_ = qualities(own, rows, counts)
        best = max(MODALITIES, key=lambda name: self.prior_quality_[name])
        network.set_prior(own.priors[best].detach())
