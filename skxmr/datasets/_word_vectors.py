"""Word vectors of label names, from the files users have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skxmr._data.kinds import FilePath, Float64Array
from skxmr._data.warn import warn
from skxmr.datasets._research import mat_variables


def load_word_vectors(path: FilePath, labels: Sequence[str]) -> Float64Array:
    r"""Load one vector per label, averaging the words of labels such as ``plant_life``.

    Parameters
    ----------
    path : path
        A text file of GloVe or word2vec, a ``.vec`` file of fastText (one word and its numbers per line, with or
        without a header line), or a ``.mat`` file whose key ``inp`` holds one row per label in their order.
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
        If the file does not exist.
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
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; pass a word-vector file (GloVe, word2vec, fastText or .mat).")
    names = [str(label) for label in labels]
    if not names:
        raise ValueError("labels is empty; at least one label name is needed.")
    if file.suffix == ".mat":
        return _from_mat(file, len(names))
    wanted: set[str] = set()
    for name in names:
        for word in (name, *_parts(name)):
            wanted |= {word, word.lower()}
    vectors = _from_text(file, wanted)
    averaged = {name: _average(name, vectors) for name in names}
    missing = [name for name in names if averaged[name] is None]
    if missing:
        raise ValueError(f"{file.name} has no vector for the labels {missing[:10]}; rename them or use another file.")
    return np.array([averaged[name] for name in names])


def _from_mat(path: Path, n_labels: int) -> Float64Array:
    contents = mat_variables(path)
    if "inp" not in contents:
        raise ValueError(f"{path.name} has the keys {list(contents)}; the label vectors must be under 'inp'.")
    inp = contents["inp"]
    vectors = inp if isinstance(inp, np.ndarray) else inp.toarray()
    if vectors.dtype.kind not in "biuf" or vectors.ndim != 2 or len(vectors) != n_labels:
        found = f"{vectors.dtype} of shape {vectors.shape}"
        raise ValueError(f"{path.name} holds {found} for {n_labels} labels; one row of numbers per label is needed.")
    if not np.isfinite(vectors).all():
        raise ValueError(f"{path.name} holds NaN or infinite numbers.")
    return np.asarray(vectors, dtype=np.float64)


def _from_text(path: Path, wanted: set[str]) -> dict[str, Float64Array]:
    found: dict[str, Float64Array] = {}
    width = 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file):
            fields = line.rstrip().split(" ")
            # The header of word2vec and fastText: the number of words and their width.
            if number == 0 and len(fields) == 2:
                continue
            width = width or len(fields) - 1
            # In large files a few words contain spaces.
            word = " ".join(fields[: len(fields) - width])
            if word in wanted and word not in found:
                found[word] = _numbers(fields[len(fields) - width :], path, number)
    return found


def _numbers(fields: list[str], path: Path, number: int) -> Float64Array:
    try:
        vector = np.array(fields, dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"line {number + 1} of {path.name} is no word vector: {error}.") from error
    if not np.isfinite(vector).all():
        raise ValueError(f"line {number + 1} of {path.name} holds NaN or infinite numbers.")
    return vector


def _average(name: str, vectors: dict[str, Float64Array]) -> Float64Array | None:
    """Return the vector of a label, or the mean of those of its words; None if there is none."""
    whole = _look_up(name, vectors)
    if whole is not None:
        return whole
    found = {word: _look_up(word, vectors) for word in _parts(name)}
    present = [vector for vector in found.values() if vector is not None]
    absent = [word for word, vector in found.items() if vector is None]
    if not present:
        return None
    if absent:
        warn(f"no vector for {absent} of the label {name!r}; its other words are averaged.")
    return np.asarray(np.mean(present, axis=0))


def _look_up(word: str, vectors: dict[str, Float64Array]) -> Float64Array | None:
    return vectors.get(word, vectors.get(word.lower()))


def _parts(name: str) -> list[str]:
    """Return the words of a label such as ``plant_life``."""
    return [word for word in re.split(r"[\W_]+", name) if word]
