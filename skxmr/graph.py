"""The label graph: which labels occur together, as a matrix and as a transformer step."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skxmr._call import PairsStep, need_pairs
from skxmr._labels import Labels, encode_labels
from skxmr._validation import check_choice, is_frame, n_rows
from skxmr.pairs import Pairs

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("cooccurrence", "identity")
NORMALIZATIONS = ("none", "symmetric")
_DENSE = 512  # up to this many labels the graph is a dense array, above it CSR
Graph: TypeAlias = Any  # ndarray, or csr_array above _DENSE labels


def label_graph(
    Y: Any,
    tau: float = 0.4,
    p: float = 0.5,
    *,
    kind: Any = "cooccurrence",
    normalize: str = "none",
    transpose: bool = False,
) -> Graph:
    """Label correlation matrix of DAGNN: row i receives from j where P(L_i | L_j) >= tau.

    With M_ij the number of rows that have labels i and j, and N_j that of rows with label j, P_ij = M_ij / N_j
    (eq. 6); B_ij = [P_ij >= tau] (eq. 7); A_ij = p B_ij off the diagonal and A_ii = 1 (eq. 8).

    Parameters
    ----------
    Y : multi-hot (n, c) array, CSR or DataFrame, class ids, or lists of tags
        The labels of n rows.
    tau : float, default=0.4
        Threshold on the conditional probability, in [0, 1].
    p : float, default=0.5
        Weight of a neighbour relative to the label itself, > 0.
    kind : {"cooccurrence", "identity"} or (c, c) array, CSR or DataFrame, default="cooccurrence"
        ``"identity"`` connects nothing; a matrix is taken as it is, and `tau` and `p` have no effect.
    normalize : {"none", "symmetric"}, default="none"
        ``"symmetric"`` gives D^-1/2 A D^-1/2 with D the row sums of A.
    transpose : bool, default=False
        Return the transpose: label j then receives from i where P(L_i | L_j) >= tau, as in the authors' code.

    Returns
    -------
    ndarray of shape (c, c), or csr_array above 512 labels
        float64. A label that never occurs is connected to nothing (P_ij = 0 where N_j = 0).

    Raises
    ------
    ValueError
        If a parameter is out of range, or a given matrix is not square, finite, non-negative and of size c.

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
    _check_options(tau, p, kind, normalize)
    labels = encode_labels(Y)
    if not isinstance(kind, str):
        A = _given(kind, labels)
    elif kind == "identity":
        A = sp.eye_array(len(labels.names), format="csr")
    else:
        A = _cooccurrence(labels.matrix, tau, p)
    if normalize == "symmetric":
        A = _symmetric(A)
    A = sp.csr_array(A.T) if transpose else A
    return A.toarray() if A.shape[0] <= _DENSE else A


def _check_options(tau: float, p: float, kind: Any, normalize: str) -> None:
    for name, value in (("tau", tau), ("p", p)):
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            raise ValueError(f"{name} must be a number; got {value!r}.")
    if not 0 <= tau <= 1:
        raise ValueError(f"tau is a threshold on a probability and must be in [0, 1]; got {tau}.")
    if not (p > 0 and np.isfinite(p)):
        raise ValueError(f"p must be > 0; got {p}. To leave the neighbours out use kind='identity'.")
    if isinstance(kind, str):
        check_choice(kind, "kind", KINDS)
    check_choice(normalize, "normalize", NORMALIZATIONS)


def _cooccurrence(Y: sp.csr_array, tau: float, p: float) -> sp.csr_array:
    c = Y.shape[1]
    if tau == 0:  # P >= 0 always holds: every pair is connected
        if c > _DENSE:
            raise ValueError(f"tau=0 connects every pair of {c} labels; use tau > 0 above {_DENSE} labels.")
        full = np.full((c, c), float(p))
        np.fill_diagonal(full, 1.0)
        return sp.csr_array(full)
    M = sp.coo_array(Y.T @ Y)
    rows, columns = M.coords
    edge = (M.data / Y.sum(axis=0)[columns] >= tau) & (rows != columns)
    i, j = np.r_[rows[edge], np.arange(c)], np.r_[columns[edge], np.arange(c)]
    return sp.csr_array((np.r_[np.full(int(edge.sum()), float(p)), np.ones(c)], (i, j)), shape=(c, c))


def _given(matrix: Any, labels: Labels) -> sp.csr_array:
    if is_frame(matrix):
        matrix = _reorder(matrix, labels.names)
    A = sp.csr_array(matrix, dtype=np.float64, copy=True)
    c = len(labels.names)
    if A.shape != (c, c):
        raise ValueError(f"the given label graph has shape {A.shape} but there are {c} labels; ({c}, {c}) is needed.")
    if not (np.isfinite(A.data).all() and (A.data >= 0).all()):
        raise ValueError("the given label graph must hold finite weights of 0 or more.")
    A.eliminate_zeros()
    return A


def _reorder(frame: pd.DataFrame, names: NDArray[Any]) -> NDArray[Any]:
    for axis in (frame.index, frame.columns):
        if set(axis) != set(names.tolist()):
            raise ValueError(
                "the rows and columns of the given label graph must be named by the labels; "
                f"they differ in {sorted(map(str, set(axis) ^ set(names.tolist())))[:5]}."
            )
    return np.asarray(frame.loc[names, names].to_numpy())


