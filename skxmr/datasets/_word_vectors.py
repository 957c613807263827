"""Word vectors of label names, from the files users have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from skxmr._data.kinds import FilePath, Float64Array
from skxmr._data.warn import warn
from skxmr.datasets._files import as_path, need_file, read_arrays
from skxmr.datasets._vector_files import Found, read_vectors


def load_word_vectors(path: FilePath, labels: Sequence[str]) -> Float64Array:
    r"""Load one vector per label, averaging the words of labels such as ``plant_life``.

    Parameters
    ----------
    path : path
        A text file of GloVe or word2vec, or a ``.vec`` file of fastText: one word and its numbers per line in UTF-8,
        separated by spaces or tabs, with or without a header line. A file in word2vec's binary format. One of these
        that was compressed by gzip. Or a ``.mat`` file whose key ``inp`` holds one row per label in their order.
    labels : sequence of str
        The label names, e.g. ``classes_`` of a fitted model. A name that is a word of the file is looked up as a whole,
        any other is split where there is neither a letter nor a digit. A word that the file does not have is looked up
        in lower case.

    Returns
    -------
    ndarray of shape (c, d), float64
        In the order of `labels`.

    Raises
    ------
    FileNotFoundError
        If the file does not exist, or is a folder.
    TypeError
        If a name that must be looked up is no string.
    ValueError
        If a label has no word in the file, or the file cannot be read as word vectors: it is of another format, was cut
        off, has lines of different widths or a header that is wrong, or a vector that is needed holds NaN.

    Warns
    -----
    UserWarning
        If some, but not all, words of a label are missing; they are left out of its average.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skxmr import load_word_vectors
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "glove.txt"
    >>> _ = file.write_text("plant 1 0\nlife 0 1\nsky 2 2\n")
    >>> load_word_vectors(file, ["plant_life", "sky"])
    array([[0.5, 0.5],
           [2. , 2. ]])
    """
    file = need_file(as_path(path, "path"), "pass a word-vector file (GloVe, word2vec, fastText or .mat).")
    if isinstance(labels, str):
        raise TypeError(f"labels is the string {labels!r}; pass a list of label names, [{labels!r}] for one label.")
    if not isinstance(labels, Iterable):
        raise TypeError(f"labels must be a list of label names; got {labels!r}.")
    names = list(labels)
    if not names:
        raise ValueError("labels is empty; at least one label name is needed.")
    if in_order(file):
        return _from_mat(file, len(names))
    # A word such as "nan" or "0" would be found, but is not what the label means.
    others = [name for name in names if not isinstance(name, str)]
    if others:
        raise TypeError(f"labels holds {others[:3]}, but names of labels are strings; only those can be looked up.")
    wanted: set[str] = set()
    for name in names:
        for word in (name, *_parts(name)):
            wanted |= {word, word.lower()}
    found = read_vectors(file, wanted)
    averaged = {name: _average(name, found) for name in names}
    missing = [name for name in names if averaged[name] is None]
    if missing:
        problem = f"{file} has no vector for the labels {missing[:10]}"
        raise ValueError(f"{problem}; rename them or use another file{found.note}.")
    return np.array([averaged[name] for name in names])


def in_order(path: FilePath) -> bool:
    """Tell whether a file holds one vector per label, in the order of the labels, instead of words with vectors."""
    return Path(path).suffix.lower() == ".mat"


def _from_mat(path: Path, n_labels: int) -> Float64Array:
    contents = read_arrays(path)
    if "inp" not in contents:
        raise ValueError(f"{path.name} has the keys {list(contents)}; the label vectors must be under 'inp'.")
    inp = contents["inp"]
    vectors = inp if isinstance(inp, np.ndarray) else inp.toarray()
    if vectors.dtype.kind not in "biuf" or vectors.ndim != 2 or len(vectors) != n_labels or not vectors.size:
        found = f"{vectors.dtype} of shape {vectors.shape}"
        raise ValueError(f"{path.name} holds {found} for {n_labels} labels; one row of numbers per label is needed.")
    if not np.isfinite(vectors).all():
        raise ValueError(f"{path.name} holds NaN or infinite numbers.")
    return np.asarray(vectors, dtype=np.float64)


def _average(name: str, found: Found) -> Float64Array | None:
    """Return the vector of a label, or the mean of those of its words; None if there is none."""
    whole = _look_up(name, found.vectors)
    if whole is not None:
        return whole
    parts = {word: _look_up(word, found.vectors) for word in _parts(name)}
    present = [vector for vector in parts.values() if vector is not None]
    absent = [word for word, vector in parts.items() if vector is None]
    if not present:
        return None
    if absent:
        warn(f"no vector for {absent} of the label {name!r}; its other words are averaged{found.note}.")
    return np.asarray(np.mean(present, axis=0))


def _look_up(word: str, vectors: dict[str, Float64Array]) -> Float64Array | None:
    return vectors.get(word, vectors.get(word.lower()))


def _parts(name: str) -> list[str]:
    """Return the words of a label such as ``plant_life``."""
    return [word for word in re.split(r"[\W_]+", name) if word]
