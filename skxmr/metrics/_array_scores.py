"""Products of queries with a gallery that is never copied: it is walked in tiles, brought to form as they pass."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import FloatArray

_TILE = 2**22  # entries of the gallery multiplied at once, by at most 4096 rows, whose scores then are still cached
_CACHED = 2**17  # entries of the gallery that are looked at in several passes, each in the cache
_SAMPLE = 16  # columns by which most rows differ
_SAFE = 1e-30, 1e33  # squared lengths of rows whose products neither vanish nor overflow in float32


class ArrayScores:
    """Similarities of two arrays (n, d) and (m, d) by rows; equal gallery rows get equal scores, to the last bit."""

    def __init__(self, query: FloatArray, gallery: FloatArray, metric: str) -> None:
        self.query, self.gallery, self.metric = query, gallery, metric
        self._shift = np.zeros(1, self.gallery.dtype)
        if metric == "euclidean":  # distances do not change, but large common offsets would cancel badly
            self._shift = self.gallery.mean(axis=0)
        # Equal gallery rows must tie, but BLAS rounds the columns of one product differently: score each row once.
        self._terms, hashes = self._pass()
        self._distinct, self._spread = _distinct(hashes)
        if self._distinct is not None:
            self._terms = self._terms[self._distinct]
        self._as_is = metric == "inner" or (metric == "cosine" and bool(np.isfinite(self._terms).all()))

    def __getitem__(self, rows: slice) -> FloatArray:
        Q = self._form(self.query[rows])
        scores: FloatArray = np.empty((len(Q), len(self._terms)), np.result_type(Q, self.gallery))
        for items in steps(0, len(self._terms), min(_TILE // max(1, Q.shape[1]), 4096)):
            keys = self.gallery[items] if self._distinct is None else self.gallery[self._distinct[items]]
            tile = np.matmul(Q, (keys if self._as_is else self._form(keys)).T, out=scores[:, items])
            if self.metric == "cosine" and self._as_is:
                tile *= self._terms[items]  # as rows of unit length would, without making them anew for every block
            elif self.metric == "euclidean":
                tile *= 2
                tile -= self._terms[items]
        if self.metric == "euclidean":
            scores -= _squares(Q)[:, None]
        return scores if self._spread is None else scores.take(self._spread, axis=1)

    def _form(self, rows: FloatArray) -> FloatArray:
        """Return rows as the product wants them."""
        if self.metric == "inner":
            return rows
        return _unit_rows(rows) if self.metric == "cosine" else rows - self._shift

    def _pass(self) -> tuple[FloatArray, NDArray[np.uint64] | None]:
        """Return, for each gallery row (m,), its term in the score and a hash, which equal rows share; None if none do.

        The term is the squared length for Euclidean distances and 1 / length for cosines; infinite where a product
        with the row as it is might overflow or vanish.
        """
        m, d = self.gallery.shape
        terms, hashes = np.zeros(m, self.gallery.dtype), np.empty(m, np.uint64)
        some = np.linspace(0, d - 1, min(d, _SAMPLE)).astype(np.intp)
        for items in steps(0, m, _CACHED // max(1, d)):
            rows = self.gallery[items]
            if self.metric == "cosine":
                terms[items] = _inverse_lengths(rows)
            elif self.metric == "euclidean":
                terms[items] = _squares(rows - self._shift)
            hashes[items] = self._hashed(rows[:, some])
        # A sample of the columns tells most rows apart; the hash of whole rows costs ten times the sample's.
        _, which, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        alike = np.flatnonzero(counts[which] > 1)
        for items in steps(0, len(alike) if d > _SAMPLE else 0, _CACHED // max(1, d)):
            hashes[alike[items]] += self._hashed(self.gallery[alike[items]])
        return terms, hashes if len(alike) else None

    def _hashed(self, rows: FloatArray) -> NDArray[np.uint64]:
        """Return a hash of what decides the score of each row: for cosines, its direction."""
        return _hashes(rows / _peaks(rows)[:, None] if self.metric == "cosine" else rows)


def steps(start: int, stop: int, size: int) -> Iterator[slice]:
    """Walk from start to stop in slices of a size, of one at least."""
    size = max(1, size)
    return (slice(a, min(a + size, stop)) for a in range(start, stop, size))


def _unit_rows(X: FloatArray) -> FloatArray:
    """Return rows of unit length, zero rows as they are."""
    X = X / _peaks(X)[:, None]  # so that squares neither overflow nor vanish
    norms = np.sqrt(_squares(X))
    X /= np.where(norms > 0, norms, norms.dtype.type(1))[:, None]  # in place: X is ours since it was divided
    return X


def _peaks(X: FloatArray) -> FloatArray:
    """Return the largest magnitude of each row, 1 for zero rows."""
    if X.shape[1] == 0:
        return np.ones(len(X), X.dtype)
    peaks: FloatArray = np.maximum(X.max(axis=1), -X.min(axis=1))
    peaks[peaks == 0] = 1
    return peaks


def _inverse_lengths(X: FloatArray) -> FloatArray:
    """Return 1 / length of each row, 1 for zero rows; infinity for all where one is too long or too short."""
    squares = _squares(X)
    zero = squares == 0
    if not (zero | (squares > _SAFE[0]) & (squares < _SAFE[1])).all() or X[zero].any():
        return np.full(len(X), np.inf, X.dtype)  # the whole tile, and by it the gallery, is brought to unit length
    squares[zero] = 1
    return 1 / np.sqrt(squares)


def _squares(X: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->i", X, X)


def _distinct(hashes: NDArray[np.uint64] | None) -> tuple[NDArray[np.intp] | None, NDArray[np.intp] | None]:
    """Return which rows are distinct and, for every row, which of them it is; None twice where all are."""
    if hashes is None:
        return None, None
    _, first, spread = np.unique(hashes, return_index=True, return_inverse=True)
    return (None, None) if len(first) == len(hashes) else (first, spread)


def _hashes(X: FloatArray) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row's bits: a random linear form of them after mixing; integers round nothing."""
    X = np.ascontiguousarray(X) + X.dtype.type(0)  # -0.0 becomes 0.0
    bits = X.view(np.uint32 if X.dtype == np.float32 else np.uint64).astype(np.uint64)
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    return bits @ _factors(X.shape[1])


@lru_cache(maxsize=4)
def _factors(d: int) -> NDArray[np.uint64]:
    """Return odd random numbers (d,), always the same."""
    return np.random.default_rng(0).integers(2**64, size=d, dtype=np.uint64) | np.uint64(1)
