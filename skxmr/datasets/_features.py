"""Features of any data set in the file layout of the papers' public codes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch

from skxmr._data.finite import n_not_finite
from skxmr._data.kinds import AnyArray, FilePath, Float64Array, IntArray, Matrix
from skxmr._data.option_checks import check_choice, flags_checked
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_same_rows
from skxmr._data.warn import warn
from skxmr.datasets._digits import SUBSETS
from skxmr.datasets._files import as_path, read_matrix
from skxmr.datasets._formats import named, zip_members
from skxmr.datasets._research import Part, sparse_if_rare

SUFFIXES = (".mat", ".npz", ".npy")
PARTS = ("img", "txt", "lab")


@flags_checked
def load_feature_files(folder: FilePath, subset: str = "train", *, return_X_y: bool = False) -> Bunch | Part:
    """Load features that were computed elsewhere, in the file layout of the papers' public codes.

    Parameters
    ----------
    folder : path
        Holds ``train_img``, ``train_txt``, ``train_lab``, ``test_img``, ``test_txt`` and ``test_lab``, each a ``.mat``
        (up to version 7), ``.npz`` or ``.npy`` file with one matrix; or one ``.npz`` with the arrays ``img_train``,
        ``txt_train``, ``lab_train``, ``img_test``, ... . A ``.npz`` file with one matrix may also be written by
        `scipy.sparse.save_npz`. A file ``label_embedding`` with one row per label is read if it exists. If a file has
        several variables, one must have the name of the file, or ``inp`` for label vectors.
    subset : {"train", "test", "all"}, default="train"
        Which rows; ``"all"`` means the training rows, then the test rows.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image and text in the files' number formats, ``.npy`` as memory maps unless two parts are joined; the
        text is CSR if a file is sparse, or fewer than a tenth of the values in all loaded rows are not 0, and the image
        only if both hold), ``labels``
        (n, c) multi-hot int64, or (n,) if the file holds one class per row, ``label_embedding`` (c, d) float64 or None,
        ``label_names`` (c,) and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is missing.
    ValueError
        If a file cannot be read, has several variables of which none has its name, or does not fit the others; or if
        labels or label vectors hold NaN.
    MemoryError
        If a sparse file that must become an array does not fit into memory.

    Warns
    -----
    UserWarning
        If image or text hold NaN or infinite numbers.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skxmr.datasets import load_feature_files, make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(30, random_state=0)
    >>> folder = tempfile.mkdtemp()
    >>> for part, rows in (("train", slice(0, 20)), ("test", slice(20, 30))):
    ...     np.save(f"{folder}/{part}_img.npy", pairs.image[rows])
    ...     np.save(f"{folder}/{part}_txt.npy", pairs.text[rows])
    ...     np.save(f"{folder}/{part}_lab.npy", labels[rows])
    >>> features = load_feature_files(folder, "test")
    >>> len(features.pairs), features.labels.shape, features.label_embedding
    (10, (10, 8), None)
    """
    check_choice(subset, "subset", SUBSETS)
    home = as_path(folder, "folder")
    if not home.is_dir():
        raise FileNotFoundError(f"{home} is no folder; pass one that holds train_img, train_txt, train_lab, ...")
    loaded = [_rows(home, part) for part in (("train", "test") if subset == "all" else (subset,))]
    widths = [(rows.image.shape[1], rows.text.shape[1], rows.labels.shape[1:]) for rows in loaded]
    if widths[0] != widths[-1]:
        raise ValueError(
            f"training and test rows in {home} have other widths: image, text and label columns are {widths[0]} and "
            f"{widths[-1]}; both must come from one extraction."
        )
    images = [rows.image for rows in loaded]
    if any(not isinstance(image, np.ndarray) for image in images):
        images = _dense_unless_rare(images, home)
    texts = sparse_if_rare([rows.text for rows in loaded])
    parts = [Pairs(image, text) for image, text in zip(images, texts, strict=True)]
    # A single part is not stacked, so that its images stay on disk.
    pairs = Pairs.concatenate(parts) if len(parts) > 1 else parts[0]
    labels = np.concatenate([rows.labels for rows in loaded])
    if return_X_y:
        return pairs, labels
    names = np.array([f"label{j}" for j in range(labels.shape[1])]) if labels.ndim == 2 else np.unique(labels)
    vectors = _label_vectors(home, len(names) if labels.ndim == 2 else None)
    about = f"Features of {home.name}, {subset} rows; labels are numbered, because the files do not name them."
    return Bunch(pairs=pairs, labels=labels, label_names=names, label_embedding=vectors, DESCR=about)


class _Rows(NamedTuple):
    """Views and labels of a subset."""

    image: Matrix
    text: Matrix
    labels: IntArray


def _rows(home: Path, subset: str) -> _Rows:
    """Return the views and labels of a subset, from one file each or from one .npz file."""
    files = {name: _find(home, name) for name in (f"{subset}_{part}" for part in PARTS)}
    found = {name: file for name, file in files.items() if file is not None}
    # The key of a view is its name in messages: that of its file, or its name in the .npz file.
    views: dict[str, Matrix] = {}
    if not found:
        bundle = _bundle(home, subset)
        for part in PARTS:
            views[f"{part}_{subset} of {bundle.name}"] = read_matrix(bundle, f"{part}_{subset}", exact=True)
    elif len(found) < len(PARTS):
        missing = ", ".join(name for name in files if name not in found)
        needed = "a .mat, .npz or .npy file of that name is needed"
        raise FileNotFoundError(f"{home} has no {missing}; {needed}. It holds {_listed(home)}.")
    for name, file in found.items():
        views[file.name] = read_matrix(file, name)
    origin = list(views)[2]
    labels = _labels(views[origin], origin)
    check_same_rows(**{**views, origin: labels})
    for name in list(views)[:2]:
        _warn_of_nan(views[name], name)
    image, text = (_numbers(view) for view in list(views.values())[:2])
    return _Rows(image, text, labels)


def _warn_of_nan(view: Matrix, origin: str) -> None:
    bad = n_not_finite(view)
    if bad:
        warn(
            f"{origin} holds {bad} NaN or infinite numbers, which methods refuse; compute its features anew, drop "
            "these rows, or impute, e.g. by PerModality(image=SimpleImputer())."
        )


def _numbers(view: Matrix) -> Matrix:
    """Return integers and truth values as floats."""
    return view.astype(np.float64) if view.dtype.kind in "biu" else view


def _dense_unless_rare(images: list[Matrix], home: Path) -> list[Matrix]:
    """Return arrays, or CSR arrays if fewer than a tenth of the values are not 0; some of the images are sparse."""
    sizes = sum(image.shape[0] * image.shape[1] for image in images)
    filled = sum(np.count_nonzero(image) if isinstance(image, np.ndarray) else image.nnz for image in images)
    if filled < 0.1 * sizes:
        return sparse_if_rare(images)
    return [_dense(image, f"img in {home}") for image in images]


def _dense(view: Matrix, origin: str) -> AnyArray:
    if isinstance(view, np.ndarray):
        return view
    try:
        return view.toarray()
    except (MemoryError, ValueError) as error:
        # numpy has a ValueError for arrays that no computer can hold.
        size = view.shape[0] * view.shape[1] * view.dtype.itemsize / 2**30
        raise MemoryError(
            f"{origin} is a sparse matrix of shape {view.shape}, and as an array it needs {size:,.1f} GiB. Keep fewer "
            "rows or columns of it: load_feature_files wants arrays of images of which a tenth or more is not 0, of "
            "labels and of label vectors."
        ) from error


def _find(home: Path, stem: str) -> Path | None:
    files = [file for file in home.iterdir() if file.stem == stem and file.suffix.lower() in SUFFIXES]
    found = sorted((file for file in files if file.is_file()), key=lambda file: SUFFIXES.index(file.suffix.lower()))
    if len(found) > 1:
        raise ValueError(f"{home} has {[file.name for file in found]}; leave one of them there, for they may differ.")
    return found[0] if found else None


def _bundle(home: Path, subset: str) -> Path:
    files = [file for file in sorted(home.glob("*.npz")) if f"img_{subset}.npy" in zip_members(file)]
    if not files:
        raise FileNotFoundError(
            f"{home} has neither {subset}_img, {subset}_txt and {subset}_lab as .mat, .npz or .npy files, nor one .npz "
            f"with the arrays img_{subset}, txt_{subset} and lab_{subset}. It holds {_listed(home)}."
        )
    if len(files) > 1:
        names = [file.name for file in files]
        raise ValueError(f"img_{subset} is in several files of {home}: {names}; leave one there.")
    return files[0]


def _listed(home: Path) -> str:
    """Name the first files of a folder, and say of archives what they are."""
    files = sorted(home.iterdir())
    names = []
    for file in files[:10]:
        folder = " (a folder)" if file.is_dir() else ""
        names.append(f"{file.name} ({named(file)})" if file.is_file() and file.suffix == ".npz" else file.name + folder)
    return ", ".join(names + ["..."] * (len(files) > 10)) or "nothing"


def _labels(view: Matrix, origin: str) -> IntArray:
    values = _dense(view, origin)
    bad = n_not_finite(values)
    if bad:
        raise ValueError(
            f"{origin} holds {bad} NaN or infinite numbers; labels are multi-hot (n, c), or class numbers."
        )
    whole = (values == np.round(values)).all() and (np.abs(values) < 2**53).all()
    if values.shape[1] == 1 and whole:
        return np.asarray(values.ravel(), dtype=np.int64)
    if not ((values == 0) | (values == 1)).all():
        found = f"{origin} holds other values than 0 and 1, from {values.min()} to {values.max()}, shape {values.shape}"
        raise ValueError(f"{found}; labels are multi-hot (n, c), or one class number per row.")
    return values.astype(np.int64)


def _label_vectors(home: Path, c: int | None) -> Float64Array | None:
    file = _find(home, "label_embedding")
    if file is None:
        return None
    vectors = _dense(read_matrix(file, "inp"), file.name)
    bad = n_not_finite(vectors)
    if bad:
        raise ValueError(f"{file} holds {bad} NaN or infinite numbers; label vectors are finite.")
    if c is not None and len(vectors) != c:
        raise ValueError(f"{file} has {len(vectors)} rows of label vectors, but there are {c} labels; one row each.")
    return np.asarray(vectors, dtype=np.float64)
