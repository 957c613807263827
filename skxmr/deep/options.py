"""The parameters of a retriever that concern training alone, with every ``"auto"`` resolved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch

from skxmr._data.warn import warn
from skxmr.deep.callback_checks import monitor_validation
from skxmr.nn.device import fast_bfloat16

SCHEDULES = ("constant", "cosine", "onecycle")
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": partial(torch.optim.AdamW, fused=True),
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True, fused=True),
}
# The optimiser in the public codes of the papers.
PAPER_ADAM = partial(torch.optim.AdamW, betas=(0.5, 0.999), fused=True)
# What validation_fraction="auto" holds out of at least so many rows. A tenth of fewer rows chooses epochs that are on
# average worse than the last one, which has learned from all rows.
_AUTO_FRACTION = 0.1
_ENOUGH = 500
# And the most rows that it holds out. Every epoch ranks all of them against all of them, so that the time grows with
# their square, while twice as many hardly choose another epoch.
_MOST_HELD = 20_000
# Number of training steps that max_epochs="auto" aims at.
_AUTO_STEPS = 1260


class Options(NamedTuple):
    """The parameters of a retriever that concern training alone; `compile` is a mode of ``torch.compile`` or None."""

    lr: float
    batch_size: int
    max_epochs: int
    optimizer: str | Callable[..., torch.optim.Optimizer]
    weight_decay: float
    schedule: str | int
    precision: str
    early_stopping: int | None
    callbacks: list[Any] | None
    verbose: int
    compile: str | None = None


def resolved_batch_size(batch_size: int | str, n: int, automatic: int) -> int:
    """Return the rows of a batch; a warning tells of more than there are to fit."""
    if isinstance(batch_size, str):
        return min(automatic, n)
    if batch_size > n:
        warn(f"batch_size={batch_size} but there are {n} rows to fit: every batch holds all of them.")
    return batch_size


def resolved_epochs(max_epochs: int | str, n_batches: int) -> int:
    """Return the epochs, where ``"auto"`` makes about as many steps whatever the number of batches."""
    if isinstance(max_epochs, str):
        return min(max(round(_AUTO_STEPS / n_batches), 10), 60)
    return int(max_epochs)


def resolved_fraction(
    fraction: float | str, n: int, n_rows: int, early_stopping: int | None, callbacks: list[Any] | None
) -> float:
    """Return the share to hold out of rows with n images or groups.

    ``"auto"`` holds out a part of few rows only if something waits for validation scores, and at most 20,000 of many.
    """
    if not isinstance(fraction, str):
        return fraction
    needed = early_stopping is not None or monitor_validation(callbacks)
    return min(_AUTO_FRACTION, _MOST_HELD / n_rows) if needed or n >= _ENOUGH else 0.0


def resolved_precision(precision: str, device: torch.device) -> str:
    """Return the precision, which is float32 after a warning where a device has no bfloat16 arithmetic."""
    if precision == "bf16" and not fast_bfloat16(device):
        warn(f'precision="bf16", but this {device.type} has no bfloat16 arithmetic; training in float32 instead.')
        return "float32"
    return precision
