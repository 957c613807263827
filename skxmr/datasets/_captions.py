"""Region features with captions, in the layout in which Flickr30k and MS-COCO are published for retrieval."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skxmr._data.option_checks import check_choice
from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.sentences import Sentences
from skxmr.datasets._research import _file, _folder

SUBSETS = ("train", "dev", "test", "testall")
SOURCE = "the authors of SCAN (Lee et al., ECCV 2018) publish f30k_precomp and coco_precomp; name= is the folder's name"
_EACH = 5  # captions of an image, as often as some distributions repeat it
_PIXEL = 1.0  # by which boxes may leave their image: they were rounded


def load_captioned_regions(
    name: str = "f30k_precomp", subset: str = "train", *, data_home: Any = None, boxes: bool = True
) -> Bunch:
    r"""Load images as regions with several captions each: Flickr30k, MS-COCO, or what you made in their layout.

    The layout is that of SCAN's data, on which most fine-grained methods report: 36 regions an image, found by a
    detector, five captions each. Where a distribution repeats every image once for each of its captions, each is taken
    once.

    Parameters
    ----------
    name : str, default="f30k_precomp"
        Folder with the files ``<subset>_ims.npy`` (n, r, d), the features, and ``<subset>_caps.txt``, one caption a
        line in UTF-8, equally many of every image, in the order of the images. ``<subset>_boxes.npy`` (n, r, 4) is read
        where there is one: left, top, right and bottom in [0, 1], or in pixels if ``<subset>_img_sizes.npy`` says width
        and height (n, 2) of the images; so is ``<subset>_ids.txt``, one line an image or a caption.
    subset : {"train", "dev", "test", "testall"}, default="train"
        Which files; ``"testall"`` are the 5,000 test images of MS-COCO.
    data_home : path or None, default=None
        Folder that holds the folder `name`; None reads the environment variable ``SKXMR_DATA``.
    boxes : bool, default=True
        Read the boxes if there are any.

    Returns
    -------
    Bunch
        ``pairs``, `Regions` and `Sentences` with an ``image_index``, features as a memory map of the file;
        ``image_ids`` (n,), strings, or None without such a file; ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If features or captions are not there; the message says where to get them.
    ValueError
        If a file cannot be read or does not fit the others.

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
    folder = _folder(data_home, name, SOURCE)
    file = _file(folder, f"{subset}_ims.npy", SOURCE)
    captions = _captions(_file(folder, f"{subset}_caps.txt", SOURCE))
    features = _array(file, 3)
    features, each = _distinct(features, len(captions), file)
    n = len(features)
    found = folder / f"{subset}_boxes.npy"
    edges = _boxes(found, folder / f"{subset}_img_sizes.npy", n, each) if boxes and found.is_file() else None
    ids = folder / f"{subset}_ids.txt"
    return Bunch(
        pairs=Pairs(Regions(features, edges), Sentences(captions), image_index=np.repeat(np.arange(n), each)),
        image_ids=_of_images(np.array(_lines(ids)), ids, n, each) if ids.is_file() else None,
        DESCR=f"Regions and captions of {folder.name}, {subset} images; {each} captions an image.",
    )


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not in UTF-8: {error}; save it in that encoding.") from error
    return [line.strip() for line in lines[: len(lines) - (not lines[-1].strip())]]


def _captions(file: Path) -> list[str]:
    lines = _lines(file)
    for i, line in enumerate(lines):
        if not re.search(r"\w", line):
            raise ValueError(f"line {i + 1} of {file} has no words; write what it should say: line i is caption i.")
    return lines


def _array(file: Path, ndim: int) -> NDArray[Any]:
    """Return an array of numbers that stays on disk."""
    try:
        array = np.load(file, mmap_mode="r")
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{file} cannot be read as a .npy file of numbers: {error}") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError(f"{file} holds several arrays; one of numbers is wanted, as np.save writes it.")
    if array.ndim != ndim or array.dtype.kind not in "biuf":
        wanted = "(images, regions, features)" if ndim == 3 else "(images, 2), width and height"
        raise ValueError(f"{file} holds {array.dtype} of shape {array.shape}; numbers of shape {wanted} are wanted.")
    return array


