"""Views in chunks, dask arrays: what can be added up is summed chunk by chunk on dask's workers, and merged there."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from skxmr._repeated import Repeated
from skxmr._validation import MODALITIES, check_view, is_chunked

T = TypeVar("T")
_RUNS = 32  # of consecutive chunks, summed one after the other; always as many, so that rounding is always the same


def check_chunks(view: Any, name: str, *, width: int | None = None) -> Any:
    """Return a dask array of shape (n, d) whose chunks are whole rows; their entries are checked when they are read.

    Parameters
    ----------
    view : dask.array.Array
        What the user passed.
    name : {"image", "text"}
        How the view is called in messages.
    width : int or None
        The number of columns of the parts before.
    """
    if isinstance(view, Repeated):
        raise TypeError(
            f"{name} has an image_index, which dask arrays do not go with; repeat the rows, or load the text."
        )
    if not is_chunked(view):
        raise TypeError(
            f"{name} is a {type(view).__name__}, but the other view is a dask array; make both dask arrays, "
            "e.g. by dask.array.from_array."
        )
    if view.ndim != 2 or view.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be a 2-D dask array of real numbers, but has shape {view.shape}, {view.dtype}.")
    if len(view) < 2 or view.shape[1] < 1:
        raise ValueError(f"{name} has shape {view.shape}; at least 2 rows and 1 feature are needed.")
    if width is not None and view.shape[1] != width:
        raise ValueError(f"{name} has {view.shape[1]} features but {width} were seen in fit.")
    rows = tuple(size for size in view.chunks[0] if size != 0)  # filters leave empty chunks
    return view.rechunk({0: rows, 1: -1})


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
