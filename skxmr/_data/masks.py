"""Masked arrays of numpy: what lies under a mask must not be read as if it were there."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Kind = TypeVar("Kind")


def check_unmasked(values: Kind, name: str) -> Kind:
    """Refuse an array with masked values, or a list with such rows; numpy would turn them into what lies under."""
    rows = values if isinstance(values, (list, tuple)) else ()
    if np.ma.is_masked(values) or any(isinstance(row, np.ma.MaskedArray) and np.ma.is_masked(row) for row in rows):
        raise ValueError(f"{name} is {'a list' if rows else 'an array'} with masked values; fill or drop them.")
    return values
