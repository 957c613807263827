"""Rows are dealt to folds so that every label has the same share in each: iterative stratification."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import IndexArray, IntArray


def deal(counts: sp.csr_array, sizes: IntArray, n_folds: int, rng: np.random.RandomState | None) -> IndexArray:
    """Return the fold of every unit, a row or a group of rows.

    This is algorithm 1 of Sechidis et al. (2011): the label with the fewest rows that are not dealt yet comes first,
    and each of its units goes to the fold that still wants most rows with this label; of several such folds, to the one
    that wants most rows; of several such folds, to one of them by chance, or to the first without a generator. Units
    with many rows of the label come before those with few. Units without labels are dealt at the end.

    Parameters
    ----------
    counts : csr_array of shape (n_units, c), int
        The number of rows of each unit that have a label.
    sizes : ndarray of shape (n_units,), int
        The number of rows of each unit.
    n_folds : int
        The number of folds.
    rng : RandomState or None
        The order of units and ties are drawn from it; without it units keep their order.

    Returns
    -------
    ndarray of shape (n_units,)
    """
    n = len(sizes)
    folds = _Folds(counts.sum(axis=0).tolist(), int(sizes.sum()), n_folds)
    order = np.arange(n) if rng is None else rng.permutation(n)
    chances = np.zeros(n).tolist() if rng is None else rng.uniform(size=n).tolist()
    # Python's lists are several times faster than numpy where single numbers are read.
    starts = counts.indptr.tolist()
    labels = counts.indices.tolist()
    amounts = counts.data.tolist()
    rows = sizes.tolist()
    dealt = np.full(n, -1)
    for label, units in _in_turn(counts[order], order, dealt):
        for unit in units.tolist():
            fold = folds.most_in_need(label, chances[unit])
            dealt[unit] = fold
            own = slice(starts[unit], starts[unit + 1])
            folds.put(fold, rows[unit], labels[own], amounts[own])
    free = order[dealt[order] < 0]
    for unit in free[np.argsort(-sizes[free], kind="stable")].tolist():
        fold = folds.emptiest(range(n_folds), chances[unit])
        dealt[unit] = fold
        folds.put(fold, rows[unit], [], [])
    return dealt


class _Folds:
    """How many rows of every label, and how many rows at all, each fold still wants; may become negative.

    Numbers are multiplied by the number of folds, so that they are whole and equal where they should be equal.
    """

    def __init__(self, totals: list[int], n_rows: int, n_folds: int) -> None:
        self.wanted = [[total] * n_folds for total in totals]
        self.room = [n_rows] * n_folds

    def most_in_need(self, label: int, chance: float) -> int:
        wanted = self.wanted[label]
        most = max(wanted)
        if wanted.count(most) == 1:
            return wanted.index(most)
        return self.emptiest([fold for fold, number in enumerate(wanted) if number == most], chance)

    def emptiest(self, among: list[int] | range, chance: float) -> int:
        most = max(self.room[fold] for fold in among)
        equal = [fold for fold in among if self.room[fold] == most]
        return equal[int(chance * len(equal))]

    def put(self, fold: int, n_rows: int, labels: list[int], amounts: list[int]) -> None:
        n_folds = len(self.room)
        self.room[fold] -= n_folds * n_rows
        for label, amount in zip(labels, amounts, strict=True):
            self.wanted[label][fold] -= n_folds * amount


def _in_turn(counts: sp.csr_array, order: IndexArray, dealt: IndexArray) -> Iterator[tuple[int, IndexArray]]:
    """Yield the rarest label among the units that are not dealt, and these units; `dealt` changes in between."""
    columns = counts.tocsc()
    n_labels = counts.shape[1]
    left = np.asarray(counts.sum(axis=0), dtype=np.float64)
    left[left == 0] = np.inf
    for _ in range(n_labels):
        label = int(left.argmin())
        if np.isinf(left[label]):
            return
        own = slice(columns.indptr[label], columns.indptr[label + 1])
        units = order[columns.indices[own]]
        free = dealt[units] < 0
        biggest_first = np.argsort(-columns.data[own][free], kind="stable")
        yield label, units[free][biggest_first]
        left -= np.asarray(counts[columns.indices[own][free]].sum(axis=0))
        left[left == 0] = np.inf
