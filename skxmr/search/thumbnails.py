"""Small pictures for a page, from image files and from images in memory."""

from __future__ import annotations

import base64
from contextlib import suppress
from html import escape
from io import BytesIO
from os import PathLike
from pathlib import Path

import numpy as np

# Pixels of the longer side, and the most that a picture may have which is made small.
_SIZE = 96
_MAX_PIXELS = 100_000_000


def thumbnail(image: object) -> str:
    """Return an image, or the image in a file, as HTML; nothing for what is none, such as a caption."""
    is_path = isinstance(image, (str, PathLike))
    if image is None or (isinstance(image, (str, PathLike)) and not _is_file(image)):
        return ""
    # A file may have vanished or be damaged since it was added: then the page shows its name.
    with suppress(Exception):
        from skxmr.features.images import read_image

        # As a network sees it: upright, on white, and not of more pixels than the memory can take.
        shown = read_image(np.asarray(image) if isinstance(image, np.ndarray) else image, max_pixels=_MAX_PIXELS)
        shown.thumbnail((_SIZE, _SIZE))
        buffer = BytesIO()
        shown.save(buffer, format="JPEG")
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(str(image) if is_path else "image")}">'
    return ""


def _is_file(path: str | PathLike[str]) -> bool:
    # A caption may be longer than the name of a file may be, or hold a zero.
    with suppress(OSError, ValueError):
        return Path(path).is_file()
    return False
