"""Encoders of regions and of words: RACG, eqs. 1-4, of which SCAN's are a special case.

Alphabet: a images of r regions, b texts of w words; masks say which regions and words there are.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from skxmr.nn.networks import Dropout

POSITION = 5  # numbers that say where a region is


@dataclass(frozen=True)
class Sliced:
    """Tensors that have their first axis in common and are sliced together; None stays."""

    def __getitem__(self, rows: Any) -> Self:
        return self.each(lambda part: part[rows])

    def each(self, change: Any) -> Self:
        """Return the same with every tensor changed."""
        parts = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return type(self)(**{name: None if part is None else change(part) for name, part in parts})

    def record_stream(self, stream: Any) -> None:
        """Tell CUDA's memory that a stream uses the tensors."""
        self.each(lambda part: part.record_stream(stream) if part.is_cuda else None)


@dataclass(frozen=True)
class RegionBatch(Sliced):
    """Images: `features` (a, r, d), `mask` (a, r), and `boxes` (a, r, 4) or None."""

    features: Tensor
    mask: Tensor
    boxes: Tensor | None


@dataclass(frozen=True)
class WordBatch(Sliced):
    """Texts: `mask` (b, w), `ids` (b, w) or `vectors` (b, w, d), and of parsed texts `tags`, `anchors`, `edges`.

    `lengths` (b,) is in main memory. `anchors` (b, w) are the words that touch regions, `edges` (b, w, w) the
    dependencies, None where every word is connected with every other.
    """

    mask: Tensor
    lengths: Tensor
    anchors: Tensor
    ids: Tensor | None
    tags: Tensor | None
    vectors: Tensor | None
    edges: Tensor | None


class SetBatch(NamedTuple):
    """Images and texts that are learned from together; `groups` (b,) says which rows share their image."""

    image: RegionBatch
    text: WordBatch
    groups: Tensor

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.groups)

    @property
    def same_image(self) -> Tensor:
        """Return which texts (b, b) are about the image of a row."""
        return self.groups[:, None] == self.groups


class RegionEncoder(nn.Module):
    """Nodes of images: ``FC_o(features) || FC_p(position)``, RACG eq. 1.

    Parameters
    ----------
    before : nn.Module
        What is done to the features first.
    d_in, d : int
        Width of the features and of the nodes.
    position_width : int
        Columns of a node that say where the region is; 0 leaves positions out.
    unit_length : bool
        Divide nodes by their lengths.
    input_dropout : float
        Probability of dropping a feature.

    Shapes: takes a :class:`RegionBatch`, returns (a, r, d).
    """

    def __init__(
        self, before: nn.Module, d_in: int, d: int, position_width: int, unit_length: bool, input_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.before, self.dropout, self.unit_length = before, Dropout(input_dropout), unit_length
        self.of_features = nn.Linear(d_in, d - position_width)
        self.of_position = nn.Linear(POSITION, position_width) if position_width else None

    def forward(self, regions: RegionBatch) -> Tensor:
        """Return the nodes; what stands where there is no region, NaN too, does not matter."""
        absent = ~regions.mask[:, :, None]
        nodes: Tensor = self.of_features(self.dropout(self.before(regions.features.masked_fill(absent, 0))))
        if self.of_position is not None:
            assert regions.boxes is not None  # checked where batches are made
            nodes = torch.cat([nodes, self.of_position(position(regions.boxes.masked_fill(absent, 0)))], dim=2)
        return functional.normalize(nodes, dim=2) if self.unit_length else nodes


def position(boxes: Tensor) -> Tensor:
    """Return where boxes (..., 4) are, (..., 5): centre, from -2 to 2, width, height and area.

    A linear layer finds the same in the edges, but learns sooner when the centre is a number of its own.
    """
    left, top, right, bottom = boxes.unbind(dim=-1)
    width, height = right - left, bottom - top
    return torch.stack([2 * (left + right - 1), 2 * (top + bottom - 1), width, height, width * height], dim=-1)


class WordEncoder(nn.Module):
    """Nodes of texts: words and their tags through a bi-GRU whose directions are averaged, RACG eqs. 2-3, or eq. 4.

    Given vectors pass one linear layer instead.

    Parameters
    ----------
    d : int
        Width of the nodes.
    n_words, word_width : int
        Size of the vocabulary, and width of a word's vector. With given vectors `n_words` is 0 and `word_width` theirs.
    n_tags, tag_width : int
        The same of part-of-speech tags; a width of 0 leaves them out.
    unit_length : bool
        Divide nodes by their lengths.
    dropout : float
        Probability of dropping an entry of a word's vector.

    Shapes: takes a :class:`WordBatch`, returns (b, w, d), 0 where there is no word.
    """

    def __init__(
        self,
        d: int,
        n_words: int,
        word_width: int,
        n_tags: int,
        tag_width: int,
        unit_length: bool,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.unit_length, self.dropout = unit_length, Dropout(dropout)
        self.words = nn.Embedding(n_words, word_width) if n_words else None
        self.tags = nn.Embedding(n_tags, tag_width) if tag_width else None
        width = word_width + tag_width
        self.gru = nn.GRU(width, d, batch_first=True, bidirectional=True) if n_words else None
        self.linear = None if n_words else nn.Linear(width, d)
        for table in (self.words, self.tags):
            if table is not None:
                nn.init.uniform_(table.weight, -0.1, 0.1)

    def forward(self, texts: WordBatch) -> Tensor:
        """Return the nodes."""
        x: Any = texts.vectors if self.words is None else self.words(texts.ids)
        if self.tags is not None:
            x = torch.cat([x, self.tags(texts.tags)], dim=2)
        nodes = self._nodes(self.dropout(x), texts.lengths)
        nodes = functional.normalize(nodes, dim=2) if self.unit_length else nodes
        return nodes * texts.mask[:, :, None]

    def _nodes(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.linear is not None:
            out: Tensor = self.linear(x)
            return out
        assert self.gru is not None
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        both, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=x.shape[1])
        forward, backward = both.chunk(2, dim=2)
        return (forward + backward) / 2
