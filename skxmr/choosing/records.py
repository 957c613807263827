"""Records: finished evaluations in a file of SQLite, so that a second search goes on where the first one stopped."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing

import joblib
import numpy as np

import skxmr
from skxmr._data.content import content_key
from skxmr._data.failed_writes import way_out
from skxmr._data.kinds import FilePath, IndexArray
from skxmr._data.labels import encode_labels
from skxmr._data.paths import expanded
from skxmr._data.sealed import sealed, unsealed
from skxmr._data.warn import warn
from skxmr.choosing.evaluation import Candidate, Evaluation, Rows

# What changes where equal candidates on equal rows are evaluated otherwise than by the version before.
_RULES = "skxmr choosing 2"
_FILE = "candidates.sqlite"
_CREATE = "CREATE TABLE IF NOT EXISTS evaluations (key TEXT PRIMARY KEY, numbers TEXT, scores BLOB)"
# Seconds to wait for other processes that write.
_PATIENCE = 60.0
# What SQLite says where a folder can be used, but nothing can be written at the moment: the disk is full, a quota is
# used up, or the device has an error.
_PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class Records:
    """Evaluations by what was fitted on which rows. Every one is kept as a whole or not at all.

    Without a folder nothing is kept, and nothing is found. Where nothing can be written, a warning says why, once, and
    the search goes on.
    """

    def __init__(self, folder: FilePath | None, rows: Rows) -> None:
        self._file = None if folder is None else expanded(folder) / _FILE
        # Where deep methods keep the state of fits that are not finished.
        self.checkpoints = None if folder is None else expanded(folder) / "checkpoints"
        self._is_failing = False
        if self._file is None:
            return
        labels = None if rows.labels is None else encode_labels(rows.labels)
        self._data = content_key(rows.pairs, labels, rows.validation, _RULES, skxmr.__version__)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._execute(_CREATE)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _PASSING:
                raise _no_folder(folder, error) from error
            self._warn(error)
        except OSError as error:
            raise _no_folder(folder, error) from error

    @property
    def is_kept(self) -> bool:
        """Whether there is a folder in which evaluations are kept."""
        return self._file is not None

    def read(self, candidate: Candidate, fitted: IndexArray) -> Evaluation | None:
        """Return the evaluation of a candidate fitted on these rows, or None if it is not known."""
        if self._file is None:
            return None
        key = self._key(candidate, fitted)
        try:
            found = self._execute("SELECT numbers, scores FROM evaluations WHERE key = ?", key)
        except sqlite3.OperationalError as error:
            if self._is_failing:
                # Not even an empty table could be written.
                return None
            raise OSError(f"cache: {self._file} cannot be read ({error}); pass another folder.") from error
        if not found:
            return None
        numbers, kept = found[0]
        scores = unsealed(f"{key} {numbers}".encode(), kept)
        if scores is None:
            raise self._damaged("an evaluation in it is another one than was kept")
        i2t_map, t2i_map, fit_s, score_s = json.loads(numbers)
        return Evaluation(i2t_map, t2i_map, fit_s, score_s, np.load(io.BytesIO(scores), allow_pickle=False))

    def write(self, candidate: Candidate, fitted: IndexArray, done: Evaluation) -> None:
        """Keep an evaluation; one that failed is not kept, so that the next search tries it again."""
        if self._file is None or done.error:
            return
        scores = io.BytesIO()
        np.save(scores, done.scores, allow_pickle=False)
        numbers = json.dumps([float(number) for number in done[:4]])
        key = self._key(candidate, fitted)
        kept = sealed(f"{key} {numbers}".encode(), scores.getvalue())
        try:
            self._execute(_CREATE)
            self._execute("INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?)", key, numbers, kept)
        except sqlite3.OperationalError as error:
            self._warn(error)

    def _key(self, candidate: Candidate, fitted: IndexArray) -> str:
        return str(joblib.hash((self._data, candidate.method, candidate.estimator, fitted)))

    def _warn(self, error: sqlite3.OperationalError) -> None:
        if not self._is_failing:
            warn(
                f"finished candidates are not kept at the moment, because {self._file} cannot be written ({error}); "
                f"those kept before are safe. {way_out(error)}"
            )
        self._is_failing = True

    def _execute(self, statement: str, *values: str | bytes) -> list[tuple[str, bytes]]:
        """Run a statement as one transaction."""
        try:
            with closing(sqlite3.connect(str(self._file), timeout=_PATIENCE)) as connection, connection:
                return connection.execute(statement, values).fetchall()
        except sqlite3.OperationalError:
            raise
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception | str) -> ValueError:
        return ValueError(
            f"cache: {self._file} is damaged, or not a file of skxmr ({error}); delete it, and its candidates are "
            "fitted again."
        )


def _no_folder(folder: FilePath | None, error: Exception) -> OSError:
    return OSError(f"cache={str(folder)!r} is no folder to write in ({error}); pass another one.")
