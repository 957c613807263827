"""Icons with the words by which people search for them: real pictures with several labels, without a download."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter, defaultdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skxmr._data.kinds import AnyArray, BoolArray, IndexArray, IntArray
from skxmr._data.option_checks import check_choice, check_k, flags_checked
from skxmr._data.pairs import Pairs
from skxmr.datasets._digits import SUBSETS
from skxmr.datasets._files import need_file
from skxmr.datasets._pictures import named_groups
from skxmr.model_selection import MultilabelStratifiedKFold, near_duplicate_groups

# A category of fewer icons is no label.
_FEWEST = 10
# Icons whose ink has a higher cosine are of one group, such as a file with a plus and a file with a minus. They are
# compared at one size, so that groups and the split do not depend on the size that is asked for.
_ALIKE = 0.97
_COMPARED = 64
# The size of the font as a share of that of the picture; the widest icon then just fits in.
_FONT = 0.75
_ATTRIBUTION = "Icons: Font Awesome Free {} by Fonticons, Inc. (fontawesome.com), licensed under CC BY 4.0"
_NEEDED = "load_icons needs fontawesomefree, pillow and PyYAML ({}): pip install 'skxmr[demo]'."
_LAYOUT = "the installed fontawesomefree has another layout than 6.6: pip install 'skxmr[demo]'"


class _Icon(NamedTuple):
    """An icon: its name, the character of the font that shows it, and the words for it."""

    name: str
    character: str
    words: str


class _Collection(NamedTuple):
    """All icons, their labels (n, c) with names (c,), their groups (n,), and which are test rows (n,)."""

    icons: list[_Icon]
    labels: IntArray
    label_names: AnyArray
    groups: IndexArray
    is_test: BoolArray


@flags_checked
def load_icons(subset: str = "train", *, size: int = 64, return_X_y: bool = False) -> Bunch | tuple[Pairs, IntArray]:
    """Load the icons of Font Awesome Free with their search terms, and their categories as labels.

    The 1,395 solid icons are drawn in black on white from the font in the package ``fontawesomefree``. The text of an
    icon is its name and the terms by which its makers let people find it. Labels are the categories with at least 10
    icons, on average two per icon. Icons of a series, such as files with different signs, are in one group, and no
    group is both in the training rows and in the test rows.

    Needs ``pip install 'skxmr[demo]'``. The icons are licensed under CC BY 4.0: put ``attribution`` beside pictures of
    them that you publish.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        Three quarters of the icons, the last quarter, or all; every label has its share in both.
    size : int, default=64
        Height and width of the pictures, in pixels.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image (n, size, size) uint8, text (n,) words), ``labels`` (n, 64) multi-hot int64, ``label_names``
        (64,), ``groups`` (n,) for splitters, which the pairs know as well, ``names`` (n,) of the icons, ``attribution``
        and ``DESCR``.

    Raises
    ------
    ImportError
        If fontawesomefree, pillow or PyYAML is missing.
    FileNotFoundError
        If the installed fontawesomefree lacks one of its files.
    ValueError
        If the subset is unknown, or the size is no positive integer.

    Examples
    --------
    >>> from skxmr.datasets import load_icons
    >>> icons = load_icons("all", size=32)
    >>> icons.pairs
    Pairs(image=(1395, 32, 32) uint8, text=(1395,) object)
    >>> dog = icons.names.tolist().index("dog")
    >>> icons.pairs.text[dog], icons.label_names[icons.labels[dog] == 1].tolist()
    ('Dog animal canine dog fauna mammal pet pooch puppy woof', ['Animals'])
    """
    check_choice(subset, "subset", SUBSETS)
    check_k(size, optional=False, name="size")
    folder = _package()
    found = _collection(folder)
    rows = {"train": ~found.is_test, "test": found.is_test, "all": np.ones_like(found.is_test)}[subset]
    chosen = [icon for icon, row in zip(found.icons, rows, strict=True) if row]
    series = named_groups(found.groups, np.array([icon.name for icon in found.icons]))
    words = np.array([icon.words for icon in chosen], dtype=object)
    pairs = Pairs(_drawn(chosen, folder, size), words, groups=series[rows])
    if return_X_y:
        return pairs, found.labels[rows]
    attribution = _ATTRIBUTION.format(version("fontawesomefree"))
    return Bunch(
        pairs=pairs,
        labels=found.labels[rows],
        label_names=found.label_names,
        groups=found.groups[rows],
        names=np.array([icon.name for icon in chosen]),
        attribution=attribution,
        DESCR=f"Solid icons with their search terms and categories. {attribution}.",
    )


def _package() -> Path:
    """Return the folder in which fontawesomefree keeps its files, after checking that what reads them is there."""
    try:
        import PIL.ImageFont  # noqa: F401
        import yaml  # noqa: F401
    except ImportError as error:
        raise ImportError(_NEEDED.format(error)) from error
    found = importlib.util.find_spec("fontawesomefree")
    if found is None or not found.submodule_search_locations:
        raise ImportError(_NEEDED.format("No module named 'fontawesomefree'"))
    return Path(found.submodule_search_locations[0]) / "static" / "fontawesomefree"


@lru_cache(maxsize=1)
def _collection(folder: Path) -> _Collection:
    """Read what is known of the icons, and put a fourth of them aside as test rows."""
    file = need_file(folder / "metadata" / "icon-families.json", _LAYOUT)
    entries = json.loads(file.read_text(encoding="utf-8"))
    categories = _categories(folder)
    names = sorted(name for name in entries if categories[name] and "solid" in entries[name]["svgs"]["classic"])
    icons = [_icon(name, entries[name]) for name in names]
    counts = Counter(label for name in names for label in categories[name])
    label_names = sorted(label for label, count in counts.items() if count >= _FEWEST)
    labels = np.array([[label in categories[name] for label in label_names] for name in names], dtype=np.int64)
    ink = 255.0 - _drawn(icons, folder, _COMPARED).reshape(len(icons), -1).astype(np.float32)
    groups = near_duplicate_groups(ink, threshold=_ALIKE)
    is_test = np.zeros(len(icons), dtype=bool)
    folds = MultilabelStratifiedKFold(4, shuffle=True, random_state=0)
    is_test[next(folds.split(ink, labels, groups))[1]] = True
    return _Collection(icons, labels, np.array(label_names), groups, is_test)


def _categories(folder: Path) -> dict[str, set[str]]:
    """Return the categories of every icon; an icon that is in none has an empty set."""
    import yaml

    file = need_file(folder / "metadata" / "categories.yml", _LAYOUT)
    # The loader in C is ten times faster, but not built everywhere.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, set[str]] = defaultdict(set)
    for category in yaml.load(file.read_text(encoding="utf-8"), loader).values():
        for name in category["icons"]:
            found[name].add(category["label"])
    return found


def _icon(name: str, entry: dict[str, Any]) -> _Icon:
    words = [entry["label"], *(str(term) for term in entry["search"]["terms"])]
    return _Icon(name, chr(int(entry["unicode"], 16)), " ".join(words))


def _drawn(icons: list[_Icon], folder: Path, size: int) -> NDArray[np.uint8]:
    """Draw icons in black on white, each in the middle of its picture; return them as (n, size, size)."""
    from PIL import Image, ImageDraw, ImageFont, ImageOps

    file = need_file(folder / "webfonts" / "fa-solid-900.ttf", _LAYOUT)
    font = ImageFont.truetype(str(file), max(1, round(_FONT * size)))
    out = np.empty((len(icons), size, size), dtype=np.uint8)
    for i, icon in enumerate(icons):
        page = Image.new("L", (3 * size, 3 * size), 255)
        ImageDraw.Draw(page).text((size, size), icon.character, font=font, fill=0)
        # The font centres some characters by more than their ink.
        ink = page.crop(ImageOps.invert(page).getbbox())
        image = Image.new("L", (size, size), 255)
        image.paste(ink, ((size - ink.width) // 2, (size - ink.height) // 2))
        out[i] = np.asarray(image)
    return out
