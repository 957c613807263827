"""Batches as slices: no per-row work, sparse rows densified a batch at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from skxmr.deep.streaming import prefetched

_BLOCK = 4096
_SMALL = 64 * 2**20  # bytes up to which a sparse view is made dense in main memory
_SHARE = 0.5  # of a GPU's free memory that one view may take
Batch = tuple[dict[str, Tensor], Tensor]


class MappedRows:
    """Some rows of a memory map, read when they are asked for."""

    def __init__(self, view: Any, rows: Any) -> None:
        self.view, self.rows = view, rows
        self.shape = (len(rows), view.shape[1])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(self.view[self.rows[index]])

    def blocks(self) -> Iterator[Any]:
        """Yield all rows, a few thousand at a time."""
        return (self[start : start + _BLOCK] for start in range(0, len(self), _BLOCK))

    def min(self) -> float:
        """Return the smallest entry."""
        return float(min(block.min() for block in self.blocks()))


def take_rows(view: Any, rows: Any) -> Any:
    """Return rows of a checked view; those of a memory map stay on disk."""
    base = view
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return MappedRows(view, rows)
        base = base.base
    return view[rows]


class ViewSource:
    """Rows of one view as float32 tensors on a device.

    A resident view is moved there once, as a dense tensor; any other stays where it is and is read a batch at a time.

    Parameters
    ----------
    view : array, CSR, memory map or MappedRows
        A checked view.
    device : torch.device
        Where the rows are wanted.
    resident : bool or None
        None decides by :func:`resides`.
    """

    def __init__(self, view: Any, device: torch.device, resident: bool | None = None) -> None:
        self.device = device
        self.resident = resides(view, device) if resident is None else resident
        self.view = _moved(view, device) if self.resident else view

    def __len__(self) -> int:
        return int(self.view.shape[0])

    def rows(self, index: Tensor, placed: Tensor | None = None) -> Tensor:
        """Return the rows of an index tensor on the CPU, or of its copy on the device, as (len(index), d)."""
        if self.resident:
            return self.view.index_select(0, index.to(self.device) if placed is None else placed)
        return self._place(self.view[index.numpy()])

    def block(self, start: int, stop: int) -> Tensor:
        """Return consecutive rows."""
        return self.view[start:stop] if self.resident else self._place(self.view[start:stop])

    def _place(self, rows: Any) -> Tensor:
        tensor = _tensor(rows)
        if self.device.type == "cuda":  # the copy goes on while the caller does
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


class PairsDataset(torch.utils.data.Dataset[Any]):
    """Both views and the labels of the fitting rows; what the device has no room for is streamed to it."""

    def __init__(self, image: Any, text: Any, Y: Any, device: torch.device) -> None:
        self.device = device
        sources = []
        for view in sorted((image, text, Y), key=_dense_bytes):  # the smallest first: the largest may have to stream
            sources.append((id(view), ViewSource(view, device)))
        found = dict(sources)
        self.image, self.text, self.Y = (found[id(view)] for view in (image, text, Y))

    def __len__(self) -> int:
        return len(self.image)

    @property
    def resident(self) -> bool:
        """Whether no view is streamed."""
        return self.image.resident and self.text.resident and self.Y.resident

    def rows(self, index: Tensor, placed: Tensor | None = None) -> Batch:
        """Return the batch of an index tensor, which may also be on the device already."""
        image, text = self.image.rows(index, placed), self.text.rows(index, placed)
        return {"image": image, "text": text}, self.Y.rows(index, placed)


class Batches:
    """Iterate over a :class:`PairsDataset` in slices of a random or the given order.

    A remainder of fewer than `smallest` rows joins the batch before it: batch statistics of one row are undefined.
    """

    def __init__(
        self,
        dataset: PairsDataset,
        batch_size: int,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
        smallest: int = 2,
    ) -> None:
        self.dataset, self.batch_size, self.smallest = dataset, batch_size, smallest
        self.shuffle, self.generator = shuffle, generator

    def __len__(self) -> int:
        return len(self._bounds()) - 1

    def __iter__(self) -> Iterator[Batch]:
        n, dataset = len(self.dataset), self.dataset
        order = (
            torch.randperm(n, generator=self.generator, device="cpu") if self.shuffle else torch.arange(n, device="cpu")
        )
        placed = order.to(dataset.device)  # once, not a piece a step
        slices = (slice(*bounds) for bounds in itertools.pairwise(self._bounds()))
        batches: Iterator[Callable[[], Batch]] = (partial(dataset.rows, order[s], placed[s]) for s in slices)
        if dataset.resident or dataset.device.type == "cpu":
            return (read() for read in batches)
        return prefetched(batches, dataset.device)

    def _bounds(self) -> list[int]:
        n = len(self.dataset)
        bounds = [*range(0, n, self.batch_size), n]
        if len(bounds) > 2 and bounds[-1] - bounds[-2] < self.smallest:
            del bounds[-2]
        return bounds


def resides(view: Any, device: torch.device) -> bool:
    """Tell whether a view should be moved to a device as a whole.

    On a GPU where that takes at most half of the memory that is free. In main memory dense arrays are where they should
    be, sparse ones are made dense up to 64 MiB, and memory maps stay on disk.
    """
    if device.type == "cuda":
        return _dense_bytes(view) <= _SHARE * torch.cuda.mem_get_info(device)[0]
    if isinstance(view, (MappedRows, np.memmap)):
        return False
    return not sp.issparse(view) or _dense_bytes(view) <= _SMALL


def _dense_bytes(view: Any) -> int:
    return 4 * int(view.shape[0]) * int(view.shape[1])


def _moved(view: Any, device: torch.device) -> Tensor:
    if isinstance(view, np.ndarray) and not isinstance(view, np.memmap):
        return _tensor(view).to(device)
    out = torch.empty(view.shape, dtype=torch.float32, device=device)
    for start in range(0, view.shape[0], _BLOCK):
        out[start : start + _BLOCK] = _tensor(view[start : start + _BLOCK])
    return out


def _tensor(rows: Any) -> Tensor:
    if sp.issparse(rows):
        return torch.from_numpy(sp.csr_array((_single(rows.data), rows.indices, rows.indptr), rows.shape).toarray())
    single = _single(rows)
    return torch.from_numpy(single if single.flags.writeable and single.flags.c_contiguous else single.copy())


def _single(array: Any) -> Any:
    with np.errstate(over="ignore"):
        single = np.asarray(array, dtype=np.float32)
    if single is not array and np.isinf(single).any():
        raise ValueError(f"a view holds {np.abs(array).max():.1e}, which is infinite in float32; scale it down.")
    return single
