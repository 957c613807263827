"""The LanceDB backend: vectors and metadata in a table on disk, with its own filters."""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from skxmr._data.kinds import AnyArray, FloatArray, IndexArray
from skxmr.search.backend import Allowed
from skxmr.search.candidates import Candidates, scored_again
from skxmr.search.columns import Value, checked_values
from skxmr.search.conditions import Condition
from skxmr.search.engines import NamedColumns, Seen, fetched, needed
from skxmr.search.tree_digests import check_tree, tree_digests

FOLDER = "lancedb"
TABLE = "items"
# The types of columns in SQL. All numbers are of one type, so that integers and floats may follow one another; what
# the table finds is compared with the conditions once more.
_SQL_TYPES = {"bool": "boolean", "int": "double", "float": "double", "str": "string"}
# Half of a pair of characters, which is no text in Unicode, and all that follows.
_HALF = re.compile("[\ud800-\udfff].*", re.DOTALL)
# Rows that are read together.
_ROWS = 16_384


class LanceBackend:
    """A table of LanceDB with the columns ``row``, ``vector`` and one per column of metadata, called c0, c1, ...

    It lies in a folder of its own, which goes away with the backend; saving copies the rows into the saved folder.
    """

    def __init__(self, width: int, place: Path, columns: NamedColumns, n_rows: int) -> None:
        self.width = width
        self.columns = columns
        self._n_rows = n_rows
        self._place = place
        self._arrow = needed("pyarrow", "lancedb", "backend='lancedb'")
        self._lock = threading.Lock()
        vector = self._arrow.list_(self._arrow.float32(), width)
        schema = self._arrow.schema([("row", self._arrow.int64()), ("vector", vector)])
        weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
        with _on_disk(place):
            self._table = _table(place, schema)

    @classmethod
    def empty(cls, width: int) -> LanceBackend:
        """Return a backend without vectors."""
        needed("lancedb", "lancedb", "backend='lancedb'")
        return cls(width, Path(tempfile.mkdtemp(prefix="skxmr-")), NamedColumns({}), 0)

    def add(self, vectors: FloatArray, metadata: Mapping[str, Sequence[Any]]) -> LanceBackend:
        """Append rows to the table, which gets the columns that it lacks."""
        with self._lock, _on_disk(self._place):
            for name, values in metadata.items():
                kind = checked_values(values, name).kind
                if kind is not None and name not in self.columns.places:
                    self._table.add_columns({self.columns.next(): f"cast(NULL as {_SQL_TYPES[kind]})"})
                    self.columns.added(name)
            known = {
                self.columns.places[name]: values for name, values in metadata.items() if name in self.columns.places
            }
            self._table.add(self._batch(self._n_rows, vectors, known))
            self._n_rows += len(vectors)
        return self

    def remove(self, rows: IndexArray) -> LanceBackend:
        """Delete rows of the table; without room for that they stay, and are left out of what is found."""
        with self._lock, suppress(OSError), _on_disk(self._place):
            self._table.delete(f"row IN ({_listed(rows)})")
        return self

    def search(self, queries: FloatArray, k: int, allowed: Allowed) -> Candidates:
        """Ask the table for the nearest rows that fit, and score them again."""
        seen = Seen()
        with self._lock:
            where = _sql(allowed, self.columns)

            def fetch(some: FloatArray, number: int) -> tuple[FloatArray, IndexArray]:
                scores = np.full((len(some), number), -np.inf, np.float32)
                rows = np.full((len(some), number), -1)
                for i, query in enumerate(some):
                    asked = self._table.search(query).distance_type("dot").limit(number)
                    asked = asked.select(["row", "vector", "_distance"])
                    found = (asked.where(where, prefilter=True) if where else asked).to_arrow()
                    n = found.num_rows
                    rows[i, :n] = found["row"].to_numpy()
                    scores[i, :n] = 1 - found["_distance"].to_numpy()
                    seen.add(rows[i, :n], self._vectors(found))
                return scores, rows

            found = fetched(fetch, queries, k, allowed, self._n_rows)
        return scored_again(found, queries, seen.take)

    def take(self, rows: IndexArray) -> AnyArray:
        """Return the vectors of some rows, which are read from the table."""
        out = np.zeros((len(rows), self.width), np.float32)
        with self._lock:
            for start in range(0, len(rows), _ROWS):
                some = rows[start : start + _ROWS]
                found = self._table.search().where(f"row IN ({_listed(some)})").limit(len(some))
                table = found.select(["row", "vector"]).to_arrow()
                places = {row: i for i, row in enumerate(some.tolist(), start)}
                out[[places[row] for row in table["row"].to_pylist()]] = self._vectors(table)
        return out

    def save(self, folder: Path, rows: IndexArray) -> dict[str, Any]:
        """Write some rows, numbered anew, into a table in the folder."""
        with self._lock, _on_disk(folder):
            schema = self._table.schema
            target = _table(folder / FOLDER, schema)
            for start in range(0, len(rows), _ROWS):
                some = rows[start : start + _ROWS]
                found = self._table.search().where(f"row IN ({_listed(some)})").limit(len(some)).to_arrow()
                found = found.take(np.argsort(found["row"].to_numpy())).select(schema.names)
                target.add(found.set_column(0, "row", self._arrow.array(np.arange(start, start + len(some)))))
        about = {"width": self.width, "columns": self.columns.places, "n": len(rows)}
        return about | {"digests": tree_digests(folder / FOLDER)}

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], options: Mapping[str, Any]) -> LanceBackend:
        """Open a copy of the saved table; its files never change, so that links to them are copies."""
        check_tree(folder / FOLDER, config["digests"])
        place = Path(tempfile.mkdtemp(prefix="skxmr-"))
        try:
            for file in sorted((folder / FOLDER).rglob("*")):
                target = place / file.relative_to(folder / FOLDER)
                if file.is_dir():
                    target.mkdir()
                else:
                    _linked(file, target)
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return cls(int(config["width"]), place, NamedColumns(dict(config["columns"])), int(config["n"]))

    def _batch(self, first: int, vectors: FloatArray, metadata: Mapping[str, Sequence[Any]]) -> Any:
        """Return rows as the table takes them."""
        arrow = self._arrow
        flat = arrow.array(np.ascontiguousarray(vectors, np.float32).ravel())
        columns = {
            "row": arrow.array(np.arange(first, first + len(vectors))),
            "vector": arrow.FixedSizeListArray.from_arrays(flat, self.width),
        }
        for field in self._table.schema:
            if field.name not in columns:
                values = map(_as_held, metadata.get(field.name, [None] * len(vectors)))
                columns[field.name] = arrow.array(list(values), field.type)
        return arrow.table(columns)

    def _vectors(self, found: Any) -> FloatArray:
        """Return the vectors of an answer."""
        return np.asarray(found["vector"].combine_chunks().flatten().to_numpy()).reshape(-1, self.width)


