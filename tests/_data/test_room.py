"""A failed write names a full disk only where it is full, and memory that the system does not give is named."""

import sqlite3
from contextlib import closing

import pytest

from skxmr._data.failed_writes import way_out
from skxmr._data.room import need_room


def failed(connection, statement):
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute(statement)
    return caught.value


def test_only_a_full_disk_is_called_full(tmp_path):
    with closing(sqlite3.connect(tmp_path / "file")) as connection:
        connection.execute("CREATE TABLE some (value BLOB)")
        connection.execute("PRAGMA max_page_count = 2")
        assert way_out(failed(connection, "INSERT INTO some VALUES (zeroblob(100000))")).startswith("The disk is full")
        connection.execute("PRAGMA query_only = 1")
        assert "full" not in way_out(failed(connection, "INSERT INTO some VALUES (1)"))
    assert "full" not in way_out(sqlite3.OperationalError("said by nobody"))


def test_too_little_memory_is_named():
    need_room(2**20, "a search", "pass n_jobs=1")
    with pytest.raises(MemoryError, match=r"a search needs 4398046511104 MB, .*; pass n_jobs=1, or raise the limit"):
        need_room(2**62, "a search", "pass n_jobs=1")
