"""Groups of rows that are nearly the same, which a split must not separate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches

from skxmr._data.kinds import AnyArray, IndexArray, Matrix, View
from skxmr._data.repeated import expand
from skxmr._data.view_checks import check_same_rows, check_view
from skxmr._data.views import as_view, item_key

# Rows i and j of every line are nearly the same: two arrays of equal length.
Links: TypeAlias = tuple[IndexArray, IndexArray]

# Cosines that are held at once.
_SCORES = 2**23


def near_duplicate_groups(*views: View, threshold: float | Sequence[float] = 0.99) -> IndexArray:
    """Return groups of rows that are nearly the same in some view.

    Pass the groups to a splitter, such as ``GroupKFold`` or `MultilabelStratifiedKFold`, so that no held-out row has a
    twin among the training rows. :func:`skxmr.metrics.near_duplicates` lists such twins of rows that are split already.

    Parameters
    ----------
    *views : matrix of shape (n, d), or n raw items
        Features are nearly the same if their cosine reaches the threshold, raw items such as captions if they are
        equal. A row of zeros, None and an empty string are like nothing. Row i of all views describes the same item.
    threshold : float or sequence of float, default=0.99
        The cosine, in (0, 1], for all views or for each.

    Returns
    -------
    ndarray of shape (n,), int
        Groups, numbered from 0 in the order of their first rows. Rows that are nearly the same as a common third row
        are in one group, also if they are less alike.

    Raises
    ------
    ValueError
        If there are no views, their rows or the thresholds differ in number, or a threshold is outside (0, 1].

    Notes
    -----
    All pairs of rows are compared, block by block: the time grows with the square of the number of rows, and the memory
    linearly.

    Examples
    --------
    >>> from skxmr.model_selection import near_duplicate_groups
    >>> near_duplicate_groups([[1.0, 0.0], [0.0, 1.0], [2.0, 0.1], [1.0, 1.0]], ["a", "b", "c", "b"]).tolist()
    [0, 1, 0, 1]
    """
    if not views:
        raise ValueError("no view was passed; pass features or raw items, with one row per item.")
    thresholds = [threshold] * len(views) if isinstance(threshold, float | int) else list(threshold)
    if len(thresholds) != len(views) or not all(0 < value <= 1 for value in thresholds):
        raise ValueError(
            f"threshold must be a cosine in (0, 1], or {len(views)} of them, one per view; got {threshold!r}."
        )
    held = [expand(as_view(view, f"view {i}")) for i, view in enumerate(views)]
    n = check_same_rows(**{f"view {i}": view for i, view in enumerate(held)})
    groups = np.arange(n)
    for i, (view, cosine) in enumerate(zip(held, thresholds, strict=True)):
        for links in _links(view, f"view {i}", cosine):
            groups = _joined(groups, links)
    return groups


def _links(view: View, name: str, cosine: float) -> Iterator[Links]:
    if getattr(view, "ndim", 0) == 1:
        yield _equal(np.asarray(view))
        return
    unit = normalize(check_view(view, name))
    for block in gen_batches(unit.shape[0], max(1, _SCORES // unit.shape[0])):
        # Every pair is looked at once: rows of the block with these and all later ones.
        yield _alike(unit[block], unit[block.start :], block.start, cosine)


def _alike(rows: Matrix, others: Matrix, start: int, cosine: float) -> Links:
    cosines = rows @ others.T
    # A copy may be a last bit short of 1.
    found = cosines >= cosine - 1e-6
    # Of sparse matrices only the places of true values are kept.
    i, j = found.nonzero() if sp.issparse(found) else np.nonzero(found)
    return i + start, j + start


def _equal(items: AnyArray) -> Links:
    """Return a link from every item to the first one that equals it."""
    first: dict[object, int] = {}
    own = []
    for row, item in enumerate(items):
        missing = item is None or (isinstance(item, str) and not item.strip())
        own.append(row if missing else first.setdefault(item_key(item), row))
    return np.arange(len(own)), np.array(own)


def _joined(groups: IndexArray, links: Links) -> IndexArray:
    """Return the groups after those of linked rows were joined; they are numbered by their first rows."""
    n = len(groups)
    graph = sp.coo_array((np.ones(len(links[0]), bool), (groups[links[0]], groups[links[1]])), shape=(n, n))
    component = connected_components(graph, directed=False)[1][groups]
    _, first, number = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]
