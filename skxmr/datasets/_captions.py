"""Region features with captions, in the layout in which Flickr30k and MS-COCO are published for retrieval."""

from __future__ import annotations

import pickle
import re
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skxmr._data.kinds import AnyArray, BoolArray, FilePath
from skxmr._data.option_checks import check_choice, flags_checked
from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.sentences import Sentences
from skxmr.datasets._files import array_header, read_lines, read_numbers
from skxmr.datasets._research import data_folder, existing_file

SUBSETS = ("train", "dev", "test", "testall")
SOURCE = "the authors of SCAN (Lee et al., ECCV 2018) publish f30k_precomp and coco_precomp; name= is the folder's name"
# Captions per image. Some distributions repeat every image this many times.
_EACH = 5
# Boxes may leave their image by this many pixels, because they were rounded.
_PIXEL = 1.0
_FEATURES = "(images, regions, features)"
_SIZES = "(images, 2), width and height"
# What a damaged pickle makes Python raise.
_UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, TypeError, ValueError,
    pickle.UnpicklingError, struct.error,
)  # fmt: skip


@flags_checked
def load_captioned_regions(
    name: str = "f30k_precomp",
    subset: str = "train",
    *,
    data_home: FilePath | None = None,
    boxes: bool = True,
    missing_captions: str = "error",
) -> Bunch:
    r"""Load images as regions with several captions each: Flickr30k, MS-COCO, or what you made in their layout.

    The layout is that of SCAN's data, on which most fine-grained methods report results: 36 regions per image, found by
    a detector, and five captions per image. If a distribution repeats every image for each of its captions, every image
    is loaded once.

    Parameters
    ----------
    name : str, default="f30k_precomp"
        Folder with the files ``<subset>_ims.npy`` (n, r, d), the features, and ``<subset>_caps.txt``, one caption per
        line in UTF-8, equally many for every image, in the order of the images. ``<subset>_boxes.npy`` (n, r, 4) is
        read if it exists: left, top, right and bottom in [0, 1], or in pixels if ``<subset>_img_sizes.npy`` holds width
        and height (n, 2) of the images. So is ``<subset>_ids.txt``, one line per image or per caption.
    subset : {"train", "dev", "test", "testall"}, default="train"
        Which files; ``"testall"`` means the 5,000 test images of MS-COCO.
    data_home : path or None, default=None
        Folder that holds the folder `name`; None reads the environment variable ``SKXMR_DATA``.
    boxes : bool, default=True
        Read the boxes if they exist.
    missing_captions : {"error", "skip"}, default="error"
        What to do about lines without a word in the file of captions. ``"skip"`` leaves these captions out, so that
        their images have fewer; an image without any caption stays among the images.

    Returns
    -------
    Bunch
        ``pairs``, `Regions` and `Sentences` with an ``image_index``, features as a memory map of the file;
        ``image_ids`` (n,), strings, or None without such a file; ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If features or captions are missing; the message says where to get them.
    ValueError
        If a file cannot be read or does not fit the others, or a caption has no words.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skxmr.datasets import load_captioned_regions
    >>> folder = Path(tempfile.mkdtemp()) / "mine"
    >>> folder.mkdir()
    >>> np.save(folder / "test_ims.npy", np.ones((2, 36, 8), dtype=np.float32))
    >>> _ = (folder / "test_caps.txt").write_text("A dog.\nA brown dog.\nTwo cats.\nCats on a sofa.\n")
    >>> load_captioned_regions("mine", "test", data_home=folder.parent).pairs
    Pairs(image=4 rows of Regions(2 images, up to 36 regions of 8 features), text=Sentences(4 texts, 11 words))
    """
    check_choice(subset, "subset", SUBSETS)
    check_choice(missing_captions, "missing_captions", ("error", "skip"))
    folder = data_folder(data_home, name, SOURCE)
    file = existing_file(folder, f"{subset}_ims.npy", SOURCE)
    file_of_captions = existing_file(folder, f"{subset}_caps.txt", SOURCE)
    images = read_numbers(file, 3, _FEATURES)
    captions, there = _captions(file_of_captions, missing_captions, len(images))
    features, each = _distinct(images, len(captions), file)
    n = len(features)
    edges = None
    file_of_boxes = folder / f"{subset}_boxes.npy"
    if boxes and file_of_boxes.is_file():
        edges = _boxes(file_of_boxes, folder / f"{subset}_img_sizes.npy", n, each)
    image_ids = None
    file_of_ids = folder / f"{subset}_ids.txt"
    if file_of_ids.is_file():
        image_ids = _per_image(np.array(read_lines(file_of_ids)), file_of_ids, n, each)
        if "" in image_ids:
            raise ValueError(
                f"image {image_ids.tolist().index('')} has an empty id in {file_of_ids}; write what it is."
            )
    try:
        regions = Regions(features, edges)
    except ValueError as error:
        raise ValueError(f"{subset}_boxes.npy or {subset}_ims.npy of {str(folder)!r}: {error}") from error
    sentences = Sentences([caption for caption, said in zip(captions, there, strict=True) if said])
    return Bunch(
        pairs=Pairs(regions, sentences, image_index=np.repeat(np.arange(n), each)[there]),
        image_ids=image_ids,
        DESCR=f"Regions and captions of {folder.name}, {subset} images; {each} captions per image.",
    )


