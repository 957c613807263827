"""Arrays to which rows are appended while others read what is there already: one, or as many as there are rows for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from skxmr._data.kinds import AnyArray, IndexArray


class Growing:
    """An array that grows by rows. Appending gives a new object and leaves the rows of this one as they are.

    Both share one buffer, whose room doubles when it is full, so that appending a row costs no copy of all others.
    """

    def __init__(self, rows: AnyArray, buffer: AnyArray | None = None) -> None:
        self.rows = rows
        self._buffer = rows if buffer is None else buffer
        self._is_last = True

    def __len__(self) -> int:
        return len(self.rows)

    def extended(self, more: AnyArray) -> Growing:
        """Return these rows and more."""
        n = len(self.rows)
        end = n + len(more)
        buffer = self._buffer
        # Of two objects that are made from the same one, only the first may write behind its rows.
        if end > len(buffer) or not self._is_last or more.dtype != buffer.dtype:
            dtype = np.result_type(buffer, more)
            buffer = np.empty((max(2 * n, end), *self.rows.shape[1:]), dtype)
            buffer[:n] = self.rows
        else:
            self._is_last = False
        buffer[n:end] = more
        return Growing(buffer[:end], buffer)


class Chunks:
    """Rows (n, d) in arrays of one length, the last of which grows, so that no growth copies more than one of them."""

    # Rows of an array: 256 MB of float32 at 256 dimensions.
    SIZE = 2**18

    def __init__(self, parts: tuple[Growing, ...]) -> None:
        self._parts = parts

    @classmethod
    def empty(cls, width: int, dtype: DTypeLike) -> Chunks:
        """Return no rows of some width."""
        return cls((Growing(np.zeros((0, width), dtype)),))

    def __len__(self) -> int:
        return (len(self._parts) - 1) * self.SIZE + len(self._parts[-1])

    @property
    def width(self) -> int:
        """The number of columns."""
        return int(self._parts[0].rows.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self._parts[0].rows.dtype

    def extended(self, more: AnyArray) -> Chunks:
        """Return these rows and more, which become of their type."""
        parts = list(self._parts)
        start = 0
        while start < len(more):
            if len(parts[-1]) == self.SIZE:
                parts.append(Growing(np.zeros((0, self.width), self.dtype)))
            stop = start + self.SIZE - len(parts[-1])
            parts[-1] = parts[-1].extended(more[start:stop].astype(self.dtype, copy=False))
            start = stop
        return Chunks(tuple(parts))

    def first(self, n: int) -> Chunks:
        """Return the first n rows."""
        full, rest = divmod(n, self.SIZE)
        if full >= len(self._parts):
            return self
        return Chunks((*self._parts[:full], Growing(self._parts[full].rows[:rest])))

    def blocks(self, size: int) -> Iterator[AnyArray]:
        """Yield all rows in their order, at most so many together."""
        for part in self._parts:
            for start in range(0, len(part), size):
                yield part.rows[start : start + size]

    def take(self, rows: IndexArray, out: AnyArray) -> AnyArray:
        """Copy some rows into an array of the same type and return it."""
        if len(self._parts) == 1:
            # Rows are within the array, and with the default mode numpy would write into a copy first.
            return np.take(self._parts[0].rows, rows, axis=0, out=out, mode="clip")
        chunk = rows // self.SIZE
        for number in np.unique(chunk):
            here = chunk == number
            out[here] = self._parts[number].rows[rows[here] - number * self.SIZE]
        return out
