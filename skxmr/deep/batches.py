"""Batches as slices: no per-row work, sparse rows densified a batch at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

_BLOCK = 4096
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

    Dense arrays are moved once if they may reside on the device; memory maps and CSR matrices stay where they are and
    are moved a batch at a time.
    """

    def __init__(self, view: Any, device: torch.device, resident: bool = True) -> None:
        self.device = device
        streamed = sp.issparse(view) or isinstance(view, (MappedRows, np.memmap)) or not resident
        self.view = view if streamed else _tensor(view).to(device)

    def __len__(self) -> int:
        return int(self.view.shape[0])

    def rows(self, index: Tensor) -> Tensor:
        """Return the rows of an index tensor (on the CPU) as (len(index), d)."""
        if isinstance(self.view, Tensor):
            return self.view[index.to(self.device)]
        rows = self.view[index.numpy()]
        return _tensor(rows.toarray() if sp.issparse(rows) else rows).to(self.device)


class PairsDataset(torch.utils.data.Dataset[Any]):
    """Both views and the labels of the fitting rows."""

    def __init__(self, image: Any, text: Any, Y: Any, device: torch.device) -> None:
        self.device = device
        self.image, self.text = ViewSource(image, device), ViewSource(text, device)
        self.Y = ViewSource(Y, device)

    def __len__(self) -> int:
        return len(self.image)

    def rows(self, index: Tensor) -> Batch:
        """Return the batch of an index tensor."""
        return {"image": self.image.rows(index), "text": self.text.rows(index)}, self.Y.rows(index)


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
        n = len(self.dataset)
        order = (
            torch.randperm(n, generator=self.generator, device="cpu") if self.shuffle else torch.arange(n, device="cpu")
        )
        bounds = self._bounds()
        for start, stop in itertools.pairwise(bounds):
            yield self.dataset.rows(order[start:stop])

    def _bounds(self) -> list[int]:
        n = len(self.dataset)
        bounds = [*range(0, n, self.batch_size), n]
        if len(bounds) > 2 and bounds[-1] - bounds[-2] < self.smallest:
            del bounds[-2]
        return bounds


def _tensor(array: Any) -> Tensor:
    with np.errstate(over="ignore"):
        single = np.asarray(array, dtype=np.float32)
    if single is not array and np.isinf(single).any():
        raise ValueError(f"a view holds {np.abs(array).max():.1e}, which is infinite in float32; scale it down.")
    return torch.from_numpy(single if single.flags.writeable and single.flags.c_contiguous else single.copy())
