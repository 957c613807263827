"""What happens between epochs and batches: selection, patience, schedules, the progress bar."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from skxmr.nn.adversaries import Discriminator

SCHEDULES = ("constant", "cosine", "onecycle")


class DivergenceError(ArithmeticError):
    """A loss term or a validation score is NaN or infinite."""


class StopTraining(KeyboardInterrupt):
    """Ends skorch's loop early; skorch's own early stopping does the same."""


class BestWeights(Callback):
    """Score the validation rows after every epoch and keep the best weights.

    Parameters
    ----------
    network : nn.Module
        Whose weights are kept; what skorch trains may be a wrapper around it.
    score : callable or None
        Returns validation scores by name, of which the last one decides; None keeps the last epoch.
    settle : callable or None
        Called first: brings up to date what the network learns without gradients.
    """

    def __init__(
        self,
        network: nn.Module,
        score: Callable[[], dict[str, float]] | None,
        settle: Callable[[], None] | None = None,
    ) -> None:
        self.network, self.score, self.settle = network, score, settle
        self.best_epoch, self.best_value = 0, -math.inf
        self.best_state: dict[str, Tensor] | None = None
        self.spare_state: dict[str, Tensor] | None = None

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare this epoch with the best one."""
        epoch = len(net.history)
        value = math.inf
        if self.settle is not None:
            self.settle()
        if self.score is not None:
            for name, value in self.score().items():
                if not math.isfinite(value):
                    raise DivergenceError(f"{name} became {value} in epoch {epoch}")
                net.history.record(name, value)
        if value > self.best_value or self.score is None:
            self._keep(self.network.state_dict())
            self.best_epoch, self.best_value = epoch, value

    def _keep(self, state: dict[str, Tensor]) -> None:
        """Copy into the memory of the last but one: new memory costs more, and an interrupt must not mix two states."""
        spare = self.spare_state
        if spare is None:
            spare = copy.deepcopy(state)
        else:
            for name, kept in spare.items():
                kept.copy_(state[name])
        self.best_state, self.spare_state = spare, self.best_state


class Patience(Callback):
    """Stop when no epoch has beaten the best one for long; the last callback, so that all others see the epoch."""

    def __init__(self, selection: BestWeights, patience: int | None) -> None:
        self.selection = selection
        self.patience = patience

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Stop the training or go on."""
        if self.patience is not None and len(net.history) - self.selection.best_epoch >= self.patience:
            raise StopTraining


class LearningRateSchedule(Callback):
    """Step a learning-rate schedule after every training batch; a number is the epochs to a tenth of the rate."""

    def __init__(self, kind: str | int, n_steps: int, cycle_momentum: bool, n_epochs: int = 1) -> None:
        self.kind = kind
        self.n_steps = n_steps
        self.cycle_momentum = cycle_momentum
        self.n_epochs = n_epochs

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Make the schedule."""
        optimizer, schedules = net.optimizer_, torch.optim.lr_scheduler
        if self.kind == "onecycle":  # up to three times the rate, then down to almost nothing
            self.schedule_: Any = schedules.OneCycleLR(
                optimizer,
                [3 * group["lr"] for group in optimizer.param_groups],
                total_steps=int(self.n_steps) + 1,
                cycle_momentum=self.cycle_momentum,
            )
        elif not isinstance(self.kind, str):
            self.schedule_ = schedules.StepLR(optimizer, int(self.kind) * int(self.n_steps) // self.n_epochs)
        else:
            self.schedule_ = schedules.CosineAnnealingLR(optimizer, self.n_steps)

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Move on."""
        if training:
            self.schedule_.step()


class Clip(Callback):
    """Scale gradients that are too long, all parameters together."""

    def __init__(self, longest: float) -> None:
        self.longest = longest

    def on_grad_computed(self, net: Any, named_parameters: Any, **kwargs: Any) -> None:
        """Look at the gradients of a step."""
        nn.utils.clip_grad_norm_([parameter for _, parameter in named_parameters], self.longest)


class AdversaryRamp(Callback):
    """Tell discriminators before every batch what share of the training is done."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps
        self.step = 0

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Find the discriminators, once."""
        self.found_ = [module for module in net.module_.modules() if isinstance(module, Discriminator)]

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Move on."""
        for discriminator in self.found_:
            discriminator.progress = self.step / self.n_steps
        self.step += 1


class Progress(Callback):
    """Move a progress bar on after every epoch; it shows the loss and what was measured on the validation rows."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Show the epoch."""
        shown = {
            "train_loss": "loss", "validation_i2t_map": "i2t", "validation_t2i_map": "t2i", "validation_mr": "mR",
        }  # fmt: skip
        last = net.history[-1]
        self.bar.set_postfix({short: f"{last[name]:.3f}" for name, short in shown.items() if name in last})
        self.bar.update()


def check_callbacks(callbacks: list[Any] | None) -> None:
    """Refuse what skorch could not call."""
    for callback in callbacks or []:
        if not hasattr(callback[-1] if isinstance(callback, tuple) else callback, "on_epoch_end"):
            raise TypeError(
                f"callbacks holds {callback!r}, which is no callback of skorch; those of scikit-learn (1.9 and later) "
                "are set by set_callbacks."
            )
