"""TrainedRetriever: what every retriever with a network has, whether it embeds or compares pairs."""

from __future__ import annotations

import copy
import math
import os
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import field
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FilePath, FittedGraph
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._docstrings import documented_like
from skxmr.base import Retriever
from skxmr.deep import distributed
from skxmr.deep.callback_checks import check_callbacks
from skxmr.deep.checkpoint import Checkpoint, open_checkpoint
from skxmr.deep.continuing import check_columns, check_effects, check_names, makes_the_network, resumed
from skxmr.deep.history import counted_on, state_so_far
from skxmr.deep.joint import fitted_encoders, with_encoders
from skxmr.deep.loop import Learner, Prepared, check_learner
from skxmr.deep.memory import naming_sizes
from skxmr.deep.options import OPTIMIZERS, SCHEDULES, Options, resolved_batch_size, resolved_epochs, resolved_precision
from skxmr.deep.split import Split, warn_of_few
from skxmr.deep.tasks import CallbackSupportMixin, FitTask, with_callbacks
from skxmr.nn.device import initialising, ordinary_torch, resolve_device
from skxmr.nn.retrieval_network import RetrievalNetwork


class TrainedRetriever(CallbackSupportMixin, Retriever):
    """Base of retrievers that train a network: it separates validation rows, trains, and keeps the best epoch.

    A method overrides `_build`. The two bases of methods, :class:`DeepRetriever` and :class:`PairwiseRetriever`, say
    how rows are split, served in batches and measured: `_split` and `_prepare`.

    Parameters
    ----------
    n_components : int, default=512
        Width of the common space.
    lr : float, default=1e-3
        Learning rate, > 0; with ``schedule="onecycle"`` a third of its peak.
    batch_size : int or "auto", default="auto"
        Number of rows in a mini-batch, at least 2; ``"auto"`` is the smaller of 256 and the number of fitting rows.
    max_epochs : int or "auto", default="auto"
        Number of passes over the fitting rows; ``"auto"`` makes about 1260 training steps, in 10 to 60 passes.
    optimizer : {"adamw", "sgd"} or callable, default="adamw"
        A callable is given the parameters of the network, `lr` and `weight_decay`, for example
        ``functools.partial(torch.optim.Adam, betas=(.5, .9))``.
    weight_decay : float, default=0.01
        Weight decay; ``"adamw"`` applies it to the weights directly, not through the gradient.
    schedule : {"constant", "cosine", "onecycle"}, default="onecycle"
        How the learning rate changes, after every batch. ``"onecycle"`` also moves the momentum of a named optimiser
        between .95 and .85.
    dropout : float, default=0.5
        Probability of dropping a hidden unit, in [0, 1).
    input_dropout : float, default=0.3
        Probability of dropping an input feature, in [0, 1).
    standardize : bool or "view", default="view"
        Scaling inside the network, learned from the fitting rows: ``"view"`` subtracts the mean of every feature and
        divides the view by one number, the root of the mean variance of its features, so that rare words stay small;
        True scales every feature to variance 1; False leaves the features as they are.
    device : str, default="auto"
        ``"auto"`` (CUDA where there is one, else the CPU), ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    precision : {"float32", "bf16"}, default="float32"
        ``"bf16"`` runs the network under autocast, and the losses in float32. On a device without such arithmetic it
        warns and trains in float32.
    random_state : int, RandomState or None, default=None
        Decides the validation rows, initial weights, batches and dropout. Equal seeds give bit-equal fits on a CPU, and
        the global generators are then neither read nor moved. None draws a seed from numpy's, as in scikit-learn.
    early_stopping : int or None, default=None
        Stop after this number of epochs without a better score of the validation rows.
    validation_fraction : float or "auto", default="auto"
        Share of the rows held out for validation, in [0, 1); the epoch in which they score best is kept. 0 fits on all
        rows and keeps the last epoch. ``"auto"`` is 0.1, and at most 20,000 rows, for at least 500 rows, and where
        `early_stopping` or a callback waits for validation scores; otherwise it is 0, because few rows choose the epoch
        badly.
    callbacks : list or None, default=None
        Callbacks of skorch. Those of scikit-learn (1.9 and later) are set by `set_callbacks`.
    checkpoint : str or path, default=None
        Folder in which the state of the training is kept after every epoch. A fit with the same parameters and rows
        then goes on where one that was killed or interrupted stopped, and on a CPU ends at the same weights, bit for
        bit. Each fit has a sub-folder of its own, up to four times as large as the network, which is deleted when the
        fit is over. A sub-folder that other versions of the packages have written is refused.
    keep_checkpoint : bool, default=False
        Keep the sub-folder; a later fit with the same parameters and rows takes its result from there.
    verbose : int, default=0
        1 shows a progress bar with the loss and the scores of the validation rows.
    warm_start : bool, default=False
        Continue with the network of the last fit, with its label graph, label vectors and scaling; widths, labels and
        their names must be the same. A changed parameter that would make another network, and so would have no effect,
        is an error.

    Attributes
    ----------
    network_ : torch.nn.Module
        The network with the weights of the best epoch.
    history_ : DataFrame
        One row per finished epoch: the loss, every loss term with a weight, the scores of the validation rows and the
        seconds of training. With `warm_start` the epochs of all fits of the network, counted together.
    best_epoch_ : int
        The epoch of the last fit that was kept, as `history_` counts it from 1; the last one where no validation rows
        were held out.
    """

    n_components: int = field(default=512, kw_only=False)
    lr: float = 1e-3
    batch_size: int | str = "auto"
    max_epochs: int | str = "auto"
    optimizer: str | Callable[..., torch.optim.Optimizer] = "adamw"
    weight_decay: float = 0.01
    schedule: str | int = "onecycle"
    dropout: float = 0.5
    input_dropout: float = 0.3
    standardize: bool | str = "view"
    device: str = "auto"
    precision: str = "float32"
    random_state: int | np.random.RandomState | None = None
    early_stopping: int | None = None
    validation_fraction: float | str = "auto"
    callbacks: list[Any] | None = None
    checkpoint: FilePath | None = None
    keep_checkpoint: bool = False
    verbose: int = 0
    warm_start: bool = False
    network_: RetrievalNetwork = field(init=False)
    history_: pd.DataFrame = field(init=False)
    _made_with: dict[str, Any] = field(init=False)
    # The batch size that "auto" means, where there are as many rows.
    _auto_batch: ClassVar[int] = 256
    _parameter_constraints: ClassVar[Constraints] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "standardize": ["boolean", StrOptions({"view"})],
        "device": [str, torch.device],
        "precision": [StrOptions({"float32", "bf16"})],
        "random_state": ["random_state"],
        "early_stopping": [Interval(Integral, 1, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "callbacks": [list, None],
        "checkpoint": [str, os.PathLike, None],
        "keep_checkpoint": ["boolean"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    @abstractmethod
    def _build(self, split: Split) -> Learner:
        """Return what is trained. It may learn from the fitting rows of the split only, not from all its pairs.

        Torch's global generator is seeded and private to the call.
        """

    @abstractmethod
    def _split(self, pairs: Pairs, labels: Labels | None, seed: int) -> Split:
        """Return the fitting rows and the validation rows."""

    @abstractmethod
    def _prepare(self, split: Split, network: Any, device: torch.device) -> Prepared:
        """Return what the network is trained on, and how it is measured."""

    @with_callbacks
    @documented_like(Retriever.fit)
    def fit(self, X: Any, y: Any = None, labels: Any = None) -> Self:
        """Train the network: ``fit(image, text, labels)`` or ``fit(Pairs(image, text), labels)``.

        An interrupt (Ctrl-C) leaves the model of the best finished epoch; a second one within a minute raises.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images; dense, CSR, memory map or DataFrame.
        """
        checked = self._checked(X, y, labels)
        if self.warm_start and "network_" in vars(self):
            check_columns(self._columns, checked.columns)
        task = FitTask(self, checked.pairs, checked.labels)
        with naming_sizes(type(self).__name__, self.get_params(deep=False)):
            self._fit(checked.pairs, checked.labels, task)
        self._remember(checked)
        task.end()
        return self

    @ordinary_torch()
    def _fit(self, pairs: Pairs, labels: Labels | None, task: FitTask | None = None) -> None:
        seeds = check_random_state(self.random_state).randint(2**31, size=4).tolist()
        seeds = distributed.broadcast_seeds(seeds, pairs, labels)
        with open_checkpoint(self, pairs, labels) as checkpoint:
            if checkpoint is not None:
                seeds = checkpoint.seeds(seeds)
            self._train(pairs, labels, task, seeds, checkpoint)

    def _train(
        self, pairs: Pairs, labels: Labels | None, task: FitTask | None, seeds: list[int], checkpoint: Checkpoint | None
    ) -> None:
        """Train the network, from a state that was kept if there is one."""
        device = distributed.rank_device(resolve_device(self.device))
        split = self._split(pairs, labels, seeds[0])
        warn_of_few(split)
        continued = self.warm_start and "network_" in vars(self)
        learner, made_with = self._built(split, labels, seeds[1], continued)
        network = learner.network.to(device)
        earlier = self.history_ if continued else None
        prepared = self._prepare(split, network, device)
        options = self._options(len(prepared.rows), device)
        if not continued:
            self._pretrain(network, split, prepared, options, seeds[3])
        if task is not None:
            state = partial(state_so_far, self._widths(split.pairs), network, split, labels, earlier)
            epoch_tasks = task.begin(options.max_epochs, state)
            options = options._replace(callbacks=[*(options.callbacks or []), *epoch_tasks])
        # skorch, which this loads, is needed for nothing but training.
        from skxmr.deep.training import train

        learner = with_encoders(learner, split.encoders)
        outcome = train(learner, prepared, torch.Generator().manual_seed(seeds[2]), options, checkpoint)
        if checkpoint is not None and outcome.interrupted:
            # The next fit goes on from there.
            checkpoint.keep = True
        self.network_ = network.eval().requires_grad_(False)
        vars(self).update(fitted_encoders(split.encoders))
        self.history_ = counted_on(earlier, outcome.history)
        self.best_epoch_ = outcome.best_epoch + len(self.history_) - len(outcome.history)
        self._made_with = made_with
        self._finish(split)

    def _built(self, split: Split, labels: Labels | None, seed: int, continued: bool) -> tuple[Learner, dict[str, Any]]:
        """Return what is trained, with the last network if it is continued, and what decides on the network."""
        with initialising(seed):
            learner = check_learner(self._build(split), type(self).__name__)
        # Weights are float32, whatever torch's default dtype is.
        network = learner.network.float()
        made_with = makes_the_network(self.get_params(deep=False), split.pairs.label_graph)
        if continued:
            check_names(list(getattr(self, "classes_", [])), labels)
            network = resumed(network, self.network_)
            check_effects(vars(self).get("_made_with", {}), made_with, labels, partial(self._another, split, seed))
        return learner._replace(network=network), made_with

    def _pretrain(self, network: Any, split: Split, prepared: Prepared, options: Options, seed: int) -> None:
        """Learn what is learned before the rest of the network and then kept; not called by a fit that continues."""

    def _finish(self, split: Split) -> None:
        """Learn what is learned by the trained network, such as thresholds of tags."""

    def _another(
        self, split: Split, seed: int, parameters: dict[str, Any], graph: FittedGraph | None
    ) -> RetrievalNetwork:
        """Return the network that a first fit with other parameters or another attached label graph would train."""
        other = type(self)(**self.get_params(deep=False) | parameters | {"warm_start": False})
        with initialising(seed):
            return other._build(split._replace(pairs=split.pairs.replace(label_graph=graph))).network

    def _options(self, n: int, device: torch.device) -> Options:
        """Return the options of training on n rows, with every ``"auto"`` resolved."""
        check_callbacks(self.callbacks, self.validation_fraction, self.checkpoint is not None)
        if self.early_stopping is not None and self.validation_fraction == 0:
            raise ValueError(
                "early_stopping needs validation rows; set validation_fraction above 0, or early_stopping to None."
            )
        batch_size = resolved_batch_size(self.batch_size, n, self._auto_batch)
        return Options(
            lr=self.lr,
            batch_size=batch_size,
            max_epochs=resolved_epochs(self.max_epochs, math.ceil(n / batch_size)),
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            precision=resolved_precision(self.precision, device),
            early_stopping=self.early_stopping,
            callbacks=self.callbacks,
            verbose=self.verbose,
        )

    def __getstate__(self) -> Any:
        # A copy: scikit-learn may return the attributes of the living model themselves.
        state = dict(super().__getstate__())
        for name in ("network_", "image_encoder_", "text_encoder_"):
            # While a model is saved, arrays stand in its place. A pickle must open where there is no such device.
            if isinstance(state.get(name), torch.nn.Module):
                state[name] = copy.deepcopy(state[name]).cpu()
        return state
