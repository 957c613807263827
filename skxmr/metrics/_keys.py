"""Score and relevance in one integer, so that a plain sort of integers ranks both.

The sort is numpy's own. On an Intel processor with AVX-512 it is several times as fast as two stable passes over 16-bit
digits. On AMD Zen 4, numpy's AVX-512 sort is slow; there the environment variable ``NPY_DISABLE_CPU_FEATURES=X86_V4``
(numpy 2.4) selects numpy's AVX2 sort, which is not.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import AnyArray, BoolArray, FloatArray

Keys: TypeAlias = NDArray[np.signedinteger]

# The bits of 2.0 in float32.
_TWO = 0x40000000


def packed_keys(scores: FloatArray, relevance: AnyArray) -> Keys:
    """Return keys (b, m) of float32 scores that rise as the score falls; of equal scores, relevant items come first.

    The lowest bit says that the item is irrelevant, the other bits are the score, exactly. Scores below 2 in magnitude,
    all cosines among them, leave one of 32 bits unused, which makes room for that bit. Larger scores are divided by a
    power of two first or, where that would not be exact, take 64 bits.
    """
    # Adding 0 turns -0.0 into 0.0.
    bits = (scores + np.float32(0)).view(np.int32)
    largest = int(_magnitudes(bits).max())
    if largest >= _TWO:
        # The exponent begins at bit 23, so this is how many halvings bring the largest score below 2.
        halvings = 1 + (largest - _TWO >> 23)
        if _halvable(bits, halvings):
            bits = (scores * np.float32(2.0**-halvings) + np.float32(0)).view(np.int32)
            largest = 0
    # Flipping the magnitude bits of negative scores gives integers in the order of the scores.
    flip = bits >> 31
    flip &= 0x7FFFFFFF
    bits ^= flip
    np.invert(bits, out=bits)
    keys: Keys = bits if largest < _TWO else bits.astype(np.int64)
    keys <<= 1
    keys |= ~relevance
    return keys


def relevance_of(keys: Keys) -> BoolArray:
    """Return which keys are those of relevant items."""
    # The cast keeps the low byte, whose lowest bit says that the item is irrelevant.
    odd = keys.astype(np.int8)
    odd &= 1
    odd ^= 1
    return odd.view(np.bool_)


def all_finite(scores: FloatArray) -> bool:
    """Tell whether no score is NaN or infinite, without an array of answers as large as the scores."""
    # Both the largest and the smallest are nan if one score is.
    return bool(np.isfinite(scores.max()) and np.isfinite(scores.min()))


def _magnitudes(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    return bits & 0x7FFFFFFF


def _halvable(bits: NDArray[np.int32], halvings: int) -> bool:
    """Tell whether float32 numbers can be halved that often without a loss: they stay normal, or are 0."""
    # Subtracting 1 makes zeros the largest, so that the smallest is that of the other numbers.
    below = _magnitudes(bits).view(np.uint32) - np.uint32(1)
    return int(below.min()) + 1 >= (halvings + 1) << 23
