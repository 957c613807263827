"""Codes: the bits of every item, packed into bytes, and the number of bits in which two codes differ."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import AnyArray, BoolArray, Codes
from skxmr._data.tensors import asarray

# Codes in words of 64 bits, which are compared at once.
Words: TypeAlias = NDArray[np.uint64]

_BYTES = 8
# Longer codes could differ in more bits than a number of 16 bits can tell.
_MOST_BYTES = 8191


def packed(bits: BoolArray) -> Codes:
    """Return bits (n, n_bits) in bytes (n, ceil(n_bits / 8)); the last byte is filled up with zeros."""
    return np.packbits(bits, axis=1)


def as_signs(codes: Codes, n_bits: int) -> NDArray[np.int8]:
    """Return the bits of codes as signs (n, n_bits): 1 for a bit that is set, -1 for one that is not."""
    bits = np.unpackbits(codes, axis=1, count=n_bits).astype(np.int8)
    return bits * np.int8(2) - np.int8(1)


def as_words(codes: Codes) -> Words:
    """Return codes in whole words (n, n_words), filled up with zeros."""
    n_bytes = codes.shape[1]
    filled = np.pad(codes, ((0, 0), (0, -n_bytes % _BYTES)))
    return np.ascontiguousarray(filled).view(np.uint64)


def n_differing(query: Words, columns: Words) -> NDArray[np.uint16]:
    """Return in how many bits a code of words (n_words,) differs from m others, given as columns (n_words, m)."""
    counts = np.zeros(columns.shape[1], np.uint16)
    for word, own in zip(query, columns, strict=True):
        counts += np.bitwise_count(own ^ word)
    return counts


def check_codes(codes: object, name: str) -> Codes:
    """Return codes as an array after checking that they are packed bits of at least one item."""
    array: AnyArray = asarray(codes, name)
    if array.dtype != np.uint8:
        raise ValueError(
            f"{name} holds {array.dtype} values, but the Hamming distance compares codes, which are bits packed into "
            "uint8: those that encode_image and encode_text of a hashing method return, or np.packbits(bits, axis=1)."
        )
    if array.ndim != 2 or 0 in array.shape or array.shape[1] > _MOST_BYTES:
        raise ValueError(
            f"{name} must hold codes of shape (rows, bytes), one or more rows of 1 to {_MOST_BYTES} bytes; got "
            f"{array.shape}."
        )
    return array


def need_no_codes(view: object, name: str, method: str) -> None:
    """Refuse codes of bits, whose bytes are no coordinates."""
    if getattr(view, "dtype", None) == np.uint8:
        raise TypeError(
            f"{name} holds uint8, as codes of a hashing method do, and {method} compares columns as coordinates; "
            'compare codes by metric="hamming", or pass other numbers as float32.'
        )
