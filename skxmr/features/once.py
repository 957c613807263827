"""Rows to vectors, each computed once: equal rows share a vector, and those in the cache are read from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from tqdm.auto import tqdm

from skxmr.features.cache import FeatureCache, Vectors

# Computes the vectors (n, d) of rows given by number; returns the keys of what it really read as well.
Compute: TypeAlias = Callable[[Sequence[int]], tuple[Sequence[bytes], Vectors]]


class _Collected:
    """Vectors of n rows, of a width that the first one tells."""

    def __init__(self, n: int) -> None:
        self._n = n
        self.vectors = np.empty((0, 0), np.float32)

    def put(self, rows: Sequence[int], vector: Vectors) -> None:
        if self.vectors.size == 0:
            self.vectors = np.empty((self._n, len(vector)), np.float32)
        if len(vector) != self.vectors.shape[1]:
            raise ValueError(
                f"rows have vectors of {self.vectors.shape[1]} and of {len(vector)} features; the network, or another "
                "one that used the same cache_key, must give equally many for every row."
            )
        self.vectors[rows] = vector


def vectors_of(
    keys: Sequence[bytes], compute: Compute, batch_size: int, cache: FeatureCache | None, bar: tqdm
) -> NDArray[np.float32]:
    """Return the vectors (n, d) of rows with given keys: from the cache where it has them, else computed and kept."""
    rows_of: dict[bytes, list[int]] = {}
    for i, key in enumerate(keys):
        rows_of.setdefault(key, []).append(i)
    out = _Collected(len(keys))
    if cache is not None:
        for key, vector in cache.read(list(rows_of)):
            rows = rows_of.pop(key)
            out.put(rows, vector)
            bar.update(len(rows))
    groups = list(rows_of.values())
    for batch in gen_batches(len(groups), batch_size) if groups else ():
        found, vectors = compute([rows[0] for rows in groups[batch]])
        for rows, vector in zip(groups[batch], vectors, strict=True):
            out.put(rows, vector)
            bar.update(len(rows))
        if cache is not None:
            cache.write(found, vectors)
    return out.vectors