def _distinct(features: NDArray[Any], n_captions: int, file: Path) -> tuple[NDArray[Any], int]:
    """Return every image once, and how many captions each has."""
    n = len(features)
    if not n or n_captions % n or not n_captions:
        raise ValueError(
            f"{file} has {n} images for {n_captions} captions; as many of every image are wanted. Both files must be "
            "of one subset, with one caption a line."
        )
    if n == n_captions and n % _EACH == 0:
        groups = {0, n // _EACH // 2, n // _EACH - 1}  # a few: all would be read from the disk
        if all((features[_EACH * i] == features[_EACH * i + 1 : _EACH * i + _EACH]).all() for i in groups):
            return features[::_EACH], _EACH
    return features, n_captions // n


def _of_images(rows: NDArray[Any], file: Path, n: int, each: int) -> NDArray[Any]:
    """Return one row an image of what may have one a caption."""
    if len(rows) not in (n, n * each):
        raise ValueError(
            f"{file} has {len(rows)} rows, but there are {n} images with {each} captions each; one an image is wanted."
        )
    return rows if len(rows) == n else rows[::each]


def _boxes(file: Path, file_of_sizes: Path, n: int, each: int) -> NDArray[Any]:
    """Return boxes divided by width and height of their images."""
    boxes = _of_images(_array(file, 3), file, n, each)
    if boxes.shape[2] != 4:
        raise ValueError(f"{file} is of shape {boxes.shape}; (images, regions, 4) is wanted: left, top, right, bottom.")
    if not (boxes > 1 + 1e-4).any():
        return np.array(boxes)  # few, and read as a whole anyway
    if not file_of_sizes.is_file():
        raise ValueError(
            f"{file} has edges up to {boxes.max()}, in pixels, but there is no {file_of_sizes.name} with width and "
            "height of the images; write one, divide the boxes by them, or pass boxes=False."
        )
    sizes = _of_images(_sizes(file_of_sizes), file_of_sizes, n, each)
    limits = np.tile(np.asarray(sizes, dtype=np.float64), 2)[:, None]  # (n, 1, 4): width, height, width, height
    outside = ((boxes > limits + _PIXEL) | (boxes < -_PIXEL)).any(axis=(1, 2))
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(
            f"boxes of image {i} in {file} lie between {boxes[i].min(axis=0)[:2].tolist()} and "
            f"{boxes[i].max(axis=0)[2:].tolist()}, but {file_of_sizes.name} says that it is {sizes[i][0]} wide and "
            f"{sizes[i][1]} high; are width and height the other way round?"
        )
    return np.clip(boxes / limits, 0.0, 1.0).astype(np.float32)


def _sizes(file: Path) -> NDArray[Any]:
    """Return width and height of each image, of an array of numbers or of dictionaries."""
    with file.open("rb") as opened:
        try:
            version = np.lib.format.read_magic(opened)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            if not read(opened)[2].hasobject:
                array = _array(file, 2)
            else:
                entries = np.asarray(_Numbers(opened).load(), dtype=object).ravel()
                array = np.array([[entry["image_w"], entry["image_h"]] for entry in entries])
        except (ValueError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise ValueError(
                f"{file} cannot be read as widths and heights: {error}. An array (images, 2) is wanted, or one of "
                "dictionaries with image_w and image_h."
            ) from error
    if array.shape[1:] != (2,) or not (array > 0).all():
        raise ValueError(f"{file} is of shape {array.shape}; positive widths and heights, (images, 2), are wanted.")
    return array


class _Numbers(pickle.Unpickler):
    """Reads arrays, dictionaries and numbers; a file that names anything else is refused, so that none runs code."""

    known = {  # noqa: RUF012
        "ndarray": np.ndarray,
        "dtype": np.dtype,
        "_reconstruct": np.zeros(0).__reduce__()[0],
        "scalar": np.float64(0).__reduce__()[0],
    }

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] != "numpy" or name not in self.known:
            raise pickle.UnpicklingError(f"it holds a {module}.{name}")
        return self.known[name]
