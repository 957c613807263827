"""How much of what an exact search finds another backend finds."""

from __future__ import annotations

import numpy as np

from skxmr._data.kinds import FloatArray
from skxmr.search.backend import Allowed, Backend
from skxmr.search.binary import BinaryBackend
from skxmr.search.exact import ExactBackend
from skxmr.search.lookup import nearest
from skxmr.search.table import Table

# Vectors that are copied together out of an engine.
_COPIED = 16_384


def recall(backend: Backend, table: Table, queries: FloatArray, k: int) -> float:
    """Return the share of the exact k best items that a backend finds, over all queries."""
    if isinstance(backend, BinaryBackend):
        raise ValueError(
            "recall compares with a search in the vectors, and backend='binary' keeps only their signs, in which it is "
            "exact; compare its hits with those of an index with backend='exact'."
        )
    living = table.living()
    allowed = Allowed(len(table), table.n_alive, None if table.n_alive == len(table) else living)
    k = min(k, table.n_alive)
    exact = getattr(backend, "exact", None) or _exact_copy(backend, len(table))
    found = nearest(backend, table, queries, k, allowed).rows
    wanted = nearest(exact, table, queries, k, allowed).rows
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, wanted, strict=True)]
    return float(np.mean(hits)) / k


def _exact_copy(backend: Backend, n: int) -> ExactBackend:
    """Return the vectors of a backend that keeps them elsewhere."""
    copy = ExactBackend.empty(backend.width)
    for start in range(0, n, _COPIED):
        copy = copy.add(backend.take(np.arange(start, min(start + _COPIED, n))), {})
    return copy
