"""Checks of options: numbers of items or components, and strings with a fixed list of values."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def check_k(k: object, n_gallery: int | None = None, *, optional: bool = True, name: str = "k") -> None:
    """Refuse a cut-off rank that is not a positive integer, or is larger than the gallery; None means all of it."""
    if k is None and optional:
        return
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"{name} must be a positive integer{' or None' * optional}; got {k!r}.")
    if n_gallery is not None and k > n_gallery:
        raise ValueError(f"k={k} is larger than the gallery ({n_gallery} items); choose a smaller cut-off.")


def check_choice(value: object, name: str, choices: Iterable[str]) -> None:
    """Refuse an option that is not among the known ones."""
    known = tuple(choices)
    if value not in known:
        raise ValueError(f"{name} must be one of {list(known)}; got {value!r}.")
