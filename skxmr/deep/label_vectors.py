"""One vector per label: given, read from a file, or made from the labels alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skxmr._data.kinds import AnyArray, Float64Array, Frame
from skxmr._data.labels import Labels
from skxmr._data.masks import check_unmasked
from skxmr._data.tensors import asarray

if TYPE_CHECKING:
    from pandas import DataFrame

# Up to this many labels, all eigenvectors of a dense matrix are no slower than the leading ones of a sparse one.
_DENSE = 2048


def label_vectors(given: ArrayLike | str | PathLike[str] | None, labels: Labels) -> Float64Array:
    """Return one vector per label (c, d): a given array or frame, those of a word-vector file, or statistical ones."""
    if given is None:
        return statistical_label_vectors(labels)
    if isinstance(given, (str, PathLike)):
        from skxmr.datasets._word_vectors import load_word_vectors

        return load_word_vectors(given, _words(labels, given))
    if isinstance(given, Frame):
        given = _named_vectors(given, labels.names.tolist())
    check_unmasked(given, "label_embedding")
    try:
        vectors = asarray(given, "label_embedding")
    except ValueError as error:
        raise ValueError(f"label_embedding must be a matrix, but its rows differ in length: {error}") from error
    c = len(labels.names)
    if vectors.ndim != 2 or len(vectors) != c or vectors.shape[1] == 0 or vectors.dtype.kind not in "biuf":
        raise ValueError(
            f"label_embedding has shape {vectors.shape} and dtype {vectors.dtype} but there are {c} labels; real "
            f"numbers of shape ({c}, d), in the order of the labels, a DataFrame named by them, or a word-vector file."
        )
    if not np.isfinite(vectors).all():
        bad = labels.names[~np.isfinite(vectors).all(axis=1)]
        raise ValueError(f"label_embedding holds NaN or infinity for the labels {bad[:10].tolist()}.")
    return vectors.astype(np.float64)


def _words(labels: Labels, file: str | PathLike[str]) -> list[str]:
    """Return the names of labels, which must be words where the file is searched for words."""
    from skxmr.datasets._word_vectors import in_order

    names: list[str] = labels.names.tolist()
    if in_order(file):
        return names
    numbers = [name for name in names if not isinstance(name, str)]
    # A table that was kept as CSV has strings for its column numbers.
    if not numbers and all(name.strip().isdigit() for name in names):
        numbers = names
    if numbers:
        what = "are numbers" if labels.named else "are multi-hot columns without names"
        raise ValueError(
            f"label_embedding is the file {str(file)!r}, which is searched for the names of the labels, but the labels "
            f"{what}: {numbers[:3]}. Pass labels with names (a DataFrame, lists of tags, or strings as class ids), "
            f"or the vectors themselves as an array of shape ({len(names)}, d)."
        )
    return names


def _named_vectors(frame: DataFrame, names: Sequence[Hashable]) -> AnyArray:
    missing = [name for name in names if name not in frame.index]
    if missing:
        raise ValueError(f"label_embedding has no row for the labels {missing[:10]}; its index names the labels.")
    return frame.loc[list(names)].to_numpy()


def statistical_label_vectors(labels: Labels, d: int = 300, dense: int = _DENSE) -> Float64Array:
    """Return label vectors (c, min(c, d)) from the labels alone, of unit length, for users without word vectors.

    They are the factors of the positive pointwise mutual information ``max(0, log(M_ij n / (N_i N_j)))``: labels that
    occur together get similar vectors. A label that never occurs gets a direction of its own. Above `dense` labels the
    matrix stays sparse, and only the d leading factors are computed, by Lanczos iterations from a fixed start.
    """
    values, U = _leading_factors(_mutual_information(labels.matrix), d, dense)
    vectors = U * np.sqrt(np.abs(values))
    signs = np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))] < 0, -1.0, 1.0)
    vectors = vectors * signs
    # Labels that have no part in the d factors.
    lost = np.flatnonzero(np.linalg.norm(vectors, axis=1) < 1e-6)
    vectors[lost, lost % vectors.shape[1]] = 1.0
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _mutual_information(Y: sp.csr_array) -> sp.csr_array:
    """Return the positive pointwise mutual information of labels (c, c), 1 or more on the diagonal."""
    n, c = Y.shape
    M = sp.coo_array(Y.T @ Y)
    i, j = M.coords
    counts = Y.sum(axis=0)
    information = np.log(M.data * n / (counts[i] * counts[j]))
    # 1 also for a label that never occurs.
    own = np.ones(c)
    own[i[i == j]] = np.maximum(information[i == j], 1.0)
    kept = (i != j) & (information > 0)
    data = np.r_[information[kept], own]
    rows = np.r_[i[kept], np.arange(c)]
    columns = np.r_[j[kept], np.arange(c)]
    return sp.csr_array((data, (rows, columns)), shape=(c, c))


def _leading_factors(S: sp.csr_array, d: int, dense: int) -> tuple[Float64Array, Float64Array]:
    """Return the d eigenvalues of largest size and their vectors, largest first."""
    c = S.shape[0]
    if c <= dense:
        values, U = np.linalg.eigh(S.toarray())
    else:
        start = np.random.default_rng(0).standard_normal(c)
        values, U = sp.linalg.eigsh(S, k=d, which="LM", v0=start, tol=1e-6)
    order = np.argsort(-np.abs(values))[:d]
    return values[order], U[:, order]
