"""Room in memory: asked for beforehand by what would otherwise wait for ever for memory that does not come."""

from __future__ import annotations

import mmap


def need_room(n_bytes: int, what: str, way_out: str) -> None:
    """Raise a MemoryError where the system would not give so much memory now, as under ``ulimit -v``."""
    try:
        mmap.mmap(-1, n_bytes).close()
    except OSError as error:
        raise MemoryError(
            f"{what} needs {n_bytes >> 20} MB, which the system does not give ({error}); {way_out}, or raise the limit "
            "of memory (ulimit -v)."
        ) from error
