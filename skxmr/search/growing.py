"""Growing: an array to which rows are appended while others read what is there already."""

from __future__ import annotations

import numpy as np

from skxmr._data.kinds import AnyArray


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
