"""Room in memory, which is asked for beforehand where its lack would mean waiting for ever, and on disks."""

from __future__ import annotations

import mmap
import sqlite3


def need_room(n_bytes: int, what: str, way_out: str) -> None:
    """Raise a MemoryError where the system would not give so much memory now, as under ``ulimit -v``."""
    try:
        mmap.mmap(-1, n_bytes).close()
    except OSError as error:
        raise MemoryError(
            f"{what} needs {n_bytes >> 20} MB, which the system does not give ({error}); {way_out}, or raise the limit "
            "of memory (ulimit -v)."
        ) from error


def way_out(error: sqlite3.OperationalError) -> str:
    """Say what helps after a failed write to a cache; only a full disk is called full.

    Of a disk quota SQLite says no more than that there was an error of input and output.
    """
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        return "The disk is full: free some space, or pass another folder as cache."
    return "If that does not pass by itself, pass another folder as cache."
