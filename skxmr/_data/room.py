"""Room in memory, which is asked for beforehand where its lack would mean waiting for ever."""

from __future__ import annotations

import mmap
import os


def need_room(n_bytes: int, what: str, way_out: str) -> None:
    """Raise a MemoryError where the system would not give so much memory now, as under ``ulimit -v`` or ``-d``."""
    if os.name != "posix":
        # Other systems have no such limits.
        return
    try:
        # Memory of this process alone, because ``ulimit -d`` does not count what is shared.
        mmap.mmap(-1, n_bytes, access=mmap.ACCESS_COPY).close()
    except OSError as error:
        raise MemoryError(
            f"{what} needs {n_bytes >> 20} MB, which the system does not give ({error}); {way_out}, or raise the limit "
            "of memory (ulimit -v, ulimit -d)."
        ) from error
