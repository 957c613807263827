"""What to say when a device runs out of memory: the batch size that would fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch

_NEED = re.compile(r"Tried to allocate [\d.]+ \w+")


def largest_fitting(batch: Any, step: Callable[[Any], object], said: str, precision: str) -> MemoryError:
    """Return an error that tells the largest half, quarter, eighth ... of a batch that a whole step has memory for.

    The steps are tried out: the memory of a step is no simple function of its rows, and the fit is lost anyway.
    """
    X, Y = batch
    n = rows = len(Y)
    if found := _NEED.search(said):
        needed = f" ({found[0].lower()})"
    else:
        needed = ""
    while rows >= 4:
        rows //= 2
        if Y.device.type == "cuda":
            torch.cuda.empty_cache()
        try:
            step(({name: view[:rows] for name, view in X.items()}, Y[:rows]))
        except torch.OutOfMemoryError:
            continue
        other = ', or precision="bf16"' if precision == "float32" else ""
        return MemoryError(
            f"the {Y.device.type} device ran out of memory with batches of {n} rows{needed}; {rows} fit: "
            f"set batch_size={rows}{other}."
        )
    return MemoryError(
        f"the {Y.device.type} device ran out of memory even with a batch of {rows} rows{needed}; use a smaller network "
        "(n_components, hidden, width), or another device."
    )
