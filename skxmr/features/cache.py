"""FeatureCache: vectors by the content of what they were computed from, in a file of SQLite per network."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Self

import numpy as np
from numpy.typing import NDArray

from skxmr._data.failed_writes import way_out
from skxmr._data.kinds import FilePath
from skxmr._data.paths import expanded
from skxmr._data.sealed import sealed, unsealed
from skxmr._data.warn import warn
from skxmr.features.identity import UnknownContentError, identity

# What changes where equal images or networks get other vectors from one version of this package to another.
_RULES = "skxmr features 2"
# Keys that are asked for together; SQLite takes 999 at least.
_KEYS = 500
# What SQLite raises for a file that is none of its own; its messages may hold bytes of the file that are no text.
_DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError)
# Seconds to wait for other processes that write.
_PATIENCE = 60.0

Vectors = NDArray[np.float32]


def open_cache(
    folder: FilePath | None, cache_key: str | None, content: Callable[[], tuple[object, ...]], *also: object
) -> FeatureCache | None:
    """Return the cache of a network, which is known by a name or else by its content; None without a folder."""
    if folder is None:
        return None
    try:
        network = identity(_RULES, *also, cache_key) if cache_key is not None else identity(_RULES, *also, content())
    except UnknownContentError as error:
        raise ValueError(
            f"cache is set, but the network or its preparation holds {error}, of which the content cannot be told; "
            "pass cache_key='a name of your choice', and choose another one when either changes."
        ) from error
    return FeatureCache(folder, network)


class FeatureCache:
    """The vectors of one network. Every batch is one transaction: it is kept as a whole or not at all.

    SQLite locks the file for a moment while it writes, so that several threads and processes can share it.
    """

    def __init__(self, folder: FilePath, network: str) -> None:
        self.file = expanded(folder) / f"{network[:32]}.sqlite"
        self._writable = True
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.file, timeout=_PATIENCE, check_same_thread=False)
        except (OSError, sqlite3.OperationalError) as error:
            raise OSError(f"cache={str(folder)!r} is no folder to write in ({error}); pass another one.") from error

    def __enter__(self) -> Self:
        try:
            with self._connection:
                self._connection.execute("CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, vector BLOB)")
        except sqlite3.OperationalError as error:
            self._cannot_write(error)
        except _DAMAGED as error:
            self._connection.close()
            raise self._damaged(error) from error
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def read(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Vectors]]:
        """Yield those keys that have a vector (d,), each with its vector."""
        for start in range(0, len(keys), _KEYS):
            asked = keys[start : start + _KEYS]
            marks = ",".join("?" * len(asked))
            try:
                with closing(self._connection.cursor()) as cursor:
                    found = cursor.execute(f"SELECT key, vector FROM features WHERE key IN ({marks})", asked).fetchall()
            except sqlite3.OperationalError as error:
                if not self._writable:
                    # Not even an empty table could be written.
                    return
                raise OSError(f"cache: {self.file} cannot be read ({error}); pass another folder.") from error
            except _DAMAGED as error:
                raise self._damaged(error) from error
            wanted = set(asked)
            for key, kept in found:
                vector = unsealed(key, kept) if key in wanted else None
                if vector is None:
                    raise self._damaged(f"it holds {str(kept)[:20]!r}, which is no vector or another one than was kept")
                wanted.remove(key)
                yield key, np.frombuffer(vector, "<f4")

    def write(self, keys: Iterable[bytes], vectors: Vectors) -> None:
        """Keep vectors (n, d) by their keys. Where they cannot be written, warn once and go on without keeping any."""
        if not self._writable:
            return
        given = zip(keys, vectors.astype("<f4", copy=False), strict=True)
        rows = ((key, sealed(key, vector.tobytes())) for key, vector in given)
        try:
            with self._connection:
                self._connection.executemany("INSERT OR IGNORE INTO features VALUES (?, ?)", rows)
        except sqlite3.OperationalError as error:
            self._cannot_write(error)
        except _DAMAGED as error:
            raise self._damaged(error) from error

    def _cannot_write(self, error: sqlite3.OperationalError) -> None:
        self._writable = False
        warn(
            f"the features computed from here on are not kept, because {self.file} cannot be written ({error}); those "
            f"kept before are safe. {way_out(error)}"
        )

    def _damaged(self, error: Exception | str) -> ValueError:
        return ValueError(
            f"cache: {self.file} is damaged, or not a file of skxmr ({error}); delete it, and its features are "
            "computed again."
        )
