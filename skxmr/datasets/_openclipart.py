"""The Open Clip Art Library: colour drawings with titles and keywords that people wrote."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch

from skxmr._data.kinds import BoolArray, FilePath, IndexArray, IntArray
from skxmr._data.option_checks import check_choice, flags_checked
from skxmr._data.pairs import Pairs
from skxmr._data.paths import expanded
from skxmr.datasets._digits import SUBSETS
from skxmr.datasets._pictures import named_groups, same_pictures, thumbnail
from skxmr.datasets._svg_metadata import Metadata, read_metadata
from skxmr.model_selection import MultilabelStratifiedKFold, near_duplicate_groups

_SOURCE = (
    "Debian's packages openclipart-png and openclipart-svg put it into /usr/share/openclipart; elsewhere unpack "
    "release 0.18 of openclipart.org with its PNG files"
)
# Stars that a program drew, and icons of themes: thousands of pictures of one kind.
_FOLDERS = ("shapes/stars", "computer/icons")
# Keywords that say how the library is ordered, or who drew, but not what is seen.
_ORDER = frozenset(
    "action|appicon|application|architetto francesco rollandin|bordered|buttons|button|card|filesystem|gradients|icon|"
    "icons|led|lemon theme icon|logo|magick|mapsym|menu|mime-types|mimetypes|openclipart|ornamental|shape|shapes|sign|"
    "signs and symbols|simple|special|stars|symbol|theme|unsorted|webpage|white".split("|")
)
# A keyword of fewer drawings is no label, and no more drawings of one group are kept.
_FEWEST = 20
_PER_GROUP = 3


class _Drawing(NamedTuple):
    """A drawing: the path of its picture, its name below the root, and what it says about itself."""

    picture: Path
    name: str
    about: Metadata


@flags_checked
def load_openclipart(
    root: FilePath, subset: str = "train", *, return_X_y: bool = False
) -> Bunch | tuple[Pairs, IntArray]:
    """Load the Open Clip Art Library 0.18: colour drawings with the words of those who drew them.

    Labels are the keywords that at least 20 drawings have, without those that say how the library is ordered; a drawing
    has one or more. The text is the title, the description and the other keywords. Used are drawings whose metadata say
    that they are in the public domain and that have a picture, a label and a text; stars that a program drew and themes
    of icons are left out.

    Series of one artist are often nearly the same picture. Drawings that look the same as thumbnails, or have the same
    text but for digits, are in one group. At most three drawings of a group are kept, and no group is both in the
    training rows and in the test rows.

    Parameters
    ----------
    root : path
        Folder of the library: ``/usr/share/openclipart`` with Debian's packages ``openclipart-png`` and
        ``openclipart-svg``, or an unpacked release. The picture of an SVG file has the same name and the suffix
        ``.png``, in the same folder or in a folder ``png`` instead of ``svg``.
    subset : {"train", "test", "all"}, default="train"
        Four fifths of the drawings, the last fifth, or all; every label has its share in both.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image (n,) paths of PNG files, text (n,)), ``labels`` (n, c) multi-hot int64, ``label_names`` (c,),
        ``groups`` (n,) for splitters, which the pairs know as well, ``names`` (n,) of the drawings, ``left_out``,
        messages about pictures that could not be opened, such as those with too many pixels, ``attribution`` and
        ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the folder holds no such drawings, or too few of them; the message says where to get them.
    ImportError
        If pillow is missing.
    ValueError
        If the subset is unknown.

    Notes
    -----
    All pictures are opened to find those that look the same, which takes about a minute.

    Examples
    --------
    >>> from skxmr.datasets import load_openclipart
    >>> drawings = load_openclipart("/usr/share/openclipart")  # doctest: +SKIP
    """
    check_choice(subset, "subset", SUBSETS)
    drawings, groups, left_out = _grouped(_with_keywords(_drawings(expanded(root))))
    names = _frequent(drawings)
    has_label = np.array([bool(names & set(drawing.about.keywords)) for drawing in drawings])
    kept = np.flatnonzero(has_label)
    drawings = [drawings[i] for i in kept]
    groups = np.unique(groups[kept], return_inverse=True)[1]
    label_names = sorted(names)
    labels = np.array(
        [[name in drawing.about.keywords for name in label_names] for drawing in drawings], dtype=np.int64
    )
    rows = _rows(labels, groups, subset)
    paths = np.array([str(drawing.picture) for drawing in drawings], dtype=object)
    texts = np.array([_text(drawing.about, names) for drawing in drawings], dtype=object)
    pairs = Pairs(paths, texts, groups=named_groups(groups, paths))[rows]
    if return_X_y:
        return pairs, labels[rows]
    attribution = "Drawings: Open Clip Art Library 0.18 (openclipart.org), public domain"
    return Bunch(
        pairs=pairs,
        labels=labels[rows],
        label_names=np.array(label_names),
        groups=groups[rows],
        names=np.array([drawing.name for drawing in drawings])[rows],
        left_out=left_out,
        attribution=attribution,
        DESCR=f"Drawings with titles, descriptions and keywords. {attribution}.",
    )


def _drawings(root: Path) -> list[_Drawing]:
    """Return the drawings in the public domain that have a picture and say something about themselves."""
    found = []
    n_files = 0
    for file in sorted(root.rglob("*.svg")):
        name = file.relative_to(root).with_suffix("").as_posix().removeprefix("svg/")
        # A link is a drawing that stands in two folders.
        if file.is_symlink() or any(folder in name for folder in _FOLDERS):
            continue
        n_files += 1
        picture = _picture(root, file)
        about = read_metadata(file) if picture else None
        if picture and about and "publicdomain" in about.licence.lower():
            found.append(_Drawing(picture, name, about))
    if not found:
        holds = f"{n_files} SVG files, but none with a PNG file" if n_files else "no SVG files"
        raise FileNotFoundError(f"{root} holds {holds} of the Open Clip Art Library. Where to get it: {_SOURCE}.")
    return found


def _picture(root: Path, file: Path) -> Path | None:
    """Return the PNG file of an SVG file: beside it, or in the folder png where the other is in svg."""
    beside = file.with_suffix(".png")
    parts = beside.relative_to(root).parts
    apart = root.joinpath("png", *parts[1:])
    return next((path for path in (beside, apart) if path.is_file()), None)


def _with_keywords(drawings: Sequence[_Drawing]) -> list[_Drawing]:
    """Return the drawings that have a text and a keyword which may become a label; plurals become singulars."""
    known = {word for drawing in drawings for word in drawing.about.keywords}
    kept = []
    for drawing in drawings:
        words = (_singular(word, known) for word in drawing.about.keywords)
        kept.append(drawing._replace(about=drawing.about._replace(keywords=tuple(dict.fromkeys(words)))))
    names = _frequent(kept)
    return [d for d in kept if names & set(d.about.keywords) and re.search(r"\w", _text(d.about, names))]


def _singular(word: str, known: set[str]) -> str:
    return word[:-1] if word.endswith("s") and word[:-1] in known else word


def _frequent(drawings: Sequence[_Drawing]) -> set[str]:
    """Return the keywords that are labels."""
    counts = Counter(word for drawing in drawings for word in drawing.about.keywords)
    return {word for word, count in counts.items() if count >= _FEWEST and word not in _ORDER and not word.isdigit()}


def _text(about: Metadata, labels: Iterable[str]) -> str:
    others = ", ".join(sorted(set(about.keywords) - set(labels) - _ORDER))
    return " ".join(part for part in (about.title, about.description, others) if part)


def _grouped(drawings: Sequence[_Drawing]) -> tuple[list[_Drawing], IndexArray, list[str]]:
    """Return at most three drawings of each group, their groups, and messages about pictures that cannot be opened."""
    opened = []
    thumbnails = []
    left_out = []
    for drawing in drawings:
        try:
            thumbnails.append(thumbnail(drawing.picture))
            opened.append(drawing)
        except ValueError as error:
            left_out.append(str(error))
    if not opened:
        broken = f", and {len(left_out)} pictures cannot be opened" if left_out else ""
        raise FileNotFoundError(
            f"no keyword is that of {_FEWEST} drawings, so that there are no labels{broken}; the whole library is "
            f"wanted. {_SOURCE}."
        )
    names = _frequent(opened)
    texts = [re.sub(r"[\d\s]+", " ", _text(drawing.about, names)).strip().lower() for drawing in opened]
    groups = near_duplicate_groups(same_pictures(np.stack(thumbnails)), texts)
    # The place of each drawing within its group.
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], groups)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    kept = np.flatnonzero(place - starts < _PER_GROUP)
    return [opened[i] for i in kept], groups[kept], left_out


def _rows(labels: IntArray, groups: IndexArray, subset: str) -> BoolArray:
    """Return which rows are asked for; a fifth of them are test rows."""
    is_test = np.zeros(len(labels), dtype=bool)
    if subset != "all":
        folds = MultilabelStratifiedKFold(5, shuffle=True, random_state=0)
        is_test[next(folds.split(labels, labels, groups))[1]] = True
    return is_test if subset == "test" else ~is_test
