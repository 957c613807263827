"""Scores of queries against a gallery of arrays, computed by rows.

The gallery is never copied: its rows are walked in tiles, which are brought to the form of the metric as they pass.
Cosines are scaled after the product, so that unit rows need not be made anew for every block of queries, unless a
length is so extreme that the product could overflow or vanish.

Squared distances are differences of products, which lose the digits of near neighbours. So they are computed in
float64, and those that are small beside the lengths of both rows are computed anew from the differences of the values.

Equal gallery rows must get equal scores, but BLAS rounds the columns of one product differently, by their place in the
matrix. So the distinct rows are found by a hash of their bits, and each of them is scored once. What a retriever makes
of equal inputs may still differ in the last bit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from skxmr._data.finite import check_finite
from skxmr._data.kinds import Float64Array, FloatArray, IndexArray

Hashes: TypeAlias = NDArray[np.uint64]

# Entries of the gallery multiplied at once, by at most 4096 rows, whose scores then are still cached.
_TILE = 2**22
# Entries of the gallery that are looked at in several passes, each in the cache.
_CACHED = 2**17
# Columns that tell most rows apart.
_SAMPLE = 16
# Squared distances below this part of the squared lengths of both rows have lost digits in float64.
NEAR = 1e-6
# Values that are subtracted at once.
_DIFFERENCES = 2**18
# Squared lengths of rows whose products neither vanish nor overflow in float32.
_SHORTEST = 1e-30
_LONGEST = 1e33


class ArrayScores:
    """Similarities of two arrays (n, d) and (m, d) by rows; equal gallery rows get equal scores, to the last bit.

    For cosines the values of the gallery, called `name` in errors, need not be checked before.
    """

    def __init__(self, query: FloatArray, gallery: FloatArray, metric: str, name: str = "gallery") -> None:
        self.query = query
        self.gallery = gallery
        self.metric = metric
        if metric == "euclidean":
            # A common shift changes no distance, and large common offsets would cancel badly.
            self._shift = gallery.mean(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            self._terms, hashes = self._terms_and_hashes()
        if not np.isfinite(self._terms).all():
            check_finite(gallery, name)
        self._distinct, self._inverse = _distinct(hashes)
        if self._distinct is not None:
            self._terms = self._terms[self._distinct]
        # Whether the product takes gallery rows unchanged; cosines are scaled afterwards.
        self._unchanged = metric == "inner" or (metric == "cosine" and bool(np.isfinite(self._terms).all()))

    def __getitem__(self, rows: slice) -> FloatArray:
        queries = self.query[rows]
        Q = self._formed(queries)
        scores: FloatArray = np.empty((len(Q), len(self._terms)), np.result_type(self.query, self.gallery))
        # Distances are computed in float64, which takes twice the memory or more.
        entries = _TILE // 4 if self.metric == "euclidean" else _TILE
        for items in gen_batches(len(self._terms), max(1, min(entries // max(1, Q.shape[1]), 4096))):
            keys = self.gallery[items] if self._distinct is None else self.gallery[self._distinct[items]]
            if self.metric == "euclidean":
                # Not the negative, which would be a zero of another sign.
                scores[:, items] = 0.0 - _squared_distances(queries, keys, self._shift)
                continue
            if not self._unchanged:
                keys = self._formed(keys)
            tile = np.matmul(Q, keys.T, out=scores[:, items])
            if self.metric == "cosine" and self._unchanged:
                tile *= self._terms[items]
        return scores if self._inverse is None else scores.take(self._inverse, axis=1)

    def _formed(self, rows: FloatArray) -> FloatArray:
        """Return rows whose products are the scores, up to the terms of the gallery rows."""
        return _unit_rows(rows) if self.metric == "cosine" else rows

    def _terms_and_hashes(self) -> tuple[FloatArray, Hashes | None]:
        """Return, for each gallery row (m,), its term in the score and a hash that equal rows share.

        The term is 1 / length for cosines, infinite where a product with the unchanged row might overflow or vanish;
        other metrics have none. The hashes are None if no two are equal.
        """
        m, d = self.gallery.shape
        terms = np.zeros(m, self.gallery.dtype)
        hashes = np.empty(m, np.uint64)
        sample = np.linspace(0, d - 1, min(d, _SAMPLE)).astype(np.intp)
        size = max(1, _CACHED // max(1, d))
        for items in gen_batches(m, size):
            rows = self.gallery[items]
            if self.metric == "cosine":
                terms[items] = _inverse_lengths(rows)
            hashes[items] = self._hashed(rows[:, sample])
        # Rows that differ in the sampled columns are told apart; hashing whole rows would cost much more.
        _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        alike = np.flatnonzero(counts[inverse] > 1)
        if len(alike) == 0:
            return terms, None
        if d > _SAMPLE:
            for items in gen_batches(len(alike), size):
                hashes[alike[items]] += self._hashed(self.gallery[alike[items]])
        return terms, hashes

    def _hashed(self, rows: FloatArray) -> Hashes:
        """Return a hash of what decides the score of each row: for cosines, its direction."""
        return _hashes(rows / _peaks(rows)[:, None] if self.metric == "cosine" else rows)


def _squared_distances(queries: FloatArray, items: FloatArray, shift: Float64Array) -> Float64Array:
    """Return the squared distances (n, m) of two arrays (n, d) and (m, d): exactly 0 where two rows are equal.

    `shift` (d,) is subtracted before the rows are multiplied.
    """
    Q = queries - shift
    K = items - shift
    lengths = _squares(Q)[:, None] + _squares(K)
    found = Q @ K.T
    found *= -2
    found += lengths
    near = np.nonzero(found <= NEAR * lengths)
    size = max(1, _DIFFERENCES // max(1, Q.shape[1]))
    for start in range(0, len(near[0]), size):
        i = near[0][start : start + size]
        j = near[1][start : start + size]
        found[i, j] = _squares(np.subtract(queries[i], items[j], dtype=np.float64))
    return found


def _unit_rows(X: FloatArray) -> FloatArray:
    """Return rows of unit length, zero rows unchanged."""
    # Dividing by the largest magnitude first keeps the squares from overflowing and vanishing.
    X = X / _peaks(X)[:, None]
    norms = np.sqrt(_squares(X))
    X /= np.where(norms > 0, norms, norms.dtype.type(1))[:, None]
    return X


def _peaks(X: FloatArray) -> FloatArray:
    """Return the largest magnitude of each row, 1 for zero rows."""
    if X.shape[1] == 0:
        return np.ones(len(X), X.dtype)
    peaks: FloatArray = np.maximum(X.max(axis=1), -X.min(axis=1))
    peaks[peaks == 0] = 1
    return peaks


def _inverse_lengths(X: FloatArray) -> FloatArray:
    """Return 1 / length of each row, 1 for zero rows; infinity for all rows where one is too long or too short."""
    squares = _squares(X)
    zero = squares == 0
    safe = zero | (squares > _SHORTEST) & (squares < _LONGEST)
    if not safe.all() or X[zero].any():
        # One infinite term is enough to have the whole gallery brought to unit length before the product.
        return np.full(len(X), np.inf, X.dtype)
    squares[zero] = 1
    return 1 / np.sqrt(squares)


def _squares(X: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->i", X, X)


def _distinct(hashes: Hashes | None) -> tuple[IndexArray | None, IndexArray | None]:
    """Return which rows are distinct and, for every row, which of them it is; None twice if all are."""
    if hashes is None:
        return None, None
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return (None, None) if len(first) == len(hashes) else (first, inverse)


def _hashes(X: FloatArray) -> Hashes:
    """Return a 64-bit hash of each row's bits: a random linear form of them after mixing; integers round nothing."""
    # Adding 0 turns -0.0 into 0.0.
    X = np.ascontiguousarray(X) + X.dtype.type(0)
    bits = X.view(np.uint32 if X.dtype == np.float32 else np.uint64).astype(np.uint64)
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    return bits @ _factors(X.shape[1])


@lru_cache(maxsize=4)
def _factors(d: int) -> Hashes:
    """Return odd random numbers (d,), always the same."""
    return np.random.default_rng(0).integers(2**64, size=d, dtype=np.uint64) | np.uint64(1)
