"""Multi-label canonical correlation analysis."""

from __future__ import annotations

import itertools
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval, StrOptions

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import Chunked, IndexArray
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._linalg.chunks import CentredRows
from skxmr._linalg.exactness import SAFE_RIDGE, Array, product_rounding
from skxmr._linalg.moments import Covariances, check_overflow
from skxmr._linalg.rotation import Rotation, rotated
from skxmr._linalg.solvers import paired_directions
from skxmr.methods._linear import UNROTATED, LinearRetriever, lifted, remaining


class _Sums(NamedTuple):
    """Weights of the image rows (n,) and of the text rows (n,), and the cross products C_xt (d1, d2)."""

    x_weights: Array
    t_weights: Array
    C_xt: Array


class MLCCA(LinearRetriever, kw_only=False):
    """Multi-label canonical correlation analysis (ml-CCA), exact.

    CCA over all pairs of an image i and a text j, each weighted by the similarity w_ij of their label vectors:
    ``C_xy = sum_ij w_ij x_i y_j^T``, ``C_xx = sum_ij w_ij x_i x_i^T``, ``C_yy = sum_ij w_ij y_j y_j^T``. Never costs
    n^2: dot products factorise, and other weights depend on the distinct label vectors only.

    Parameters
    ----------
    weights : {"cosine", "dot", "exponential", "squared_exponential"}, default="cosine"
        Similarity of label vectors z: cosine, dot product, ``exp(-|z_i - z_j| / sigma)`` (the authors' code), or
        ``exp(-|z_i - z_j|^2 / sigma)`` (the literature).
    sigma : float, default=1.0
        Width of the exponential weights; without effect on the others.
    n_neighbors : int or None, default=None
        Each image is paired only with its k nearest texts in label space ("fast" ml-CCA). Texts that tie for the k-th
        place share the remaining places evenly, so the order of rows does not matter. None keeps all pairs.
    ridge : float, default=0.25
        Regularisation of C_xx and C_yy, in units of the mean of their diagonals.
    correlation_power : float, default=1.0
        Projections, of unit length, are multiplied by their correlation to this power.

    Attributes
    ----------
    correlations_ : ndarray of shape (n_components,)
        Label-weighted correlations, decreasing.
    image_projection_, text_projection_ : ndarray of shape (d, n_components)
        Unit-length directions times ``correlations_ ** correlation_power``.
    image_mean_, text_mean_ : ndarray of shape (d,)
        Column means, not weighted.

    Raises
    ------
    ValueError
        If labels are missing, no row has a label, a parameter is out of range, or no component is found.

    Notes
    -----
    There are at most as many components as labels, because related rows differ by their labels only.
    If every row has a label of its own, dot-product weights give CCA. Row weights need the label counts of all
    rows, so only `C_xy` of the dot product could be streamed in a single pass; dask arrays are read three times.

    References
    ----------
    Ranjan, Rasiwasia and Jawahar, "Multi-label cross-modal retrieval", ICCV 2015. Deviation: ties among neighbours
    are shared, where the paper leaves the choice open.

    Examples
    --------
    >>> from skxmr import MLCCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> bool(MLCCA().fit(pairs, labels).score(pairs, labels) > 0.6)
    True
    """

    _requires_labels = True
    _by_chunks = True
    weights: str = "cosine"
    sigma: float = 1.0
    n_neighbors: int | None = None
    ridge: float = 0.25
    correlation_power: float = 1.0
    _parameter_constraints: ClassVar[Constraints] = {
        "weights": [StrOptions({"cosine", "dot", "exponential", "squared_exponential"})],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "correlation_power": [Interval(Real, 0, None, closed="left")],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return the defaults, and weights of nearest neighbours only."""
        return [{}, {"weights": "exponential", "n_neighbors": 9}]

    def _fit(self, pairs: Pairs, labels: Labels | None) -> None:
        # `fit` refuses missing labels.
        assert labels is not None
        k = self._limited(len(pairs), pairs.image.shape[1], pairs.text.shape[1])
        views, rows = _rows(pairs, self.ridge < SAFE_RIDGE)
        factorises = self.weights in ("dot", "cosine") and self.n_neighbors is None
        sums = self._factorised(rows, labels.matrix) if factorises else self._aggregated(rows, labels.matrix)
        total = float(sums.x_weights.sum())
        C_xx, C_tt = rows.scattered(sums.x_weights, sums.t_weights)
        check_overflow(C_xx, C_tt, sums.C_xt)
        eps = views[0].eps, views[1].eps
        products = product_rounding(max(eps), len(pairs), rows.exact)
        # Rounding averages out over as many rows as the weights rest on.
        n = min(_counting(sums.x_weights), _counting(sums.t_weights))
        cov = Covariances(*rows.means, C_xx / total, C_tt / total, sums.C_xt / total, n, eps, products)
        found = paired_directions(cov, (self.ridge * views[0].share, self.ridge * views[1].share), k)
        n_components = remaining(self, len(found.correlations), self.n_components)
        image, text = lifted(views, found.image, found.text)
        # Unit length is of the view's own values, whatever their unit.
        image /= views[0].unit
        text /= views[1].unit
        scale = found.correlations**self.correlation_power
        self.image_mean_ = views[0].origin(cov.image_mean)
        self.text_mean_ = views[1].origin(cov.text_mean)
        self.image_projection_ = image / np.linalg.norm(image, axis=0) * scale
        self.text_projection_ = text / np.linalg.norm(text, axis=0) * scale
        self.correlations_ = found.correlations
        self.n_components_ = n_components

    def _factorised(self, rows: CentredRows, Z: sp.csr_array) -> _Sums:
        """w_ij = z_i . z_j, so C_xy = (X^T Z)(Z^T T) and row i weighs z_i . sum_j z_j."""
        if self.weights == "cosine":
            # Rows are binary, so their squared length is their sum.
            length = np.sqrt(Z.sum(axis=1))
            Z = sp.csr_array(Z.multiply(np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)[:, None]))
        row_weights = Z @ Z.sum(axis=0)
        X_sums, T_sums = rows.grouped(Z)
        return _Sums(row_weights, row_weights, X_sums @ T_sums.T)

    def _aggregated(self, views: CentredRows, Z: sp.csr_array, block: int = 1024) -> _Sums:
        """w_ij depends on the label vectors of i and j only: sum the rows of each vector, then pair these sums.

        The weights of `block` distinct vectors are held at a time.
        """
        U, member, counts = _distinct(Z)
        E = sp.csr_array((np.ones(len(member)), (np.arange(len(member)), member)), shape=(len(member), len(counts)))
        X_sums, T_sums = views.grouped(E)
        x_weights = np.zeros(len(counts))
        t_weights = np.zeros(len(counts))
        C_xt = np.zeros((len(X_sums), len(T_sums)))
        for rows in gen_batches(len(counts), block):
            W = self._label_weights(U, rows)
            if self.n_neighbors is not None:
                W = _keep_nearest(W, counts, self.n_neighbors)
            x_weights[rows] = W @ counts
            t_weights += W.T @ counts[rows]
            C_xt += X_sums[:, rows] @ (W @ T_sums.T)
        return _Sums(x_weights[member], t_weights[member], C_xt)

    def _label_weights(self, U: sp.csr_array, rows: slice) -> Array:
        """Return the similarities (b, q) of some distinct label vectors with all q of them."""
        sizes = U.sum(axis=1)
        shared = np.asarray((U[rows] @ U.T).toarray())
        if self.weights == "dot":
            return shared
        if self.weights == "cosine":
            length = np.sqrt(np.outer(sizes[rows], sizes))
            return np.divide(shared, length, out=np.zeros_like(shared), where=length > 0)
        squares = np.maximum(sizes[rows][:, None] + sizes - 2 * shared, 0.0)
        distances = squares if self.weights == "squared_exponential" else np.sqrt(squares)
        return np.exp(-distances / self.sigma)


def _rows(pairs: Pairs, exact: bool) -> tuple[tuple[Rotation, Rotation], CentredRows]:
    """Return how the views were rotated, if at all, and their rows."""
    if isinstance(pairs.image, Chunked):
        image = UNROTATED._replace(eps=pairs._eps[0])
        text = UNROTATED._replace(eps=pairs._eps[1])
        return (image, text), CentredRows(pairs, exact)
    image = rotated(pairs.image, pairs._eps[0])
    text = rotated(pairs.text, pairs._eps[1])
    return (image, text), CentredRows(Pairs(image.rows, text.rows), exact)


def _counting(weights: Array) -> int:
    """Return how many rows of equal weight would vary in their mean as rows of these weights (n,) do."""
    return max(1, int(weights.sum() ** 2 / (weights @ weights)))


def _distinct(Z: sp.csr_array) -> tuple[sp.csr_array, IndexArray, Array]:
    """Return the distinct rows (q, c) of Z, the one each row equals (n,), and how often each occurs (q,)."""
    Z = Z.sorted_indices()
    seen: dict[bytes, int] = {}
    numbers = []
    for start, stop in itertools.pairwise(Z.indptr):
        numbers.append(seen.setdefault(Z.indices[start:stop].tobytes(), len(seen)))
    member = np.array(numbers)
    first = np.unique(member, return_index=True)[1]
    return sp.csr_array(Z[first]), member, np.bincount(member).astype(np.float64)


def _keep_nearest(W: Array, counts: Array, k: int) -> Array:
    """Keep the k texts of largest weight in each row of W (b, q), where column j stands for counts[j] texts."""
    # Weights that are equal up to rounding are ties.
    W = np.round(W, 12)
    order = np.argsort(-W, axis=1)
    reached = np.cumsum(counts[order], axis=1) >= min(k, counts.sum())
    last = np.take_along_axis(W, np.take_along_axis(order, reached.argmax(axis=1)[:, None], axis=1), axis=1)
    nearer = (W > last) @ counts
    tied = (W == last) @ counts
    share = (min(k, counts.sum()) - nearer) / tied
    return np.asarray(W * ((W > last) + share[:, None] * (W == last)))
