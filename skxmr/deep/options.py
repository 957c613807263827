"""The parameters of a retriever that concern training alone, with every ``"auto"`` resolved."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from skxmr._data.warn import warn
from skxmr.deep.callbacks import check_callbacks
from skxmr.nn.device import fast_bfloat16

OPTIMIZERS: dict[str, Any] = {
    "adamw": partial(torch.optim.AdamW, fused=True),
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True, fused=True),
}
PAPER_ADAM = partial(torch.optim.AdamW, betas=(0.5, 0.999), fused=True)  # of the papers' public codes
_AUTO_STEPS = 1260
_CPU = torch.device("cpu")


class Options(NamedTuple):
    """The parameters of a retriever that concern training alone; `compile` is a mode of ``torch.compile`` or None."""

    lr: float
    batch_size: int
    max_epochs: int
    optimizer: Any
    weight_decay: float
    schedule: str | int
    precision: str
    early_stopping: int | None
    callbacks: list[Any] | None
    verbose: int
    compile: str | None = None


def options_of(retriever: Any, n: int, device: torch.device = _CPU) -> Options:
    """Return the options of a retriever for n fitting rows on a device."""
    check_callbacks(retriever.callbacks, retriever.validation_fraction)
    chosen = {name: getattr(retriever, name) for name in Options._fields if name != "compile"}
    if retriever.early_stopping is not None and retriever.validation_fraction == 0:
        raise ValueError("early_stopping needs validation rows; set validation_fraction above 0, or it to None.")
    if retriever.batch_size == "auto":
        chosen["batch_size"] = min(retriever._auto_batch, n)
    elif chosen["batch_size"] > n:
        message = f"batch_size={retriever.batch_size} but there are {n} rows to fit: every batch holds all of them."
        warn(message)
    if retriever.max_epochs == "auto":
        steps = math.ceil(n / chosen["batch_size"])
        chosen["max_epochs"] = int(np.clip(round(_AUTO_STEPS / steps), 10, 60))
    if chosen["precision"] == "bf16" and not fast_bfloat16(device):
        message = f'precision="bf16", but this {device.type} has no bfloat16 arithmetic; training in float32 instead.'
        warn(message)
        chosen["precision"] = "float32"
    return Options(**chosen)
