"""Views in chunks, that is dask arrays: sums are computed chunk by chunk on dask's workers, and merged there."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from skxmr._data.kinds import MODALITIES, Chunked, View
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_view

T = TypeVar("T")
# Chunks are summed in this many runs of neighbouring chunks, always as many, so that rounding is always the same.
_RUNS = 32


def total(pairs: Pairs, part: Callable[..., T], merge: Callable[[T, T], T], rows: Sequence[View] = ()) -> T:
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
    chunks: Sequence[View],
    shapes: Sequence[tuple[int, int]],
    rows: Sequence[View],
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
