"""SetsDataset: the fitting rows of methods that compare sets, served in batches."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skxmr._data.kinds import IndexArray
from skxmr.pairwise.sets import SetBatch
from skxmr.pairwise.sources import RegionSource, WordSource, to_device


class SetsDataset(torch.utils.data.Dataset[SetBatch]):
    """Images and texts of the fitting rows, and which rows share their image.

    Parameters
    ----------
    images, texts : RegionSource, WordSource
        The image and the text of each row.
    groups : ndarray of shape (n,)
        Which rows share their image: those with the same number.
    device : torch.device
        Where batches are wanted.
    """

    def __init__(self, images: RegionSource, texts: WordSource, groups: IndexArray, device: torch.device) -> None:
        self.image = images
        self.text = texts
        self.device = device
        self.threads = 0
        self.groups = to_device(groups.astype(np.int64), device)
        self.stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            # torch publishes no type of this constructor.
            self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.text)

    @property
    def resident(self) -> bool:
        """Whether nothing is streamed."""
        return self.image.resident and self.text.resident

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> SetBatch:
        """Return the batch of an index on the CPU, and perhaps its copy on the device."""
        if device_index is None:
            device_index = index.to(self.device)
        images = self.image.rows(index, device_index)
        texts = self.text.rows(index, device_index)
        return SetBatch(images, texts, self.groups[device_index])
