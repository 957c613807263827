"""An index as a folder: its table, its vectors, and the model in a folder within."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.paths import expanded
from skxmr.persistence._config import check_file, read_config, write_config, written_files
from skxmr.persistence._folder import written_folder
from skxmr.persistence._loading import load
from skxmr.persistence._saving import save
from skxmr.search.backend import Backend
from skxmr.search.backends import BACKENDS, backend_class
from skxmr.search.collection import State
from skxmr.search.table import Table
from skxmr.search.table_files import NUMBERS, STRINGS, load_table, save_table
from skxmr.search.vector_files import NAME as VECTORS

KIND = "skxmr index"
FORMAT = 1
MODEL = "model"
# Folders in which engines keep what is theirs.
ENGINES = ("lancedb",)


class Opened(NamedTuple):
    """What a folder holds."""

    model: BaseEstimator
    table: Table
    backend: Backend | None
    backend_name: str
    options: dict[str, Any]
    token: str


def save_index(
    path: str | os.PathLike[str],
    model: BaseEstimator,
    backend_name: str,
    options: Mapping[str, Any],
    state: State,
    saved: str | None,
    overwrite: bool,
) -> str:
    """Write an index into a folder; return the token by which this version of the folder is recognised."""
    target = expanded(path)
    token = uuid.uuid4().hex
    with written_folder(target, files_of_index) as folder:
        save(model, folder / MODEL)
        table, backend = state
        rows = np.flatnonzero(table.living())
        vectors = None if backend is None else backend.save(folder, rows)
        save_table(folder, table.compacted())
        about = {"token": token, "backend": backend_name, "options": dict(options), "vectors": vectors}
        write_config(folder, KIND, FORMAT, without=(VECTORS,), **about)
        # As late as possible, so that what another process saves meanwhile is seen.
        _check_unchanged(target, saved, overwrite)
    return token


def _check_unchanged(target: Path, saved: str | None, overwrite: bool) -> None:
    """Refuse to replace an index that is not the one that was opened or saved here."""
    if overwrite or written_files(target, KIND) is None:
        return
    found = read_config(target, KIND, FORMAT).get("token")
    if found == saved:
        return
    happened = "was saved by somebody else since it was opened here" if saved else "holds another index"
    raise FileExistsError(
        f"{str(target)!r} {happened}; save to another path, open it again and repeat the changes, or replace it by "
        "overwrite=True."
    )


def files_of_index(folder: Path) -> list[str] | None:
    """Return the names in a folder that may be replaced."""
    files = written_files(folder, KIND)
    return None if files is None else [*files, MODEL, VECTORS, *ENGINES]


def open_index(path: str | os.PathLike[str], model: BaseEstimator | None, trusted: Sequence[Any]) -> Opened:
    """Open a folder; what it holds besides vectors is checked now, and vectors when they are read."""
    folder = expanded(path)
    while True:
        config = read_config(folder, KIND, FORMAT)
        try:
            found = _opened(folder, config, model, trusted)
            # Somebody may have saved to the folder meanwhile; then its files may be of two versions.
            if read_config(folder, KIND, FORMAT) == config:
                return found
        except (OSError, ValueError):
            if read_config(folder, KIND, FORMAT) == config:
                raise


def _opened(folder: Path, config: dict[str, Any], model: BaseEstimator | None, trusted: Sequence[Any]) -> Opened:
    try:
        name = config["backend"]
        options = dict(config["options"])
        vectors = config["vectors"]
        token = str(config["token"])
        digests = {NUMBERS, STRINGS} | set(config["sha256"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{str(folder)!r} is damaged: its config.json lacks {error}; take another copy.") from error
    if name not in BACKENDS:
        raise ValueError(f"{str(folder)!r} is damaged: there is no backend {name!r}; take another copy.")
    for file in sorted(digests):
        _check(folder / file, config)
    table = load_table(folder)
    backend = None if vectors is None else _load_vectors(folder, name, vectors, options, len(table))
    loaded = load(folder / MODEL, trusted) if model is None else model
    return Opened(loaded, table, backend, name, options, token)


def _load_vectors(folder: Path, name: str, about: Any, options: dict[str, Any], n: int) -> Backend:
    """Open the vectors of n items; refuse those of another number, and what config.json does not describe."""
    try:
        held = about["n"] if "n" in about else about["shape"][0] if "shape" in about else n
        if held != n:
            raise ValueError(f"{str(folder)!r} is damaged: it holds {held} vectors of {n} items; take another copy.")
        backend: Backend = backend_class(name).load(folder, about, options)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(folder)!r} is damaged: its config.json does not describe its vectors ({type(error).__name__}: "
            f"{error}); take another copy."
        ) from error
    return backend


def _check(file: Path, config: dict[str, Any]) -> None:
    if not file.is_file():
        raise ValueError(
            f"{str(file.parent)!r} is incomplete: {file.name} is missing; take another copy of the folder."
        )
    with file.open("rb") as handle:
        check_file(handle, file, config)
