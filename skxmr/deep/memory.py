"""Errors of networks that are too large: torch names bytes, these name parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

# Numbers that are no sizes.
_NO_SIZES = ("max_epochs", "random_state")
# Sizes this many times smaller than the largest one are not named.
_SMALL = 1000
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
        named = ", ".join(f"{name}={value}" for name, value in _largest(parameters).items())
        reason = str(error).splitlines()[0]
        raise MemoryError(
            f"{method} does not fit into memory with {named}; choose smaller sizes. ({reason})"
        ) from error.with_traceback(None)


def _largest(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the three largest sizes among the parameters, the largest first; a tuple counts by its largest number."""
    sizes: dict[str, int] = {}
    for name, value in parameters.items():
        numbers = value if isinstance(value, tuple) else (value,)
        whole = [int(n) for n in numbers if isinstance(n, (int, np.integer)) and not isinstance(n, bool)]
        if whole and name not in _NO_SIZES:
            sizes[name] = max(whole)
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    return {name: parameters[name] for name in largest if sizes[name] * _SMALL >= sizes[largest[0]]}
