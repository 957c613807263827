"""Views in chunks, dask arrays: what can be added up is summed chunk by chunk on dask's workers, and merged there."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from skxmr._data.kinds import MODALITIES
from skxmr._data.view_checks import check_view

T = TypeVar("T")
_RUNS = 32  # of consecutive chunks, summed one after the other; always as many, so that rounding is always the same


def total(pairs: Any, part: Callable[..., T], merge: Callable[[T, T], T], rows: Sequence[Any] = ()) -> T:
    """Return the sum of all chunks: only sums travel, never rows.

    Parameters
    ----------
    pairs : Pairs
        Two views as :func:`check_chunks` returns them; the text is cut where the image is.
    part : callable
        Given the checked image and text of a chunk and its part of `rows`, returns its sum.
    merge : callable
        Adds the second sum to the first, which it may overwrite, and returns it.
    rows : sequence
        Arrays or CSR matrices of n rows in memory, cut like the views; their parts travel with the tasks.
    """
    dask = importlib.import_module("dask")  # here only, when an array of dask has come

    cuts = pairs.image.chunks[0]
    views = [getattr(pairs, name).rechunk({0: cuts}).to_delayed().ravel() for name in MODALITIES]
    ends = np.cumsum(cuts)
    add = dask.delayed(_add, pure=False)
    sums: list[Any] = []
    for run in np.array_split(np.arange(len(cuts)), min(len(cuts), _RUNS)):
        so_far: Any = None
        for chunk in run:
            place = slice(int(ends[chunk] - cuts[chunk]), int(ends[chunk]))
            shapes = [(cuts[chunk], getattr(pairs, name).shape[1]) for name in MODALITIES]
            blocks = [view[chunk] for view in views]
            so_far = add(part, merge, so_far, blocks, shapes, [array[place] for array in rows])
        sums.append(so_far)
    join = dask.delayed(_join, pure=False)
    while len(sums) > 1:
        sums = [join(merge, sums[i : i + 2]) for i in range(0, len(sums), 2)]
    found: T = dask.compute(sums[0])[0]
    return found


def _add(part: Any, merge: Any, so_far: Any, blocks: Any, shapes: Any, rows: Any) -> Any:
    """Return the sum of a chunk and of those before, which must stay as it is: dask may do this task again."""
    for name, block, shape in zip(MODALITIES, blocks, shapes, strict=True):
        if tuple(block.shape) != tuple(shape):
            raise ValueError(
                f"a chunk of {name} has shape {tuple(block.shape)} where the dask array announces {tuple(shape)}; "
                "make the array with the shapes that its chunks really have."
            )
    views = [check_view(block, name) for name, block in zip(MODALITIES, blocks, strict=True)]
    own = part(*views, *rows)
    return own if so_far is None else merge(own, so_far)


def _join(merge: Any, sums: Any) -> Any:
    return sums[0] if len(sums) == 1 else merge(copy.deepcopy(sums[0]), sums[1])
