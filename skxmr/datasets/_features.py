"""Features of any data set in the file layout of the papers' public codes."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skxmr._data.kinds import AnyArray, FilePath, Float64Array, IntArray, Matrix
from skxmr._data.option_checks import check_choice
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_same_rows
from skxmr.datasets._digits import SUBSETS
from skxmr.datasets._research import Part, mat_variables, sparse_if_rare

SUFFIXES = (".mat", ".npz", ".npy")
PARTS = ("img", "txt", "lab")


def load_feature_files(folder: FilePath, subset: str = "train", *, return_X_y: bool = False) -> Bunch | Part:
    """Load features that were computed elsewhere, in the file layout of the papers' public codes.

    Parameters
    ----------
    folder : path
        Holds ``train_img``, ``train_txt``, ``train_lab``, ``test_img``, ``test_txt`` and ``test_lab``, each a ``.mat``
        (up to version 7), ``.npz`` or ``.npy`` file with one matrix; or one ``.npz`` with the arrays ``img_train``,
        ``txt_train``, ``lab_train``, ``img_test``, ... . A file ``label_embedding`` with one row per label is read if
        it exists. If a file has several variables, one must have the name of the file, or ``inp`` for label vectors.
    subset : {"train", "test", "all"}, default="train"
        Which rows; ``"all"`` means the training rows, then the test rows.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image and text in the files' number formats, ``.npy`` as memory maps; the text is CSR if fewer than a
        tenth of its values are not 0), ``labels`` (n, c) multi-hot int64, or (n,) if the file holds one class per row,
        ``label_embedding`` (c, d) float64 or None, ``label_names`` (c,) and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is missing.
    ValueError
        If a file cannot be read, has several variables of which none has its name, or does not fit the others.

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
    home = Path(folder).expanduser()
    if not home.is_dir():
        raise FileNotFoundError(f"{home} is no folder; pass one that holds train_img, train_txt, train_lab, ...")
    subsets = ("train", "test") if subset == "all" else (subset,)
    loaded = [_rows(home, part) for part in subsets]
    widths = [(pairs.image.shape[1], pairs.text.shape[1], labels.shape[1:]) for pairs, labels in loaded]
    if widths[0] != widths[-1]:
        raise ValueError(
            f"training and test rows in {home} have other widths: image, text and label columns are {widths[0]} and "
            f"{widths[-1]}; both must come from one extraction."
        )
    pairs = Pairs.concatenate([part for part, _ in loaded]) if len(loaded) > 1 else loaded[0][0]
    labels = np.concatenate([part for _, part in loaded])
    if return_X_y:
        return pairs, labels
    names = np.array([f"label{j}" for j in range(labels.shape[1])]) if labels.ndim == 2 else np.unique(labels)
    vectors = _label_vectors(home, len(names) if labels.ndim == 2 else None)
    about = f"Features of {home.name}, {subset} rows; labels are numbered, because the files do not name them."
    return Bunch(pairs=pairs, labels=labels, label_names=names, label_embedding=vectors, DESCR=about)


def _rows(home: Path, subset: str) -> Part:
    """Return the views and labels of a subset, from one file each or from one .npz file."""
    files = {name: _find(home, name) for name in (f"{subset}_{part}" for part in PARTS)}
    found = {name: file for name, file in files.items() if file is not None}
    # The key of a view is its name in error messages: that of its file, or its name in the .npz file.
    views: dict[str, Matrix] = {}
    if not found:
        bundle = _bundle(home, subset)
        for part in PARTS:
            views[f"{part}_{subset} of {bundle.name}"] = _matrix(bundle, f"{part}_{subset}", exact=True)
    elif len(found) < len(PARTS):
        missing = ", ".join(name for name in files if name not in found)
        raise FileNotFoundError(f"{home} has no {missing}; a .mat, .npz or .npy file of that name is needed.")
    for name, file in found.items():
        views[file.name] = _matrix(file, name)
    origin = list(views)[2]
    labels = _labels(views[origin], origin)
    check_same_rows(**{**views, origin: labels})
    image, text = (_numbers(view) for view in list(views.values())[:2])
    return Pairs(_dense(image), sparse_if_rare(text)), labels


