"""Regions of images and words of texts as batches on a device: sentences are padded a batch at a time."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
import torch
from torch import Tensor

from skxmr._data.kinds import AnyArray, IndexArray, IntArray
from skxmr._data.packed import Packed
from skxmr._data.regions import Regions
from skxmr._data.repeated import IndexedRows
from skxmr.deep.batches import ViewSource
from skxmr.pairwise.sets import RegionBatch, WordBatch
from skxmr.pairwise.vocabulary import Vocabulary, is_anchor, places_of


class RegionSource:
    """Images of rows as batches on a device: only images that some row shows are held, and each of them once.

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
        flat = regions.features.reshape(n, self.r * self.d)
        self.features = ViewSource(flat, self.used, device, name="image")
        self.mask = to_device(regions.mask[self.used], device)
        self.boxes: Tensor | None = None
        if regions.boxes is not None:
            self.boxes = to_device(np.asarray(regions.boxes[self.used], np.float32), device)
        self._show(index)

    def of(self, images: IndexedRows) -> Self:
        """Return a source of other rows that show some of the same images; nothing is moved again."""
        other = copy.copy(self)
        other._show(np.searchsorted(self.used, images.index))
        return other

    def _show(self, index: IndexArray) -> None:
        """Set which image each row shows."""
        self.index = torch.from_numpy(index.astype(np.int64))
        self.device_index = self.index.to(self.mask.device)

    @property
    def resident(self) -> bool:
        """Whether the features are on the device."""
        return self.features.resident

    def __len__(self) -> int:
        return len(self.index)

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> RegionBatch:
        """Return the images of rows, given by an index on the CPU and perhaps its copy on the device."""
        if device_index is None:
            device_index = index.to(self.mask.device)
        images = self.device_index[device_index]
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

    def __init__(self, packed: Packed, rows: IndexArray, vocabulary: Vocabulary, device: torch.device) -> None:
        self.device = device
        lengths = np.diff(packed.offsets)[rows]
        ends = np.cumsum(lengths)
        self._show(ends - lengths, lengths)
        places = places_of(packed.offsets, rows)
        whole = len(places) == packed.offsets[-1] and bool((np.diff(rows) == 1).all())
        used = packed if whole else _words_at(packed, places)
        self.ids: Tensor | None = None
        self.tags: Tensor | None = None
        self.anchors: Tensor | None = None
        self.heads: Tensor | None = None
        self.vectors: ViewSource | None = None
        if vocabulary.words and used.words is not None:
            self.ids = to_device(vocabulary.word_ids(used.words), device)
        if vocabulary.tags and used.tags is not None:
            self.tags = to_device(vocabulary.tag_ids(used.tags), device)
            anchors = {tag for tag in set(used.tags.tolist()) if is_anchor(tag, vocabulary.cross_words)}
            self.anchors = to_device(np.array([tag in anchors for tag in used.tags], dtype=bool), device)
        if vocabulary.parsed and used.heads is not None:
            self.heads = to_device(used.heads, device)
        if packed.vectors is not None:
            # Vectors are large, so those of some sentences are read only when they are asked for.
            self.vectors = ViewSource(packed.vectors, places, device, name="text")

    def of(self, rows: slice) -> Self:
        """Return a source of some of the texts; nothing is moved again."""
        other = copy.copy(self)
        other._show(self.starts[rows].numpy(), self.lengths[rows].numpy())
        return other

    def _show(self, starts: AnyArray, lengths: AnyArray) -> None:
        """Set where the words of each text start, and how many there are."""
        self.starts = torch.from_numpy(starts.astype(np.int64))
        self.lengths = torch.from_numpy(lengths.astype(np.int64))
        self.device_bounds = torch.stack([self.starts, self.lengths], dim=1).to(self.device)

    @property
    def resident(self) -> bool:
        """Whether the vectors of the words, if they have any, are on the device."""
        return self.vectors is None or self.vectors.resident

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, index: Tensor, device_index: Tensor | None = None) -> WordBatch:
        """Return texts, given by an index on the CPU and perhaps its copy on the device, padded to the longest."""
        if device_index is None:
            device_index = index.to(self.device)
        lengths = self.lengths[index]
        places, mask = _padded_places(self.device_bounds[device_index], int(lengths.max()))
        return WordBatch(
            mask=mask,
            lengths=lengths,
            anchors=mask if self.anchors is None else self.anchors[places] & mask,
            ids=None if self.ids is None else self.ids[places],
            tags=None if self.tags is None else self.tags[places],
            vectors=None if self.vectors is None else self._vectors_at(self.vectors, places),
            edges=None if self.heads is None else edges_of(self.heads[places], mask),
        )

    def _vectors_at(self, vectors: ViewSource, places: Tensor) -> Tensor:
        """Return the vectors of the words at some places (b, w), as (b, w, d)."""
        on_host = places if vectors.resident else places.cpu()
        return vectors.rows(on_host.flatten(), places.flatten()).reshape(*places.shape, -1)


def _words_at(packed: Packed, places: IntArray) -> Packed:
    """Return words, tags and heads at some places of the packed words; vectors are left out."""
    return Packed(
        offsets=packed.offsets,
        words=None if packed.words is None else packed.words[places],
        tags=None if packed.tags is None else packed.tags[places],
        heads=None if packed.heads is None else packed.heads[places],
        vectors=None,
    )


def _padded_places(bounds: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return where the words of texts (b, 2: start, length) are, (b, width), and which of these places hold a word."""
    position = torch.arange(width, device=bounds.device)
    mask = position < bounds[:, 1:]
    return bounds[:, :1] + position * mask, mask


def edges_of(heads: Tensor, mask: Tensor) -> Tensor:
    """Return which words (b, w, w) depend on one another, in either direction, of their heads (b, w)."""
    has_head = (heads >= 0) & mask
    edges = torch.zeros(*heads.shape, heads.shape[1], dtype=torch.bool, device=heads.device)
    edges.scatter_(2, torch.where(has_head, heads, 0)[:, :, None], has_head[:, :, None])
    return edges | edges.transpose(1, 2)


def to_device(array: AnyArray, device: torch.device) -> Tensor:
    """Move an array to a device; on the CPU torch shares its memory if it may write there."""
    shares_memory = array.flags.writeable and array.flags.c_contiguous
    return torch.from_numpy(array if shares_memory else array.copy()).to(device)
