"""DeepRetriever: the base of every deep method that embeds."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skxmr._data.kinds import FloatArray
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr.base import CrossModalRetriever
from skxmr.deep.batches import PairsDataset
from skxmr.deep.encoding import encode_rows, validation_scores
from skxmr.deep.options import Options, options_of
from skxmr.deep.split import Split, split_rows
from skxmr.deep.trained import TrainedRetriever


class DeepRetriever(TrainedRetriever, CrossModalRetriever):
    """Base of the deep methods: separates validation rows, trains, keeps the best epoch, encodes.

    A method overrides `_build`, which makes its network and objective from the fitting rows. The network has
    `encode_image`, `encode_text` and ``forward(image, text)``, which returns a dict of tensors. The parameters below
    are common to all deep methods; a method may have other defaults.

    Parameters
    ----------
    n_components : int, default=512
        Width of the common space.
    lr : float, default=1e-3
        Learning rate, > 0; of the one-cycle schedule a third of its peak.
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch, at least 2; ``"auto"`` is the smaller of 256 and the number of fitting rows.
    max_epochs : int or "auto", default="auto"
        Passes over the fitting rows; ``"auto"`` makes about 1260 steps, in 10 to 60 passes.
    optimizer : {"adamw", "sgd"} or callable, default="adamw"
        Called with the parameters, `lr` and `weight_decay`, as ``functools.partial(torch.optim.Adam, betas=(.5, .9))``.
    weight_decay : float, default=0.01
        Decoupled from the gradient with ``"adamw"``.
    schedule : {"constant", "cosine", "onecycle"}, default="onecycle"
        Of the learning rate, stepped after every batch. One cycle also moves the momentum of a named optimiser between
        .95 and .85.
    dropout : float, default=0.5
        Probability of dropping a hidden unit, in [0, 1).
    input_dropout : float, default=0.3
        Probability of dropping an input feature.
    standardize : bool or "view", default="view"
        Inside the network, by the fitting rows: ``"view"`` takes out the mean of every feature and divides the view by
        one number, the root of their mean variance, so that rare words stay small; True brings each to variance 1.
    device : str, default="auto"
        ``"auto"`` (CUDA where there is one, else the CPU), ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    precision : {"float32", "bf16"}, default="float32"
        ``"bf16"`` runs the network under autocast, losses in float32. Without such arithmetic a warning says so.
    compile : bool, default=False
        Compile the training step by ``torch.compile``: pays off in long fits, and needs a C++ compiler on a CPU. Where
        torch cannot, a warning says so and training goes on without. Afterwards torch forgets what it compiled, in the
        whole process (``torch.compiler.reset``).
    random_state : int, RandomState or None, default=None
        Decides the validation rows, initial weights, batches and dropout; equal seeds give bit-equal fits on a CPU, and
        the global generators are then neither read nor moved. None draws a seed from numpy's, as in scikit-learn.
    early_stopping : int or None, default=None
        Stop after so many epochs without a better validation mAP.
    validation_fraction : float, default=0.1
        Share of the rows held out, in [0, 1); the epoch with their best mAP is kept. Every label keeps a fitting row.
        0 fits on all rows and keeps the last epoch.
    callbacks : list or None, default=None
        Callbacks of skorch. Those of scikit-learn (1.9 and later) are set by `set_callbacks`.
    verbose : int, default=0
        1 shows a progress bar with the loss and the validation mAPs.
    warm_start : bool, default=False
        Go on from the network of the last fit, with its label graph, label vectors and standardisation; widths, labels
        and their names must be the same.

    Attributes
    ----------
    network_ : torch.nn.Module
        The network with the weights of the best epoch.
    history_ : DataFrame
        One row a finished epoch: the loss, every loss term with a weight, validation mAPs and the seconds of training.
    best_epoch_ : int
        The epoch that was kept, from 1; the last one where no validation rows were held out.
    """

    _training_constraints: ClassVar[dict[str, list[Any]]] = {
        **TrainedRetriever._network_constraints,
        "batch_size": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "compile": ["boolean"],
    }
    _auto_batch: ClassVar[int] = 256

    def __init__(
        self,
        n_components: int = 512,
        *,
        lr: float = 1e-3,
        batch_size: int | str = "auto",
        max_epochs: int | str = "auto",
        optimizer: Any = "adamw",
        weight_decay: float = 0.01,
        schedule: str = "onecycle",
        dropout: float = 0.5,
        input_dropout: float = 0.3,
        standardize: bool | str = "view",
        device: str = "auto",
        precision: str = "float32",
        compile: bool = False,
        random_state: Any = None,
        early_stopping: int | None = None,
        validation_fraction: float = 0.1,
        callbacks: list[Any] | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        self.n_components = n_components
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.standardize = standardize
        self.device = device
        self.precision = precision
        self.compile = compile
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.verbose = verbose
        self.warm_start = warm_start

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small widths and few epochs, of those parameters that the method has."""
        small: dict[str, Any] = {"n_components": 4, "hidden": 8, "width": 8, "max_epochs": 2}
        small |= {"validation_fraction": 0.2, "random_state": 0}
        names = cls._get_param_names()
        return [{name: value for name, value in small.items() if name in names}]

    def _split(self, pairs: Pairs, labels: Labels | None, seed: int) -> Split:
        return split_rows(pairs, labels, self.validation_fraction, seed)

    def _dataset(self, split: Split, network: Any, device: torch.device) -> Any:
        Y = np.zeros((len(split.pairs), 0)) if split.labels is None else split.labels.matrix
        return PairsDataset(split.pairs.image, split.pairs.text, Y, device)

    def _options(self, n: int, device: torch.device) -> Options:
        return options_of(self, n, device)._replace(compile=self.compile)

    def _measure(self, network: Any, split: Split, dataset: Any) -> Callable[[], dict[str, float]] | None:
        return validation_scores(network, split)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return encode_rows(self.network_, "image", X)

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return encode_rows(self.network_, "text", X)