def _captions(file: Path, missing: str, n_images: int) -> tuple[list[str], BoolArray]:
    """Return the captions, and which of them hold words."""
    lines = read_lines(file)
    # Lines after the last caption are none.
    while lines and not lines[-1] and len(lines) % max(n_images, 1):
        del lines[-1]
    there = np.array([re.search(r"\w", line) is not None for line in lines], dtype=bool)
    if lines and not there.any():
        raise ValueError(f"no line of {file} has words; one caption per line is wanted.")
    if missing == "error" and not there.all():
        numbers = (np.flatnonzero(~there) + 1).tolist()
        more = f" (neither have {len(numbers) - 1} more lines, such as {numbers[1]})" if len(numbers) > 1 else ""
        raise ValueError(
            f"line {numbers[0]} of {file} has no words{more}; line i is caption i, so that caption is missing. Write "
            'what it should say, or leave such captions out by missing_captions="skip".'
        )
    return lines, there


def _distinct(features: AnyArray, n_captions: int, file: Path) -> tuple[AnyArray, int]:
    """Return every image once, and the number of captions per image."""
    n = len(features)
    if not n or n_captions % n or not n_captions:
        raise ValueError(
            f"{file} has {n} images for {n_captions} captions; every image needs the same number of captions. Both "
            "files must be of one subset, with one caption per line."
        )
    if n == n_captions and n % _EACH == 0:
        # Only the first, middle and last group are compared, because comparing all would read the whole file.
        starts = [_EACH * i for i in (0, n // _EACH // 2, n // _EACH - 1)]
        if all((features[start] == features[start + 1 : start + _EACH]).all() for start in starts):
            return features[::_EACH], _EACH
    return features, n_captions // n


def _per_image(rows: AnyArray, file: Path, n: int, each: int) -> AnyArray:
    """Return one row per image, given one per image or one per caption."""
    if len(rows) not in (n, n * each):
        found = f"{file} has {len(rows)} rows, but there are {n} images with {each} captions each"
        raise ValueError(f"{found}; one per image is wanted.")
    return rows if len(rows) == n else rows[::each]


def _boxes(file: Path, file_of_sizes: Path, n: int, each: int) -> AnyArray:
    """Return boxes divided by width and height of their images."""
    boxes = _per_image(read_numbers(file, 3, "(images, regions, 4)"), file, n, each)
    if boxes.shape[2] != 4:
        raise ValueError(f"{file} is of shape {boxes.shape}; (images, regions, 4) is wanted: left, top, right, bottom.")
    # Boxes are small, so they are read into memory.
    if not (boxes > 1 + 1e-4).any():
        return np.array(boxes)
    if not file_of_sizes.is_file():
        raise ValueError(
            f"{file} has edges up to {boxes.max()}, in pixels, but there is no {file_of_sizes.name} with width and "
            "height of the images; write one, divide the boxes by them, or pass boxes=False."
        )
    sizes = _per_image(_sizes(file_of_sizes), file_of_sizes, n, each)
    # Width, height, width and height, (n, 1, 4).
    limits = np.tile(np.asarray(sizes, dtype=np.float64), 2)[:, None]
    outside = ((boxes > limits + _PIXEL) | (boxes < -_PIXEL)).any(axis=(1, 2))
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(
            f"boxes of image {i} in {file} lie between {boxes[i].min(axis=0)[:2].tolist()} and "
            f"{boxes[i].max(axis=0)[2:].tolist()}, but {file_of_sizes.name} says that it is {sizes[i][0]} wide and "
            f"{sizes[i][1]} high; are width and height the other way round?"
        )
    return np.clip(boxes / limits, 0.0, 1.0).astype(np.float32)


def _sizes(file: Path) -> AnyArray:
    """Return width and height of each image, from an array of numbers or of dictionaries."""
    with file.open("rb") as opened:
        try:
            if not array_header(opened)[1].hasobject:
                array = read_numbers(file, 2, _SIZES)
            else:
                array = np.array(
                    [[entry["image_w"], entry["image_h"]] for entry in _Dictionaries(BytesIO(opened.read())).load()]
                )
        except _UNREADABLE as error:
            raise ValueError(
                f"{file} cannot be read as widths and heights: {error}. An array (images, 2) is wanted, or one of "
                "dictionaries with image_w and image_h."
            ) from error
    if array.shape[1:] != (2,) or array.dtype.kind not in "iuf" or not (array > 0).all():
        raise ValueError(f"{file} is of shape {array.shape}; positive widths and heights, (images, 2), are wanted.")
    return array


class _Array(list[object]):
    """What is made in place of an array of objects: a list, because numpy would believe any shape it is told."""

    def __setstate__(self, state: tuple[object, ...]) -> None:
        """Take the entries from what numpy would make an array of: version, shape, type, order, and these."""
        self[:] = state[4]  # type: ignore[call-overload]


class _Type:
    """What is made in place of a type of numpy."""

    def __init__(self, code: str, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Leave the byte order out, which is little-endian in files that are published."""


def _scalar(kind: _Type, data: bytes) -> object:
    if kind.code not in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"):
        raise pickle.UnpicklingError(f"it holds a number of the type {kind.code!r}")
    return np.frombuffer(data, f"<{kind.code}", count=1)[0].item()


class _Dictionaries(pickle._Unpickler):
    """Reads an array of dictionaries of numbers. Nothing of numpy's is called by what a file says.

    This is the unpickler that is written in Python, because that in C takes as much memory as a damaged file asks for.
    """

    known = {"ndarray": _Array, "dtype": _Type, "_reconstruct": lambda *_: _Array(), "scalar": _scalar}  # noqa: RUF012

    def find_class(self, module: str, name: str) -> object:
        if module.split(".")[0] != "numpy" or name not in self.known:
            raise pickle.UnpicklingError(f"it holds a {module}.{name}")
        return self.known[name]