def _numbers(view: Matrix) -> Matrix:
    """Return integers and truth values as floats."""
    return view.astype(np.float64) if view.dtype.kind in "biu" else view


def _dense(view: Matrix) -> AnyArray:
    return view if isinstance(view, np.ndarray) else view.toarray()


def _find(home: Path, stem: str) -> Path | None:
    found = [home / f"{stem}{suffix}" for suffix in SUFFIXES if (home / f"{stem}{suffix}").is_file()]
    if len(found) > 1:
        raise ValueError(f"{home} has {[file.name for file in found]}; leave one of them there, for they may differ.")
    return found[0] if found else None


def _bundle(home: Path, subset: str) -> Path:
    files = [file for file in sorted(home.glob("*.npz")) if f"img_{subset}" in _names(file)]
    if not files:
        raise FileNotFoundError(
            f"{home} has neither {subset}_img, {subset}_txt and {subset}_lab as .mat, .npz or .npy files, nor one .npz "
            f"with the arrays img_{subset}, txt_{subset} and lab_{subset}."
        )
    if len(files) > 1:
        names = [file.name for file in files]
        raise ValueError(f"img_{subset} is in several files of {home}: {names}; leave one there.")
    return files[0]


def _names(file: Path) -> list[str]:
    try:
        with file.open("rb") as opened, np.load(opened) as archive:
            return list(archive)
    except (ValueError, TypeError, EOFError, OSError, zipfile.BadZipFile):
        # It is not a file of arrays, so it is ignored.
        return []


def _variables(file: Path, name: str) -> dict[str, Matrix]:
    """Return the arrays of a file, or only the one with this name if an archive has it."""
    try:
        if file.suffix == ".npy":
            return {file.stem: np.lib.format.open_memmap(file, mode="r")}
        if file.suffix == ".npz":
            # numpy leaves a damaged file open unless it is opened here.
            with file.open("rb") as opened, np.load(opened) as archive:
                return {key: archive[key] for key in ([name] if name in archive else archive)}
    except (ValueError, TypeError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} cannot be read as a {file.suffix} file of numbers: {error}") from error
    return mat_variables(file)


def _matrix(file: Path, name: str, *, exact: bool = False) -> Matrix:
    """Return the matrix of that name, or else the only one in the file unless the name must be exact."""
    variables = _variables(file, name)
    shapes = {key: getattr(value, "shape", None) for key, value in variables.items()}
    fitting = [key for key, value in variables.items() if _is_matrix(value)]
    if name not in variables and len(fitting) == 1 and not exact:
        name = fitting[0]
    if name not in variables:
        raise ValueError(f"{file} has the variables {shapes}; one matrix named {name!r}, or only one, is needed.")
    value = variables[name]
    if not _is_matrix(value):
        raise ValueError(f"{name} of {file} has shape {shapes[name]}; a matrix of numbers, a row per item, is needed.")
    return value.reshape(len(value), -1) if value.ndim == 1 else value


def _is_matrix(value: Matrix) -> bool:
    numeric = getattr(value, "dtype", np.dtype(object)).kind in "biuf"
    dimensions = (1, 2) if isinstance(value, np.ndarray) else (2,)
    return numeric and value.ndim in dimensions and value.shape[0] > 1


def _labels(view: Matrix, origin: str) -> IntArray:
    values = _dense(view)
    whole = np.isfinite(values).all() and (values == np.round(values)).all()
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
    vectors = _dense(_matrix(file, "inp"))
    if c is not None and len(vectors) != c:
        raise ValueError(f"{file} has {len(vectors)} rows of label vectors, but there are {c} labels; one row each.")
    return np.asarray(vectors, dtype=np.float64)
