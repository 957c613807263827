"""Errors of networks that are too large: torch names bytes, these name parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

# What torch says when an array on the CPU is too large for the memory, or for an index.
_TOO_LARGE = re.compile(r"can't allocate memory|not enough memory|overflow", re.IGNORECASE)


@contextmanager
def naming_sizes(method: str, parameters: Mapping[str, object]) -> Iterator[None]:
    """Say which parameters are largest where an array of torch is too large for the memory of the CPU."""
    try:
        yield
    except torch.OutOfMemoryError:
        # Training speaks of the memory of other devices.
        raise
    except (RuntimeError, TypeError, OverflowError) as error:
        if _TOO_LARGE.search(str(error)) is None:
            raise
        sizes = []
        for name, value in parameters.items():
            if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and name != "random_state":
                sizes.append((int(value), name))
        named = ", ".join(f"{name}={size}" for size, name in sorted(sizes, reverse=True)[:3])
        reason = str(error).splitlines()[0]
        raise MemoryError(
            f"{method} does not fit into memory; its largest parameters are {named}. Choose smaller ones. ({reason})"
        ) from error.with_traceback(None)
