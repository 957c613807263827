"""One vector per label: given, read from a file, or made from the labels alone.

Statistical label vectors of more than 2,048 labels are the 300 leading factors, by Lanczos iterations from a fixed
start.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxmr._data.kinds import is_frame
from skxmr._data.labels import Labels
from skxmr.datasets._word_vectors import load_word_vectors

# Up to so many labels, all eigenvectors of a dense matrix are no slower than the leading ones of a sparse one.
_DENSE = 2048


def label_vectors(given: Any, labels: Labels) -> NDArray[np.float64]:
    """Return one vector per label (c, d): a given array or frame, those of a word-vector file, or statistical ones."""
    if given is None:
        return statistical_label_vectors(labels)
    if isinstance(given, (str, Path)):
        return load_word_vectors(given, [str(name) for name in labels.names])
    if is_frame(given):
        given = _named_vectors(given, labels.names.tolist())
    try:
        vectors = np.asarray(given)
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


def _named_vectors(frame: Any, names: Sequence[Any]) -> Any:
    missing = [name for name in names if name not in frame.index]
    if missing:
        raise ValueError(f"label_embedding has no row for the labels {missing[:10]}; its index names the labels.")
    return frame.loc[list(names)].to_numpy()


def statistical_label_vectors(labels: Labels, d: int = 300, dense: int = _DENSE) -> NDArray[np.float64]:
    """Return label vectors (c, min(c, d)) from the labels alone, of unit length, for users without word vectors.

    Positive pointwise mutual information of the labels, ``max(0, log(M_ij n / (N_i N_j)))``, factorised: labels that
    occur together get near vectors. A label that never occurs gets a direction of its own. Above `dense` labels the
    matrix stays sparse, and only the d leading factors are computed, by Lanczos iterations from a fixed start.
    """
    values, U = _leading_factors(_mutual_information(labels.matrix), d, dense)
    vectors = U * np.sqrt(np.abs(values))
    signs = np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))] < 0, -1.0, 1.0)
    vectors = vectors * signs
    lost = np.flatnonzero(np.linalg.norm(vectors, axis=1) < 1e-6)  # no part in the d factors
    vectors[lost, lost % vectors.shape[1]] = 1.0
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _mutual_information(Y: sp.csr_array) -> sp.csr_array:
    """Return the positive pointwise mutual information of labels (c, c), 1 or more on the diagonal."""
    n, c = Y.shape
    M = sp.coo_array(Y.T @ Y)
    i, j = M.coords
    counts = Y.sum(axis=0)
    information = np.log(M.data * n / (counts[i] * counts[j]))
    own = np.ones(c)  # also of a label that never occurs
    own[i[i == j]] = np.maximum(information[i == j], 1.0)
    kept = (i != j) & (information > 0)
    data = np.r_[information[kept], own]
    return sp.csr_array((data, (np.r_[i[kept], np.arange(c)], np.r_[j[kept], np.arange(c)])), shape=(c, c))


def _leading_factors(S: sp.csr_array, d: int, dense: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the d eigenvalues of largest size and their vectors, largest first."""
    c = S.shape[0]
    if c <= dense:
        values, U = np.linalg.eigh(S.toarray())
    else:
        start = np.random.default_rng(0).standard_normal(c)
        values, U = sp.linalg.eigsh(S, k=d, which="LM", v0=start, tol=1e-6)
    order = np.argsort(-np.abs(values))[:d]
    return values[order], U[:, order]
