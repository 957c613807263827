"""Codes: how bits are packed, and how many of them differ."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skxmr._data.codes import as_signs, as_words, check_codes, n_differing, packed


def test_the_first_bit_is_the_highest_one_of_the_first_byte():
    bits = np.array([[1, 0, 0, 0, 0, 0, 0, 1, 1, 0]], bool)
    assert_array_equal(packed(bits), [[0b10000001, 0b10000000]])
    assert_array_equal(as_signs(packed(bits), 10), [[1, -1, -1, -1, -1, -1, -1, 1, 1, -1]])


@pytest.mark.parametrize("n_bits", [1, 7, 8, 63, 64, 65, 130])
def test_differing_bits_are_counted_one_by_one(n_bits):
    rng = np.random.default_rng(n_bits)
    query = rng.random((3, n_bits)) < 0.5
    items = rng.random((5, n_bits)) < 0.5
    columns = np.ascontiguousarray(as_words(packed(items)).T)
    for i, words in enumerate(as_words(packed(query))):
        counts = [sum(bool(query[i, b]) != bool(items[j, b]) for b in range(n_bits)) for j in range(5)]
        assert_array_equal(n_differing(words, columns), counts)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((2, 3)), "items holds float64 values.*uint8"),
        (np.zeros((2, 3), bool), "items holds bool values.*packbits"),
        (np.zeros((2, 3), np.int8), "items holds int8 values"),
        (np.zeros(3, np.uint8), r"shape \(rows, bytes\).*got \(3,\)"),
        (np.zeros((0, 3), np.uint8), r"got \(0, 3\)"),
        (np.zeros((3, 0), np.uint8), r"got \(3, 0\)"),
        (np.zeros((1, 8192), np.uint8), "1 to 8191 bytes"),
    ],
)
def test_what_is_no_code_is_refused_by_name(codes, message):
    with pytest.raises(ValueError, match=message):
        check_codes(codes, "items")
