"""Sums over the rows of two views: of dask arrays chunk by chunk on dask's workers, where they are merged too."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import MODALITIES, Chunked, Matrix
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_view
from skxmr._linalg.exactness import Array, warn_of_vanishing
from skxmr._linalg.moments import column_mean, grouped_sums, scatter

T = TypeVar("T")
# One array per view.
Both: TypeAlias = tuple[Array, Array]
# Chunks are summed in this many runs of neighbouring chunks, always as many, so that rounding is always the same.
_RUNS = 32


def total(pairs: Pairs, part: Callable[..., T], merge: Callable[[T, T], T], rows: Sequence[Matrix] = ()) -> T:
    """Return the sum over all rows. Dask arrays are summed by chunks: only sums travel between workers, never rows.

    `part` is given the checked image and text of a chunk and its part of every array in `rows`, which are in memory,
    and returns its sum. `merge` adds the second sum to the first, which it may overwrite, and returns it.
    """
    if not isinstance(pairs.image, Chunked):
        return part(pairs.image, pairs.text, *rows)
    # Imported only here, where a dask array has come.
    dask = importlib.import_module("dask")
    cuts = pairs.image.chunks[0]
    ends = np.cumsum(cuts)
    image = pairs.image.to_delayed().ravel()
    text = pairs.text.rechunk({0: cuts}).to_delayed().ravel()
    add = dask.delayed(_add, pure=False)
    sums = []
    for run in np.array_split(np.arange(len(cuts)), min(len(cuts), _RUNS)):
        so_far = None
        for chunk in run:
            place = slice(int(ends[chunk] - cuts[chunk]), int(ends[chunk]))
            shapes = [(cuts[chunk], view.shape[1]) for view in (pairs.image, pairs.text)]
            own = [array[place] for array in rows]
            so_far = add(part, merge, so_far, [image[chunk], text[chunk]], shapes, own)
        sums.append(so_far)
    join = dask.delayed(_join, pure=False)
    while len(sums) > 1:
        sums = [join(merge, sums[i : i + 2]) for i in range(0, len(sums), 2)]
    found: T = dask.compute(sums[0])[0]
    return found


def _add(
    part: Callable[..., T],
    merge: Callable[[T, T], T],
    so_far: T | None,
    chunks: Sequence[Matrix],
    shapes: Sequence[tuple[int, int]],
    rows: Sequence[Matrix],
) -> T:
    """Return the sum of a chunk and of those before; `so_far` is not changed, because dask may repeat a task."""
    for name, chunk, shape in zip(MODALITIES, chunks, shapes, strict=True):
        if tuple(chunk.shape) != tuple(shape):
            raise ValueError(
                f"a chunk of {name} has shape {tuple(chunk.shape)} where the dask array announces {tuple(shape)}; "
                "make the array with the shapes that its chunks really have."
            )
    views = [check_view(chunk, name) for name, chunk in zip(MODALITIES, chunks, strict=True)]
    own = part(*views, *rows)
    return own if so_far is None else merge(own, so_far)


def _join(merge: Callable[[T, T], T], sums: Sequence[T]) -> T:
    return sums[0] if len(sums) == 1 else merge(copy.deepcopy(sums[0]), sums[1])


class CentredRows:
    """Two views, centred on their means; dask arrays are read once for the means and once for every sum."""

    def __init__(self, pairs: Pairs, exact: bool = False) -> None:
        self.pairs = pairs
        self.exact = exact
        if isinstance(pairs.image, Chunked):
            x_sums, t_sums = total(pairs, _column_sums, _added)
            self.means: Both = x_sums / len(pairs), t_sums / len(pairs)
        else:
            self.means = column_mean(pairs.image), column_mean(pairs.text)
        for mean in self.means:
            warn_of_vanishing(mean)

    def grouped(self, E: sp.csr_array) -> Both:
        """Return the sums (d, q) of both views for sparse E (n, q), such as labels or the membership of groups."""
        return total(self.pairs, partial(_grouped, self.means, self.exact), _added, [E])

    def scattered(self, x_weights: Array, t_weights: Array) -> Both:
        """Return the weighted products (d, d) of each view with itself."""
        return total(self.pairs, partial(_scattered, self.means, self.exact), _added, [x_weights, t_weights])


def _added(sums: Both, more: Both) -> Both:
    return sums[0] + more[0], sums[1] + more[1]


def _column_sums(X: Matrix, T: Matrix) -> Both:
    return X.shape[0] * column_mean(X), T.shape[0] * column_mean(T)


def _grouped(means: Both, exact: bool, X: Matrix, T: Matrix, E: sp.csr_array) -> Both:
    return grouped_sums(X, means[0], E, exact), grouped_sums(T, means[1], E, exact)


def _scattered(means: Both, exact: bool, X: Matrix, T: Matrix, x_weights: Array, t_weights: Array) -> Both:
    return scatter(X, means[0], x_weights, exact), scatter(T, means[1], t_weights, exact)
