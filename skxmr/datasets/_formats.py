"""What a file is, by its first bytes: messages name it where another format was expected."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import NamedTuple


class _Format(NamedTuple):
    """A short name, which loaders compare, how messages call it, and the bytes with which such files start."""

    name: str
    title: str
    start: bytes


_FORMATS = (
    _Format(".npy", "an array of numpy (.npy)", rb"\x93NUMPY"),
    _Format("zip", "a zip archive", rb"PK(\x03\x04|\x05\x06)"),
    _Format("gzip", "a gzip archive", rb"\x1f\x8b"),
    _Format("hdf5", "a MATLAB 7.3 (HDF5) file", rb"MATLAB 7\.3"),
    _Format("hdf5", "an HDF5 file", rb"\x89HDF"),
    _Format(".mat", "a MATLAB file", rb"MATLAB \d\.\d MAT-file|.{124}(\x00\x01IM|\x01\x00MI)"),
    _Format(
        "html", "a web page, which a failed download often leaves", rb"\s*<(?i:!doctype html|html[\s>]|head>|\?xml )"
    ),
    _Format("lfs", "a pointer of Git LFS; fetch the file itself by git lfs pull", rb"version https://git-lfs"),
    _Format("fasttext", "a binary model of fastText; take its .vec file", rb"\xba\x16\x4f\x2f"),
    _Format("utf32", "text in UTF-32; save it in UTF-8", rb"\xff\xfe\x00\x00|\x00\x00\xfe\xff"),
    _Format("utf16", "text in UTF-16; save it in UTF-8", rb"\xff\xfe|\xfe\xff"),
    _Format("pickle", "a pickle of Python, which could run code", rb"\x80[\x02-\x05]"),
    _Format("bzip2", "a bzip2 archive", rb"BZh[1-9]1AY&SY"),
    _Format("xz", "an xz archive", rb"\xfd7zXZ"),
    _Format("7z", "a 7z archive", rb"7z\xbc\xaf"),
    _Format("rar", "a rar archive", rb"Rar!\x1a\x07"),
    _Format("zstd", "a zstd archive", rb"\(\xb5/\xfd"),
    _Format("tar", "a tar archive", rb".{257}ustar"),
    _Format("parquet", "a Parquet file", rb"PAR1\x15"),
    _Format("arrow", "an Arrow file", rb"ARROW1\x00\x00"),
    _Format("sqlite", "an SQLite database", rb"SQLite format 3"),
    # Text in Latin letters has a zero in every second byte, also where no mark stands in front.
    _Format("utf16", "text in UTF-16; save it in UTF-8", rb"([\t\r\n -~]\x00){4}|(\x00[\t\r\n -~]){4}"),
    _Format(
        "json",
        "text that looks like JSON",
        rb'(\xef\xbb\xbf)?\s*(\{\s*"[^"\n]*"\s*:|\[\s*(\[\s*["\d-]|\{\s*"|"[^"\n]*"\s*[],]))',
    ),
)
# This many bytes tell the format.
_START = 512


def first_bytes(file: Path) -> bytes:
    """Return the first bytes of a file."""
    with file.open("rb") as opened:
        return opened.read(_START)


def format_of(file: Path) -> str | None:
    """Return the short name of a file's format, ".npy", ".npz" or ".mat" for those of arrays; None if it is unknown."""
    found = known_format(first_bytes(file))
    if found is None:
        return None
    return ".npz" if found.name == "zip" and _is_npz(file) else found.name


def known_format(start: bytes) -> _Format | None:
    """Return the format of data that start like this, None if it is unknown."""
    for known in _FORMATS:
        if re.match(known.start, start, re.DOTALL):
            return known
    return None


def named(file: Path) -> str:
    """Say in words what a file is."""
    start = first_bytes(file)
    found = known_format(start)
    if found is not None and found.name == "zip":
        return "an archive of numpy (.npz)" if _is_npz(file) else f"a zip archive{_members_named(file)}"
    if found is not None:
        return found.title
    if not start:
        return "empty"
    line = start.decode("utf-8", errors="replace").split("\n")[0]
    if not line.isprintable() and not line.strip().replace("\t", " ").isprintable():
        return f"in a format that is not known; it starts with the bytes {start[:8]!r}"
    control = re.search(rb"[\x00-\x08\x0e-\x1f]", start)
    but = f" but holds the byte {control[0]!r}, as damaged text does" if control else ""
    return f"text that starts with {line[:60].strip()!r}{but}"


def zip_members(file: Path) -> list[str]:
    """Return the names of the files in an archive, none if it is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def _members_named(file: Path) -> str:
    members = zip_members(file)
    return f" with {', '.join(members[:5])}" if members else " that is cut off or damaged"


def _is_npz(file: Path) -> bool:
    """Tell whether a zip archive is one of numpy; a damaged one that has this suffix was meant to be."""
    members = zip_members(file)
    if not members:
        return file.suffix.lower() == ".npz"
    return any(member.endswith(".npy") for member in members)
