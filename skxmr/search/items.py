"""Items: what a call of an index is given, images or texts, with their ids and the files that they come from."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skxmr._data.arguments import one_view
from skxmr._data.kinds import IndexArray, View, n_rows, take
from skxmr._data.paths import expanded
from skxmr._data.views import as_view
from skxmr.search.columns import Values
from skxmr.search.ids import Id, IdsLike, check_one_per_row, checked_ids, ids_of_rows

# The suffixes of the files in a folder that are taken for images.
SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


@dataclass(frozen=True)
class Items:
    """Rows of one modality, and what an index keeps beside their vectors."""

    name: str
    view: View
    ids: list[Id] | None
    columns: Mapping[str, Values]
    is_of_files: bool

    def __len__(self) -> int:
        """Return the number of rows."""
        return n_rows(self.view, self.name)

    def pictures(self) -> bool:
        """Tell whether the rows are images in memory."""
        return self.name == "image" and not self.is_of_files and getattr(self.view, "ndim", 2) != 2

    def taken(self, rows: IndexArray) -> Items:
        """Return some rows."""
        ids = None if self.ids is None else [self.ids[i] for i in rows]
        columns = {
            name: values._replace(values=[values.values[i] for i in rows]) for name, values in self.columns.items()
        }
        return replace(self, view=take(self.view, rows), ids=ids, columns=columns)


def items_of(image: View, text: View, ids: IdsLike | None, folders: bool = False) -> Items:
    """Return the rows of a call. Files have their paths as ids, and a folder stands for the images in it."""
    if folders and isinstance(image, (str, PathLike)) and Path(image).is_dir() and text is None:
        if ids is not None:
            raise ValueError("ids is given with a folder, whose files have their paths as ids; pass a list of files.")
        files = files_in(Path(image))
        names = checked_ids([_relative(file, Path(image)) for file in files], "image")
        return _described("image", as_view(files, "image"), names)
    name, view = one_view(_listed(image), _listed(text))
    view = as_view(view, name)
    checked = None if ids is None else ids_of_rows(ids)
    if checked is not None:
        check_one_per_row(checked, n_rows(view, name), name)
    return _described(name, view, checked)


def _listed(view: View) -> View:
    """Return a single caption, file or image as a list of one."""
    single = isinstance(view, (str, PathLike)) or (hasattr(view, "getexif") and hasattr(view, "mode"))
    return [view] if single else view


def _described(name: str, view: View, ids: list[Id] | None) -> Items:
    """Return items with the columns that every index has: the modality, and the caption or path of each."""
    n = n_rows(view, name)
    if n == 0:
        raise ValueError(f"{name} has no rows; at least one is needed.")
    columns = {"modality": Values("str", [name] * n)}
    raw = _strings(view)
    if raw is None:
        return Items(name, view, ids, columns, False)
    columns["item"] = Values("str", [str(value) for value in raw])
    if name == "text":
        return Items(name, view, ids, columns, False)
    sizes = []
    times = []
    for i, path in enumerate(raw):
        found = _state_of(path, i)
        sizes.append(found.st_size)
        times.append(found.st_mtime_ns)
    columns |= {"_size": Values("int", list(sizes)), "_time": Values("int", list(times))}
    return Items(name, view, checked_ids([str(path) for path in raw], "image") if ids is None else ids, columns, True)


def _strings(view: View) -> list[Any] | None:
    """Return the rows of a view that holds nothing but captions or paths."""
    if getattr(view, "ndim", 0) != 1:
        return None
    rows = np.asarray(view, dtype=object).tolist() if hasattr(view, "dtype") else None
    if rows is None or not all(isinstance(row, (str, PathLike)) for row in rows):
        return None
    return rows


def _state_of(path: str | PathLike[str], i: int) -> os.stat_result:
    """Return the size and the time of a file."""
    where = f"row {i} of image, {str(path)!r},"
    try:
        found = os.stat(expanded(path))
    except (OSError, ValueError) as error:
        # A path that holds a zero is a ValueError.
        reason = getattr(error, "strerror", error)
        raise FileNotFoundError(f"{where} cannot be read ({reason}); correct the path or drop the row.") from error
    if stat.S_ISDIR(found.st_mode):
        raise FileNotFoundError(f"{where} is a folder; correct the path or drop the row.")
    return found


def files_in(folder: Path) -> list[Path]:
    """Return the images in a folder and the folders in it, sorted; links to folders are not followed."""
    found = [
        Path(place) / name
        for place, _, names in os.walk(folder, followlinks=False)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    ]
    if not found:
        raise ValueError(f"{folder} holds no images; they end in {', '.join(sorted(SUFFIXES))}.")
    return sorted(found)


def _relative(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()
