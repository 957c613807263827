"""Vectors: the rows that a backend keeps, some in a mapped file and the later ones in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from skxmr._data.kinds import AnyArray, IndexArray
from skxmr.search.growing import Chunks

# Rows whose checksum is one, and which are read together.
CHECKED_ROWS = 16_384


class MappedRows:
    """Rows of a file that are read when they are needed. The checksum of a block is compared at its first reading."""

    def __init__(self, file: Path, rows: AnyArray, checksums: Sequence[str]) -> None:
        self.file = file
        self.rows = rows
        self._checksums = checksums
        self._is_checked = np.zeros(len(checksums), bool)

    def checked(self, first: int, last: int) -> AnyArray:
        """Return all rows once those from `first` to `last` are known to be sound."""
        for block in range(first // CHECKED_ROWS, last // CHECKED_ROWS + 1):
            if not self._is_checked[block]:
                start = block * CHECKED_ROWS
                if checksum(self.rows[start : start + CHECKED_ROWS]) != self._checksums[block]:
                    raise ValueError(
                        f"{self.file} is damaged: its rows from {start} on are not those that were saved. Take the "
                        "index from a copy, or build it again."
                    )
                self._is_checked[block] = True
        return self.rows


def checksum(rows: AnyArray) -> str:
    """Return the SHA-256 of the bytes of rows."""
    return hashlib.sha256(np.ascontiguousarray(rows).data).hexdigest()


@dataclass(frozen=True)
class Vectors:
    """Rows (n, d): those of a file come first, those that were added later stand in memory."""

    mapped: MappedRows | None
    added: Chunks

    @classmethod
    def empty(cls, width: int, dtype: DTypeLike = np.float32) -> Vectors:
        """Return no rows of some width."""
        return cls(None, Chunks.empty(width, dtype))

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.n_mapped + len(self.added)

    @property
    def n_mapped(self) -> int:
        """How many rows lie in a file."""
        return 0 if self.mapped is None else len(self.mapped.rows)

    @property
    def width(self) -> int:
        """The number of columns."""
        return self.added.width

    def extended(self, rows: AnyArray) -> Vectors:
        """Return these rows and more."""
        return replace(self, added=self.added.extended(rows))

    def first(self, n: int) -> Vectors:
        """Return the first n rows, among which are all of the file."""
        return self if n >= len(self) else replace(self, added=self.added.first(n - self.n_mapped))

    def blocks(self, size: int) -> Iterator[tuple[slice, AnyArray]]:
        """Yield all rows in blocks: which ones, and the rows."""
        for start in range(0, self.n_mapped, size):
            stop = min(start + size, self.n_mapped)
            yield slice(start, stop), self._mapped(start, stop - 1)[start:stop]
        done = self.n_mapped
        for rows in self.added.blocks(size):
            yield slice(done, done + len(rows)), rows
            done += len(rows)

    def take(self, rows: IndexArray, out: AnyArray | None = None) -> AnyArray:
        """Return a copy of some rows, written into `out` if it is given."""
        n = self.n_mapped
        if out is None:
            out = np.empty((len(rows), self.width), self.added.dtype)
        if n == 0:
            return self.added.take(rows, out)
        in_file = rows < n
        picked = rows[in_file]
        if len(picked):
            for block in np.unique(picked // CHECKED_ROWS):
                self._mapped(block * CHECKED_ROWS, block * CHECKED_ROWS)
            if in_file.all():
                return np.take(self._rows_of_file(), rows, axis=0, out=out, mode="clip")
            out[in_file] = self._rows_of_file()[picked]
        out[~in_file] = self.added.take(rows[~in_file] - n, np.empty((len(rows) - len(picked), self.width), out.dtype))
        return out

    def _mapped(self, first: int, last: int) -> AnyArray:
        return self._file().checked(first, last)

    def _rows_of_file(self) -> AnyArray:
        return self._file().rows

    def _file(self) -> MappedRows:
        if self.mapped is None:
            raise RuntimeError("these vectors have no file.")
        return self.mapped
