"""Fitting rows and validation rows, separated before anything learns from labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import IndexedRows
from skxmr._data.sentences import Sentences
from skxmr.deep.batches import LazyRows


@dataclass(frozen=True)
class Rows:
    """Rows of both views and the label graph that came with them; like a `Pairs`, but dense views are not copied."""

    image: Any
    text: Any
    label_graph: Any = None
    groups: Any = None  # where rows share their images: which do

    def __len__(self) -> int:
        return int(self.image.shape[0])


class Split(NamedTuple):
    """Fitting rows, and validation rows or None."""

    pairs: Rows
    labels: Labels | None
    validation: tuple[Rows, Labels | None] | None


def split_rows(pairs: Pairs, labels: Labels | None, fraction: float, seed: int) -> Split:
    """Hold out a random share of the rows; every label keeps a fitting row, rows of one image stay together."""
    n, groups = len(pairs), pairs.groups
    shared = len(np.unique(groups)) < n
    if fraction == 0:
        return Split(Rows(pairs.image, pairs.text, pairs.label_graph, groups if shared else None), labels, None)
    wanted = round(fraction * n)
    order = np.random.default_rng(seed).permutation(n)
    if shared:  # group by group, in the order in which their first rows were drawn
        first = np.unique(groups[order], return_index=True)
        order = order[np.argsort(first[1][np.searchsorted(first[0], groups[order])], kind="stable")]
    held = order[:wanted] if labels is None else _dispensable(labels.matrix, order, wanted)
    if shared:
        whole = np.bincount(groups[held], minlength=groups.max() + 1) == np.bincount(groups)
        held = held[whole[groups[held]]]
    if len(held) < max(2, wanted / 2) or n - len(held) < 2:
        raise ValueError(
            f"validation_fraction={fraction} of {n} rows can hold out {len(held)} rows (a label's last row is never "
            f"held out) and leaves {n - len(held)} to fit; {max(2, round(wanted / 2))} and 2 are needed. Use another "
            "fraction, or 0 to fit on all rows and keep the last epoch."
        )
    kept = np.setdiff1d(order, held)
    fitting, validation = (
        (_take(pairs, rows, shared), labels and labels._replace(matrix=labels.matrix[rows]))
        for rows in (kept, np.sort(held))
    )
    if validation[1] is not None and validation[1].matrix.nnz == 0:
        raise ValueError(
            f"none of the {len(held)} validation rows has a label, so no epoch can be chosen; raise "
            "validation_fraction, or set it to 0."
        )
    return Split(*fitting, validation)


def _take(pairs: Pairs, rows: NDArray[Any], shared: bool) -> Rows:
    image, text = (
        view[rows] if sp.issparse(view) or isinstance(view, (IndexedRows, Sentences)) else LazyRows(view, rows)
        for view in (pairs.image, pairs.text)
    )
    return Rows(image, text, pairs.label_graph, pairs.groups[rows] if shared else None)


def _dispensable(Y: sp.csr_array, order: NDArray[Any], wanted: int) -> NDArray[Any]:
    """Return the first rows of the order without which every label still has a row."""
    left = np.asarray(Y.sum(axis=0)).ravel()
    held: list[int] = []
    for row in order:
        if len(held) == wanted:
            break
        own = Y.indices[Y.indptr[row] : Y.indptr[row + 1]]
        if (left[own] > 1).all():
            left[own] -= 1
            held.append(row)
    return np.array(held, dtype=int)
