"""Encoders of raw items: the vectors that they make, and the batches on which they are trained."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import numpy as np
import torch
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from torch import Tensor, nn

from skxmr._data.kinds import AnyArray, IndexArray
from skxmr._data.repeated import IndexedRows, distinct
from skxmr.deep.items import read_batch
from skxmr.deep.streaming import prefetched
from skxmr.nn.encoder_batch import EncoderBatch

# Items that are encoded together where nothing is learned; ImageFeatures has the same default.
_ITEMS = 32


class EncodedView:
    """Raw items of a view and the encoder that makes vectors of them, as it is at the moment of asking.

    Like an array it has a `shape` and gives the vectors of rows, which are not kept.

    Parameters
    ----------
    encoder : Module
        The encoder, on its device.
    items : array or IndexedRows of n rows
        Checked raw items.
    name : {"image", "text"}
        Which view it is.
    device : torch.device
        Where the encoder is.
    n_jobs : int or None
        Threads that read and decode ahead.
    lr : float, default=0.0
        Learning rate of the encoder; 0 leaves it as it is.
    """

    def __init__(
        self,
        encoder: nn.Module,
        items: AnyArray | IndexedRows,
        name: str,
        device: torch.device,
        n_jobs: int | None,
        lr: float = 0.0,
    ) -> None:
        self.encoder = encoder
        self.items = items
        self.name = name
        self.device = device
        self.threads = effective_n_jobs(n_jobs)
        self.lr = lr
        # Whether it has weights that are learned; a module all of whose weights are frozen has none.
        self.trained = lr > 0 and any(weight.requires_grad for weight in encoder.parameters())
        self.shape: tuple[int, ...] = (len(items),)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | IndexArray) -> NDArray[np.float32]:
        from skxmr.features.vectors import checked_vectors

        numbers = np.arange(len(self))[rows]
        self.encoder.eval()
        parts = [np.empty((0, 0), np.float32)]
        reads = (partial(self.batch, numbers[block]) for block in gen_batches(len(numbers), _ITEMS))
        with torch.inference_mode(), closing(prefetched(reads, self.device, threads=self.threads)) as batches:
            for done, batch in enumerate(batches):
                n = len(numbers[done * _ITEMS : (done + 1) * _ITEMS])
                parts.append(checked_vectors(encoded(self.encoder, batch, self.name), n, f"{self.name}_encoder"))
        return np.concatenate(parts[1:] or parts)

    def features(self) -> NDArray[np.float32]:
        """Return the vectors of all rows (n, d); an image that several rows share is encoded once."""
        items, index = distinct(self.items)
        if index is None:
            found = self[:]
        else:
            found = EncodedView(self.encoder, items, self.name, self.device, self.threads)[:][index]
        self.shape = found.shape
        return found

    def batch(self, numbers: IndexArray) -> EncoderBatch:
        """Return what the encoder is called with for some rows."""
        return read_batch(self.encoder, self.items, numbers, self.name).to(self.device)


class ItemSource:
    """Some rows of a view as the batches on which its encoder is trained; the counterpart of `ViewSource`."""

    resident = False

    def __init__(self, view: EncodedView, rows: IndexArray | None) -> None:
        self.view = view
        self.numbers = np.arange(len(view)) if rows is None else rows
        self.threads = view.threads

    def __len__(self) -> int:
        return len(self.numbers)

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> EncoderBatch:
        """Return the batch of an index tensor on the CPU."""
        return self.view.batch(self.numbers[index.numpy()])


def encoded(encoder: nn.Module, batch: EncoderBatch, name: str) -> Tensor:
    """Return the vectors of a batch (n, d), float32; feature maps are flattened."""
    found = encoder(*batch.parts, **batch.named)
    if not isinstance(found, Tensor) or found.ndim < 2:
        shown = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise TypeError(f"{name}_encoder returns {shown}; a tensor of shape (n, d) is wanted.")
    return found.flatten(1).float()


def fresh_encoder(given: nn.Module | str, last: nn.Module | None, name: str) -> nn.Module:
    """Return a copy of an encoder, or the network of a name; with the weights of the last fit if it is continued."""
    from skxmr.features.encoders import named_encoder

    encoder = named_encoder(given) if isinstance(given, str) else copy.deepcopy(given)
    if last is not None:
        try:
            encoder.load_state_dict(last.state_dict())
        except RuntimeError as error:
            raise ValueError(
                f"warm_start=True, but {name}_encoder has other weights than that of the last fit; set "
                f"warm_start=False to start anew. {error}"
            ) from error
    return encoder.float()


@contextmanager
def global_noise(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch's global generators, and put them back afterwards.

    Encoders of others draw from them, for example for dropout.
    """
    cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
