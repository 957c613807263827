"""Word vectors of label names, from the files users have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

from skxmr._data.warn import warn

Array = NDArray[np.float64]


def load_word_vectors(path: Any, labels: Sequence[str]) -> Array:
    r"""Load one vector per label, averaging the words of labels such as ``plant_life``.

    Parameters
    ----------
    path : path
        A text file of GloVe or word2vec, a ``.vec`` file of fastText (one word and its numbers a line, with or without
        a header line), or a ``.mat`` file whose key ``inp`` holds one row per label in their order.
    labels : sequence of str
        The label names, e.g. ``classes_`` of a fitted model. Words are separated by anything but letters and digits;
        a name that is itself a word of the file is taken whole. Upper case falls back to lower case.

    Returns
    -------
    ndarray of shape (c, d), float64
        In the order of `labels`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a label has no word in the file, or the file cannot be read as word vectors.

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
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; pass a word-vector file (GloVe, word2vec, fastText or .mat).")
    names = [str(label) for label in labels]
    if not names:
        raise ValueError("labels is empty; at least one label name is needed.")
    if path.suffix == ".mat":
        return _from_mat(path, len(names))
    vectors = _from_text(path, {form for name in names for word in [name, *_words(name)] for form in _forms(word)})
    averaged = [_average(name, vectors) for name in names]
    missing = [name for name, vector in zip(names, averaged, strict=True) if vector is None]
    if missing:
        raise ValueError(f"{path.name} has no vector for the labels {missing[:10]}; rename them or use another file.")
    return np.array(averaged)


def _from_mat(path: Path, n_labels: int) -> Array:
    contents = scipy.io.loadmat(path)
    if "inp" not in contents:
        keys = [key for key in contents if not key.startswith("__")]
        raise ValueError(f"{path.name} has the keys {keys}; the label vectors must be under 'inp'.")
    vectors = np.asarray(contents["inp"], dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != n_labels:
        raise ValueError(f"{path.name} holds an array of shape {vectors.shape} for {n_labels} labels; one row each.")
    return vectors


def _from_text(path: Path, wanted: set[str]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    width = 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file):
            fields = line.rstrip().split(" ")
            if number == 0 and len(fields) == 2:
                continue  # "number of words, width": the header of word2vec and fastText
            width = width or len(fields) - 1
            word = " ".join(fields[: len(fields) - width])  # a few words of large files hold spaces
            if word in wanted and word not in found:
                found[word] = _numbers(fields[len(fields) - width :], path, number)
    return found


def _numbers(fields: list[str], path: Path, number: int) -> Array:
    try:
        vector = np.array(fields, dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"line {number + 1} of {path.name} is no word vector: {error}.") from error
    if not np.isfinite(vector).all():
        raise ValueError(f"line {number + 1} of {path.name} holds NaN or infinite numbers.")
    return vector


def _average(name: str, vectors: dict[str, Array]) -> Array | None:
    whole = _look_up(name, vectors)
    if whole is not None:
        return whole
    words = _words(name)
    parts = {word: _look_up(word, vectors) for word in words}
    absent = [word for word, vector in parts.items() if vector is None]
    if len(absent) == len(words):
        return None
    if absent:
        warn(f"no vector for {absent} of the label {name!r}; its other words are averaged.")
    present: Array = np.mean([vector for vector in parts.values() if vector is not None], axis=0)
    return present


def _look_up(word: str, vectors: dict[str, Array]) -> Array | None:
    return next((vectors[form] for form in _forms(word) if form in vectors), None)


def _forms(word: str) -> Iterator[str]:
    yield word
    if word != word.lower():
        yield word.lower()


def _words(name: str) -> list[str]:
    words: Iterable[str] = re.split(r"[\W_]+", name)
    return [word for word in words if word]
