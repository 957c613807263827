"""The one place where skorch is configured: the net, its callbacks, its optimiser and what training leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple, NoReturn

import pandas as pd
import torch
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping, PassthroughScoring
from skorch.utils import noop
from torch import nn
from tqdm.auto import tqdm

from skxmr._data.warn import warn
from skxmr.deep import distributed
from skxmr.deep.batches import Batches, PairsDataset
from skxmr.deep.callbacks import (
    Adversary,
    BestWeights,
    DivergenceError,
    Progress,
    learning_rate_schedule,
)
from skxmr.deep.checkpoint import Checkpoint
from skxmr.deep.encoders import global_noise
from skxmr.deep.history import history_table
from skxmr.deep.joint import EncodedNetwork
from skxmr.deep.loop import Learner, Prepared, TrainingRows
from skxmr.deep.options import OPTIMIZERS, Options
from skxmr.deep.resuming import RESUME, Resume
from skxmr.deep.tasks import TASKS
from skxmr.deep.trainer import Trainer, losses_of
from skxmr.deep.validation import Validation
from skxmr.nn.adversaries import Discriminator
from skxmr.nn.networks import Dropout
from skxmr.nn.objective import Objective

# Callbacks that skorch adds.
_OF_SKORCH = ("epoch_timer", "train_loss")


# Whatever the learning rate is, it has had no effect yet.
_BEFORE_ANY_STEP = (
    "It was so in the first step, before any weight had changed, so a lower lr does not help: numbers of the views, or "
    "a parameter of the loss such as a temperature, are too large or too small for float32. Standardise the views "
    "(standardize=True), or change that parameter."
)


class Outcome(NamedTuple):
    """What training leaves, beside the network's weights."""

    best_epoch: int
    history: pd.DataFrame
    interrupted: bool


class _NoCriterion:
    """A criterion for skorch, which wants one, although the objective computes the loss.

    It is no torch module, because several processes cannot train a module without parameters.
    """

    def state_dict(self) -> dict[str, NoReturn]:
        """Return nothing; skorch's Checkpoint saves it."""
        return {}

    def load_state_dict(self, state: dict[str, NoReturn]) -> None:
        """Load nothing."""


