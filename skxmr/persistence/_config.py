"""config.json: what a folder holds, who wrote it, and by which digests its files are recognised."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from io import BufferedReader
from pathlib import Path
from typing import Any

import skxmr

CONFIG = "config.json"
_PACKAGES = ("scikit-learn", "numpy", "scipy", "pandas", "skops", "torch")


def versions() -> dict[str, str]:
    """Return the versions of Python, of the library and of what it works with."""
    found = {"python": platform.python_version(), "skxmr": skxmr.__version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # A model in closed form does not need torch.
            continue
    return found


def write_config(folder: Path, kind: str, format_version: int, *, without: Collection[str] = (), **about: Any) -> None:
    """Write config.json, with the digests of the files that the folder holds by now.

    Parameters
    ----------
    folder : Path
        The folder, with all other files.
    kind : str
        What it holds, such as ``"skxmr model"``.
    format_version : int
        Raised whenever older versions of the library could no longer read the folder.
    without : collection of str
        Files that have checksums of another kind. Folders in the folder have a config.json of their own.
    **about : object
        Further entries.
    """
    files = {}
    for file in sorted(folder.iterdir()):
        if file.is_dir() or file.name in without:
            continue
        with open(file, "rb") as handle:
            files[file.name] = digest(handle)
    config = {"format": kind, "format_version": format_version, **about, "versions": versions(), "sha256": files}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def digest(handle: BufferedReader) -> str:
    """Return the SHA-256 of an open file, whose position is then at its beginning."""
    found = hashlib.file_digest(handle, "sha256").hexdigest()
    handle.seek(0)
    return found


def written_files(folder: Path, kind: str) -> list[str] | None:
    """Return the names of the files that were written into a folder of a kind; None if it is no such folder."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return None
    if not isinstance(config, dict) or config.get("format") != kind:
        return None
    digests = config.get("sha256")
    # Names of files, and not of what lies elsewhere or belongs to others, whoever wrote them there.
    names = [name for name in digests if Path(name).name == name] if isinstance(digests, dict) else []
    return [CONFIG, *names]


def read_config(folder: Path, kind: str, newest: int) -> dict[str, Any]:
    """Return the entries of config.json, after checking that this version of the library can read the folder."""
    file = folder / CONFIG
    _need_file(file, folder, kind)
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{str(file)!r} is damaged ({error}); take another copy of the folder.") from error
    found = config.get("format") if isinstance(config, dict) else None
    if found != kind:
        hint = f"; the model in it is the folder {str(folder / 'model')!r}" if found == "skxmr index" else ""
        raise ValueError(f"{str(folder)!r} is no {kind}: the format that its {CONFIG} names is {found!r}{hint}.")
    number = config.get("format_version")
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"{str(file)!r} is damaged: format_version is {number!r}; take another copy of the folder.")
    if number > newest:
        raise ValueError(
            f"{str(folder)!r} has format {number}, and skxmr {skxmr.__version__} reads formats up to {newest}; install "
            f"skxmr {_writer(config)} or later."
        )
    return config


def _need_file(file: Path, folder: Path, kind: str) -> None:
    """Refuse a folder that is not there, or has no config.json."""
    try:
        if folder.is_file():
            raise ValueError(f"{str(folder)!r} is a file; pass the folder that was written as a {kind}.")
        if not folder.exists():
            raise FileNotFoundError(f"there is no folder {str(folder)!r}; the current folder is {str(Path.cwd())!r}.")
    except OSError as error:
        # Of an error of ours there is no number.
        if error.errno is None:
            raise
        shown = f"{str(folder)[:80]!r}{'...' * (len(str(folder)) > 80)}"
        raise type(error)(f"{shown} cannot be opened as a {kind} ({error.strerror}).") from error
    if not file.is_file():
        raise ValueError(f"{str(folder)!r} is no {kind}: it holds no {CONFIG}.")


def _writer(config: dict[str, Any]) -> str:
    """Return the version of the library that wrote a folder."""
    found = config.get("versions")
    return str(found.get("skxmr")) if isinstance(found, dict) else "of the version that wrote it"


def check_file(handle: BufferedReader, file: Path, config: dict[str, Any]) -> None:
    """Refuse a file that is not the one whose digest config.json holds."""
    digests = config.get("sha256")
    wanted = digests.get(file.name) if isinstance(digests, dict) else None
    if digest(handle) != wanted:
        raise ValueError(
            f"{str(file)!r} is damaged: its SHA-256 is not the one in {CONFIG}, so it was cut off, changed, or "
            "replaced by that of another folder; take another copy of the folder."
        )
