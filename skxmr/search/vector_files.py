"""Vectors in files: written block by block with a checksum each, and mapped when they are opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from skxmr._data.kinds import AnyArray, IndexArray
from skxmr.datasets._files import array_header
from skxmr.search.growing import Chunks
from skxmr.search.vectors import CHECKED_ROWS, MappedRows, Vectors, checksum

NAME = "vectors.npy"


class HasRows(Protocol):
    """What gives vectors by row number."""

    @property
    def width(self) -> int:
        """The number of columns."""

    def take(self, rows: IndexArray) -> AnyArray:
        """Return some rows."""


def save_vectors(folder: Path, rows: IndexArray, source: HasRows) -> dict[str, Any]:
    """Write some rows as an array that numpy opens; return its shape and the checksums of its blocks."""
    dtype = source.take(rows[:0]).dtype
    checksums = []
    with (folder / NAME).open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, header | {"shape": (len(rows), source.width)})
        for start in range(0, len(rows), CHECKED_ROWS):
            block = np.ascontiguousarray(source.take(rows[start : start + CHECKED_ROWS]))
            checksums.append(checksum(block))
            file.write(block.data)
    return {"shape": [len(rows), source.width], "dtype": dtype.str, "checksums": checksums}


def load_vectors(folder: Path, config: Mapping[str, Any]) -> Vectors:
    """Map the rows of a folder; what they hold is checked when they are read."""
    file = folder / NAME
    try:
        n, width = map(int, config["shape"])
        dtype = np.dtype(config["dtype"])
        checksums = list(config["checksums"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"what config.json says of {file} is damaged ({error!r}); take another copy.") from error
    try:
        with file.open("rb") as opened:
            shape, found = array_header(opened)
            size = opened.tell() + n * width * dtype.itemsize
        sound = (
            shape == (n, width)
            and found == dtype
            and file.stat().st_size == size
            and len(checksums) == -(-n // CHECKED_ROWS)
        )
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is missing or damaged ({error}); take the index from a copy.") from error
    if not sound:
        raise ValueError(
            f"{file} holds {found} of shape {shape} in {file.stat().st_size} bytes, but {dtype} of shape {(n, width)} "
            f"in {size} bytes were saved; it was cut off or exchanged. Take the index from a copy."
        )
    added = Chunks.empty(width, dtype)
    if n == 0:
        return Vectors(None, added)
    return Vectors(MappedRows(file, np.lib.format.open_memmap(file, mode="r"), checksums), added)
