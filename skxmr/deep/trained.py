"""TrainedRetriever: what every retriever with a network has, whether it embeds or compares pairs."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr.base import Retriever
from skxmr.deep import distributed
from skxmr.deep.callbacks import SCHEDULES
from skxmr.deep.inputs import PretrainedText, pretrain_text
from skxmr.deep.options import OPTIMIZERS, Options, options_of
from skxmr.deep.split import Split
from skxmr.deep.tasks import AnnouncesEpochs, with_callbacks
from skxmr.deep.training import resumed, train
from skxmr.nn.device import initialising, resolve_device
from skxmr.nn.objective import Objective


class TrainedRetriever(AnnouncesEpochs, Retriever):
    """Base of retrievers that train a network: it separates validation rows, trains, and keeps the best epoch.

    A method overrides `_build`. The two bases of methods, :class:`DeepRetriever` and :class:`PairwiseRetriever`, say
    how rows are split, served in batches and measured: `_split`, `_dataset` and `_measure`.
    """

    _network_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES))],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "standardize": ["boolean", StrOptions({"view"})],
        "precision": [StrOptions({"float32", "bf16"})],
        "random_state": ["random_state"],
        "early_stopping": [Interval(Integral, 1, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "callbacks": [list, None],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }
    network_: Any = field(init=False)
    device: str
    random_state: Any
    validation_fraction: float
    callbacks: list[Any] | None
    warm_start: bool

    @abstractmethod
    def _build(self, split: Split) -> tuple[nn.Module, Objective]:
        """Make the network and the objective; torch's global generator is seeded and private to the call."""

    @abstractmethod
    def _split(self, pairs: Pairs, labels: Labels | None, seed: int) -> Split:
        """Return the fitting rows and the validation rows."""

    @abstractmethod
    def _dataset(self, split: Split, network: Any, device: torch.device) -> Any:
        """Return what serves the batches."""

    @abstractmethod
    def _measure(self, network: Any, split: Split, dataset: Any) -> Callable[[], dict[str, float]] | None:
        """Return a function that measures the network on the validation rows, or None where there are none."""

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, labels: Any = None) -> Self:
        """Train the network: ``fit(image, text, labels)`` or ``fit(Pairs(image, text), labels)``.

        An interrupt (Ctrl-C) leaves the model of the best finished epoch; a second one within a minute raises.

        Parameters
        ----------
        X : Pairs, or array-like of shape (n, d_image)
            Both views, or the images; dense, CSR, memory map or DataFrame.
        y : labels if X is a Pairs, else array-like of shape (n, d_text)
            The texts.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the rows.

        Returns
        -------
        self
        """
        try:
            super().fit(X, y, labels)
            self._announce_end()
        finally:
            self.__dict__.pop("_fit_task", None)
        return self

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        device = distributed.place(resolve_device(self.device))
        seeds = check_random_state(self.random_state).randint(2**31, size=4).tolist()
        seeds = distributed.agree(seeds, pairs, labels)
        split = self._split(pairs, labels, seeds[0])
        with initialising(seeds[1]):
            network, objective = self._build(split)
        network.float()  # whatever torch's default is
        continued = self.warm_start and hasattr(self, "network_")
        if continued:
            if labels is not None and labels.names.tolist() != list(getattr(self, "classes_", [])):
                raise ValueError("warm_start=True, but the labels of the last fit had other names; set it to False.")
            network = resumed(network, self.network_)
        network.to(device)
        dataset = self._dataset(split, network, device)
        options = self._options(len(dataset), device)
        text_input = getattr(network, "text_input", None)
        if isinstance(text_input, PretrainedText) and not continued:
            pretrain_text(text_input, split, dataset, options, seeds[3])
        options = options._replace(
            callbacks=[*(self.callbacks or []), *self._announce(network, pairs, labels, options.max_epochs)]
        )
        generator = torch.Generator().manual_seed(seeds[2])
        outcome = train(network, objective, dataset, self._measure(network, split, dataset), generator, options)
        self.network_ = network.eval().requires_grad_(False)
        self.best_epoch_, self.history_ = outcome.best_epoch, outcome.history

    def _options(self, n: int, device: torch.device) -> Options:
        """Return the options of training on n rows."""
        return options_of(self, n, device)

    def __getstate__(self) -> Any:
        state = super().__getstate__()
        if "network_" in state:  # a pickle must open where there is no such device
            state["network_"] = copy.deepcopy(self.network_).cpu()
        return state
