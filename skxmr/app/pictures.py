"""Pictures of items, read from the files that an index names and made small."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from skxmr._data.paths import expanded
from skxmr.app.refusal import RefusalError

MEDIA_TYPE = "image/jpeg"
# Pictures of a collection are trusted more than those of strangers; this many pixels take 1 GB while one is read.
_MAX_PIXELS = 100_000_000
# Small pictures that are kept in memory, some 20 kB each.
_KEPT = 512
_QUALITY = 85


def small_picture(item: str, root: Path | None, size: int) -> bytes:
    """Return the picture of an item as JPEG. What is in the file is never sent as it is.

    Parameters
    ----------
    item : str
        The path, as the index holds it.
    root : Path or None
        Where paths begin. Then nothing outside is read, whatever links lead there.
    size : int
        Pixels of the longer side.

    Returns
    -------
    bytes
    """
    gone = RefusalError(404, "The picture of this item cannot be read any more.")
    try:
        file = file_of(item, root)
        if file is None:
            raise RefusalError(404, "The picture of this item lies outside of the folder that is shown.")
        changed = file.stat().st_mtime_ns
    except (OSError, ValueError, RuntimeError) as error:
        raise gone from error
    try:
        return _made_small(file, changed, size)
    except Exception as error:
        # Decoders raise errors of many kinds for broken files.
        raise gone from error


def file_of(item: str, root: Path | None) -> Path | None:
    """Return the file that the path of an item leads to; None if that lies outside of the root, if there is one."""
    file = ((root or Path.cwd()) / expanded(item)).resolve()
    return file if root is None or file.is_relative_to(root.resolve()) else None


@lru_cache(maxsize=_KEPT)
def _made_small(file: Path, changed: int, size: int) -> bytes:
    """Return a small picture; `changed`, the time of the file, tells its versions apart."""
    from skxmr.features.images import read_image

    image = read_image(file, max_pixels=_MAX_PIXELS)
    image.thumbnail((size, size))
    buffer = BytesIO()
    image.save(buffer, format="JPEG", quality=_QUALITY)
    return buffer.getvalue()
