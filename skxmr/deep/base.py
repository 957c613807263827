"""DeepRetriever: the base of every deep method."""

from __future__ import annotations

import threading
import warnings
from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from skxmr._labels import Labels
from skxmr._validation import FloatArray
from skxmr.base import CrossModalRetriever
from skxmr.deep.batches import Batches, PairsDataset, ViewSource
from skxmr.deep.objective import Objective
from skxmr.deep.training import SCHEDULES, DivergenceError, Selection, make_trainer
from skxmr.metrics import cross_modal_map
from skxmr.networks import Dropout
from skxmr.pairs import Pairs

_INITIALISING = threading.Lock()
_ENCODED_ROWS = 4096


class Split(NamedTuple):
    """Fitting rows, and validation rows or None; separated before anything learns from labels."""

    pairs: Pairs
    labels: Labels | None
    validation: tuple[Pairs, Labels | None] | None


class DeepRetriever(CrossModalRetriever):
    """Base of the deep methods: separates validation rows, trains, keeps the best epoch, encodes.

    A method overrides `_build`, which makes its network and objective from the fitting rows. The network has
    `encode_image`, `encode_text` and ``forward(image, text)``, which returns a dict of tensors.

    Attributes
    ----------
    network_ : torch.nn.Module
        The network with the weights of the best epoch.
    history_ : DataFrame
        One row an epoch: the loss, every loss term, validation mAPs and seconds.
    best_epoch_ : int
        The epoch that was kept, from 1; the last one where no validation rows were held out.
    """

    _training_constraints: ClassVar[dict[str, list[Any]]] = {
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES))],
        "precision": [StrOptions({"float32", "bf16"})],
        "random_state": ["random_state"],
        "early_stopping": [Interval(Integral, 1, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "callbacks": [list, None],
    }
    network_: Any
    device: str
    random_state: Any
    validation_fraction: float
    early_stopping: int | None
    max_epochs: int
    batch_size: int

    @abstractmethod
    def _build(self, split: Split) -> tuple[nn.Module, Objective]:
        """Make the network and the objective; torch's global generator is seeded and private to the call."""

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        device = resolve_device(self.device)
        seeds = check_random_state(self.random_state).randint(2**31, size=3).tolist()
        split = self._split(pairs, labels, seeds[0])
        with _INITIALISING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seeds[1])
            network, objective = self._build(split)
        self._train(network.to(device), objective, split, torch.Generator().manual_seed(seeds[2]), device)

    def _split(self, pairs: Pairs, labels: Labels | None, seed: int) -> Split:
        n = len(pairs)
        n_validation = round(self.validation_fraction * n)
        if self.validation_fraction == 0:
            return Split(pairs, labels, None)
        if n_validation < 2 or n - n_validation < 2:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {n} rows leaves {n_validation} for validation and "
                f"{n - n_validation} for fitting; both need 2. Use 0 to fit on all rows and keep the last epoch."
            )
        order = np.random.default_rng(seed).permutation(n)
        held, kept = (np.sort(rows) for rows in np.split(order, [n_validation]))
        fitting, validation = (
            (pairs[rows], labels and labels._replace(matrix=labels.matrix[rows])) for rows in (kept, held)
        )
        return Split(*fitting, validation)

    def _train(
        self, network: nn.Module, objective: Objective, split: Split, generator: torch.Generator, device: torch.device
    ) -> None:
        Y = np.zeros((len(split.pairs), 0)) if split.labels is None else split.labels.matrix
        dataset = PairsDataset(split.pairs.image, split.pairs.text, Y, device)
        dropouts = [module for module in network.modules() if isinstance(module, Dropout)]
        noise = torch.Generator(device).manual_seed(generator.initial_seed())
        for module in dropouts:
            module.generator = noise
        selection = Selection(self._validation(network, split), self.early_stopping)
        n_steps = self.max_epochs * len(Batches(dataset, self.batch_size))
        options = {**self.get_params(deep=False), "device": str(device)}
        net = make_trainer(network, objective, selection, generator, n_steps, options)
        try:
            net.fit(dataset)
        except DivergenceError as error:
            if selection.best_state is None:
                raise DivergenceError(f"{error}; no epoch was finished. Lower lr, or standardise the views.") from error
            warnings.warn(f"{error}; the weights of epoch {selection.best_epoch} are kept.", stacklevel=2)
        if net.interrupted_twice_ or selection.best_state is None:  # or before any epoch: there is no model to keep
            raise KeyboardInterrupt
        network.load_state_dict(selection.best_state)
        for module in dropouts:
            module.generator = None
        self.network_, self.best_epoch_ = network.eval().requires_grad_(False), selection.best_epoch
        self.history_ = _history(net.history)

    def _validation(self, network: nn.Module, split: Split) -> Any:
        if split.validation is None:
            return None
        pairs, labels = split.validation

        def score() -> dict[str, float]:
            network.eval()
            views = _encode(network.encode_image, pairs.image), _encode(network.encode_text, pairs.text)
            found = cross_modal_map(*views, labels)
            return {f"validation_{name}": found[name] for name in ("i2t_map", "t2i_map", "map")}

        return score

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return _encode(self.network_.encode_image, X)

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return _encode(self.network_.encode_text, X)


def resolve_device(device: str) -> torch.device:
    """Return the torch device of a name; ``"auto"`` is CUDA where there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'; got {device!r}.") from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={device!r} but torch finds no CUDA here; use device='auto' or 'cpu'.")
    return resolved


def _encode(encode: Any, X: FloatArray) -> FloatArray:
    """Encode rows in blocks; float32 numpy."""
    device = next(encode.__self__.parameters()).device
    source = ViewSource(X, device, resident=False)
    blocks = torch.split(torch.arange(len(source)), _ENCODED_ROWS)
    with torch.inference_mode():
        parts: list[Tensor] = [encode(source.rows(index)).float().cpu() for index in blocks]
    return torch.cat(parts).numpy()


def _history(history: Any) -> pd.DataFrame:
    rows = [{key: value for key, value in epoch.items() if key != "batches"} for epoch in history]
    frame = pd.DataFrame(rows).rename(columns={"dur": "seconds", "train_loss": "loss"})
    return frame[[name for name in frame if not name.endswith(("_best", "_count"))]]
