"""Research sets that users have on disk: Wikipedia, Corel5k tags, MIRFlickr tags."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

from skxmr._data.kinds import AnyArray, FilePath, IntArray, Matrix
from skxmr._data.option_checks import check_choice, flags_checked
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_same_rows
from skxmr.datasets._digits import SUBSETS
from skxmr.datasets._files import as_path, need_file, read_lines, read_matrix

# Views and labels of some rows.
Part: TypeAlias = tuple[Pairs, AnyArray]

MIRFLICKR_LABELS = (
    "animals baby bird car clouds dog female flower food indoor lake male night people plant_life "
    "portrait river sea sky structures sunset transport tree water"
).split()


@flags_checked
def load_wikipedia(
    subset: str = "train", *, text: str = "lda", data_home: FilePath | None = None, return_X_y: bool = False
) -> Bunch | Part:
    """Load the Wikipedia featured articles of Rasiwasia et al. (2010): 2,866 pairs, one class of 10 each.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The standard split, 2173 / 693 rows.
    text : {"lda", "tfidf"}, default="lda"
        10 topic proportions, or 1,000 tf-idf weights as CSR.
    data_home : path or None, default=None
        Folder that holds ``wikipedia/raw_features_with_tfidf.mat`` and the split's ``.list`` files; None reads the
        environment variable ``SKXMR_DATA``.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image (n, 128) bag of visual words, float64), ``labels`` (n,) class names, ``label_names`` (10,)
        and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the files are missing; the message says where to get them.
    ValueError
        If an option is unknown, or a file cannot be read or does not fit the others.

    Examples
    --------
    >>> from skxmr.datasets import load_wikipedia
    >>> wikipedia = load_wikipedia("test")  # doctest: +SKIP
    """
    check_choice(subset, "subset", SUBSETS)
    check_choice(text, "text", ("lda", "tfidf"))
    source = "the SVCL group of UC San Diego publishes it as 'crossmodal' (Rasiwasia et al., ACM MM 2010)"
    folder = data_folder(data_home, "wikipedia", source)
    file = existing_file(folder, "raw_features_with_tfidf.mat", source)
    names = np.array(" ".join(read_lines(existing_file(folder, "categories.list", source))).split())
    parts: list[Part] = []
    for part, suffix in (("train", "tr"), ("test", "te")):
        image, words = f"I_{suffix}", f"T_{suffix}" if text == "lda" else f"T_tfidf_{suffix}"
        list_of_classes = existing_file(folder, f"{part}set_txt_img_cat.list", source)
        labels = names[_classes(list_of_classes, len(names))]
        views = {name: read_matrix(file, name, exact=True) for name in (image, words)}
        check_same_rows(**views, **{list_of_classes.name: labels})
        rows = views[words] if text == "lda" else sp.csr_array(views[words])
        parts.append((Pairs(views[image], rows), labels))
    return _bunch(parts, subset, names, "Wikipedia featured articles, Rasiwasia et al. 2010.", return_X_y)


@flags_checked
def load_corel5k_tags(
    subset: str = "train", *, data_home: FilePath | None = None, return_X_y: bool = False
) -> Bunch | Part:
    """Load Corel5k with its words split in two: the 50 most frequent are labels, the other 210 are the text.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The standard split, rows with at least one word of each kind: 3056 / 372.
    data_home : path or None, default=None
        Folder that holds ``corel5k_tags/corel5k_tags.npz``; None reads the environment variable ``SKXMR_DATA``.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image (n, 1100) float32 square-rooted dense SIFT and hue histograms, text (n, 210) CSR bag of
        words), ``labels`` (n, 50) multi-hot int64, ``label_names`` (50,) and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is missing; the message says where to get it.
    ValueError
        If the subset is unknown, or the file cannot be read.

    Examples
    --------
    >>> from skxmr.datasets import load_corel5k_tags
    >>> corel = load_corel5k_tags("test")  # doctest: +SKIP
    """
    source = "Corel5k features and annotations: Guillaumin et al., LEAR (INRIA); see DESCR for how words are split"
    about = (
        "Corel5k, Duygulu et al. 2002; features of Guillaumin et al. (LEAR). The 260 annotation words are sorted by "
        "training frequency; the first 50 are the labels, the other 210 the text, and rows with at least one word of "
        "each kind are kept. Image = [sqrt(DenseSift / row sum), sqrt(DenseHue / row sum)]."
    )
    check_choice(subset, "subset", SUBSETS)
    folder = data_folder(data_home, "corel5k_tags", source)
    parts = _tag_parts(existing_file(folder, "corel5k_tags.npz", source))
    return _bunch(parts, subset, np.array([f"word{j}" for j in range(50)]), about, return_X_y)


@flags_checked
def load_mirflickr_tags(
    subset: str = "train", *, data_home: FilePath | None = None, return_X_y: bool = False
) -> Bunch | Part:
    """Load MIRFlickr-25K with its tags split at random in two views of 693 words; both views are textual.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        11,801 / 2,000 rows with at least one tag in each half.
    data_home : path or None, default=None
        Folder that holds ``mirflickr_tags/mirflickr_tagsplit.npz``; None reads the environment variable
        ``SKXMR_DATA``.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image and text (n, 693) CSR float32 bags of words), ``labels`` (n, 24) multi-hot int64,
        ``label_names`` (24,) and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the file is missing; the message says where to get it.
    ValueError
        If the subset is unknown, or the file cannot be read.

    Examples
    --------
    >>> from skxmr.datasets import load_mirflickr_tags
    >>> flickr = load_mirflickr_tags("test")  # doctest: +SKIP
    """
    source = "MIRFlickr-25K: Huiskes and Lew 2008, LIACS Leiden; tags in the order of DCMH"
    about = "MIRFlickr-25K tags split at random into two views."
    check_choice(subset, "subset", SUBSETS)
    folder = data_folder(data_home, "mirflickr_tags", source)
    parts = _tag_parts(existing_file(folder, "mirflickr_tagsplit.npz", source))
    return _bunch(parts, subset, np.array(MIRFLICKR_LABELS), about, return_X_y)


def _classes(file: Path, n_classes: int) -> IntArray:
    """Read the third column of a list of text, image and class number, which counts from 1; return it from 0."""
    classes = []
    for i, line in enumerate(read_lines(file)):
        fields = line.split("\t")
        if line and (len(fields) != 3 or not fields[2].isdecimal() or not 1 <= int(fields[2]) <= n_classes):
            wanted = f"text, image and a class from 1 to {n_classes}, separated by tabs"
            raise ValueError(f"line {i + 1} of {file} is {line[:60]!r}; {wanted}, are wanted.")
        if line:
            classes.append(int(fields[2]) - 1)
    return np.array(classes, dtype=np.int64)


def _tag_parts(file: Path) -> list[Part]:
    """Return the training part and the test part of a file of tags."""
    names = [f"{view}_{part}" for part in ("train", "test") for view in ("img", "txt", "lab")]
    arrays = {name: read_matrix(file, name, exact=True) for name in names}
    for part in ("train", "test"):
        check_same_rows(**{f"{view}_{part} of {file.name}": arrays[f"{view}_{part}"] for view in ("img", "txt", "lab")})
    images = sparse_if_rare([arrays["img_train"], arrays["img_test"]])
    texts = sparse_if_rare([arrays["txt_train"], arrays["txt_test"]])
    labels = [arrays["lab_train"].astype(np.int64), arrays["lab_test"].astype(np.int64)]
    return [(Pairs(image, text), y) for image, text, y in zip(images, texts, labels, strict=True)]


def sparse_if_rare(views: Sequence[Matrix]) -> list[Matrix]:
    """Return CSR arrays if one of the views is sparse, or fewer than a tenth of the values of all are not 0."""
    sizes = sum(view.shape[0] * view.shape[1] for view in views)
    dense = all(isinstance(view, np.ndarray) for view in views)
    if dense and sum(np.count_nonzero(view) for view in views) >= 0.1 * sizes:
        return list(views)
    return [sp.csr_array(view) for view in views]


def data_folder(data_home: FilePath | None, name: str, source: str) -> Path:
    """Return the folder of that name in `data_home`, or in the folder that SKXMR_DATA names."""
    home = data_home or os.environ.get("SKXMR_DATA")
    if not home:
        raise FileNotFoundError(
            f"no folder to read {name!r} from; pass data_home= or set SKXMR_DATA to a folder with {name!r} in it. "
            f"Where to get it: {source}."
        )
    return as_path(home, "data_home") / as_path(name, "name")


def existing_file(folder: Path, name: str, source: str) -> Path:
    """Return the path of a file that exists; `source` tells where to get it."""
    home = f"data_home= or SKXMR_DATA must name the folder that holds {folder.name!r}"
    return need_file(folder / name, f"{home}. Where to get it: {source}.")


def _bunch(parts: Sequence[Part], subset: str, names: AnyArray, about: str, return_X_y: bool) -> Bunch | Part:
    chosen = {"train": parts[:1], "test": parts[1:], "all": parts}[subset]
    pairs = Pairs.concatenate([part for part, _ in chosen])
    labels = np.concatenate([label for _, label in chosen])
    if return_X_y:
        return pairs, labels
    return Bunch(pairs=pairs, labels=labels, label_names=names, DESCR=about)
