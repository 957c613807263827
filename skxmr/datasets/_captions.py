"""Region features with captions, in the layout in which Flickr30k and MS-COCO are published for retrieval."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skxmr._data.kinds import AnyArray, FilePath
from skxmr._data.option_checks import check_choice
from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.sentences import Sentences
from skxmr.datasets._research import data_folder, existing_file

SUBSETS = ("train", "dev", "test", "testall")
SOURCE = "the authors of SCAN (Lee et al., ECCV 2018) publish f30k_precomp and coco_precomp; name= is the folder's name"
# Captions per image. Some distributions repeat every image this many times.
_EACH = 5
# Boxes may leave their image by this many pixels, because they were rounded.
_PIXEL = 1.0


def load_captioned_regions(
    name: str = "f30k_precomp", subset: str = "train", *, data_home: FilePath | None = None, boxes: bool = True
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
    folder = data_folder(data_home, name, SOURCE)
    file = existing_file(folder, f"{subset}_ims.npy", SOURCE)
    captions = _captions(existing_file(folder, f"{subset}_caps.txt", SOURCE))
    features, each = _distinct(_array(file, 3), len(captions), file)
    n = len(features)
    edges = None
    file_of_boxes = folder / f"{subset}_boxes.npy"
    if boxes and file_of_boxes.is_file():
        edges = _boxes(file_of_boxes, folder / f"{subset}_img_sizes.npy", n, each)
    image_ids = None
    file_of_ids = folder / f"{subset}_ids.txt"
    if file_of_ids.is_file():
        image_ids = _per_image(np.array(_lines(file_of_ids)), file_of_ids, n, each)
    return Bunch(
        pairs=Pairs(Regions(features, edges), Sentences(captions), image_index=np.repeat(np.arange(n), each)),
        image_ids=image_ids,
        DESCR=f"Regions and captions of {folder.name}, {subset} images; {each} captions per image.",
    )


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not in UTF-8: {error}; save it in that encoding.") from error
    # The last line may end with a line break.
    if not lines[-1].strip():
        del lines[-1]
    return [line.strip() for line in lines]


def _captions(file: Path) -> list[str]:
    lines = _lines(file)
    for i, line in enumerate(lines):
        if not re.search(r"\w", line):
            raise ValueError(f"line {i + 1} of {file} has no words; write what it should say: line i is caption i.")
    return lines


def _array(file: Path, ndim: int) -> AnyArray:
    """Return an array of numbers that stays on disk."""
    try:
        array = np.lib.format.open_memmap(file, mode="r")
    except (ValueError, OSError) as error:
        raise ValueError(f"{file} cannot be read as a .npy file of numbers, as np.save writes it: {error}") from error
    if array.ndim != ndim or array.dtype.kind not in "biuf":
        wanted = "(images, regions, features)" if ndim == 3 else "(images, 2), width and height"
        raise ValueError(f"{file} holds {array.dtype} of shape {array.shape}; numbers of shape {wanted} are wanted.")
    return array


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
    boxes = _per_image(_array(file, 3), file, n, each)
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
    """Reads only arrays, dictionaries and numbers, so that a pickle in a file cannot run code."""

    known = {  # noqa: RUF012
        "ndarray": np.ndarray,
        "dtype": np.dtype,
        "_reconstruct": np.zeros(0).__reduce__()[0],
        "scalar": np.float64(0).__reduce__()[0],
    }

    def find_class(self, module: str, name: str) -> object:
        if module.split(".")[0] != "numpy" or name not in self.known:
            raise pickle.UnpicklingError(f"it holds a {module}.{name}")
        return self.known[name]
