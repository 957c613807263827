"""Encoders of regions, of words and of sentences: RACG, eqs. 1-4, of which SCAN's are a special case, and VSE++, eq. 2.

Alphabet: a images of r regions, b texts of w words; masks say which regions and words there are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from skxmr.nn.networks import Dropout
from skxmr.pairwise.sets import RegionBatch, WordBatch

# Numbers that say where a region is.
POSITION = 5


class RegionEncoder(nn.Module):
    """Nodes of images: ``FC_o(features) || FC_p(position)``, RACG eq. 1.

    Parameters
    ----------
    before : nn.Module
        Applied to the features first.
    d_in, d : int
        Width of the features and of the nodes.
    position_width : int
        Width of the part of a node that says where the region is; 0 leaves positions out.
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
        self.before = before
        self.dropout = Dropout(input_dropout)
        self.unit_length = unit_length
        self.of_features = nn.Linear(d_in, d - position_width)
        self.of_position = nn.Linear(POSITION, position_width) if position_width else None

    def forward(self, regions: RegionBatch) -> Tensor:
        """Return the nodes; the features of a region that is masked do not matter, even if they are NaN."""
        absent = ~regions.mask[:, :, None]
        features = self.before(regions.features.masked_fill(absent, 0))
        nodes: Tensor = self.of_features(self.dropout(features))
        if self.of_position is not None:
            # That there are boxes is checked where batches are made.
            assert regions.boxes is not None
            places = position(regions.boxes.masked_fill(absent, 0))
            nodes = torch.cat([nodes, self.of_position(places)], dim=2)
        return functional.normalize(nodes, dim=2) if self.unit_length else nodes


def position(boxes: Tensor) -> Tensor:
    """Return where boxes (..., 4) are, (..., 5): centre, from -2 to 2, width, height and area.

    A linear layer finds the same in the edges, but learns sooner when the centre is a number of its own.
    """
    left, top, right, bottom = boxes.unbind(dim=-1)
    width = right - left
    height = bottom - top
    x = 2 * (left + right - 1)
    y = 2 * (top + bottom - 1)
    return torch.stack([x, y, width, height, width * height], dim=-1)


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
        The same for part-of-speech tags; a width of 0 leaves them out.
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
        self.unit_length = unit_length
        self.dropout = Dropout(dropout)
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
        x = texts.vectors if self.words is None else self.words(texts.ids)
        # Which of the two there is was checked before batches were made.
        assert x is not None
        if self.tags is not None:
            x = torch.cat([x, self.tags(texts.tags)], dim=2)
        nodes = self._nodes(self.dropout(x), texts.lengths)
        nodes = functional.normalize(nodes, dim=2) if self.unit_length else nodes
        return nodes * texts.mask[:, :, None]

    def _nodes(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.linear is not None:
            return self.linear(x)
        assert self.gru is not None
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        both, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=x.shape[1])
        forward, backward = both.chunk(2, dim=2)
        return (forward + backward) / 2


class SentenceEncoder(nn.Module):
    """Embeddings of texts: words through a GRU whose state after the last word has length 1, VSE++ eq. 2.

    Parameters
    ----------
    d : int
        Width of the embeddings.
    n_words, word_width : int
        Size of the vocabulary, and width of a word's vector. With given vectors `n_words` is 0 and `word_width` theirs.
    bidirectional : bool
        Whether a second GRU reads the words backwards; the embedding is then the mean of both last states.
    dropout : float
        Probability of dropping an entry of a word's vector.

    Shapes: takes a :class:`WordBatch`, returns (b, d).
    """

    def __init__(self, d: int, n_words: int, word_width: int, bidirectional: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.words = nn.Embedding(n_words, word_width) if n_words else None
        self.gru = nn.GRU(word_width, d, batch_first=True, bidirectional=bidirectional)
        if self.words is not None:
            nn.init.uniform_(self.words.weight, -0.1, 0.1)

    def forward(self, texts: WordBatch) -> Tensor:
        """Return the embeddings; padding is never read."""
        x = texts.vectors if self.words is None else self.words(texts.ids)
        # Which of the two there is was checked before batches were made.
        assert x is not None
        packed = pack_padded_sequence(self.dropout(x), texts.lengths, batch_first=True, enforce_sorted=False)
        # The states after the last word of each direction, (directions, b, d).
        _, last = self.gru(packed)
        return functional.normalize(last.mean(dim=0), dim=1)
