"""The label graph as a pipeline step."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skxmr._data.arguments import PairsStep, check_labels_of, need_pairs
from skxmr._data.kinds import AnyArray, LabelsLike, Matrix
from skxmr._data.labels import Labels, encode_labels, need_labels
from skxmr._data.pairs import Pairs
from skxmr._data.warn import warn
from skxmr._docstrings import documented_like
from skxmr.steps.cooccurrence import GraphKind, label_graph

if TYPE_CHECKING:
    import pandas as pd


@documented_like(label_graph)
class LabelGraph(PairsStep, kw_only=False):
    """Label graph as a pipeline step: learns the graph from the training labels and attaches it to the `Pairs`.

    Because it is fitted inside the pipeline, the graph sees the training fold only. `transform` needs no labels. In a
    grid, ``kind="identity"`` shows whether the graph helps.

    Attributes
    ----------
    matrix_ : ndarray of shape (c, c), or csr_array above 512 labels
        Row i receives from j where P(L_i | L_j) >= tau.
    classes_ : ndarray of shape (c,)
        The label names, in the order of the matrix.
    isolated_ : ndarray of shape (k,)
        Names of the labels that are connected to no other label in either direction.
    n_edges_ : int
        Number of directed edges between different labels.

    Raises
    ------
    ValueError
        If labels are missing or a parameter is out of range.

    Warns
    -----
    UserWarning
        If a co-occurrence graph has no edges, so that it has no effect.

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

    tau: float = 0.4
    p: float = 0.5
    kind: GraphKind = "cooccurrence"
    normalize: str = "none"
    transpose: bool = False

    def fit(self, X: Pairs | None, y: LabelsLike = None) -> Self:
        """Learn the graph from labels.

        Parameters
        ----------
        X : Pairs or None
            Only its number of rows is used.
        y : labels of shape (n,) or (n, c), or n lists of tags
            The training labels.

        Returns
        -------
        self
        """
        if y is None:
            raise ValueError("LabelGraph requires y to be passed, but the target y is None: it learns from labels.")
        if X is not None:
            need_pairs(X, "LabelGraph")
            check_labels_of(X, y)
        labels = need_labels(encode_labels(y))
        self.matrix_: Matrix = label_graph(
            labels, self.tau, self.p, kind=self.kind, normalize=self.normalize, transpose=self.transpose
        )
        self.classes_ = labels.names
        edges = sp.coo_array(self.matrix_)
        rows, columns = edges.coords
        between = (rows != columns) & (edges.data != 0)
        connected = np.union1d(rows[between], columns[between])
        self.isolated_: AnyArray = np.delete(labels.names, connected)
        self.n_edges_ = int(between.sum())
        if self.n_edges_ == 0 and isinstance(self.kind, str) and self.kind != "identity":
            warn(f"at tau={self.tau} the label graph connects no two labels; {_way_out(labels)}")
        return self

    def fit_transform(self, X: Pairs, y: LabelsLike = None) -> Pairs:
        """Learn the graph and attach it.

        Parameters
        ----------
        X : Pairs
            The views.
        y : labels
            The training labels.

        Returns
        -------
        Pairs
            With `label_graph` set.
        """
        return self.fit(X, y).transform(X)

    def transform(self, X: Pairs) -> Pairs:
        """Attach the graph.

        Parameters
        ----------
        X : Pairs
            The views, which are not copied.

        Returns
        -------
        Pairs
            With `label_graph` set.
        """
        check_is_fitted(self)
        return need_pairs(X, "LabelGraph").replace(label_graph=copy.copy(self))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> ArrayLike | None:
        """Return the names as they come, because the views pass through.

        Parameters
        ----------
        input_features : array-like of str, or None
            The names of the columns of the views.

        Returns
        -------
        array-like of str, or None
            The same.
        """
        check_is_fitted(self)
        return input_features

    def to_frame(self) -> pd.DataFrame:
        """Return the graph as a DataFrame named by the labels on both axes.

        Returns
        -------
        DataFrame of shape (c, c)
            With sparse columns above 512 labels.
        """
        import pandas as pd

        check_is_fitted(self)
        if isinstance(self.matrix_, np.ndarray):
            return pd.DataFrame(self.matrix_, self.classes_, self.classes_)
        return pd.DataFrame.sparse.from_spmatrix(self.matrix_, self.classes_, self.classes_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _way_out(labels: Labels) -> str:
    """Return what to do where a graph has no edges: a lower tau helps only if some row has two labels."""
    together = sp.coo_array(labels.matrix.T @ labels.matrix)
    i, j = together.coords
    shares = (together.data / labels.matrix.sum(axis=0)[j])[i != j]
    if len(shares) == 0:
        return (
            "no row has two labels, so no tau above 0 connects any. Use the graph 'identity', or give a matrix, for "
            "example of the similarities of the label names."
        )
    # Three digits, rounded down, because a tau that is rounded up would again connect no labels.
    scale = 10.0 ** (2 - math.floor(math.log10(shares.max())))
    return f"lower tau to at most {math.floor(shares.max() * scale) / scale:g}, or use the graph 'identity'."
