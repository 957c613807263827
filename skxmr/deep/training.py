"""The one place where skorch is configured: the net, its callbacks, its optimiser and what training leaves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import torch
from skorch.callbacks import PassthroughScoring
from torch import nn
from tqdm.auto import tqdm

from skxmr._data.warn import warn
from skxmr.deep import distributed
from skxmr.deep.batches import Batches, PairsDataset
from skxmr.deep.callbacks import (
    AdversaryRamp,
    BestWeights,
    Clip,
    DivergenceError,
    LearningRateSchedule,
    Patience,
    Progress,
)
from skxmr.deep.options import OPTIMIZERS, Options
from skxmr.deep.trainer import Trainer
from skxmr.nn.adversaries import Discriminator
from skxmr.nn.networks import Dropout
from skxmr.nn.objective import Objective


class Outcome(NamedTuple):
    """What training leaves, beside the network's weights."""

    best_epoch: int
    history: pd.DataFrame
    interrupted: bool


class _NoCriterion:
    """The objective computes the loss; no module, as one without parameters cannot be trained by several processes."""


def train(
    network: nn.Module,
    objective: Objective,
    dataset: PairsDataset,
    score: Callable[[], dict[str, float]] | None,
    generator: torch.Generator,
    options: Options,
) -> Outcome:
    """Train, and leave the network with the weights of the epoch whose validation score was best.

    `score` returns validation scores by name, of which the last one decides; None keeps the last epoch.
    """
    settle = getattr(network, "settle", None)  # of networks that learn something without gradients
    selection = BestWeights(network, distributed.first_measures(score), settle and partial(settle, dataset))
    module: nn.Module = network
    if distributed.n_ranks() > 1:
        module = distributed.JointTerms(network, objective, dataset)
        objective = distributed.joined(objective, options.batch_size)
    n_steps = options.max_epochs * len(Batches(dataset, options.batch_size, smallest=objective.smallest_batch))
    with (
        dropout_generator(network, dataset.device, generator.initial_seed() + distributed.rank()),
        tqdm(total=options.max_epochs, unit="epoch", disable=not options.verbose or distributed.rank() > 0) as bar,
    ):
        callbacks = [
            *((f"term_{name}", PassthroughScoring(name=name, on_train=True)) for name in objective.weights),
            *_of_steps(network, objective, options, n_steps),
            ("selection", selection),
            ("bar", Progress(bar)),
            *(options.callbacks or []),
            ("patience", Patience(selection, options.early_stopping)),
        ]
        net = _net(module, objective, callbacks, generator, dataset.device, options)
        try:
            net.fit(dataset if module is network else distributed.Shares(dataset))
        except DivergenceError as error:
            if selection.best_state is None:
                raise DivergenceError(f"{error}; no epoch was finished. Lower lr, or standardise the views.") from error
            warn(f"{error}; the weights of epoch {selection.best_epoch} are kept.")
    if net.interrupts_ == 2 or (net.interrupts_ and selection.best_state is None):  # there is no model to keep
        raise KeyboardInterrupt
    if selection.best_state is None:
        raise ValueError("a callback stopped the training before any epoch was finished, so there is no model.")
    network.load_state_dict(distributed.weights_of_first(selection.best_state))
    return Outcome(selection.best_epoch, history_table(net.history), net.interrupts_ > 0)


def _of_steps(network: nn.Module, objective: Objective, options: Options, n_steps: int) -> Iterator[tuple[str, Any]]:
    """Yield the callbacks that work at every step, where there is something for them to do."""
    if objective.clip is not None:
        yield "clip", Clip(objective.clip)
    if options.schedule != "constant":
        yield (
            "steps",
            LearningRateSchedule(options.schedule, n_steps, isinstance(options.optimizer, str), options.max_epochs),
        )
    if any(isinstance(module, Discriminator) for module in network.modules()):
        yield "ramp", AdversaryRamp(n_steps)


def resumed(fresh: nn.Module, last: nn.Module) -> nn.Module:
    """Return a trainable copy of the last network, provided that a fresh one would have the same shapes."""
    try:
        fresh.load_state_dict(last.state_dict())
    except RuntimeError as error:
        raise ValueError(
            "warm_start=True, but widths, labels or the architecture differ from those of the last fit; "
            f"set warm_start=False to start anew. {error}"
        ) from error
    network = copy.deepcopy(last).requires_grad_(True)
    for module in network.modules():
        if getattr(module, "frozen", False):
            module.requires_grad_(False)
    return network


def _net(
    network: nn.Module,
    objective: Objective,
    callbacks: list[Any],
    generator: torch.Generator,
    device: torch.device,
    options: Options,
) -> Trainer:
    make = Trainer if distributed.n_ranks() == 1 else distributed.accelerated(Trainer, device)
    return make(
        network,
        criterion=_NoCriterion,
        objective=objective,
        precision=options.precision,
        compiled=options.compile,
        optimizer=OPTIMIZERS[options.optimizer] if isinstance(options.optimizer, str) else options.optimizer,
        lr=options.lr,
        optimizer__weight_decay=options.weight_decay,
        optimizer__param_groups=[
            (name, {"lr": factor * options.lr, "weight_decay": 0.0}) for name, factor in objective.rate_factors.items()
        ],
        max_epochs=options.max_epochs,
        batch_size=options.batch_size,
        iterator_train=Batches,
        iterator_train__shuffle=True,
        iterator_train__generator=generator,
        iterator_train__smallest=objective.smallest_batch,
        train_split=None,
        device=str(device),
        callbacks=callbacks,
        callbacks__print_log=None,
        callbacks__valid_loss=None,
        verbose=0,
    )


@contextmanager
def dropout_generator(network: nn.Module, device: torch.device, seed: int) -> Iterator[None]:
    """Let the dropout of a network draw from a generator of this training alone."""
    dropouts = [module for module in network.modules() if isinstance(module, Dropout)]
    noise = torch.Generator(device).manual_seed(seed)
    for module in dropouts:
        module.generator = noise
    try:
        yield
    finally:
        for module in dropouts:
            module.generator = None


def history_table(history: Any) -> pd.DataFrame:
    """Return the finished epochs as a table."""
    finished = [epoch for epoch in history if "train_loss" in epoch]
    rows = [{key: value for key, value in epoch.items() if key != "batches"} for epoch in finished]
    frame = pd.DataFrame(rows).rename(columns={"dur": "seconds", "train_loss": "loss"})
    return frame[[name for name in frame if not name.endswith(("_best", "_count"))]]
