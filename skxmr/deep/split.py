"""Fitting rows and validation rows, separated before anything learns from labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import IndexArray
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs


class Part(NamedTuple):
    """One part of a split: the numbers of its rows in the order of the pairs, and the labels of these rows."""

    rows: IndexArray
    labels: Labels | None


class Split(NamedTuple):
    """All rows, which of them are fitted, and which are held out, if any."""

    pairs: Pairs
    fitting: Part
    validation: Part | None

    @property
    def labels(self) -> Labels | None:
        """Labels of the fitting rows, from which alone anything may be learned."""
        return self.fitting.labels

    @property
    def required_labels(self) -> Labels:
        """Labels of the fitting rows, for methods that cannot be fitted without."""
        if self.fitting.labels is None:
            raise ValueError("labels is None, but this method learns from labels; pass them to fit.")
        return self.fitting.labels

    def shared_images(self, part: Part) -> IndexArray | None:
        """Return which rows of a part share their image, or None where no rows of the pairs do."""
        groups = self.pairs.groups
        return groups[part.rows] if len(np.unique(groups)) < len(groups) else None


def unsplit(pairs: Pairs, labels: Labels | None) -> Split:
    """Return a split that fits all rows."""
    return Split(pairs, Part(np.arange(len(pairs)), labels), None)


def split_rows(pairs: Pairs, labels: Labels | None, fraction: float, seed: int) -> Split:
    """Hold out a random share of the rows; every label keeps a fitting row, rows of one image stay together."""
    n = len(pairs)
    groups = pairs.groups
    shared = len(np.unique(groups)) < n
    if fraction == 0:
        return unsplit(pairs, labels)
    wanted = round(fraction * n)
    order = np.random.default_rng(seed).permutation(n)
    if shared:
        # Rows that share an image follow one another, in the order in which the first row of each image was drawn.
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
    fitting = _part(np.setdiff1d(order, held), labels)
    validation = _part(np.sort(held), labels)
    if validation.labels is not None and validation.labels.matrix.nnz == 0:
        raise ValueError(
            f"none of the {len(held)} validation rows has a label, so no epoch can be chosen; raise "
            "validation_fraction, or set it to 0."
        )
    return Split(pairs, fitting, validation)


def _part(rows: IndexArray, labels: Labels | None) -> Part:
    return Part(rows, None if labels is None else labels._replace(matrix=labels.matrix[rows]))


def _dispensable(Y: sp.csr_array, order: IndexArray, wanted: int) -> IndexArray:
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
