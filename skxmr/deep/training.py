"""The one place where skorch is configured: the net, selection by validation mAP, divergence, schedules, progress."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, PassthroughScoring
from torch import Tensor, nn

from skxmr.deep.batches import Batches
from skxmr.deep.objective import Objective

SCHEDULES = ("constant", "cosine", "onecycle")


_TWICE_WITHIN = 60.0  # seconds between two interrupts that mean "stop everything"
_last_interrupt = -math.inf


class DivergenceError(ArithmeticError):
    """A loss term became NaN or infinite."""


class StopTraining(KeyboardInterrupt):
    """Ends skorch's loop early; skorch's own early stopping does the same."""


class Trainer(NeuralNet):
    """skorch's net over a network that returns a dict of tensors and an :class:`Objective`; held, never inherited."""

    def __init__(self, *args: Any, objective: Objective, precision: str = "float32", **options: Any) -> None:
        self.objective = objective
        self.precision = precision
        super().__init__(*args, **options)

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Train, and tell a first interrupt, which keeps the model, from a second one soon after, which must raise."""
        global _last_interrupt
        self.interrupted_twice_ = False
        try:
            return super().fit_loop(*args, **kwargs)
        except StopTraining:
            return self
        except KeyboardInterrupt:
            self.interrupted_twice_ = time.monotonic() - _last_interrupt < _TWICE_WITHIN
            _last_interrupt = time.monotonic()
            return self

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the network, under autocast if asked for."""
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.precision == "bf16"):
            return super().infer(x, **fit_params)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Return the weighted sum of the objective's terms; each one lands in the history."""
        terms = self.objective.terms({name: value.float() for name, value in y_pred.items()}, y_true)
        for name, value in terms.items():
            number = value.item()
            if not math.isfinite(number):
                raise DivergenceError(f"the loss term {name!r} became {number} in epoch {len(self.history)}")
            self.history.record_batch(name, number)
        return self.objective.total(terms)


class Selection(Callback):
    """Score the validation rows after every epoch, keep the best weights, stop when no epoch beats them for long.

    Parameters
    ----------
    score : callable or None
        Returns the validation mAPs by name, ``validation_map`` among them; None keeps the last epoch.
    patience : int or None
        Epochs without a better one after which training stops.
    """

    def __init__(self, score: Callable[[], dict[str, float]] | None, patience: int | None) -> None:
        self.score = score
        self.patience = patience
        self.best_epoch, self.best_map = 0, -np.inf
        self.best_state: dict[str, Tensor] | None = None

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare this epoch with the best one."""
        epoch = len(net.history)
        found = self.score() if self.score is not None else {}
        for name, value in found.items():
            net.history.record(name, value)
        value = found.get("validation_map", np.inf)
        if value > self.best_map or self.score is None:
            self.best_epoch, self.best_map = epoch, value
            self.best_state = copy.deepcopy(net.module_.state_dict())
        elif self.patience is not None and epoch - self.best_epoch >= self.patience:
            raise StopTraining


class Steps(Callback):
    """Step a learning-rate schedule after every training batch."""

    def __init__(self, kind: str, n_steps: int) -> None:
        self.kind = kind
        self.n_steps = n_steps

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Make the schedule."""
        optimizer, schedules = net.optimizer_, torch.optim.lr_scheduler
        if self.kind == "onecycle":  # up to three times the rate, then down to almost nothing
            self.schedule_: Any = schedules.OneCycleLR(optimizer, 3 * net.lr, total_steps=self.n_steps + 1)
        elif self.kind == "cosine":
            self.schedule_ = schedules.CosineAnnealingLR(optimizer, self.n_steps)
        else:
            self.schedule_ = schedules.ConstantLR(optimizer, factor=1.0)

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Move on."""
        if training:
            self.schedule_.step()


def make_trainer(
    network: nn.Module,
    objective: Objective,
    selection: Selection,
    generator: torch.Generator,
    n_steps: int,
    options: dict[str, Any],
) -> Trainer:
    """Configure skorch from the parameters of a retriever."""
    return Trainer(
        network,
        criterion=nn.Identity,
        objective=objective,
        precision=options["precision"],
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=options["lr"],
        optimizer__weight_decay=options["weight_decay"],
        max_epochs=options["max_epochs"],
        batch_size=options["batch_size"],
        iterator_train=Batches,
        iterator_train__shuffle=True,
        iterator_train__generator=generator,
        train_split=None,
        device=options["device"],
        callbacks=[
            *((f"term_{name}", PassthroughScoring(name=name, on_train=True)) for name in objective.weights),
            ("steps", Steps(options["schedule"], n_steps)),
            ("selection", selection),
            *(options["callbacks"] or []),
        ],
        callbacks__print_log=None,
        callbacks__valid_loss=None,
        verbose=0,
    )
