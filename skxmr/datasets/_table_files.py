"""Files of tables: CSV, JSON Lines and Parquet are read here as columns of Python objects, nothing converted."""

from __future__ import annotations

import difflib
import json
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from skxmr._data.kinds import AnyArray
from skxmr.datasets._files import need_file
from skxmr.datasets._formats import format_of, named

if TYPE_CHECKING:
    import pandas as pd

_WAY_OUT = "pass the path of a table as .csv, .tsv, .jsonl or .parquet"
_LINES = "each line must be one, such as {...}"
# This many columns are named in errors.
_SHOWN = 12
# What pandas calls an index without a name in a Parquet file.
_INDEX = re.compile(r"__index_level_\d+__")


class Wanted(NamedTuple):
    """The columns that are read: those that parameters name, and further ones, for which None stands for all others."""

    named: dict[str, str]
    further: list[str] | None

    def chosen(self, file: Path, there: Sequence[str]) -> list[str]:
        """Return the names of the columns; refuse a table that lacks one of them, or has it twice."""
        for parameter, column in self.named.items():
            way_out = f" A table without such a column is read by {parameter}=None."
            _need_column(file, column, there, parameter, way_out)
        others = (
            [name for name in there if name and not _INDEX.fullmatch(name)] if self.further is None else self.further
        )
        for column in others:
            _need_column(file, column, there, "metadata", "")
        return list(dict.fromkeys([*self.named.values(), *others]))


def read_columns(file: Path, wanted: Wanted) -> dict[str, AnyArray]:
    """Return the wanted columns (n,) of a table by their names; a missing value is None."""
    need_file(file, _WAY_OUT)
    suffix = file.suffix.lower()
    if suffix not in _READERS:
        raise ValueError(f"{file} has the suffix {suffix!r}, but a table is read by its suffix; {_WAY_OUT}.")
    found = format_of(file)
    text_expected = suffix != ".parquet"
    if found not in ((None, "json") if text_expected else ("parquet",)):
        _refuse(file, f"it is {named(file)}")
    return _READERS[suffix](file, wanted)


def is_text(file: Path) -> bool:
    """Tell whether the values of a table are strings, whatever they stand for."""
    return file.suffix.lower() in (".csv", ".tsv")


def _refuse(file: Path, reason: str, error: Exception | None = None) -> NoReturn:
    raise ValueError(f"{file} cannot be read as a table ({file.suffix.lower()}): {reason}.") from error


def _need_column(file: Path, column: str, there: Sequence[str], parameter: str, way_out: str) -> None:
    """Refuse a table that lacks a column, or has it twice."""
    count = there.count(column)
    if count > 1:
        _refuse(file, f"{count} columns are called {column!r}; give them different names")
    if count == 1:
        return
    near = difflib.get_close_matches(column, there, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    if len(there) == 1 and any(sign in there[0] for sign in ";\t|"):
        hint = " Are the fields separated by another sign? The suffix .csv stands for commas, .tsv for tabs."
    shown = ", ".join(map(repr, there[:_SHOWN])) + ", ..." * (len(there) > _SHOWN)
    raise ValueError(f"{file} has no column {column!r} for {parameter}=; it has {shown or 'none'}.{hint}{way_out}")


def _separated(file: Path, wanted: Wanted) -> dict[str, AnyArray]:
    """Read fields separated by commas or tabs, as strings; words such as "NA" and "null" stay words."""
    import pandas as pd

    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    options = {"sep": separator, "dtype": str, "keep_default_na": False, "encoding": "utf-8-sig", "index_col": False}
    try:
        header = pd.read_csv(file, header=None, nrows=1, **options)
        chosen = wanted.chosen(file, [str(name).strip() for name in header.iloc[0]])
        with warnings.catch_warnings():
            # Without that, fields beyond the header would be cut off.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(file, **options)
    except pd.errors.EmptyDataError as error:
        _refuse(file, "it is empty", error)
    except UnicodeDecodeError as error:
        _refuse(file, f"it is not in UTF-8 ({error}); save it in that encoding", error)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        _refuse(
            file,
            f"{str(error).strip()}; a field with a comma, a line break or a quote must stand in double quotes",
            error,
        )
    frame.columns = frame.columns.str.strip()
    return _columns(frame, chosen)


def _json_lines(file: Path, wanted: Wanted) -> dict[str, AnyArray]:
    """Read one JSON object per line; an object may lack a key."""
    rows: list[dict[str, object]] = []
    names: dict[str, None] = {}
    # Of other columns nothing is kept, because they may be large.
    kept = None if wanted.further is None else {*wanted.named.values(), *wanted.further}
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                row = _json_object(file, line, number)
                names |= dict.fromkeys(row)
                rows.append({name: value for name, value in row.items() if kept is None or name in kept})
    except UnicodeDecodeError as error:
        _refuse(file, f"it is not in UTF-8 ({error}); save it in that encoding", error)
    if not rows:
        _refuse(file, "it is empty")
    return {column: objects([row.get(column) for row in rows]) for column in wanted.chosen(file, list(names))}


def _json_object(file: Path, line: str, number: int) -> dict[str, object]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        # Numbers of thousands of digits are another error than those of JSON.
        _refuse(file, f"line {number} is no JSON object ({error}); {_LINES}", error)
    if not isinstance(row, dict):
        _refuse(file, f"line {number} is no JSON object but {line.strip()[:40]!r}; {_LINES}")
    return row


def _parquet(file: Path, wanted: Wanted) -> dict[str, AnyArray]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ImportError(f"reading {file.name} needs pyarrow ({error}): pip install 'skxmr[arrow]'.") from error
    # Names and values that are no text, or no JSON, are other errors than those of Arrow.
    damaged = (pyarrow.ArrowException, OSError, ValueError)
    try:
        names = parquet.read_schema(file).names
    except damaged as error:
        _refuse(file, f"it is cut off or damaged ({error})", error)
    chosen = wanted.chosen(file, names)
    try:
        table = parquet.read_table(file, columns=chosen, memory_map=True)
        # Integers stay integers where one is missing, and an index of pandas is a column.
        return _columns(table.to_pandas(integer_object_nulls=True, ignore_metadata=True), chosen)
    except damaged as error:
        _refuse(file, f"it is cut off or damaged ({error})", error)


def _columns(frame: pd.DataFrame, chosen: Sequence[str]) -> dict[str, AnyArray]:
    return {column: objects(frame[column].tolist()) for column in chosen}


def objects(values: Sequence[object]) -> AnyArray:
    """Return values as an array of objects (n,); NaN and pandas' NA become None."""
    out = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        out[i] = None if _is_missing(value) else value
    return out


def _is_missing(value: object) -> bool:
    if isinstance(value, (str, list, int, np.ndarray)):
        return False
    import pandas as pd

    return pd.isna(value) is True


_READERS: dict[str, Callable[[Path, Wanted], dict[str, AnyArray]]] = {
    ".csv": _separated,
    ".tsv": _separated,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_lines,
    ".parquet": _parquet,
}
