"""A folder that is written as a whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from skxmr._data.paths import expanded, make_folders_above

# What os.rename raises where a folder that is not empty is in the way.
_IN_THE_WAY = (errno.ENOTEMPTY, errno.EEXIST)
# Linux: relative paths start at the working directory, and the two names change places.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class NotWrittenError(OSError):
    """A folder could not be written; `errno` lets callers tell a full disk from a missing permission."""

    def __init__(self, number: int, path: str, reason: str) -> None:
        super().__init__(number, f"{path!r} could not be written ({reason}); what was there is unchanged.")
        self.reason = reason

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def written_folder(path: str | os.PathLike[str], files_of: Callable[[Path], list[str] | None]) -> Iterator[Path]:
    """Give an empty folder that takes the place of `path` when the block ends, and goes away if the block fails.

    Until then the old folder is as it was. Of several processes that write at a time, one wins with all its files.
    Files of users that lie in the old folder are moved to the new one.

    Parameters
    ----------
    path : path
        The folder to write; missing parents are made.
    files_of : callable
        Given an existing folder, returns the names of the files that may be replaced; None if it is not ours.

    Yields
    ------
    Path
        The new folder.
    """
    target = expanded(path).resolve()
    check_replaceable(target, files_of)
    try:
        make_folders_above(target)
        new = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}"
        new.mkdir()
        try:
            yield new
            for file in new.rglob("*"):
                if file.is_file():
                    _reach_the_disk(file)
            _put_in_place(new, target, files_of)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        # An error without a number is not one of the system: the block itself has refused to go on.
        if error.errno is None:
            raise
        # Of a folder within this one the reason is told, and not that it was not written either.
        reason = error.reason if isinstance(error, NotWrittenError) else error.strerror or str(error)
        raise NotWrittenError(error.errno, str(path), reason) from error


def check_replaceable(target: Path, files_of: Callable[[Path], list[str] | None]) -> None:
    """Refuse a path where a file stands, or a folder of other files, which would be lost."""
    while (before := _identity(target)) is not None:
        wrong = _in_the_way(target, files_of)
        if wrong is None:
            return
        # Another process may have put its folder there between two looks: only what stayed is refused.
        if _identity(target) == before:
            raise FileExistsError(f"{str(target)!r} {wrong}")


def _identity(target: Path) -> tuple[int, int] | None:
    """Return what tells a file or folder from another one of the same name; None where there is none."""
    try:
        found = target.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _in_the_way(target: Path, files_of: Callable[[Path], list[str] | None]) -> str | None:
    """Say what is at a path that must not be replaced; None if nothing is."""
    try:
        is_empty = not os.listdir(target)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return "is a file; pass the path of a folder, new or written before."
    if is_empty or files_of(target) is not None:
        return None
    return (
        "is a folder of other files, which would be lost; pass the path of a new folder, or of one written in this "
        "way before."
    )


def _reach_the_disk(file: Path) -> None:
    """Wait until a file is on the disk, because some disks say only then that they are full."""
    handle = os.open(file, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_in_place(new: Path, target: Path, files_of: Callable[[Path], list[str] | None]) -> None:
    """Let the new folder take the place of the old one, whatever other processes do meanwhile."""
    while True:
        try:
            os.rename(new, target)
            return
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
        if _exchanged(new, target):
            _keep_others(new, target, files_of)
            return
        aside = new.with_name(f"{new.name}.old")
        try:
            os.rename(target, aside)
        except FileNotFoundError:
            # Another process is at this point, too.
            continue
        try:
            os.rename(new, target)
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                os.rename(aside, target)
                raise
            # Another process has put its folder there, which this one replaces next.
            _keep_others(aside, new, files_of)
        else:
            _keep_others(aside, target, files_of)
            return
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _exchanged(new: Path, target: Path) -> bool:
    """Swap two folders in one step, so that there is one at every moment; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    if rename is None:
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(target), _RENAME_EXCHANGE) == 0)


def _keep_others(old: Path, target: Path, files_of: Callable[[Path], list[str] | None]) -> None:
    """Move what users have put into the old folder, such as ``.git``, to the new one."""
    replaced = files_of(old) or []
    for entry in old.iterdir():
        if entry.name not in replaced and not (target / entry.name).exists():
            os.rename(entry, target / entry.name)