def train(
    learner: Learner,
    prepared: Prepared,
    generator: torch.Generator,
    options: Options,
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Train, and leave the network with the weights of the epoch that the validation chooses, or else the last one."""
    dataset = prepared.rows
    validation = prepared.validation
    network = learner.network
    learner = learner._replace(loop=distributed.joint_loop(learner.loop, options.batch_size))
    n_steps = options.max_epochs * len(Batches(dataset, options.batch_size, smallest=learner.loop.smallest_batch))
    selection = BestWeights(network, dataset, distributed.measured_by_first(validation))
    seed = generator.initial_seed() + distributed.rank()
    hidden = not options.verbose or distributed.rank() > 0
    with (
        own_noise(learner, dataset.device, seed) as noise,
        tqdm(total=options.max_epochs, unit="epoch", disable=hidden) as bar,
    ):
        own = _own_callbacks(learner, selection, Progress(bar), options, n_steps)
        # Early stopping comes after all others, so that these see the epoch.
        callbacks = [*own.items(), *(options.callbacks or []), *_early_stopping(validation, options)]
        if checkpoint is not None:
            device = dataset.device if isinstance(network, EncodedNetwork) else None
            callbacks.append((RESUME, Resume(checkpoint, network, callbacks, [generator, noise], device)))
        net = _net(learner, dataset, callbacks, {*own, RESUME}, generator, options)
        # The traceback of an error holds the tensors of the step. Whoever handles the error may need their memory.
        try:
            net.fit(distributed.shared(dataset))
        except DivergenceError as error:
            if selection.best_state is None:
                advice = _BEFORE_ANY_STEP if error.at_start else "Standardise the views, or lower lr."
                message = f"{error}; no epoch was finished. {advice}"
                raise DivergenceError(message) from error.with_traceback(None)
            warn(f"{error}; the weights of epoch {selection.best_epoch} are kept.")
        except torch.OutOfMemoryError as error:
            raise MemoryError(_out_of_memory(error, dataset.device, options)) from error.with_traceback(None)
    interruption = net.interruption_
    if interruption.twice or (interruption.interrupted and selection.best_state is None):
        raise KeyboardInterrupt
    if selection.best_state is None:
        raise ValueError("a callback stopped the training before any epoch was finished, so there is no model.")
    network.load_state_dict(distributed.weights_of_first(selection.best_state))
    return Outcome(selection.best_epoch, history_table(net.whole_history_), interruption.interrupted)


def _own_callbacks(
    learner: Learner, selection: BestWeights, progress: Progress, options: Options, n_steps: int
) -> dict[str, Callback]:
    """Return the library's callbacks by name, where there is something for them to do.

    skorch refuses two callbacks of one name, so these begin in a way that users hardly choose.
    """
    loop = learner.loop
    own: dict[str, Callback] = {}
    for name in learner.objective.weights:
        own[f"skxmr_term_{name}"] = PassthroughScoring(name=name, on_train=True)
    if loop.clip is not None:
        own["skxmr_clip"] = GradientNormClipping(loop.clip)
    if options.schedule != "constant":
        cycle_momentum = isinstance(options.optimizer, str)
        own["skxmr_schedule"] = learning_rate_schedule(options.schedule, options.max_epochs, n_steps, cycle_momentum)
    critics = [module for module in learner.network.modules() if isinstance(module, Discriminator)]
    if critics:
        own["skxmr_adversary"] = Adversary(critics, n_steps, loop.critic_every)
    return own | {"skxmr_selection": selection, "skxmr_progress": progress}


def _early_stopping(validation: Validation | None, options: Options) -> list[tuple[str, Callback]]:
    """Return the callback that ends the training when no epoch has been better for long, if that is wanted."""
    if options.early_stopping is None or validation is None:
        return []
    stopping = EarlyStopping(
        validation.chooses, patience=options.early_stopping, threshold=0, lower_is_better=False, sink=noop
    )
    return [("skxmr_early_stopping", stopping)]


def _out_of_memory(error: torch.OutOfMemoryError, device: torch.device, options: Options) -> str:
    """Return what to say when a device is full."""
    who = f"process {distributed.rank()}: " if distributed.n_ranks() > 1 else ""
    halved = max(2, options.batch_size // 2)
    precise = ', set precision="bf16"' if options.precision == "float32" else ""
    return (
        f"{who}the {device} device ran out of memory while training with batches of {options.batch_size} rows; halve "
        f"batch_size to {halved}{precise}, or use a smaller network (fewer components, narrower layers). "
        f"{str(error).splitlines()[0]}"
    )


def _net(
    learner: Learner,
    dataset: TrainingRows,
    callbacks: list[Any],
    own: set[str],
    generator: torch.Generator,
    options: Options,
) -> Trainer:
    """Configure skorch; in several processes it trains a wrapper around the network."""
    module: nn.Module = learner.network
    make: Callable[..., Trainer] = Trainer
    losses = losses_of
    if distributed.n_ranks() > 1:
        assert isinstance(dataset, PairsDataset)
        module = distributed.JointTerms(learner.network, learner.objective, dataset)
        make = distributed.accelerated(Trainer, dataset.device)
        losses = distributed.joint_losses_of
    groups: list[tuple[str, dict[str, float]]] = []
    for name, factor in learner.loop.rate_factors.items():
        groups.append((name, {"lr": factor * options.lr, "weight_decay": 0.0}))
    for name, rate in learner.loop.rates.items():
        groups.append((name, {"lr": rate}))
    return make(
        module,
        criterion=_NoCriterion,
        losses_of=partial(losses, objective=learner.objective, precision=options.precision),
        compile_mode=options.compile,
        own={*own, TASKS, *_OF_SKORCH},
        optimizer=OPTIMIZERS[options.optimizer] if isinstance(options.optimizer, str) else options.optimizer,
        lr=options.lr,
        optimizer__weight_decay=options.weight_decay,
        optimizer__param_groups=groups,
        max_epochs=options.max_epochs,
        batch_size=options.batch_size,
        iterator_train=Batches,
        iterator_train__shuffle=True,
        iterator_train__generator=generator,
        iterator_train__smallest=learner.loop.smallest_batch,
        train_split=None,
        device=str(dataset.device),
        callbacks=callbacks,
        callbacks__print_log=None,
        callbacks__valid_loss=None,
        verbose=0,
    )


@contextmanager
def own_noise(learner: Learner, device: torch.device, seed: int) -> Iterator[torch.Generator]:
    """Let the objective and the dropout of the network draw from a generator of this training alone, and return it."""
    drawing: list[Dropout | Objective] = [learner.objective]
    drawing += [module for module in learner.network.modules() if isinstance(module, Dropout)]
    noise = torch.Generator(device).manual_seed(seed)
    for part in drawing:
        part.generator = noise
    encoders = isinstance(learner.network, EncodedNetwork)
    try:
        with global_noise(device, seed) if encoders else nullcontext():
            yield noise
    finally:
        for part in drawing:
            part.generator = None
