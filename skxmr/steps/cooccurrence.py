"""The label correlation matrix: which labels occur together."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skxmr._data.kinds import AnyArray, Frame, LabelsLike, Matrix, Sparse, View
from skxmr._data.labels import Labels, encode_labels
from skxmr._data.option_checks import check_choice, flags_checked
from skxmr._data.view_checks import as_matrix

KINDS = ("cooccurrence", "probability", "identity")
NORMALIZATIONS = ("none", "symmetric")
# Up to this many labels the graph is a dense array, above it CSR.
_DENSE = 512
# The name of a kind of graph, or the matrix of one.
GraphKind: TypeAlias = str | ArrayLike | sp.csr_array


@flags_checked
def label_graph(
    Y: LabelsLike,
    tau: float = 0.4,
    p: float = 0.5,
    *,
    kind: GraphKind = "cooccurrence",
    normalize: str = "none",
    transpose: bool = False,
) -> Matrix:
    """Label correlation matrix of DAGNN: row i receives from j where P(L_i | L_j) >= tau.

    With M_ij the number of rows that have labels i and j, and N_j that of rows with label j, P_ij = M_ij / N_j
    (eq. 6); B_ij = [P_ij >= tau] (eq. 7); A_ij = p B_ij off the diagonal and A_ii = 1 (eq. 8).

    Parameters
    ----------
    Y : multi-hot (n, c) array, CSR or DataFrame, class ids, or lists of tags
        The labels of n rows.
    tau : float, default=0.4
        Threshold on P(L_i | L_j), in [0, 1].
    p : float, default=0.5
        Weight of a neighbour relative to the label itself, > 0.
    kind : {"cooccurrence", "probability", "identity"} or (c, c) array, CSR or DataFrame, default="cooccurrence"
        ``"probability"`` keeps P(L_i | L_j) itself where it reaches `tau`, and `p` has no effect. ``"identity"``
        connects no labels. A matrix is used as it is, and neither `tau` nor `p` has an effect.
    normalize : {"none", "symmetric"}, default="none"
        ``"symmetric"`` gives D^-1/2 A D^-1/2 with D the row sums of the matrix A.
    transpose : bool, default=False
        Transpose the matrix: label j then receives from i where P(L_i | L_j) >= tau, as in the authors' code.

    Returns
    -------
    ndarray of shape (c, c), or csr_array above 512 labels
        float64. A label that never occurs is connected to no other (P_ij = 0 where N_j = 0).

    Raises
    ------
    ValueError
        If a parameter is out of range, `tau` is 0 for a co-occurrence graph of more than 512 labels, or a given matrix
        is not square, finite, non-negative and of size c, or has a row that sums to 0 and so cannot be normalised.

    References
    ----------
    Qian et al., "Dual adversarial graph neural networks for multi-label cross-modal retrieval", AAAI 2021, eqs. 6-8.

    Examples
    --------
    >>> from skxmr import label_graph
    >>> label_graph([["sky", "sea"], ["sky"], ["sky"]], tau=0.5, p=0.2)  # sea implies sky, not the other way round
    array([[1. , 0. ],
           [0.2, 1. ]])
    """
    _check_options(tau, p, kind, normalize, transpose)
    labels = encode_labels(Y)
    if not isinstance(kind, str):
        A = _given(kind, labels)
    elif kind == "identity":
        A = sp.eye_array(len(labels.names), format="csr")
    else:
        A = _cooccurrence(labels.matrix, tau, p if kind == "cooccurrence" else None)
    if normalize == "symmetric":
        A = _symmetric(A)
    A = sp.csr_array(A.T) if transpose else A
    return A.toarray() if A.shape[0] <= _DENSE else A


def _check_options(tau: float, p: float, kind: GraphKind, normalize: str, transpose: bool) -> None:
    for name, value in (("tau", tau), ("p", p)):
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            raise ValueError(f"{name} must be a number; got {value!r}.")
    if not 0 <= tau <= 1:
        raise ValueError(f"tau is a threshold on a probability and must be in [0, 1]; got {tau}.")
    if not (p > 0 and np.isfinite(p)):
        raise ValueError(f"p must be > 0; got {p}. To leave the neighbours out use the graph 'identity'.")
    if isinstance(kind, str) or kind is None:
        check_choice(kind, "kind", KINDS)
    if not isinstance(transpose, (bool, np.bool_)):
        raise ValueError(f"transpose must be True or False; got {transpose!r}.")
    check_choice(normalize, "normalize", NORMALIZATIONS)


def _cooccurrence(Y: sp.csr_array, tau: float, p: float | None) -> sp.csr_array:
    c = Y.shape[1]
    # With tau = 0 every pair of labels is connected, because P >= 0 always holds.
    if tau == 0 and p is not None:
        if c > _DENSE:
            raise ValueError(f"tau=0 connects every pair of {c} labels; use tau > 0 above {_DENSE} labels.")
        full = np.full((c, c), float(p))
        np.fill_diagonal(full, 1.0)
        return sp.csr_array(full)
    M = sp.coo_array(Y.T @ Y)
    rows, columns = M.coords
    P = M.data / Y.sum(axis=0)[columns]
    edge = (tau <= P) & (rows != columns)
    weights = P[edge] if p is None else np.full(int(edge.sum()), float(p))
    diagonal = np.arange(c)
    coordinates = (np.r_[rows[edge], diagonal], np.r_[columns[edge], diagonal])
    return sp.csr_array((np.r_[weights, np.ones(c)], coordinates), shape=(c, c))


def _given(matrix: ArrayLike | Sparse | Frame, labels: Labels) -> sp.csr_array:
    given = _reorder(matrix, labels.names) if isinstance(matrix, Frame) else as_matrix(matrix, "the given label graph")
    c = len(labels.names)
    if given.shape != (c, c):
        raise ValueError(f"the given label graph has shape {given.shape} but there are {c} labels; pass ({c}, {c}).")
    if given.dtype.kind not in "biuf":
        raise ValueError(f"the given label graph must hold real numbers; got dtype {given.dtype}.")
    A = sp.csr_array(given, dtype=np.float64, copy=True)
    if not (np.isfinite(A.data).all() and (A.data >= 0).all()):
        raise ValueError("the given label graph must hold finite weights of 0 or more.")
    A.eliminate_zeros()
    return A


def _reorder(frame: View, names: AnyArray) -> AnyArray:
    """Return the values of a DataFrame in the order of the labels."""
    for axis in (frame.index, frame.columns):
        different = set(axis) ^ set(names.tolist())
        if different:
            raise ValueError(
                "the rows and columns of the given label graph must be named by the labels; "
                f"they differ in {sorted(map(str, different))[:5]}."
            )
    return np.asarray(frame.loc[names, names].to_numpy())


def _symmetric(A: sp.csr_array) -> sp.csr_array:
    degree = np.asarray(A.sum(axis=1)).ravel()
    if (degree == 0).any():
        raise ValueError(
            f"row {int(degree.argmin())} of the given label graph sums to 0, so it cannot be normalised; "
            "put ones on its diagonal, or do not normalise it."
        )
    scale = 1 / np.sqrt(degree)
    return sp.csr_array(A.multiply(scale[:, None]).multiply(scale[None, :]))