@contextmanager
def _on_disk(place: Path) -> Iterator[None]:
    """Raise what the engine says of a disk as the error of the system that it is, which names the folder."""
    try:
        yield
    except RuntimeError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(place)) from error


def _table(place: Path, schema: Any) -> Any:
    """Open the table in a folder, or make it."""
    database = needed("lancedb", "lancedb", "backend='lancedb'").connect(str(place))
    if (place / f"{TABLE}.lance").exists():
        return database.open_table(TABLE)
    return database.create_table(TABLE, schema=schema)


def _linked(source: Path, target: Path) -> None:
    """Link a file, or copy it where links are not possible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _listed(rows: IndexArray) -> str:
    # An empty list is no SQL, and no row has this number.
    return ", ".join(map(str, rows.tolist())) or "-1"


def _sql(allowed: Allowed, columns: NamedColumns) -> str:
    """Return the conditions of a search in SQL."""
    found = [_of_column(condition, columns.places[condition.column]) for condition in allowed.conditions]
    if allowed.among is not None:
        found.append(f"row IN ({_listed(allowed.among)})")
    return " AND ".join(found)


def _of_column(condition: Condition, column: str) -> str:
    if condition.is_range:
        low, high = condition.values
        bounds = [f"{column} >= {_literal(low)}"] * (low is not None)
        bounds += [f"{column} <= {_literal(high)}"] * (high is not None)
        return " AND ".join([f"{column} IS NOT NULL", *bounds])
    values = [_literal(value) for value in condition.values if value is not None]
    found = [f"{column} IN ({', '.join(values)})"] * bool(values) + [f"{column} IS NULL"] * (None in condition.values)
    return f"({' OR '.join(found) or 'false'})"


def _literal(value: Value) -> str:
    held = _as_held(value)
    if isinstance(held, str):
        return "'" + held.replace("'", "''") + "'"
    if isinstance(held, bool):
        return "true" if held else "false"
    number = float(held or 0)
    return repr(number) if math.isfinite(number) else f"CAST('{number}' AS DOUBLE)"


def _as_held(value: Value) -> Value:
    """Return a value as the table takes it. What comes first stays first or becomes equal, so that no row is missed."""
    if isinstance(value, str):
        # Half a character, with all behind it, becomes the character that follows all halves.
        return _HALF.sub("\ue000", value)
    # Arrow refuses integers that no float is equal to.
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
