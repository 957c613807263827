"""Finite: whether a matrix holds NaN or infinite numbers, looked for by its sum where that is quicker."""

from __future__ import annotations

import numpy as np

from skxmr._data.kinds import MODALITIES, Matrix


def check_finite(matrix: Matrix, name: str) -> None:
    """Refuse numbers that are not finite."""
    bad = n_not_finite(matrix)
    if bad:
        hint = f", e.g. PerModality({name}=SimpleImputer())" if name in MODALITIES else ""
        raise ValueError(f"{name} contains {bad} NaN or infinite values; impute or drop them{hint}.")


def n_not_finite(matrix: Matrix) -> int:
    """Return how many numbers of a matrix are NaN or infinite."""
    values = matrix if isinstance(matrix, np.ndarray) else matrix.data
    with np.errstate(over="ignore", invalid="ignore"):
        # The sum is not finite if one value is not, and is quicker to compute than looking at every value. That of
        # float16 would soon be infinite in float16.
        if np.isfinite(values.sum(dtype=np.float32 if values.dtype == np.float16 else None)):
            return 0
    # In blocks, so that the mask stays small.
    block = max(1, 2**20 // max(1, values[:1].size))
    bad = 0
    for start in range(0, len(values), block):
        bad += int((~np.isfinite(values[start : start + block])).sum())
    return bad
