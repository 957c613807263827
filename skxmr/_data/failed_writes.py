"""What helps after a failed write to a file of SQLite."""

from __future__ import annotations

import sqlite3


def way_out(error: sqlite3.OperationalError) -> str:
    """Say what helps after a failed write to a cache; only a full disk is called full.

    Of a disk quota SQLite says no more than that there was an error of input and output.
    """
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        return "The disk is full: free some space, or pass another folder as cache."
    return "If that does not pass by itself, pass another folder as cache."
