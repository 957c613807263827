"""Run: what a file such as run.toml asks for."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skxmr._data.paths import expanded
from skxmr.cli.command import RunError, nearest

Table = dict[str, Any]
# A path that begins so starts at the folder of the file, and any other string is taken as it is.
_HERE = "./"
_COLUMNS = ("image", "text", "labels", "sep", "split", "ids")
# What load_table takes besides.
_OTHERS = ("metadata", "missing", "near_duplicates")
# The keys of sections that are no estimators, each with the types of its value. False stands for no column.
_KEYS: dict[str, dict[str, tuple[type, ...]]] = {
    "data": {
        "path": (str,),
        **dict.fromkeys(_COLUMNS, (str, bool)),
        "root": (str,),
        "metadata": (list, bool),
        "missing": (str,),
        "near_duplicates": (str,),
        "train": (str, list),
        "test": (str, list),
        "test_fraction": (float,),
        "random_state": (int,),
    },
    "search": {"grid": (dict, list), "cv": (int,), "n_jobs": (int,), "random_state": (int,)},
    "output": {"path": (str,), "notes": (str,)},
}
_SECTIONS = ("data", "image", "text", "model", "search", "output")
# Tables and lists within one another; parameters of estimators within estimators take some.
_DEEPEST = 50
_WORDS = {str: "a string", bool: "false", list: "a list", float: "a number with a point", int: "an integer"}


@dataclass(frozen=True)
class Run:
    """The sections of a file, whose keys are known; the values of estimators are checked where these are built."""

    folder: Path
    source: str
    sections: Mapping[str, Any]
    # Names of functions of others that may be imported and called.
    trusted: tuple[str, ...] = ()

    def section(self, name: str) -> Table:
        """Return a section that is no estimator."""
        found: Table = self.sections.get(name, {})
        return found

    @property
    def table(self) -> Path:
        """The path of the table."""
        return self._path(self.section("data")["path"])

    @property
    def output(self) -> Path | None:
        """The folder of the model, if the file names one."""
        value = self.section("output").get("path")
        return None if value is None else self._path(value)

    def table_arguments(self) -> Table:
        """Return what `load_table` is called with, without the path."""
        data = self.section("data")
        given = {name: data[name] for name in (*_COLUMNS, *_OTHERS) if name in data}
        found: Table = {name: None if value is False else value for name, value in given.items()}
        if "root" in data:
            found["root"] = self._path(data["root"])
        return found

    def _path(self, value: str) -> Path:
        """Return a path, which starts at the folder of the file."""
        return self.folder / expanded(value)


def run_if_any(file: Path | None) -> Run | None:
    """Read the file of a run if there is one."""
    return None if file is None else read_run(file)


def placed(value: str, folder: Path) -> str:
    """Return a string, or the path that it is from the folder of the file if it begins with ``./``."""
    return str(folder / value) if value.startswith(_HERE) else value


def read_run(file: Path, trusted: tuple[str, ...] = ()) -> Run:
    """Read a file of a run and check the names of its sections and keys."""
    try:
        source = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RunError(f"there is no file {str(file)!r}; pass the path of a run.toml.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{str(file)!r} cannot be read ({error}).") from error
    try:
        sections = tomllib.loads(source)
    except (ValueError, RecursionError) as error:
        # Numbers of thousands of digits, and brackets within brackets, are other errors than those of TOML.
        raise RunError(f"{str(file)!r} is not in TOML: {error}.") from error
    _check_depth(sections, file.name)
    for name, section in sections.items():
        if name not in _SECTIONS:
            raise RunError(f"{file.name} has a section [{name}] that is not known{nearest(name, _SECTIONS)}")
        if name in _KEYS:
            _check_keys(name, section, file.name)
    if "path" not in sections.get("data", {}):
        raise RunError(f"{file.name} names no table; write path = 'table.csv' under [data].")
    if "model" not in sections:
        raise RunError(f"{file.name} has no section [model]; write name = 'MLCCA', or another method, under [model].")
    return Run(file.absolute().parent, source, sections, trusted)


def _check_depth(sections: Table, file: str) -> None:
    """Refuse tables within tables, thousands of which could be neither walked through nor shown."""
    level: list[Any] = [sections]
    for _ in range(_DEEPEST):
        inner = [value for each in level for value in (each.values() if isinstance(each, dict) else each)]
        level = [value for value in inner if isinstance(value, (dict, list))]
    if level:
        raise RunError(f"{file} holds tables or lists within one another, more than {_DEEPEST} deep; leave some out.")


def _check_keys(section: str, found: object, file: str) -> None:
    if not isinstance(found, dict):
        raise RunError(f"{file}: [{section}] is {found!r}, but a section with keys is wanted.")
    known = _KEYS[section]
    for key, value in found.items():
        if key not in known:
            raise RunError(f"{file}: [{section}] has no key {key!r}{nearest(key, known)}")
        wrong_truth = isinstance(value, bool) and (bool not in known[key] or value)
        if wrong_truth or not isinstance(value, known[key]):
            wanted = " or ".join(_WORDS.get(kind, "a table") for kind in known[key])
            raise RunError(f"{file}: [{section}] {key} is {value!r}, but {wanted} is wanted.")
        # Grids, which are lists as well, are checked with the estimators.
        if key == "grid" or not isinstance(value, list):
            continue
        # Without further columns there is an index, but without parts there are no rows.
        is_wrong = not all(isinstance(item, str) for item in value) or (not value and key != "metadata")
        if is_wrong:
            raise RunError(f"{file}: [{section}] {key} is {value!r}, but a list of strings is wanted.")
