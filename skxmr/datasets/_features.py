"""Features of any data set in the file layout of the papers' public codes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.io.matlab import MatReadError
from sklearn.utils import Bunch

from skxmr._data.option_checks import check_choice
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_same_rows
from skxmr.datasets._research import SUBSETS

SUFFIXES = (".mat", ".npz", ".npy")
PARTS = ("img", "txt", "lab")


def load_feature_files(
    folder: Any, subset: str = "train", *, return_X_y: bool = False
) -> Bunch | tuple[Pairs, NDArray[Any]]:
    """Load features that were computed elsewhere, in the file layout of the papers' public codes.

    Parameters
    ----------
    folder : path
        Holds ``train_img``, ``train_txt``, ``train_lab``, ``test_img``, ``test_txt`` and ``test_lab``, each a ``.mat``
        (up to version 7), ``.npz`` or ``.npy`` file with one matrix; or one ``.npz`` with the arrays ``img_train``,
        ``txt_train``, ``lab_train``, ``img_test``, ... . A file ``label_embedding`` with one row per label is read
        where there is one. Where a file has several variables, one must be named like it, or ``inp`` for label vectors.
    subset : {"train", "test", "all"}, default="train"
        Which rows; ``"all"`` is the training rows, then the test rows.
    return_X_y : bool, default=False
        Return ``(pairs, labels)`` instead of a Bunch.

    Returns
    -------
    Bunch or tuple
        ``pairs`` (image and text in the files' number formats, ``.npy`` as memory maps; a text view with fewer than a
        tenth of its entries set is CSR), ``labels`` (n, c) multi-hot int64, or (n,) where the file holds one class a
        row, ``label_embedding`` (c, d) float64 or None, ``label_names`` (c,) and ``DESCR``.

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is not there.
    ValueError
        If a file cannot be read, does not say which of its variables is meant, or does not fit the others.

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
        raise FileNotFoundError(
            f"{home} is no folder; pass one that holds train_img, train_txt, train_lab, test_img ..."
        )
    loaded = [_rows(home, part) for part in (("train", "test") if subset == "all" else (subset,))]
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
    about = f"Features of {home.name}, {subset} rows; labels are numbered, for the files do not name them."
    return Bunch(pairs=pairs, labels=labels, label_names=names, label_embedding=vectors, DESCR=about)


def _rows(home: Path, subset: str) -> tuple[Pairs, NDArray[Any]]:
    files = [_find(home, f"{subset}_{part}") for part in PARTS]
    if all(file is not None for file in files):
        views = [_matrix(file, f"{subset}_{part}") for file, part in zip(files, PARTS, strict=True) if file is not None]
        origins = [file.name for file in files if file is not None]
    elif any(files):
        missing = [f"{subset}_{part}" for part, file in zip(PARTS, files, strict=True) if file is None]
        raise FileNotFoundError(
            f"{home} has no {', '.join(missing)}; a .mat, .npz or .npy file of that name is needed."
        )
    else:
        file = _bundle(home, subset)
        views = [_matrix(file, f"{part}_{subset}", exact=True) for part in PARTS]
        origins = [f"{part}_{subset} of {file.name}" for part in PARTS]
    labels = _labels(views[2], origins[2])
    check_same_rows(**dict(zip(origins, (*views[:2], labels), strict=True)))
    image, text = (view.astype(np.float64) if view.dtype.kind in "biu" else view for view in views[:2])
    return Pairs(image.toarray() if sp.issparse(image) else image, _sparse_if_rare(text)), labels


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
        raise ValueError(
            f"img_{subset} is in several files of {home}: {[file.name for file in files]}; leave one there."
        )
    return files[0]


def _names(file: Path) -> list[str]:
    try:
        with np.load(file) as archive:
            return list(archive)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile):
        return []  # some other file


def _variables(file: Path, name: str) -> dict[str, Any]:
    """Return the arrays of a file; of an archive that has one of this name, that one only."""
    try:
        if file.suffix == ".npy":
            return {file.stem: np.load(file, mmap_mode="r")}
        if file.suffix == ".npz":
            with np.load(file) as archive:
                return {key: archive[key] for key in ([name] if name in archive else archive)}
        return {name: value for name, value in scipy.io.loadmat(file).items() if not name.startswith("_")}
    except NotImplementedError as error:
        raise ValueError(
            f"{file} is a MATLAB 7.3 (HDF5) file, which scipy does not read. In MATLAB save it by save(..., '-v7') "
            f"or, above 2 GB, convert it with h5py: np.save('{file.stem}.npy', h5py.File('{file.name}')"
            f"['{file.stem}'][:].T), and remove the .mat file."
        ) from error
    except (ValueError, TypeError, EOFError, OSError, MatReadError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} cannot be read as a {file.suffix} file of numbers: {error}") from error


def _matrix(file: Path, name: str, *, exact: bool = False) -> Any:
    variables = _variables(file, name)
    shapes = {key: getattr(value, "shape", None) for key, value in variables.items()}
    fitting = [key for key, value in variables.items() if _is_matrix(value)]
    chosen = name if name in variables else fitting[0] if len(fitting) == 1 and not exact else None
    if chosen is None:
        raise ValueError(f"{file} has the variables {shapes}; one matrix named {name!r} or, alone, another is needed.")
    if not _is_matrix(value := variables[chosen]):
        raise ValueError(
            f"{chosen} of {file} has shape {shapes[chosen]}; a matrix of numbers, one row an item, is needed."
        )
    return value.reshape(len(value), -1) if value.ndim == 1 else value


def _is_matrix(value: Any) -> bool:
    numeric = getattr(value, "dtype", np.dtype(object)).kind in "biuf"
    return numeric and (value.ndim == 2 or (value.ndim == 1 and not sp.issparse(value))) and value.shape[0] > 1


def _labels(view: Any, origin: str) -> NDArray[np.int64]:
    values = view.toarray() if sp.issparse(view) else np.asarray(view)
    whole = np.isfinite(values).all() and (values == np.round(values)).all()
    if values.shape[1] == 1 and whole:
        return np.asarray(values.ravel(), dtype=np.int64)
    if not ((values == 0) | (values == 1)).all():
        raise ValueError(
            f"{origin} holds other values than 0 and 1, from {values.min()} to {values.max()}, shape {values.shape}; "
            "labels are multi-hot (n, c), or one class number a row."
        )
    return values.astype(np.int64)


def _label_vectors(home: Path, c: int | None) -> NDArray[np.float64] | None:
    file = _find(home, "label_embedding")
    if file is None:
        return None
    vectors = _matrix(file, "inp")
    if c is not None and len(vectors) != c:
        raise ValueError(f"{file} has {len(vectors)} rows of label vectors, but there are {c} labels; one row each.")
    return np.asarray(vectors, dtype=np.float64)


def _sparse_if_rare(view: Any) -> Any:
    if sp.issparse(view):
        return sp.csr_array(view)
    return sp.csr_array(view) if np.count_nonzero(view) < 0.1 * view.size else view
