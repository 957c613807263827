"""DeepRetriever: the base of every deep method that embeds."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FloatArray
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr.base import CrossModalRetriever
from skxmr.deep.batches import PairsDataset
from skxmr.deep.compiled import compile_mode
from skxmr.deep.distributed import n_ranks
from skxmr.deep.encoding import encode_rows, validation_scores
from skxmr.deep.inputs import Inputs, make_inputs
from skxmr.deep.loop import Prepared
from skxmr.deep.options import Options, resolved_fraction
from skxmr.deep.split import Split, split_rows
from skxmr.deep.trained import TrainedRetriever
from skxmr.nn.retrieval_network import RetrievalNetwork


class DeepRetriever(TrainedRetriever, CrossModalRetriever):
    """Base of the deep methods: separates validation rows, trains, keeps the best epoch, encodes.

    A method overrides `_build`. It is given a :class:`skxmr.deep.Split`, which holds all rows and says which of them
    are fitted, and returns a :class:`skxmr.deep.Learner` of its network and objective. What it measures on rows it must
    measure on `split.fitting_pairs`, because `split.pairs` also holds the validation rows. `_build` must make use of
    `standardize`, `dropout` and `input_dropout`, for which there are :func:`skxmr.deep.make_inputs` and
    :func:`skxmr.nn.encoder`. The network has `encode_image`, `encode_text` and ``forward(image, text)``, which returns
    a dict of tensors. The parameters below are common to all deep methods; a method may have other defaults.

    Parameters
    ----------
    compile : bool, default=False
        Compile the training step by ``torch.compile``. On a GPU the kernels of a step are recorded as a CUDA graph,
        which makes steps on small batches several times as fast, but compiling takes a while. On a CPU it needs a C++
        compiler and gains nothing at the sizes that were measured. Where torch cannot compile, a warning says so
        and training continues without. At the end of `fit`, torch forgets everything that was compiled in this process
        (``torch.compiler.reset``).
    early_stopping : int or None, default=None
        Stop after this number of epochs without a better mAP of the validation rows.
    validation_fraction : float or "auto", default="auto"
        Share of the rows held out for validation, in [0, 1); the epoch with their best mAP is kept. Every label keeps a
        fitting row. 0 fits on all rows and keeps the last epoch. ``"auto"`` is 0.1 for at least 500 rows, and where
        `early_stopping` or a callback waits for validation scores; otherwise it is 0, because few rows choose the epoch
        badly.
    """

    schedule: str = "onecycle"
    compile: bool = False
    _parameter_constraints: ClassVar[Constraints] = {"compile": ["boolean"]}

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small widths and few epochs, of those parameters that the method has."""
        small: dict[str, Any] = {"n_components": 4, "hidden": 8, "width": 8, "max_epochs": 2, "random_state": 0}
        names = cls._get_param_names()
        return [{name: value for name, value in small.items() if name in names}]

    def _inputs(self, split: Split, pretrain_text: bool | str = False) -> Inputs:
        """Make the first steps of the network by the parameters of the method."""
        return make_inputs(
            split,
            standardize=self.standardize,
            dropout=self.dropout,
            input_dropout=self.input_dropout,
            pretrain_text=pretrain_text,
        )

    def _split(self, pairs: Pairs, labels: Labels | None, seed: int) -> Split:
        n = len(np.unique(pairs.groups))
        fraction = resolved_fraction(self.validation_fraction, n, self.early_stopping, self.callbacks)
        return split_rows(pairs, labels, fraction, seed)

    def _prepare(self, split: Split, network: RetrievalNetwork, device: torch.device) -> Prepared:
        rows = split.fitting.rows
        labels = np.zeros((len(rows), 0)) if split.labels is None else split.labels.matrix
        dataset = PairsDataset(split.pairs.image, split.pairs.text, labels, device, rows)
        return Prepared(dataset, validation_scores(network, split))

    def _options(self, n: int, device: torch.device) -> Options:
        mode = compile_mode(device, n_ranks()) if self.compile else None
        return super()._options(n, device)._replace(compile=mode)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _encode_image(self, X: FloatArray) -> FloatArray:
        return encode_rows(self.network_, "image", X)

    def _encode_text(self, X: FloatArray) -> FloatArray:
        return encode_rows(self.network_, "text", X)
