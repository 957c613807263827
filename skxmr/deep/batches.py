"""Batches as slices: no per-row work, sparse rows densified a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils import gen_batches
from torch import Tensor

from skxmr._data.kinds import memory_map
from skxmr.deep.streaming import prefetched
from skxmr.nn.objective import Batch

_BLOCK = 4096
_SMALL = 64 * 2**20  # bytes up to which a sparse view is made dense in main memory
_SHARE = 0.5  # of a GPU's free memory that one view may take


class LazyRows:
    """Some rows of a view, read when they are asked for: neither a memory map nor an array is copied.

    Parameters
    ----------
    view : array or memory map of shape (n, d)
        All rows.
    rows : ndarray of shape (m,)
        Which of them.
    """

    def __init__(self, view: Any, rows: Any) -> None:
        self.view, self.rows, self.on_disk = view, rows, memory_map(view) is not None
        self.shape = (len(rows), view.shape[1])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(self.view[self.rows[index]])

    def min(self) -> float:
        """Return the smallest entry."""
        return float(min(block.min() for block in blocks(self)))


def blocks(view: Any) -> Iterator[Any]:
    """Yield the rows of a view, a few thousand at a time, or all of a sparse one."""
    size = view.shape[0] if sp.issparse(view) else _BLOCK
    return (view[start : start + size] for start in range(0, view.shape[0], size))


class ViewSource:
    """Rows of one view as float32 tensors on a device.

    A resident view is moved there once, as a dense tensor; any other stays where it is and is read a batch at a time.

    Parameters
    ----------
    view : array, CSR, memory map or LazyRows
        A checked view.
    device : torch.device
        Where the rows are wanted.
    resident : bool or None
        None decides by :func:`fits_on_device`.
    name : str
        How the view is called in messages.
    """

    def __init__(self, view: Any, device: torch.device, resident: bool | None = None, name: str = "a view") -> None:
        self.device, self.name = device, name
        self.resident = fits_on_device(view, device) if resident is None else resident
        self.places: Tensor | None = None  # of the rows in the view, where it holds others as well
        if self.resident and device.type == "cpu" and isinstance(view, LazyRows) and _shares_memory(view.view):
            view, self.places = view.view, torch.from_numpy(view.rows)
        self.view = _moved(view, device, name) if self.resident else view

    def __len__(self) -> int:
        return int(self.view.shape[0]) if self.places is None else len(self.places)

    def rows(self, index: Tensor, placed: Tensor | None = None) -> Tensor:
        """Return the rows of an index tensor on the CPU, or of its copy on the device, as (len(index), d)."""
        if self.resident:
            index = index.to(self.device) if placed is None else placed
            return self.view.index_select(0, index if self.places is None else self.places[index])
        return self._place(self.view[index.numpy()])

    def block(self, start: int, stop: int) -> Tensor:
        """Return consecutive rows."""
        if self.places is not None:
            return self.view.index_select(0, self.places[start:stop])
        return self.view[start:stop] if self.resident else self._place(self.view[start:stop])

    def _place(self, rows: Any) -> Tensor:
        tensor = _tensor(rows, self.name)
        if self.device.type == "cuda":  # the copy goes on while the caller does
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


class PairsDataset(torch.utils.data.Dataset[Any]):
    """Both views and the labels of the fitting rows; what the device has no room for is streamed to it."""

    def __init__(self, image: Any, text: Any, labels: Any, device: torch.device, resident: bool | None = None) -> None:
        self.device = device
        # One stream for all epochs: the memory that a stream has freed is kept for that stream.
        self.stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        sources = []
        views = {"image": image, "text": text, "labels": labels}
        for name in sorted(views, key=lambda name: _dense_bytes(views[name])):  # the largest may have to stream
            sources.append((name, ViewSource(views[name], device, resident, name)))
        found = dict(sources)
        self.image = found["image"]
        self.text = found["text"]
        self.labels = found["labels"]

    def __len__(self) -> int:
        return len(self.image)

    @property
    def resident(self) -> bool:
        """Whether no view is streamed."""
        return self.image.resident and self.text.resident and self.labels.resident

    def rows(self, index: Tensor, placed: Tensor | None = None) -> Batch:
        """Return the batch of an index tensor, which may also be on the device already."""
        image = self.image.rows(index, placed)
        text = self.text.rows(index, placed)
        return Batch(image, text, self.labels.rows(index, placed))


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
        return len(list(self._slices()))

    def __iter__(self) -> Iterator[Batch]:
        n, dataset = len(self.dataset), self.dataset
        order = (
            torch.randperm(n, generator=self.generator, device="cpu") if self.shuffle else torch.arange(n, device="cpu")
        )
        slices = self._slices()
        if dataset.resident or dataset.device.type == "cpu":
            placed = order.to(dataset.device)  # once, not a piece a step
            return (dataset.rows(order[s], placed[s]) for s in slices)
        return prefetched((partial(dataset.rows, order[s]) for s in slices), dataset.device, dataset.stream)

    def _slices(self) -> Iterator[slice]:
        return gen_batches(len(self.dataset), self.batch_size, min_batch_size=self.smallest)


def fits_on_device(view: Any, device: torch.device) -> bool:
    """Tell whether a view should be moved to a device as a whole.

    On a GPU where that takes at most half of the memory that is free. In main memory dense arrays are where they should
    be, sparse ones are made dense up to 64 MiB, and memory maps stay on disk.
    """
    if device.type == "cuda":
        return _dense_bytes(view) <= _SHARE * torch.cuda.mem_get_info(device)[0]
    if getattr(view, "on_disk", False) or memory_map(view) is not None:
        return False
    return not sp.issparse(view) or _dense_bytes(view) <= _SMALL


def _dense_bytes(view: Any) -> int:
    return 4 * int(view.shape[0]) * int(view.shape[1])


def _moved(view: Any, device: torch.device, name: str) -> Tensor:
    if isinstance(view, np.ndarray) and memory_map(view) is None:
        return _tensor(view, name).to(device)
    out = torch.empty(view.shape, dtype=torch.float32, device=device)
    for start in range(0, view.shape[0], _BLOCK):
        out[start : start + _BLOCK] = _tensor(view[start : start + _BLOCK], name)
    return out


def _tensor(rows: Any, name: str) -> Tensor:
    if sp.issparse(rows):
        return torch.from_numpy(
            sp.csr_array((_single(rows.data, name), rows.indices, rows.indptr), rows.shape).toarray()
        )
    single = _single(rows, name)
    return torch.from_numpy(single if _shares_memory(single) else single.copy())


def _shares_memory(array: Any) -> bool:
    """Tell whether a tensor can share an array's memory."""
    return bool(array.dtype == np.float32 and array.flags.writeable and array.flags.c_contiguous)


def _single(array: Any, name: str) -> Any:
    with np.errstate(over="ignore"):
        single = np.asarray(array, dtype=np.float32)
    if single is not array and np.isinf(single).any():
        raise ValueError(f"{name} holds {np.abs(array).max():.1e}, which is infinite in float32; scale it down.")
    return single
