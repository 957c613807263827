"""Images of every kind become RGB images, by one documented rule per kind."""

from __future__ import annotations

import hashlib
from io import BufferedReader
from os import PathLike
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from skxmr._data.kinds import AnyArray, Frame, Sparse, View
from skxmr._data.pairs import Pairs
from skxmr._data.paths import expanded
from skxmr._data.views import as_view
from skxmr.features.opening import check_size, opened, unreadable

# The long side of an image is cut to this many times the short side; the centre crop never uses more.
_LONGEST = 16


def image_rows(X: View) -> AnyArray:
    """Return images as an array whose items are the rows, without opening any."""
    if isinstance(X, Pairs):
        raise TypeError("X is a Pairs; put the extractor into PerModality(image=ImageFeatures()), or pass X.image.")
    if isinstance(X, (Sparse, str, bytes, PathLike, Image.Image)) or not hasattr(X, "__len__"):
        raise TypeError(f"X is a {type(X).__name__}; pass an array or a list of images, a single one as [image].")
    rows = as_view(X, "image")
    if isinstance(rows, Frame):
        if rows.ndim != 1:
            raise ValueError("X is a DataFrame; pass the column that holds the images or their paths, as in X['path'].")
        rows = rows.to_numpy(dtype=object)
    if len(rows) == 0:
        raise ValueError("X is empty; at least one image is needed.")
    _check_shape(rows)
    return rows


def _check_shape(rows: AnyArray) -> None:
    wanted = "(n, height, width) or (n, height, width, 3)"
    if rows.dtype.kind in "OU":
        if rows.ndim != 1:
            raise ValueError(f"X is an array of {rows.dtype} of shape {rows.shape}; pass the list of images itself.")
    elif rows.ndim not in (3, 4):
        features = " Features need no extractor: use 'passthrough'." if rows.ndim == 2 else ""
        raise ValueError(f"X has the shape {rows.shape}, but images are {wanted}.{features}")
    elif rows.ndim == 3 and rows.shape[-1] in (3, 4):
        raise ValueError(f"X has the shape {rows.shape} of one colour image, but images are {wanted}; pass X[None].")


class ReadImage(NamedTuple):
    """An upright RGB image, and the key of what it was made of."""

    image: Image.Image
    key: bytes


def read_image(image: object, called: str = "the picture", max_pixels: int | None = None) -> Image.Image:
    """Return a path, PIL image or array as an upright RGB image; errors call it as is said."""
    return _read(image, called, max_pixels, keyed=False).image


def keyed_image(row: object, i: int, max_pixels: int | None) -> ReadImage:
    """Return row i as an upright RGB image, and its key, of exactly the bytes that were read."""
    return _read(row, _row(i), max_pixels, keyed=True)


def _read(row: object, called: str, max_pixels: int | None, keyed: bool) -> ReadImage:
    where = _place(row, called)
    if isinstance(row, (str, PathLike)):
        with opened(expanded(row), where, max_pixels) as (file, source):
            image = _trimmed(_to_rgb(_decoded(source, where), where))
            return ReadImage(image, _key_of_file(file) if keyed else b"")
    if isinstance(row, Image.Image):
        check_size(row, where, max_pixels)
        image = _to_rgb(_decoded(row, where), where)
    elif isinstance(row, np.ndarray):
        image = _from_array(row, where)
    else:
        raise TypeError(f"{called} is a {type(row).__name__}; an image is an array, a PIL image or a path.")
    return ReadImage(_trimmed(image), _key_of_pixels(image) if keyed else b"")


def image_key(row: object, i: int, max_pixels: int | None) -> bytes:
    """Return the key of row i: of the bytes of a file, which is not decoded for that, or of the pixels of an image."""
    if not isinstance(row, (str, PathLike)):
        return keyed_image(row, i, max_pixels).key
    with opened(expanded(row), _place(row, _row(i)), max_pixels) as (file, _):
        return _key_of_file(file)


def check_file(row: object, i: int, max_pixels: int | None) -> None:
    """Refuse a row that names a file which is missing, empty or too large; it is not decoded."""
    if isinstance(row, (str, PathLike)):
        with opened(expanded(row), _place(row, _row(i)), max_pixels):
            pass


def _row(i: int) -> str:
    return f"row {i} of X"


def _place(row: object, called: str) -> str:
    return f"{called}, {str(row)!r}," if isinstance(row, (str, PathLike)) else called


def _key_of_file(file: BufferedReader) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()


def _key_of_pixels(image: Image.Image) -> bytes:
    return hashlib.sha256(f"RGB {image.width} {image.height} ".encode() + image.tobytes()).digest()


def _decoded(image: Image.Image, where: str) -> Image.Image:
    """Return the pixels, rotated as the EXIF data say; of an animation the first frame."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception as error:
        # Decoders raise many kinds of errors for broken files.
        raise unreadable(where, f"{type(error).__name__}: {error}") from error


def _to_rgb(image: Image.Image, where: str) -> Image.Image:
    # PIL would clip these modes to 8 bits.
    if image.mode.startswith(("I", "F")):
        return _from_array(_wide(image), where)
    try:
        if image.has_transparency_data:
            page = Image.new("RGBA", image.size, "white")
            page.alpha_composite(image.convert("RGBA"))
            image = page
        return image.convert("RGB")
    except ValueError as error:
        raise ValueError(f"{where} has the mode {image.mode!r}, which PIL cannot turn into RGB; convert it.") from error


def _wide(image: Image.Image) -> AnyArray:
    """Return the values of an image with more than 8 bits; 32-bit integers become 16-bit ones if they fit."""
    values = np.asarray(image)
    fits = image.mode == "I" and values.size > 0 and values.min() >= 0 and values.max() <= 65535
    return values.astype(np.uint16) if fits else values


def _from_array(array: AnyArray, where: str) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        hint = " Channels come last: np.moveaxis(image, 0, -1)." if array.ndim == 3 and array.shape[0] in (1, 3) else ""
        raise ValueError(f"{where} has the shape {array.shape}; an image is (height, width) or (..., 3 or 4).{hint}")
    return _to_rgb(Image.fromarray(np.ascontiguousarray(_eight_bits(array, where))), where)


def _eight_bits(array: AnyArray, where: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.newbyteorder("=") == np.uint16:
        return np.rint(array / 257).astype(np.uint8)
    if array.dtype.kind != "f":
        raise ValueError(f"{where} holds {array.dtype}; pass uint8, uint16, bool, or floats between 0 and 1.")
    low = float(array.min())
    high = float(array.max())
    # The condition is also false for NaN.
    if not (low >= 0 and high <= 1):
        raise ValueError(f"{where} holds {array.dtype} from {low:g} to {high:g}; floats go from 0 to 1: divide by 255?")
    return np.rint(array.astype(np.float64) * 255).astype(np.uint8)


def _trimmed(image: Image.Image) -> Image.Image:
    """Cut both ends of very long images: resizing one of 1 x 100 000 pixels would take 20 GB of memory."""
    short, long = sorted(image.size)
    start = max(0, long - _LONGEST * short) // 2
    is_wide = image.width == long
    box = (start, 0, long - start, short) if is_wide else (0, start, short, long - start)
    if not start:
        return image
    # PIL refuses to crop large images; resizing a box to its own size is the same.
    return image.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.NEAREST, box)
