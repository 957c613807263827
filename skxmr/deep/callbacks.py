"""What happens between epochs and batches: selection, the adversary, schedules, the progress bar."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any, NoReturn

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, StepLR
from tqdm import tqdm

from skxmr.deep.validation import Validation
from skxmr.nn.adversaries import Discriminator
from skxmr.nn.retrieval_network import FittingRows, RetrievalNetwork


class DivergenceError(ArithmeticError):
    """A loss term or a validation score is NaN or infinite; `at_start` if that was so before any weight had changed."""

    at_start = False


class BestWeights(Callback):
    """Score the validation rows after every epoch and keep the best weights.

    Parameters
    ----------
    network : RetrievalNetwork
        Whose weights are kept; what skorch trains may be a wrapper around it.
    rows : FittingRows
        From which the network learns without gradients, before it is scored.
    validation : Validation or None
        How the network is scored; None keeps the last epoch.

    Notes
    -----
    Callbacks of skorch look for ``valid_loss``, which is to fall, and for ``valid_loss_best``: they are recorded as one
    minus the score that chooses, and as whether this epoch is the best one so far.
    """

    def __init__(self, network: RetrievalNetwork, rows: FittingRows, validation: Validation | None) -> None:
        self.network = network
        self.rows = rows
        self.validation = validation
        self.best_epoch = 0
        self.best_value = -math.inf
        self.best_state: dict[str, Tensor] | None = None
        self.spare_state: dict[str, Tensor] | None = None

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Compare this epoch with the best one."""
        self.network.settle(self.rows)
        improved = True
        if self.validation is not None:
            value = self._measured(net)
            improved = value > self.best_value
            self.best_value = max(value, self.best_value)
            net.history.record("valid_loss", 1 - value)
            net.history.record("valid_loss_best", improved)
        if improved:
            self._keep(self.network.state_dict())
            self.best_epoch = len(net.history)

    def _measured(self, net: NeuralNet) -> float:
        """Record the scores of the validation rows and return the one that chooses."""
        assert self.validation is not None
        scores = self.validation.score()
        for name, value in scores.items():
            if not math.isfinite(value):
                raise DivergenceError(f"{name} became {value} in epoch {len(net.history)}")
            net.history.record(name, value)
        return scores[self.validation.chooses]

    def _keep(self, state: dict[str, Tensor]) -> None:
        """Keep a copy of the weights.

        It is written over the weights that were the best before the last ones: new memory would cost more time, and an
        interrupt while the last ones are overwritten would leave a mixture.
        """
        spare = self.spare_state
        if spare is None:
            spare = copy.deepcopy(state)
        else:
            for name, kept in spare.items():
                kept.copy_(state[name])
        self.best_state, self.spare_state = spare, self.best_state


class Adversary(Callback):
    """Tell discriminators before every batch how far the training is, and whether it is their turn to learn.

    Parameters
    ----------
    discriminators : list of Discriminator
        Those of the network.
    n_steps : int
        Number of batches of the whole training.
    every : int
        The discriminators learn with every k-th batch only (ACMR's Algorithm 1); between their turns they still pass
        the reversed gradient on.
    """

    def __init__(self, discriminators: list[Discriminator], n_steps: int, every: int) -> None:
        self.discriminators = discriminators
        self.n_steps = n_steps
        self.every = every
        self.step = 0

    def on_batch_begin(self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        """Tell the discriminators, and count the batch."""
        done = self.step / self.n_steps
        self.step += 1
        for discriminator in self.discriminators:
            discriminator.advance(done)
            if self.every > 1:
                discriminator.requires_grad_(self.step % self.every == 0)


def learning_rate_schedule(kind: str | int, n_epochs: int, n_steps: int, cycle_momentum: bool) -> LRScheduler:
    """Return the callback that steps a schedule after every batch; a number is the epochs to a tenth of the rate."""
    stepped = partial(LRScheduler, step_every="batch", event_name=None)
    if kind == "onecycle":
        return stepped(policy=_one_cycle, total_steps=n_steps + 1, cycle_momentum=cycle_momentum)
    if kind == "cosine":
        return stepped(policy=CosineAnnealingLR, T_max=n_steps)
    return stepped(policy=StepLR, step_size=int(kind) * n_steps // n_epochs)


def _one_cycle(optimizer: torch.optim.Optimizer, **options: Any) -> OneCycleLR:
    """Return a schedule that rises up to three times the rate and then falls to almost nothing."""
    return OneCycleLR(optimizer, [3 * group["lr"] for group in optimizer.param_groups], **options)


class Progress(Callback):
    """Move a progress bar on after every epoch; it shows the loss and what was measured on the validation rows."""

    def __init__(self, bar: tqdm[NoReturn]) -> None:
        self.bar = bar

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Show the epoch."""
        shown = {
            "train_loss": "loss", "validation_i2t_map": "i2t", "validation_t2i_map": "t2i", "validation_mr": "mR",
        }  # fmt: skip
        last = net.history[-1]
        self.bar.set_postfix({short: f"{last[name]:.3f}" for name, short in shown.items() if name in last})
        self.bar.update()
