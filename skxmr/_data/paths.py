"""Paths as users write them."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path in which ``~`` stands for the home; ``~1.png`` stays as it is unless a user is called so."""
    return Path(os.path.expanduser(path))


def make_folders_above(file: Path) -> None:
    """Make the folders that a file or folder lies in; an error says which part of the path is a file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        above = next((part for part in file.parents if part.exists()), file.parent)
        raise NotADirectoryError(errno.ENOTDIR, f"{str(above)!r} is a file, not a folder") from error
