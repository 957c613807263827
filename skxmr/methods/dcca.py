"""Deep canonical correlation analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import MODALITIES
from skxmr._data.option_checks import check_choice
from skxmr._data.warn import warn
from skxmr._linalg.exactness import SAFE_RIDGE
from skxmr._linalg.moments import covariances
from skxmr._linalg.solvers import paired_directions, signs
from skxmr.deep.base import DeepRetriever
from skxmr.deep.loop import Learner, LoopOptions
from skxmr.deep.split import Split
from skxmr.nn.networks import ACTIVATIONS, TwoBranchNetwork, encoder
from skxmr.nn.objective import Batch, Objective, Outputs
from skxmr.nn.retrieval_network import FittingRows

# The most components that "auto" gives.
_WIDTH = 64


def correlation(u: Tensor, v: Tensor, ridge: float) -> Tensor:
    """Sum of the canonical correlations of two sets of outputs: Andrew et al., eqs. 8-10.

    The singular values of ``S_uu^-1/2 S_uv S_vv^-1/2``, added, with covariances ``S_uu + ridge I`` and ``S_vv + ridge
    I``. Computed in float64 by triangular factors, whose singular values are the same.

    Parameters
    ----------
    u, v : Tensor of shape (n, d)
        Outputs of both networks, n > d.
    ridge : float
        Added to the variances, which keeps the factors stable.

    Returns
    -------
    Tensor
        A float64 scalar in [0, d].
    """
    u = u.double() - u.double().mean(dim=0)
    v = v.double() - v.double().mean(dim=0)
    eye = ridge * torch.eye(u.shape[1], dtype=torch.float64, device=u.device)
    factors = [torch.linalg.cholesky(rows.T @ rows / (len(u) - 1) + eye) for rows in (u, v)]
    half = torch.linalg.solve_triangular(factors[0], u.T @ v / (len(u) - 1), upper=False)
    T = torch.linalg.solve_triangular(factors[1], half.T, upper=False)
    return torch.linalg.svdvals(T).sum()


class DCCANetwork(TwoBranchNetwork):
    """Two branches with d outputs, and a linear CCA of these that is solved anew after every epoch."""

    image_mean: Tensor
    text_mean: Tensor
    image_projection: Tensor
    text_projection: Tensor

    def __init__(
        self, inputs: Sequence[nn.Module], encoders: Sequence[nn.Module], d: int, ridge: float, power: float
    ) -> None:
        super().__init__(inputs, encoders)
        self.ridge = ridge
        self.power = power
        for name in MODALITIES:
            self.register_buffer(f"{name}_mean", torch.zeros(d))
            self.register_buffer(f"{name}_projection", torch.eye(d))

    def encode_image(self, x: Tensor) -> Tensor:
        """Map images (n, d_image) to canonical variates (n, d)."""
        return (super().encode_image(x) - self.image_mean) @ self.image_projection

    def encode_text(self, x: Tensor) -> Tensor:
        """Map texts (n, d_text) to canonical variates (n, d)."""
        return (super().encode_text(x) - self.text_mean) @ self.text_projection

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return the outputs of both branches, before the linear CCA."""
        return {"image": super().encode_image(image), "text": super().encode_text(text)}

    def settle(self, rows: FittingRows, block: int = 4096) -> None:
        """Solve the linear CCA of the outputs on the fitting rows, of which a block is encoded at a time."""
        self.eval()
        with torch.inference_mode():
            parts = []
            for index in torch.split(torch.arange(len(rows), device="cpu"), block):
                # Only one batch of rows is held at a time, because together they may not fit into memory.
                batch = rows.rows(index)
                parts.append(self(batch.image, batch.text))
            views = []
            for name in MODALITIES:
                views.append(torch.cat([part[name] for part in parts]).float().cpu().numpy())
        # Outputs that are not finite make the loss or the validation scores so, which ends the training.
        if not all(np.isfinite(view).all() for view in views):
            return
        cov = covariances(views[0], views[1], self.ridge < SAFE_RIDGE)
        found = paired_directions(cov, (self.ridge, self.ridge))
        scale = found.correlations**self.power * signs(found.image)
        for name, mean, directions in (("image", cov.image_mean, found.image), ("text", cov.text_mean, found.text)):
            projection = np.zeros((views[0].shape[1],) * 2)
            projection[:, : len(scale)] = directions * scale
            getattr(self, f"{name}_mean").copy_(torch.from_numpy(mean))
            getattr(self, f"{name}_projection").copy_(torch.from_numpy(projection))


