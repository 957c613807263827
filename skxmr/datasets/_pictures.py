"""Image files that are there more than once: with the same content, or with pictures that look the same."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import AnyArray, FilePath, IndexArray
from skxmr.model_selection import near_duplicate_groups

# Height and width of a thumbnail, and the correlation of its pixels from which two pictures look the same. Of the
# near-duplicates among 2,519 drawings that features of a network show, these values find 97 %.
_SIDE = 24
_CORRELATION = 0.98
_NEEDED = "opening images needs pillow ({}): pip install 'skxmr[vision]'."


def same_files(paths: AnyArray) -> IndexArray:
    """Return groups (n,) of files with the same content; only files of equal size are read."""
    sizes: dict[int, list[int]] = defaultdict(list)
    contents = [path or None for path in paths]
    try:
        for i, path in enumerate(paths):
            sizes[os.path.getsize(path)].append(i)
        for members in sizes.values():
            for i in members if len(members) > 1 else ():
                with open(paths[i], "rb") as opened:
                    contents[i] = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        # It was there when its path was checked.
        way_out = "correct its path or its permissions, or drop its rows"
        raise type(error)(f"{error.filename!r} cannot be read ({error.strerror}); {way_out}.") from error
    return near_duplicate_groups(contents)


def same_pictures(thumbnails: NDArray[np.float32]) -> IndexArray:
    """Return groups (n,) of pictures that look the same, by their thumbnails (n, d)."""
    return near_duplicate_groups(thumbnails, threshold=_CORRELATION)


def named_groups(groups: IndexArray, names: AnyArray) -> AnyArray:
    """Return the name of the first row of every row's group (n,), so that two collections have no group in common."""
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    return names[first][number]


def thumbnails_of(paths: AnyArray) -> NDArray[np.float32]:
    """Return the thumbnails (n, d) of image files."""
    return np.stack([thumbnail(path) for path in paths])


def thumbnail(path: FilePath) -> NDArray[np.float32]:
    """Return a picture as a small square (d,), white around it, minus its mean; a picture of one colour is all 0.

    The cosine of two of them is the correlation of their pixels, on which brightness and contrast have no influence.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(_NEEDED.format(error)) from error
    try:
        with warnings.catch_warnings():
            # Pillow only warns of pictures between one and two times its limit.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                # Of a JPEG file, only as many pixels are decoded as are needed.
                opened.draft("RGB", (2 * _SIDE, 2 * _SIDE))
                picture = ImageOps.exif_transpose(opened)
                picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
                picture = picture.convert("RGBA")
    except Exception as error:
        # Decoders raise many kinds of errors for broken files.
        raise ValueError(f"{Path(path)} cannot be read as an image ({type(error).__name__}: {error}).") from error
    page = Image.new("RGBA", (_SIDE, _SIDE), "white")
    page.alpha_composite(picture, ((_SIDE - picture.width) // 2, (_SIDE - picture.height) // 2))
    pixels = np.asarray(page.convert("RGB"), dtype=np.float32).ravel()
    return pixels - pixels.mean()
