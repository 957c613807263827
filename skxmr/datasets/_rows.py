"""Rows of a table are checked here; what is wrong with some of them is gathered and said at once, by their numbers."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skxmr._data.kinds import AnyArray, IndexArray
from skxmr._data.unicode import is_unicode
from skxmr._data.warn import warn
from skxmr.datasets._table_files import objects

# As many row numbers are named in a message.
_SHOWN = 5


def named_rows(rows: Sequence[int]) -> str:
    """Name rows by their numbers, the first ones only if there are many."""
    numbers = ", ".join(str(row) for row in rows[:_SHOWN])
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"row{'s' * (len(rows) > 1)} {numbers}{more}"


class Faults:
    """What is wrong with rows of a table, each kind with the rows that have it."""

    def __init__(self, table: str, n_rows: int) -> None:
        self.table = table
        self.sound = np.ones(n_rows, dtype=bool)
        self.said: list[str] = []
        self.only_files = True

    def add(self, what: str, rows: Sequence[int], *, of_files: bool = False) -> None:
        """Keep a fault of some rows; nothing happens if there are none."""
        if rows:
            self.sound[np.asarray(rows)] = False
            self.said.append(f"{what} ({named_rows(rows)})")
            self.only_files &= of_files

    def kept_rows(self, missing: str) -> IndexArray:
        """Return the rows without faults; refuse the others, or warn of them if they may be left out."""
        rows = np.flatnonzero(self.sound)
        if not self.said:
            return rows
        found = f"{self.table} has {'; '.join(self.said)}"
        if missing == "skip" and len(rows):
            n = len(self.sound) - len(rows)
            warn(f"{found}. The {'row is' if n == 1 else f'{n} rows are'} left out.")
            return rows
        way_out = 'correct them, or leave these rows out by missing="skip"' if len(rows) else "no row is left"
        kind = FileNotFoundError if self.only_files else ValueError
        raise kind(f"{found}; {way_out}. Rows are counted from 0, without a header.")


def strings_of(values: AnyArray, column: str, faults: Faults) -> AnyArray:
    """Return a column (n,) of strings without white space around them."""
    others = [i for i, value in enumerate(values) if value is not None and not isinstance(value, str)]
    if others:
        value = values[others[0]]
        raise ValueError(
            f"column {column!r} of {faults.table} holds {_shown(value)}, a {type(value).__name__}, in "
            f"{named_rows(others)}; strings are wanted, one per row."
        )
    out = np.array([(value or "").strip() for value in values], dtype=object)
    faults.add(f"nothing in column {column!r}", np.flatnonzero(out == "").tolist())
    faults.add(f"half a character in column {column!r}", [i for i, text in enumerate(out) if not is_unicode(text)])
    return out


def paths_of(names: AnyArray, root: Path, faults: Faults) -> AnyArray:
    """Return the paths (n,) of image files, after looking whether each is there."""
    distinct = dict.fromkeys(names.tolist())
    path_of = {name: os.path.normpath(os.path.join(root, os.path.expanduser(name))) for name in distinct}
    wrong = {name: _wrong(path) for name, path in path_of.items() if name and not os.path.isfile(path)}
    for what in dict.fromkeys(wrong.values()):
        rows = [i for i, name in enumerate(names) if wrong.get(name) == what]
        faults.add(f"image files that {what}, such as {path_of[names[rows[0]]]!r}", rows, of_files=True)
    return np.array([path_of[name] for name in names], dtype=object)


def _wrong(path: str) -> str:
    if os.path.isdir(path):
        return "are folders"
    if os.path.lexists(path) and not os.path.islink(path):
        return "are devices, pipes or sockets"
    return "are links to nothing" if os.path.islink(path) else "do not exist"


def tags_of(values: AnyArray, column: str, sep: str | None, faults: Faults) -> AnyArray:
    """Return the tags of each row as an array (n,) of lists; a row without tags has an empty list."""
    out = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        out[i] = _tags(value, sep, f"row {i} of column {column!r} of {faults.table}")
    # A tag at the end of the string is empty where strings end with the separator.
    empty = [i for i, tags in enumerate(out) if any(isinstance(tag, str) and not tag for tag in tags)]
    faults.add(f"an empty tag in column {column!r}", empty)
    half = [i for i, tags in enumerate(out) if not all(is_unicode(str(tag)) for tag in tags)]
    faults.add(f"half a character in column {column!r}", half)
    bare = [i for i, tags in enumerate(out) if not tags]
    if bare:
        warn(f"{faults.table} has no tags in column {column!r} ({named_rows(bare)}): these are rows without labels.")
    return out


def _tags(value: object, sep: str | None, where: str) -> list[object]:
    if value is None:
        return []
    if isinstance(value, str):
        parts = value.split(sep) if sep else [value]
        # Nothing follows the last separator where a writer puts one behind every tag.
        if not parts[-1].strip():
            parts = parts[:-1]
        return [part.strip() for part in parts]
    if isinstance(value, list | tuple | np.ndarray):
        tags = list(value)
        if all(isinstance(tag, str | int) and not isinstance(tag, bool) for tag in tags):
            return [tag.strip() if isinstance(tag, str) else tag for tag in tags]
    raise ValueError(f"{where} holds {_shown(value)}; tags are a string, or a list of strings or integers.")


def ids_of(values: AnyArray, column: str, faults: Faults) -> AnyArray:
    """Return ids (n,), all int or all str without white space around them; refuse those that stand in several rows."""
    values = objects([value.strip() if isinstance(value, str) else value for value in values])
    missing = [i for i, value in enumerate(values) if value is None or value == ""]
    if missing:
        raise ValueError(f"{faults.table} has no id in column {column!r} ({named_rows(missing)}); every row needs one.")
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    if not whole and not all(isinstance(value, str) for value in values):
        kinds = sorted({type(value).__name__ for value in values})
        raise ValueError(f"column {column!r} of {faults.table} has ids of the types {kinds}; all int, or all str.")
    wide = [i for i, value in enumerate(values) if whole and not -(2**63) <= value < 2**63]
    if wide:
        raise ValueError(
            f"{faults.table} has the id {values[wide[0]]} in column {column!r} ({named_rows(wide)}), which has more "
            "than 64 bits; write such ids as strings."
        )
    twice = [value for value, count in Counter(values.tolist()).items() if count > 1]
    if twice:
        rows = [i for i, value in enumerate(values) if value == twice[0]]
        more = f", and {len(twice) - 1} more ids as well" if len(twice) > 1 else ""
        raise ValueError(
            f"{faults.table} has the id {twice[0]!r} more than once in column {column!r} ({named_rows(rows)}){more}; "
            "ids must differ. Rows of one image with several captions need ids of their own: ids=None numbers the rows."
        )
    return values.astype(np.int64) if whole else values


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
