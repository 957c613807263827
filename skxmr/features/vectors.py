"""What a network gives for a batch, checked."""

from __future__ import annotations

import numpy as np

from skxmr._data.tensors import asarray
from skxmr.features.cache import Vectors


def checked_vectors(values: object, n: int, name: str) -> Vectors:
    """Return vectors (n, d), float32, after checking that there is a finite one per row."""
    vectors = asarray(values, f"what {name} returns")
    if vectors.ndim != 2 or len(vectors) != n or vectors.dtype.kind not in "fiu":
        raise ValueError(
            f"{name} returns {vectors.dtype} of shape {vectors.shape} for {n} rows; numbers of shape ({n}, d), one "
            "vector per row, are wanted."
        )
    vectors = vectors.astype(np.float32, copy=False)
    if not np.isfinite(vectors).all():
        raise ValueError(f"{name} is not finite: the weights hold NaN, or they overflow.")
    return vectors
