"""Batches of regions and words: ragged sentences are filled up a batch at a time, images are never expanded."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skxmr._data.packed import Packed
from skxmr._data.regions import Regions
from skxmr._data.repeated import IndexedRows
from skxmr.deep.batches import LazyRows, ViewSource
from skxmr.metrics import SameGroup
from skxmr.pairwise.encoders import RegionBatch, SetBatch, WordBatch
from skxmr.pairwise.vocabulary import Vocabulary, is_anchor, places_of


class RegionSource:
    """Images of rows as batches on a device: only those that some row shows, and each once.

    Parameters
    ----------
    images : IndexedRows of Regions
        The image of each row.
    device : torch.device
        Where batches are wanted.
    """

    def __init__(self, images: IndexedRows, device: torch.device) -> None:
        regions: Regions = images.view
        n, self.r, self.d = regions.shape
        self.used, index = np.unique(images.index, return_inverse=True)
        flat: Any = regions.features.reshape(n, self.r * self.d)
        self.features = ViewSource(flat if len(self.used) == n else LazyRows(flat, self.used), device, name="image")
        self.mask = _placed(regions.mask[self.used], device)
        boxes = None if regions.boxes is None else np.asarray(regions.boxes[self.used], np.float32)
        self.boxes = None if boxes is None else _placed(boxes, device)
        self._point(index)

    def of(self, images: IndexedRows) -> Self:
        """Return a source of other rows that show some of the same images; nothing is moved again."""
        return copy.copy(self)._point(np.searchsorted(self.used, images.index))

    def _point(self, index: NDArray[Any]) -> Self:
        self.index = torch.from_numpy(index.astype(np.int64))
        self.placed = self.index.to(self.mask.device)
        return self

    @property
    def resident(self) -> bool:
        """Whether the features are on the device."""
        return self.features.resident

    def __len__(self) -> int:
        return len(self.index)

    def rows(self, index: Tensor, placed: Tensor | None = None) -> RegionBatch:
        """Return the images of rows, given by an index on the CPU and perhaps its copy on the device."""
        images = self.placed[index.to(self.placed.device) if placed is None else placed]
        features = self.features.rows(self.index[index], images).reshape(len(index), self.r, self.d)
        return RegionBatch(features, self.mask[images], None if self.boxes is None else self.boxes[images])


class WordSource:
    """Sentences as batches on a device.

    Parameters
    ----------
    packed, rows : Packed, ndarray of shape (n,)
        The texts, as ``Sentences.packed()`` gives them.
    vocabulary : Vocabulary
        Of the fitting rows; tells whether tags and dependencies are used.
    device : torch.device
        Where batches are wanted.
    """

    def __init__(self, packed: Packed, rows: NDArray[Any], vocabulary: Vocabulary, device: torch.device) -> None:
        self.device, lengths = device, np.diff(packed.offsets)[rows]
        self._point(np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(rows) else lengths, lengths)
        words = places_of(packed.offsets, rows)
        whole = len(words) == packed.offsets[-1] and bool((np.diff(rows) == 1).all())
        flat: Any = packed
        if not whole:
            flat = Packed(packed.offsets, *(None if part is None else _some(part, words) for part in packed[1:]))
        self.ids = _placed(vocabulary.word_ids(flat.words), device) if vocabulary.words else None
        self.vectors = None if flat.vectors is None else ViewSource(flat.vectors, device, name="text")
        self.tags = self.anchors = None
        if vocabulary.tags:
            self.tags = _placed(vocabulary.tag_ids(flat.tags), device)
            touching = {tag: is_anchor(tag) for tag in set(flat.tags.tolist())}
            self.anchors = _placed(np.array([touching[tag] for tag in flat.tags], dtype=bool), device)
        self.heads = _placed(flat.heads, device) if vocabulary.parsed and flat.heads is not None else None

    def of(self, rows: slice) -> Self:
        """Return a source of some of the texts; nothing is moved again."""
        return copy.copy(self)._point(self.starts[rows].numpy(), self.lengths[rows].numpy())

    def _point(self, starts: NDArray[Any], lengths: NDArray[Any]) -> Self:
        self.starts, self.lengths = (torch.from_numpy(a.astype(np.int64)) for a in (starts, lengths))
        self.placed = torch.stack([self.starts, self.lengths], dim=1).to(self.device)
        return self

    @property
    def resident(self) -> bool:
        """Whether the vectors of the words, if they have any, are on the device."""
        return self.vectors is None or self.vectors.resident

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, index: Tensor, placed: Tensor | None = None) -> WordBatch:
        """Return texts, given by an index on the CPU and perhaps its copy on the device, filled up to the longest."""
        lengths = self.lengths[index]
        bounds = self.placed[index.to(self.device) if placed is None else placed]
        places, mask = _spread(bounds, int(lengths.max()))
        ids, tags, anchors, heads = (
            None if flat is None else flat[places] for flat in (self.ids, self.tags, self.anchors, self.heads)
        )
        vectors = None
        if self.vectors is not None:
            on_host = places if self.device.type == "cpu" or self.vectors.resident else places.cpu()
            vectors = self.vectors.rows(on_host.flatten(), places.flatten()).reshape(*places.shape, -1)
        edges = None if heads is None else edges_of(heads, mask)
        return WordBatch(mask, lengths, mask if anchors is None else anchors & mask, ids, tags, vectors, edges)


class SetsDataset(torch.utils.data.Dataset[Any]):
    """Images and texts of the fitting rows, and which rows share their image."""

    def __init__(self, images: RegionSource, texts: WordSource, groups: NDArray[Any], device: torch.device) -> None:
        self.image, self.text, self.device = images, texts, device
        self.held_out: tuple[RegionSource, WordSource, SameGroup] | None = None  # the validation rows
        self.groups = _placed(groups.astype(np.int64), device)
        self.stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.text)

    @property
    def resident(self) -> bool:
        """Whether nothing is streamed."""
        return self.image.resident and self.text.resident

    def rows(self, index: Tensor, placed: Tensor | None = None) -> SetBatch:
        """Return the batch of an index on the CPU, and perhaps its copy on the device."""
        placed = index.to(self.device) if placed is None else placed
        return SetBatch(self.image.rows(index, placed), self.text.rows(index, placed), self.groups[placed])


def _spread(bounds: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return where the words of texts (b, 2: start, length) stand, (b, width), and which of these there are."""
    steps = torch.arange(width, device=bounds.device)
    there = steps < bounds[:, 1:]
    return bounds[:, :1] + steps * there, there


def edges_of(heads: Tensor, mask: Tensor) -> Tensor:
    """Return which words (b, w, w) depend on one another, in either direction, of their heads (b, w)."""
    has = (heads >= 0) & mask
    edges = torch.zeros(*heads.shape, heads.shape[1], dtype=torch.bool, device=heads.device)
    edges.scatter_(2, torch.where(has, heads, 0)[:, :, None], has[:, :, None])
    return edges | edges.transpose(1, 2)


def _some(flat: NDArray[Any], words: NDArray[Any]) -> Any:
    """Return some words' entries; of vectors, a view that reads them when they are asked for."""
    return LazyRows(flat, words) if flat.ndim == 2 else flat[words]


def _placed(array: NDArray[Any], device: torch.device) -> Tensor:
    """Move an array that torch may write into; others are copied."""
    usable = array.flags.writeable and array.flags.c_contiguous
    return torch.from_numpy(array if usable else array.copy()).to(device)
