"""The k best items of every query, whatever holds the vectors."""

from __future__ import annotations

import numpy as np

from skxmr._data.kinds import FloatArray, IndexArray
from skxmr.search.backend import Allowed, Backend
from skxmr.search.binary import BinaryBackend
from skxmr.search.candidates import Best, best
from skxmr.search.ids import order_of
from skxmr.search.table import Table


def nearest(backend: Backend, table: Table, queries: FloatArray, k: int, allowed: Allowed) -> Best:
    """Return the scores and the rows of the k best items of every query.

    A query of zeros has the score 0 with everything, so that ids alone decide; nothing is compared, because all items
    would be candidates. As a code of bits it is like any other.
    """
    n = len(queries)
    out = Best(np.full((n, k), -np.inf, np.float32), np.full((n, k), -1, np.intp))
    kept = min(k, allowed.n_allowed)
    if kept == 0:
        return out
    compared = queries.any(axis=1) | isinstance(backend, BinaryBackend)
    if compared.any():
        found = backend.search(queries[compared], kept, allowed)
        out.scores[compared], out.rows[compared] = best(found, int(compared.sum()), k, table.ids.rows)
    if not compared.all():
        out.scores[~compared, :kept] = 0
        out.rows[~compared, :kept] = _first_by_id(table, allowed)[:kept]
    return out


def _first_by_id(table: Table, allowed: Allowed) -> IndexArray:
    """Return the allowed rows in the order of their ids."""
    rows = np.arange(allowed.n) if allowed.mask is None else np.flatnonzero(allowed.mask)
    return rows[np.argsort(order_of(table.ids.rows[rows]), kind="stable")]
