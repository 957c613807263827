"""Fitting rows and validation rows, separated before anything learns from labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import IndexArray, View
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.partial import PartialRows, in_places, present_rows
from skxmr._data.warn import warn
from skxmr.deep.batches import blocks
from skxmr.deep.encoders import EncodedView

# Fewer validation rows than these are a bad guide to the best epoch.
_FEW = 20


class Part(NamedTuple):
    """Some rows of a fit: the fitting rows or the validation rows.

    Parameters
    ----------
    rows : ndarray of shape (n_part,), int
        Numbers of the rows, counted in the pairs that `fit` was given.
    labels : Labels or None
        Labels of these rows: `matrix` (n_part, c), CSR, and the `names` (c,) of its columns. None where `fit` was given
        no labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr.deep import Part
    >>> Part(np.array([0, 2]), None).rows
    array([0, 2])
    """

    rows: IndexArray
    labels: Labels | None


class ViewRows(NamedTuple):
    """The rows of a part that have a view: `rows` (k,) are their numbers in `view`, `labels` (k, c) their labels."""

    view: View
    rows: IndexArray
    labels: Labels | None


class Split(NamedTuple):
    """The rows of a fit, and which of them the method may learn from.

    `pairs` holds all rows, also those that are held out for validation. What a method measures before training, such as
    a mean, it must measure on `fitting_pairs` or `fitting_blocks`; otherwise the validation rows are no longer unseen.

    Parameters
    ----------
    pairs : Pairs
        All rows that `fit` was given: the fitting rows and the validation rows. Its widths may be read freely. A view
        of float16 that is mapped or read-only stays so; `fitting_pairs` and `fitting_blocks` make float32 of its rows.
    fitting : Part
        The rows from which the method learns.
    validation : Part or None
        The rows by which the best epoch is chosen. None where no rows are held out.
    encoders : mapping of str to EncodedView, default={}
        By the name of a view, the raw items of which an encoder made the vectors in `pairs`, before any training.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import Pairs
    >>> from skxmr.deep import Part, Split
    >>> pairs = Pairs(np.array([[1.0], [3.0], [99.0]]), np.ones((3, 2)))
    >>> split = Split(pairs, Part(np.array([0, 1]), None), Part(np.array([2]), None))
    >>> split.fitting_pairs.image.mean()
    np.float64(2.0)
    """

    pairs: Pairs
    fitting: Part
    validation: Part | None
    encoders: Mapping[str, EncodedView] = MappingProxyType({})

    @property
    def fitting_pairs(self) -> Pairs:
        """The fitting rows of both views, of float32 at least; a copy of them where validation rows are held out."""
        found = self.pairs if self.validation is None else self.pairs[self.fitting.rows]
        for name in ("image", "text"):
            view = getattr(found, name)
            present = present_rows(view)
            if isinstance(present, np.ndarray) and present.dtype == np.float16:
                found = found.replace(**{name: in_places(view, present.astype(np.float32))})
        return found

    def fitting_blocks(self, name: str) -> Iterator[View]:
        """Read the fitting rows of a view a few thousand at a time, so that a large view is never copied as a whole.

        Parameters
        ----------
        name : {"image", "text"}
            The view.

        Yields
        ------
        array or CSR array of shape (n_block, d)
            The next rows; all rows at once if the view is sparse.
        """
        yield from blocks(getattr(self.pairs, name), self.fitting.rows)

    @property
    def labels(self) -> Labels | None:
        """Labels of the fitting rows; None where `fit` was given none."""
        return self.fitting.labels

    @property
    def required_labels(self) -> Labels:
        """Labels of the fitting rows, for methods that cannot be fitted without; a ValueError where there are none."""
        if self.fitting.labels is None:
            raise ValueError(
                "labels is None, but this method learns from labels; pass them to fit. A method that always needs them "
                "sets _requires_labels = True; one that can do without them reads split.labels."
            )
        return self.fitting.labels

    def served(self, name: str) -> View:
        """Return a view of all rows as the network is trained and measured on it.

        Parameters
        ----------
        name : {"image", "text"}
            The view.

        Returns
        -------
        array, CSR array or EncodedView of n rows
            The view of `pairs`, which may be of float16 where it is mapped; where an encoder is trained, what gives
            the vectors that it makes by now.
        """
        view = self.encoders.get(name)
        return getattr(self.pairs, name) if view is None or not view.trained else view

    def rows_of(self, part: Part, name: str) -> ViewRows:
        """Return the rows of a part that have a view, for methods that learn from rows with an image or a text only.

        Parameters
        ----------
        part : Part
            The fitting rows or the validation rows.
        name : {"image", "text"}
            The view.

        Returns
        -------
        ViewRows
            The view without its missing rows, the numbers of the rows in it, and their labels.
        """
        view = self.served(name)
        if not isinstance(view, PartialRows):
            return ViewRows(view, part.rows, part.labels)
        there = ~view.missing[part.rows]
        position = np.cumsum(~view.missing) - 1
        labels = None if part.labels is None else part.labels._replace(matrix=part.labels.matrix[there])
        return ViewRows(view.present, position[part.rows[there]], labels)

    def shared_images(self, part: Part) -> IndexArray | None:
        """Return which rows of a part share their image.

        Parameters
        ----------
        part : Part
            The fitting rows or the validation rows.

        Returns
        -------
        ndarray of shape (n_part,), int, or None
            The number of every row's image; None where no two rows of the pairs share one.
        """
        images = self.pairs._groups.image
        return images[part.rows] if images is not None and len(np.unique(images)) < len(images) else None


def unsplit(pairs: Pairs, labels: Labels | None) -> Split:
    """Return a split that fits all rows."""
    return Split(pairs, Part(np.arange(len(pairs)), labels), None)


def split_rows(pairs: Pairs, labels: Labels | None, fraction: float, seed: int, *, is_auto: bool = False) -> Split:
    """Hold out a random share of the rows; every label keeps a fitting row, rows of an image or group stay together.

    `is_auto` tells that the fraction is what "auto" stands for, for the sake of messages.
    """
    n = len(pairs)
    if fraction == 0:
        return unsplit(pairs, labels)
    wanted = round(fraction * n)
    order = np.random.default_rng(seed).permutation(n)
    shared = pairs._groups.count(n) < n
    held = _held_groups(pairs.groups, labels, order, wanted) if shared else _first(labels, order, wanted)
    if len(held) < _fewest(wanted) or n - len(held) < 2:
        kept = " (the rows of one image or of one group stay together)" if shared else ""
        kept += " (a label's last row is never held out)" if labels is not None else ""
        source = ' (from "auto")' if is_auto else ""
        raise ValueError(
            f"validation_fraction={fraction}{source} of {n} rows can hold out {len(held)} rows{kept} "
            f"and leaves {n - len(held)} to fit; {max(2, round(wanted / 2))} and 2 are needed. Use another "
            "fraction, or 0 to fit on all rows and keep the last epoch."
        )
    fits = np.ones(n, bool)
    fits[held] = False
    fitting = _part(np.flatnonzero(fits), labels)
    validation = _part(np.sort(held), labels)
    if validation.labels is not None and validation.labels.matrix.nnz == 0:
        raise ValueError(
            f"none of the {len(held)} validation rows has a label, so no epoch can be chosen; raise "
            "validation_fraction, or set it to 0."
        )
    return Split(pairs, fitting, validation)


def warn_of_few(split: Split) -> None:
    """Warn where few rows choose the epoch; rows of one image or group count once."""
    if split.validation is None:
        return
    rows = split.validation.rows
    n = split.pairs._groups.of(rows).count(len(rows))
    if n < _FEW:
        warn(
            f"{n} validation rows choose the epoch, and fewer than {_FEW} choose badly. Set validation_fraction to 0, "
            "which fits on all rows and keeps the last epoch, or hold out more rows."
        )


def _part(rows: IndexArray, labels: Labels | None) -> Part:
    return Part(rows, None if labels is None else labels._replace(matrix=labels.matrix[rows]))


def _fewest(wanted: int) -> float:
    """Return the fewest rows that are held out in place of those that are wanted."""
    return max(2, wanted / 2)


def _held_groups(groups: IndexArray, labels: Labels | None, order: IndexArray, wanted: int) -> IndexArray:
    """Return the rows of the first whole groups, in the order in which the first row of each group was drawn."""
    # Rows of one group follow one another.
    first = np.unique(groups[order], return_index=True)
    order = order[np.argsort(first[1][np.searchsorted(first[0], groups[order])], kind="stable")]
    sizes = np.bincount(groups)
    while True:
        held = _first(labels, order, wanted)
        counts = np.bincount(groups[held], minlength=len(sizes))
        whole = counts == sizes
        held = held[whole[groups[held]]]
        # A group that is too large must not be the end, if those after it could be held out.
        fits = whole | ((counts == 0) & (sizes <= wanted - len(held)))
        if len(held) >= _fewest(wanted) or fits[groups[order]].all():
            return held
        order = order[fits[groups[order]]]


def _first(labels: Labels | None, order: IndexArray, wanted: int) -> IndexArray:
    """Return the first rows of the order that may be held out."""
    return order[:wanted] if labels is None else _dispensable(labels.matrix, order, wanted)


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
