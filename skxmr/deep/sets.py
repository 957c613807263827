"""Batches of regions and words: ragged sentences are filled up a batch at a time, images are never expanded."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from skxmr._regions import Regions
from skxmr._repeated import Repeated
from skxmr._sentences import Sentences
from skxmr.deep.batches import ViewSource
from skxmr.deep.vocabulary import Vocabulary, is_anchor
from skxmr.set_encoders import RegionBatch, WordBatch


class RegionSource:
    """Images of rows as batches on a device; of what several rows share nothing is held twice.

    Parameters
    ----------
    images : Repeated of Regions
        The image of each row.
    device : torch.device
        Where batches are wanted.
    """

    def __init__(self, images: Repeated, device: torch.device) -> None:
        regions: Regions = images.view
        n, self.r, self.d = regions.shape
        self.index = torch.from_numpy(np.asarray(images.index))
        self.features = ViewSource(regions.features.reshape(n, self.r * self.d), device, name="image")
        self.mask = torch.from_numpy(regions.mask).to(device)
        self.boxes = None if regions.boxes is None else torch.from_numpy(regions.boxes).float().to(device)

    @property
    def resident(self) -> bool:
        """Whether the features are on the device."""
        return self.features.resident

    def __len__(self) -> int:
        return len(self.index)

    def rows(self, index: Tensor) -> RegionBatch:
        """Return the images of some rows, given by an index on the CPU."""
        images = self.index[index]
        placed = images.to(self.mask.device)
        features = self.features.rows(images, placed).reshape(len(index), self.r, self.d)
        return RegionBatch(features, self.mask[placed], None if self.boxes is None else self.boxes[placed])


class WordSource:
    """Sentences as batches on a device.

    Parameters
    ----------
    sentences : Sentences
        The texts.
    vocabulary : Vocabulary
        Of the fitting rows; tells whether tags and dependencies are used.
    device : torch.device
        Where batches are wanted.
    """

    def __init__(self, sentences: Sentences, vocabulary: Vocabulary, device: torch.device) -> None:
        packed: Any
        packed, rows = sentences.packed()
        self.device = device
        self.starts, self.lengths = (
            torch.from_numpy(a) for a in (packed.offsets[:-1][rows], np.asarray(sentences.lengths))
        )
        self.ids = _placed(vocabulary.word_ids(packed.words), device) if vocabulary.words else None
        self.vectors = None if packed.vectors is None else ViewSource(packed.vectors, device, name="text")
        self.tags = self.anchors = None
        if vocabulary.tags:
            self.tags = _placed(vocabulary.tag_ids(packed.tags), device)
            touching = {tag: is_anchor(tag) for tag in set(packed.tags.tolist())}
            self.anchors = _placed(np.array([touching[tag] for tag in packed.tags], dtype=bool), device)
        self.heads = _placed(packed.heads, device) if vocabulary.parsed and packed.heads is not None else None

    @property
    def resident(self) -> bool:
        """Whether the vectors of the words, if they have any, are on the device."""
        return self.vectors is None or self.vectors.resident

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, index: Tensor) -> WordBatch:
        """Return some texts, given by an index on the CPU, filled up to the longest of them."""
        starts, lengths = self.starts[index], self.lengths[index]
        steps = torch.arange(int(lengths.max()))
        there = steps < lengths[:, None]
        on_host = torch.where(there, starts[:, None] + steps, starts[:, None])
        places, mask = on_host.to(self.device), there.to(self.device)
        ids, tags, anchors, heads = (
            None if flat is None else flat[places] for flat in (self.ids, self.tags, self.anchors, self.heads)
        )
        vectors = None
        if self.vectors is not None:
            vectors = self.vectors.rows(on_host.flatten(), places.flatten()).reshape(*places.shape, -1)
        return WordBatch(
            mask, lengths, mask if anchors is None else anchors & mask, ids, tags, vectors,
            None if heads is None else edges_of(heads, mask),
        )  # fmt: skip


class SetsDataset(torch.utils.data.Dataset[Any]):
    """Images and texts of the fitting rows; in place of labels, the image that each row shows."""

    def __init__(self, images: RegionSource, texts: WordSource, groups: Any, device: torch.device) -> None:
        self.image, self.text, self.device = images, texts, device
        self.groups = torch.from_numpy(np.asarray(groups)).to(device)[:, None]
        self.stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.text)

    @property
    def resident(self) -> bool:
        """Whether nothing is streamed."""
        return self.image.resident and self.text.resident

    def rows(self, index: Tensor, placed: Tensor | None = None) -> tuple[dict[str, Any], Tensor]:
        """Return the batch of an index on the CPU."""
        groups = self.groups[index.to(self.device) if placed is None else placed]
        return {"image": self.image.rows(index), "text": self.text.rows(index)}, groups


def edges_of(heads: Tensor, mask: Tensor) -> Tensor:
    """Return which words (b, w, w) depend on one another, in either direction, of their heads (b, w)."""
    has = (heads >= 0) & mask
    edges = torch.zeros(*heads.shape, heads.shape[1], dtype=torch.bool, device=heads.device)
    edges.scatter_(2, torch.where(has, heads, 0)[:, :, None], has[:, :, None])
    return edges | edges.transpose(1, 2)


def _placed(array: Any, device: torch.device) -> Tensor:
    return torch.from_numpy(np.asarray(array)).to(device)
