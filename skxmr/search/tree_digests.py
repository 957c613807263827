"""Digests of all files in a folder and in those within it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skxmr.persistence._config import digest


def tree_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file by its path from the folder."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            with file.open("rb") as handle:
                found[file.relative_to(folder).as_posix()] = digest(handle)
    return found


def check_tree(folder: Path, digests: Mapping[str, str]) -> None:
    """Refuse a folder in which files are missing, changed or added."""
    found = tree_digests(folder)
    wrong = sorted(name for name in {*found, *digests} if found.get(name) != digests.get(name))
    if wrong:
        raise ValueError(
            f"{str(folder)!r} is damaged: {wrong[0]} is not the file that was saved; take another copy of the folder."
        )
