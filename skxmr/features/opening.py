"""Image files: opened one at a time by a stated rule, so that neither a broken nor a huge one does harm."""

from __future__ import annotations

import errno
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

# PIL would start Ghostscript, another program, to draw EPS. An image within IPTC may be of any format and any size.
_REFUSED = ("EPS", "IPTC")


@contextmanager
def opened(path: Path, where: str, max_pixels: int | None) -> Iterator[tuple[BufferedReader, ImageFile]]:
    """Open a file, and in it an image of which only the size is known yet; errors call the file by `where`."""
    need_file(path, where)
    try:
        file = path.open("rb")
    except OSError as error:
        raise _gone(where, error) from error
    with file:
        try:
            image = _identified(file)
        except Exception as error:
            # The readers of headers raise many kinds of errors for broken files.
            raise unreadable(where, f"{type(error).__name__}: {error}") from error
        check_size(image, where, max_pixels)
        yield file, image


def need_file(path: Path, where: str) -> None:
    """Refuse a path that is not one of a file with content."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise _gone(where, error, is_link=_is_link(path)) from error
    if not stat.S_ISREG(found.st_mode):
        wrong = "is a folder" if stat.S_ISDIR(found.st_mode) else "is a device, a pipe or a socket, not a file"
        raise FileNotFoundError(f"{where} {wrong}; correct the path or drop the row.")
    if found.st_size == 0:
        raise unreadable(where, "the file is empty, 0 bytes")


def check_size(image: Image.Image, where: str, max_pixels: int | None) -> None:
    """Refuse an image with more pixels than are allowed, before they are decoded."""
    width, height = image.size
    if max_pixels is not None and width * height > max_pixels:
        raise ValueError(
            f"{where} has {width} x {height} pixels, {width * height / 1e6:.1f} million, and max_pixels allows "
            f"{max_pixels / 1e6:g} million; shrink it, drop the row, or raise max_pixels if you trust it (about 12 "
            "bytes of memory per pixel)."
        )


def unreadable(where: str, reason: str) -> ValueError:
    """Return the error for a file that is no image, or a broken one."""
    return ValueError(f"{where} cannot be read as an image ({reason}); replace it or drop the row.")


def _identified(file: BufferedReader) -> ImageFile:
    """Return the image in a file as PIL.Image.open does, but without the limit that PIL has for the whole process."""
    Image.init()
    prefix = file.read(16)
    for name in Image.ID:
        factory, accepts = Image.OPEN[name]
        accepted = name not in _REFUSED and (accepts is None or accepts(prefix))
        # A string says why the file is not accepted.
        if accepted is not True:
            continue
        file.seek(0)
        try:
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            # It is of another format, which may come later.
            continue
    raise UnidentifiedImageError("PIL knows no such format")


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False


def _gone(where: str, error: OSError | ValueError, is_link: bool = False) -> OSError:
    """Return the error for a path that leads to no file that can be opened."""
    if isinstance(error, PermissionError):
        return PermissionError(f"{where} may not be read by this user; change its permissions or drop the row.")
    if isinstance(error, FileNotFoundError):
        wrong = "is a symbolic link to a file that does not exist" if is_link else "does not exist"
    elif getattr(error, "errno", None) == errno.ELOOP:
        wrong = "is a symbolic link that leads back to itself"
    else:
        wrong = f"is not the path of a file ({getattr(error, 'strerror', None) or error})"
    return FileNotFoundError(f"{where} {wrong}; correct the path or drop the row.")