def _symmetric(A: sp.csr_array) -> sp.csr_array:
    degree = np.asarray(A.sum(axis=1)).ravel()
    scale = np.divide(1.0, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    return sp.csr_array(A.multiply(scale[:, None]).multiply(scale[None, :]))


class LabelGraph(PairsStep):
    """Label graph as a pipeline step: learns the graph from the training labels and attaches it to the `Pairs`.

    Being fitted inside the pipeline, the graph sees the training fold only; `transform` needs no labels.

    Parameters
    ----------
    tau : float, default=0.4
        Threshold on P(L_i | L_j), in [0, 1].
    p : float, default=0.5
        Weight of a neighbour relative to the label itself, > 0.
    kind : {"cooccurrence", "identity"} or (c, c) array, CSR or DataFrame, default="cooccurrence"
        As in :func:`label_graph`; in a grid, ``"identity"`` answers whether the graph helps.
    normalize : {"none", "symmetric"}, default="none"
        As in :func:`label_graph`.
    transpose : bool, default=False
        As in :func:`label_graph`.

    Attributes
    ----------
    matrix_ : ndarray of shape (c, c), or csr_array above 512 labels
        Row i receives from j where P(L_i | L_j) >= tau.
    classes_ : ndarray of shape (c,)
        The label names, in the order of the matrix.
    isolated_ : ndarray of shape (k,)
        Names of the labels connected to no other label in either direction.
    n_edges_ : int
        Number of directed edges between different labels.

    Raises
    ------
    ValueError
        If labels are missing or a parameter is out of range.

    Warns
    -----
    UserWarning
        If a co-occurrence graph has no edge at all, so that it does nothing.

    References
    ----------
    Qian et al., AAAI 2021, eqs. 6-8. Deviation: none.

    Examples
    --------
    >>> from skxmr import LabelGraph
    >>> graph = LabelGraph(tau=0.5).fit(None, [["sky", "sea"], ["sky"], ["cat"]])
    >>> graph.isolated_.tolist()
    ['cat']
    >>> graph.to_frame().loc["sky", "sea"].item()
    0.5
    """

    def __init__(
        self,
        tau: float = 0.4,
        p: float = 0.5,
        kind: Any = "cooccurrence",
        normalize: str = "none",
        transpose: bool = False,
    ) -> None:
        self.tau = tau
        self.p = p
        self.kind = kind
        self.normalize = normalize
        self.transpose = transpose

    def fit(self, X: Any, y: Any = None) -> LabelGraph:
        """Learn the graph from labels.

        Parameters
        ----------
        X : Pairs or None
            Only its number of rows is looked at.
        y : labels of shape (n,) or (n, c), or n lists of tags
            The training labels.

        Returns
        -------
        self
        """
        if X is not None:
            need_pairs(X, "LabelGraph")
        if y is None:
            raise ValueError("LabelGraph requires y to be passed, but the target y is None: it learns from labels.")
        if X is not None and n_rows(y) != len(X):
            raise ValueError(f"labels has {n_rows(y)} rows but the views have {len(X)}.")
        labels = encode_labels(y)
        self.matrix_ = label_graph(
            labels, self.tau, self.p, kind=self.kind, normalize=self.normalize, transpose=self.transpose
        )
        self.classes_ = labels.names
        edges = sp.coo_array(self.matrix_)
        rows, columns = (index[edges.data != 0] for index in edges.coords)
        off = rows != columns
        connected = np.union1d(rows[off], columns[off])
        self.isolated_ = np.delete(labels.names, connected)
        self.n_edges_ = int(off.sum())
        if self.n_edges_ == 0 and isinstance(self.kind, str) and self.kind == "cooccurrence":
            warnings.warn(
                f"at tau={self.tau} the label graph connects no two labels; lower tau, or use kind='identity'.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Pairs:
        """Learn the graph and attach it.

        Parameters
        ----------
        X : Pairs
            The views.
        y : labels
            As in :meth:`fit`.

        Returns
        -------
        Pairs
            With `label_graph` set.
        """
        return self.fit(X, y).transform(X)

    def transform(self, X: Any) -> Pairs:
        """Attach the graph.

        Parameters
        ----------
        X : Pairs
            The views, which are shared, not copied.

        Returns
        -------
        Pairs
            With `label_graph` set.
        """
        check_is_fitted(self)
        return need_pairs(X, "LabelGraph").replace(label_graph=copy.copy(self))

    def to_frame(self) -> pd.DataFrame:
        """Return the graph as a DataFrame named by the labels on both axes.

        Returns
        -------
        DataFrame of shape (c, c)
            With sparse columns above 512 labels.
        """
        import pandas as pd

        check_is_fitted(self)
        if sp.issparse(self.matrix_):
            return pd.DataFrame.sparse.from_spmatrix(self.matrix_, self.classes_, self.classes_)
        return pd.DataFrame(self.matrix_, self.classes_, self.classes_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
