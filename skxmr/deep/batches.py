"""Batches as slices: no per-row work, sparse rows densified a batch at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils import gen_batches
from torch import Tensor

from skxmr._data.kinds import AnyArray, IndexArray, View, is_mapped, memory_map
from skxmr.deep.encoders import EncodedView, ItemSource
from skxmr.deep.loop import TrainingRows
from skxmr.deep.streaming import prefetched
from skxmr.nn.objective import AnyBatch, Batch

_BLOCK = 4096
# A sparse view of up to this many bytes is made dense in main memory.
_SMALL = 64 * 2**20
# Share of the free memory of a GPU that one view may take.
_SHARE = 0.5


def blocks(view: View, rows: IndexArray | None = None) -> Iterator[View]:
    """Yield some rows of a view, a few thousand at a time, or all of a sparse one; None is all rows.

    Rows of float16 become float32, so that what is measured on them is what is measured on float32.
    """
    n = view.shape[0] if rows is None else len(rows)
    for block in gen_batches(n, n if sp.issparse(view) else _BLOCK):
        some = view[block] if rows is None else view[rows[block]]
        yield some.astype(np.float32) if some.dtype == np.float16 else some


class ViewSource:
    """Some rows of one view as float32 tensors on a device.

    Resident rows are moved there once, as a dense tensor; others stay where they are and are read a batch at a time.
    Neither a memory map nor an array in main memory is copied for the sake of some of its rows.

    Parameters
    ----------
    view : array, CSR or memory map of shape (n, d)
        A checked view.
    rows : ndarray of shape (m,), or None
        The numbers of the rows that are served; None is all.
    device : torch.device
        Where the rows are wanted.
    resident : bool or None, default=None
        None decides by :func:`fits_on_device`.
    name : str, default="a view"
        How the view is called in messages.
    """

    def __init__(
        self,
        view: View,
        rows: IndexArray | None,
        device: torch.device,
        resident: bool | None = None,
        name: str = "a view",
    ) -> None:
        if rows is not None and _are_all(rows, view.shape[0]):
            rows = None
        self.device = device
        self.name = name
        self.threads = 0
        self.resident = fits_on_device(view, rows, device) if resident is None else resident
        self.n_rows = view.shape[0] if rows is None else len(rows)
        # A tensor that shares the memory of an array holds all its rows; those that are served are found by number.
        shared = self.resident and device.type == "cpu" and _shares_memory(view)
        self.numbers = None if rows is None or (self.resident and not shared) else torch.from_numpy(rows)
        self.view = _moved(view, None if shared else rows, device, name) if self.resident else view

    def __len__(self) -> int:
        return self.n_rows

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> Tensor:
        """Return the rows of an index tensor on the CPU, or of its copy on the device, as (len(index), d)."""
        if self.resident:
            index = index.to(self.device) if device_index is None else device_index
            return self.view.index_select(0, index if self.numbers is None else self.numbers[index])
        return self._place(self.view[(index if self.numbers is None else self.numbers[index]).numpy()])

    def block(self, start: int, stop: int) -> Tensor:
        """Return the rows from `start` up to `stop`, which may be beyond the end."""
        if self.numbers is not None:
            return self.rows(torch.arange(start, min(stop, len(self)), device="cpu"))
        return self.view[start:stop] if self.resident else self._place(self.view[start:stop])

    def _place(self, rows: View) -> Tensor:
        tensor = _tensor(rows, self.name)
        # The copy to a GPU runs while the caller continues.
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


class PairsDataset(torch.utils.data.Dataset[Batch]):
    """Both views and the labels of the fitting rows; what the device has no room for is streamed to it.

    Parameters
    ----------
    image, text : array, CSR, memory map or EncodedView of n rows
        Checked views. Those whose encoder is trained are served as raw items.
    labels : array or CSR of shape (m, c)
        Labels of the fitting rows.
    device : torch.device
        Where batches are wanted.
    rows : ndarray of shape (m,) or None, default=None
        The numbers of the fitting rows in both views; None is all.
    resident : bool or None, default=None
        Whether the device keeps the views; None decides by their sizes.
    text_rows : ndarray of shape (m,) or None, default=None
        The numbers of the fitting rows in the texts, where they are others than in the images.
    """

    def __init__(
        self,
        image: View,
        text: View,
        labels: View,
        device: torch.device,
        rows: IndexArray | None = None,
        resident: bool | None = None,
        text_rows: IndexArray | None = None,
    ) -> None:
        self.device = device
        text_rows = rows if text_rows is None else text_rows
        # One stream for all epochs: the memory that a stream has freed is kept for that stream.
        self.stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            # torch publishes no type of this constructor.
            self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        views = {"image": (image, rows), "text": (text, text_rows), "labels": (labels, None)}
        sources: dict[str, ViewSource | ItemSource] = {}
        # The largest view comes last, because it may have to stream.
        for name in sorted(views, key=lambda name: _dense_bytes(*views[name])):
            view, own_rows = views[name]
            if isinstance(view, EncodedView):
                sources[name] = ItemSource(view, own_rows)
            else:
                sources[name] = ViewSource(view, own_rows, device, resident, name)
        self.image = sources["image"]
        self.text = sources["text"]
        labels_source = sources["labels"]
        assert isinstance(labels_source, ViewSource)
        self.labels = labels_source
        # Threads that read ahead on a CPU as well, because images are slow to decode.
        self.threads = max(self.image.threads, self.text.threads)

    def __len__(self) -> int:
        return len(self.image)

    @property
    def resident(self) -> bool:
        """Whether no view is streamed."""
        return self.image.resident and self.text.resident and self.labels.resident

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> Batch:
        """Return the batch of an index tensor, which may also be on the device already."""
        image = self.image.rows(index, device_index)
        text = self.text.rows(index, device_index)
        return Batch(image, text, self.labels.rows(index, device_index))


class Batches:
    """Iterate over a :class:`PairsDataset` in slices of a random or the given order.

    A remainder of fewer than `smallest` rows joins the batch before it: batch statistics of one row are undefined.
    """

    def __init__(
        self,
        dataset: TrainingRows,
        batch_size: int,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
        smallest: int = 2,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator
        self.smallest = smallest

    def __len__(self) -> int:
        return len(list(self._slices()))

    def __iter__(self) -> Generator[AnyBatch, None, None]:
        dataset = self.dataset
        n = len(dataset)
        order = torch.arange(n, device="cpu")
        if self.shuffle:
            order = torch.randperm(n, generator=self.generator, device="cpu")
        slices = self._slices()
        if dataset.resident or (dataset.device.type == "cpu" and not dataset.threads):
            # The whole order is moved to the device once, not a part of it in every step.
            device_index = order.to(dataset.device)
            return (dataset.rows(order[s], device_index[s]) for s in slices)
        reads = (partial(dataset.rows, order[s]) for s in slices)
        return prefetched(reads, dataset.device, dataset.stream, max(1, dataset.threads))

    def _slices(self) -> Iterator[slice]:
        return gen_batches(len(self.dataset), self.batch_size, min_batch_size=self.smallest)


def _are_all(rows: IndexArray, n: int) -> bool:
    """Tell whether rows are all of n in their order."""
    return len(rows) == n and (n == 0 or (rows[0] == 0 and bool((rows[1:] - rows[:-1] == 1).all())))


def fits_on_device(view: View, rows: IndexArray | None, device: torch.device) -> bool:
    """Tell whether some rows of a view should be moved to a device together; None is all rows.

    On a GPU where that takes at most half of the memory that is free. In main memory dense arrays are where they should
    be, sparse ones are made dense up to 64 MiB, and mapped arrays stay on disk. The vectors of an encoder change.
    Arrays of half precision stay as they are, because as float32 they would take twice their memory in addition.
    """
    if isinstance(view, EncodedView):
        return False
    if device.type == "cuda":
        return _dense_bytes(view, rows) <= _SHARE * torch.cuda.mem_get_info(device)[0]
    if is_mapped(view) or view.dtype == np.float16:
        return False
    return not sp.issparse(view) or _dense_bytes(view, rows) <= _SMALL


def _dense_bytes(view: View, rows: IndexArray | None) -> int:
    n = view.shape[0] if rows is None else len(rows)
    return 4 * n * int(view.shape[1])


def _moved(view: View, rows: IndexArray | None, device: torch.device, name: str) -> Tensor:
    """Return rows as one dense tensor on a device; an array as a whole is not copied where it can be shared."""
    if rows is None and isinstance(view, np.ndarray) and not is_mapped(view):
        return _tensor(view, name).to(device)
    n = view.shape[0] if rows is None else len(rows)
    out = torch.empty((n, view.shape[1]), dtype=torch.float32, device=device)
    for block in gen_batches(n, _BLOCK):
        out[block] = _tensor(view[block] if rows is None else view[rows[block]], name)
    return out


def _tensor(rows: View, name: str) -> Tensor:
    if sp.issparse(rows):
        values = _single(rows.data, name)
        return torch.from_numpy(sp.csr_array((values, rows.indices, rows.indptr), rows.shape).toarray())
    single = _single(rows, name)
    return torch.from_numpy(single if _shares_memory(single) else single.copy())


def _shares_memory(array: View) -> bool:
    """Tell whether a tensor can share an array's memory."""
    in_memory = isinstance(array, np.ndarray) and memory_map(array) is None
    return bool(in_memory and array.dtype == np.float32 and array.flags.writeable and array.flags.c_contiguous)


def _single(array: View, name: str) -> AnyArray:
    with np.errstate(over="ignore"):
        single = np.asarray(array, dtype=np.float32)
    if single is not array and np.isinf(single).any():
        raise ValueError(f"{name} holds {np.abs(array).max():.1e}, which is infinite in float32; scale it down.")
    if single is not array and not single.any() and np.any(array):
        raise ValueError(f"{name} holds {np.abs(array).max():.1e} at most, which is zero in float32; scale it up.")
    return single
