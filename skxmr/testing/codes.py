"""The checks of :mod:`skxmr.testing` for retrievers that make codes, besides those of all that embed."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skxmr._data.pairs import Pairs
from skxmr.base import HashingRetriever
from skxmr.testing.common import Data

# Bits that may differ between float32 and float64, because a value lies within the rounding of its threshold.
_FLIPPED = 0.01


def _check_float32_is_kept(estimator: HashingRetriever, data: Data) -> None:
    """Require nearly the same codes of float32 views as of float64."""
    pairs, Y = data
    single = Pairs(pairs.image.astype(np.float32), pairs.text.astype(np.float32))
    of_single = clone(estimator).fit(single, Y).transform(single)
    of_double = clone(estimator).fit(pairs, Y).transform(pairs)
    for name in ("image", "text"):
        differ = np.bitwise_count(getattr(of_single, name) ^ getattr(of_double, name)).sum()
        share = differ / (8 * getattr(of_double, name).size)
        assert share <= _FLIPPED, f"{share:.1%} of the bits of {name} differ between float32 and float64"


def _check_codes_are_packed_bits(estimator: HashingRetriever, data: Data) -> None:
    """Require codes of `n_bits_` bits, packed as numpy.packbits does it, with zeros behind the last bit."""
    pairs, Y = data
    fitted = clone(estimator).fit(pairs, Y)
    shape = (len(pairs), -(-fitted.n_bits_ // 8))
    for codes in (fitted.encode_image(pairs), fitted.encode_text(pairs)):
        assert codes.dtype == np.uint8, f"codes have the dtype {codes.dtype}; uint8 is wanted"
        assert codes.shape == shape, f"codes of {fitted.n_bits_} bits have the shape {codes.shape}; {shape} is wanted"
        bits = np.unpackbits(codes, axis=1)
        assert not bits[:, fitted.n_bits_ :].any(), "bits behind the last one of a code are set"
        assert bits.any() and not bits[:, : fitted.n_bits_].all(), "all bits are equal"


def _check_similarity_counts_the_bits_that_differ(estimator: HashingRetriever, data: Data) -> None:
    """Require ``1 - 2 h / n_bits_`` for a Hamming distance h, with exact ties."""
    pairs, Y = data
    fitted = clone(estimator).fit(pairs, Y)
    images = fitted.encode_image(pairs)
    texts = fitted.encode_text(pairs)
    h = np.bitwise_count(images[:, None] ^ texts).sum(axis=2)
    S = fitted.similarity(pairs)
    assert_allclose(S, 1 - 2 * h / fitted.n_bits_, atol=1e-6)
    _, distance = np.unique(h, return_inverse=True)
    _, tie = np.unique(-S, return_inverse=True)
    assert_array_equal(tie.ravel(), distance.ravel(), err_msg="equal distances are not equal similarities")