class DCCAObjective(Objective):
    """Minus the sum of the canonical correlations of the outputs; a batch needs more rows than there are outputs."""

    def __init__(self, ridge: float) -> None:
        super().__init__({"correlation": 1.0})
        self.ridge = ridge

    def correlation(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Minus the sum, as it is minimised."""
        return -correlation(outputs["image"], outputs["text"], self.ridge)


class DCCA(DeepRetriever):
    """Deep canonical correlation analysis: two networks whose outputs are as correlated as can be.

    Minimised is minus the sum of the canonical correlations of a batch's outputs, computed in float64. After every
    epoch a linear CCA of the outputs of all fitting rows is solved, and its variates are the embeddings. Labels are not
    used for learning; if they are given, they decide which epoch is kept.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Width of the outputs and of the common space; ``"auto"`` is the smaller of 64 and half the rows of a batch.
    ridge : float, default=1e-4
        Added to the variances of the outputs in the loss.
    cca_ridge : float, default=0.1
        Regularisation of the linear CCA of the outputs, in units of their mean variance; see :class:`CCA`.
    correlation_power : float, default=1.0
        The variates are multiplied by their canonical correlation to this power; 0 leaves them at unit variance.
    batch_size : int or "auto", default="auto"
        Number of rows in a mini-batch, more than `n_components`; ``"auto"`` is the smaller of 1024 and the number of
        fitting rows.
    hidden : int, default=2048
        Number of hidden units of each network.
    activation : {"gelu", "relu", "tanh"}, default="gelu"
        Activation of the hidden units; ``"tanh"`` is also applied to the outputs.

    Raises
    ------
    ValueError
        If a batch has no more rows than `n_components`: its correlations would all be 1.

    References
    ----------
    Andrew et al., "Deep canonical correlation analysis", ICML 2013. Deviations: mini-batches and AdamW instead of
    full-batch L-BFGS after pre-training, scaled inputs and dropout. The linear CCA has a ridge, and its variates are
    scaled by their correlations; 0 switches each of the two off. Pre-training by denoising
    autoencoders, L-BFGS on all rows and the paper's own activation are not offered, so that no parameters make this the
    paper's method.

    Examples
    --------
    >>> from skxmr import DCCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> DCCA(4, hidden=32, max_epochs=5, random_state=0).fit(pairs).transform(pairs)
    Pairs(image=(200, 4) float32, text=(200, 4) float32)
    """

    _auto_batch: ClassVar[int] = 1024
    n_components: Any = field(default="auto", kw_only=False)
    ridge: float = 1e-4
    cca_ridge: float = 0.1
    correlation_power: float = 1.0
    hidden: int = 2048
    activation: str = "gelu"
    _parameter_constraints: ClassVar[Constraints] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "ridge": [Interval(Real, 0, None, closed="neither")],
        **{name: [Interval(Real, 0, None, closed="left")] for name in ("cca_ridge", "correlation_power")},
        "hidden": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }

    @classmethod
    def paper(cls, dataset: str = "mnist", **overrides: Any) -> Self:
        """Return an estimator with some of the paper's constants; it warns, and will be removed in 0.3.

        Parameters
        ----------
        dataset : {"mnist"}, default="mnist"
            The halves of handwritten digits: 50 components.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        DCCA
            Unfitted.
        """
        check_choice(dataset, "dataset", ("mnist",))
        constants: dict[str, Any] = {
            "n_components": 50, "ridge": 1e-4, "cca_ridge": 0.0, "correlation_power": 0.0, "activation": "tanh",
            "weight_decay": 0.0, "schedule": "constant", "dropout": 0.0, "input_dropout": 0.0,
        }  # fmt: skip
        written = ", ".join(f"{name}={value!r}" for name, value in constants.items())
        warn(
            "DCCA.paper will be removed in 0.3, because pre-training, optimiser and activation of the paper are not "
            f"offered; write DCCA({written}).",
            FutureWarning,
        )
        return cls(**constants | overrides)

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small sizes; the common space is no wider than the narrowest view of the tests."""
        (small,) = super()._get_test_params()
        return [small | {"n_components": 2}]

    def _build(self, split: Split) -> Learner:
        n = len(split.fitting.rows)
        size = self._auto_batch if isinstance(self.batch_size, str) else self.batch_size
        rows = min(n, size)
        d = min(_WIDTH, rows // 2) if isinstance(self.n_components, str) else self.n_components
        if rows <= d:
            raise ValueError(
                f"a batch has {rows} rows (batch_size={self.batch_size!r}, {n} rows to fit) but n_components={d}: with "
                "no more rows than components all correlations are 1. Raise batch_size, lower n_components, or set it "
                "to 'auto'."
            )
        inputs, widths, _ = self._inputs(split)
        encoders = [encoder(w, d, self.hidden, self.dropout, self.input_dropout, self.activation) for w in widths]
        network = DCCANetwork(inputs, encoders, d, self.cca_ridge, self.correlation_power)
        return Learner(network, DCCAObjective(self.ridge), LoopOptions(smallest_batch=d + 1))
