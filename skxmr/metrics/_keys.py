"""Score and relevance in one integer, so that a plain sort of integers ranks both."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.signedinteger[Any]]
_TWO, _INFINITE = 0x40000000, 0x7F800000  # the bits of 2.0 and of infinity in float32
_LONG = 2**13  # row length from which passes over 16-bit digits may beat numpy's sort of whole keys


def packed_keys(scores: NDArray[np.float32], relevance: NDArray[np.bool_]) -> Keys:
    """Return keys (b, m) that rise as the score falls; of equal scores, relevant items come first.

    The lowest bit says that the item is irrelevant, the others are the score, exactly. Scores below 2 in magnitude, all
    cosines among them, leave a bit of 32 unused, which makes room for it; others are divided by a power of two first
    or, where that would not be exact, take 64 bits.
    """
    bits = (scores + np.float32(0)).view(np.int32)  # the sum turns -0.0 into 0.0
    if (largest := _magnitude(bits)) >= _TWO and _halvable(bits, steps := 1 + (largest - _TWO >> 23)):
        bits = (scores * np.float32(2.0**-steps) + np.float32(0)).view(np.int32)
        largest = 0
    flip = bits >> 31
    flip &= 0x7FFFFFFF
    bits ^= flip  # integers in the order of the scores
    np.invert(bits, out=bits)
    keys: Keys = bits if largest < _TWO else bits.astype(np.int64)
    keys <<= 1
    keys |= ~relevance
    return keys


def relevance_of(keys: Keys) -> NDArray[np.bool_]:
    """Return which keys are those of relevant items."""
    odd = keys.astype(np.int8)  # the low byte
    odd &= 1
    odd ^= 1
    return odd.view(np.bool_)


def last_key(dtype: np.dtype[Any]) -> int:
    """Return a key behind those of all scores; 64-bit keys are sorted by their low 48 bits."""
    return int(np.iinfo(np.int32).max) if dtype == np.int32 else 2**47 - 1


def sort_keys(keys: Keys) -> None:
    """Sort each row in place."""
    if keys.shape[1] >= _LONG and _digits_pay():
        for row in keys:
            _sort_by_digits(row)
    else:
        keys.sort(axis=1)


def all_finite(scores: NDArray[np.floating[Any]]) -> bool:
    """Tell whether no score is NaN or infinite, without an array of answers as large as the scores."""
    return bool(np.isfinite(scores.max()) and np.isfinite(scores.min()))  # both are nan if one score is


def _magnitude(bits: NDArray[np.int32]) -> int:
    return int((bits & 0x7FFFFFFF).max())


def _halvable(bits: NDArray[np.int32], steps: int) -> bool:
    """Tell whether float32 numbers can be halved `steps` times without a loss: they stay normal, or are 0."""
    below = (bits & 0x7FFFFFFF).view(np.uint32) - np.uint32(1)  # 0 becomes the largest
    return int(below.min()) + 1 >= (steps + 1) << 23


def _sort_by_digits(keys: Keys) -> None:
    """Sort keys of up to 48 bits by their 16-bit digits, the lowest first; numpy's stable sort of those is linear."""
    for shift in range(0, 33 if keys.itemsize == 8 else 32, 16):
        digits = (keys >> shift).astype(np.uint16)
        if shift + 16 >= 8 * min(keys.itemsize, 6):
            digits ^= np.uint16(0x8000)  # the highest digit has the sign
        keys[:] = keys.take(digits.argsort(kind="stable"))


@cache
def _digits_pay() -> bool:
    """Measure, once, which sort is faster here; the result is the same.

    numpy's own depends on the processor: 4 ns a key by AVX2, 25 by AVX-512 on Zen 4, where two passes take 12.
    """
    keys = np.random.default_rng(0).integers(-(2**31), 2**31, size=2**15).astype(np.int32)
    return _cost(_sort_by_digits, keys) < _cost(np.ndarray.sort, keys)


def _cost(sort: Callable[[Keys], None], keys: Keys) -> float:
    def once() -> float:
        copy = keys.copy()
        start = time.thread_time()
        sort(copy)
        return time.thread_time() - start

    return min(once() for _ in range(3))
