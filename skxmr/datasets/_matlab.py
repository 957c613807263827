"""A check of MATLAB files before scipy reads them: its compiled code relies on types that are known.

A file of version 5 to 7 has a header of 128 bytes, then elements. An element has a tag, its type and size, and a body.
The body of a matrix is again a sequence of elements.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_HEADER = 128
# Types of elements.
_NUMBERS = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18})
_MATRIX = 14
_COMPRESSED = 15
# How many elements a matrix has by its class, without an imaginary part: sparse ones, characters and numbers.
_ELEMENTS = {4: 4, 5: 6} | dict.fromkeys(range(6, 16), 4)
# The bit in the flags of a matrix that tells that it has an imaginary part.
_COMPLEX = 0x800


def check_elements(file: Path) -> None:
    """Refuse a file of version 5 to 7 that has an element of unknown type, or one that is longer than what holds it."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
        # Files up to version 4 have no such elements.
        if order is not None:
            _check(data, _HEADER, len(data), order, frozenset({_MATRIX, _COMPRESSED}))


def _check(data: mmap.mmap, start: int, end: int, order: str, types: frozenset[int], n_elements: int = -1) -> None:
    """Check the elements from start to end, or the first n of them."""
    while start < end and n_elements != 0:
        kind, body, size = _tag(data, start, end, order)
        if kind not in types or body + size > end:
            raise ValueError(f"byte {start} begins an element of type {kind} and {size} bytes")
        if kind == _MATRIX and size:
            _check_matrix(data, body, body + size, order)
        # An element within its tag takes 8 bytes. Others are filled up to a multiple of 8, but for compressed ones.
        filling = 0 if kind == _COMPRESSED else -size % 8
        start = start + 8 if body == start + 4 else body + size + filling
        n_elements -= 1
    if n_elements > 0:
        raise ValueError(f"the matrix that ends at byte {end} has {n_elements} elements too few")


def _check_matrix(data: mmap.mmap, start: int, end: int, order: str) -> None:
    kind, body, size = _tag(data, start, end, order)
    if kind not in _NUMBERS or size != 8 or body + size > end:
        raise ValueError(f"byte {start} begins an element of type {kind} and {size} bytes instead of a matrix's flags")
    (flags,) = struct.unpack_from(f"{order}I", data, body)
    n_elements = _ELEMENTS.get(flags & 0xFF, -1)
    # Cells and structures hold other matrices.
    if n_elements < 0:
        _check(data, start, end, order, _NUMBERS | {_MATRIX})
    else:
        _check(data, start, end, order, _NUMBERS, n_elements + bool(flags & _COMPLEX))


def _tag(data: mmap.mmap, start: int, end: int, order: str) -> tuple[int, int, int]:
    """Return type, start and size of an element's body."""
    if start + 8 > end:
        raise ValueError(f"the file ends within the tag of an element at byte {start}")
    kind, size = struct.unpack_from(f"{order}II", data, start)
    # Up to four bytes stand within the tag, whose first half holds type and size.
    if kind >> 16:
        return kind & 0xFFFF, start + 4, kind >> 16
    return kind, start + 8, size
