"""Rows of one part of the data that are nearly the same in another part, such as training and test rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches

from skxmr._data.arguments import need_pairs
from skxmr._data.kinds import MODALITIES, FloatArray, IndexArray, Matrix, View
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import expand
from skxmr._data.view_checks import check_same_columns, check_view
from skxmr._data.views import item_key
from skxmr.metrics._similarity import Similarity

if TYPE_CHECKING:
    import pandas as pd

# Scores that are held at once.
_SCORES = 2**23


class _Nearest(NamedTuple):
    """For some rows the nearest row of the other part, and its cosine."""

    row: IndexArray
    cosine: FloatArray


def near_duplicates(train: Pairs, test: Pairs, *, threshold: float = 0.99) -> pd.DataFrame:
    """Find test rows that have a near-duplicate among the training rows, because they make scores too good.

    Each view is looked at for itself. Features are near-duplicates if their cosine reaches the threshold, and raw items
    such as captions if they are equal. A row of zeros is a duplicate of nothing.

    Parameters
    ----------
    train : Pairs
        The rows that are learned from.
    test : Pairs
        The rows that are scored; views that are missing in one of both are left out.
    threshold : float, default=0.99
        Cosine from which rows count as near-duplicates, in (0, 1].

    Returns
    -------
    DataFrame
        One line per view (``"image"`` or ``"text"``) and test row that has one: ``view``, ``test_row``,
        ``train_row`` (the nearest one) and ``cosine``.

    Raises
    ------
    TypeError
        If an argument is no Pairs.
    ValueError
        If the threshold is outside (0, 1], the widths differ, or no view is in both.

    Examples
    --------
    >>> from skxmr import Pairs
    >>> from skxmr.metrics import near_duplicates
    >>> train = Pairs([[1.0, 0.0], [0.0, 1.0]], ["a cat", "a dog"])
    >>> test = Pairs([[0.0, 2.0], [1.0, 1.0]], ["a bird", "a cat"])
    >>> found = near_duplicates(train, test)
    >>> found[["view", "test_row", "train_row"]].to_numpy().tolist()
    [['image', 0, 1], ['text', 1, 0]]
    """
    import pandas as pd

    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be a cosine in (0, 1]; got {threshold!r}.")
    need_pairs(train, "near_duplicates")
    need_pairs(test, "near_duplicates")
    tables = []
    for name in MODALITIES:
        queries = expand(getattr(test, name))
        gallery = expand(getattr(train, name))
        if queries is None or gallery is None:
            continue
        found = _nearest(queries, gallery, name)
        # A copy may be a last bit short of 1.
        rows = np.flatnonzero(found.cosine >= threshold - 1e-6)
        columns = {"view": name, "test_row": rows, "train_row": found.row[rows], "cosine": found.cosine[rows]}
        tables.append(pd.DataFrame(columns))
    if not tables:
        raise ValueError("train and test have no view in common; pass Pairs that both hold images, or both hold texts.")
    return pd.concat(tables, ignore_index=True)


def _nearest(queries: View, gallery: View, name: str) -> _Nearest:
    """Return the nearest row of the gallery to every query."""
    if getattr(queries, "ndim", 0) == 1:
        return _equal(queries, gallery)
    check_same_columns(**{f"{name} of train": gallery, f"{name} of test": queries})
    gallery = check_view(gallery, f"{name} of train")
    queries = check_view(queries, f"{name} of test")
    if queries.shape[1] != gallery.shape[1]:
        raise ValueError(f"{name} has {gallery.shape[1]} features in train, but {queries.shape[1]} in test.")
    found = [_Nearest(scores.argmax(axis=1), scores.max(axis=1)) for scores in _cosines(queries, gallery)]
    return _Nearest(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _equal(queries: View, gallery: View) -> _Nearest:
    """Return the first row of the gallery that equals a raw item, with cosine 1, or cosine 0 where there is none."""
    first: dict[object, int] = {}
    for row, item in enumerate(np.asarray(gallery)):
        first.setdefault(item_key(item), row)
    rows = np.array([first.get(item_key(item), -1) for item in np.asarray(queries)])
    return _Nearest(rows, (rows >= 0).astype(np.float64))


def _cosines(queries: Matrix, gallery: Matrix) -> Iterator[FloatArray]:
    """Yield the cosines of some queries with the whole gallery."""
    blocks = gen_batches(queries.shape[0], max(1, _SCORES // gallery.shape[0]))
    if not (sp.issparse(queries) and sp.issparse(gallery)):
        cosines = Similarity(queries, gallery)
        for block in blocks:
            yield cosines[block]
        return
    # It loads much that no other metric needs.
    from sklearn.preprocessing import normalize

    unit = normalize(gallery).T.tocsr()
    for block in blocks:
        yield (normalize(queries[block]) @ unit).toarray()
