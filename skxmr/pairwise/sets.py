"""What networks that compare sets are given and make: batches of regions, of words, and nodes.

Alphabet: a images of r regions, b texts of w words; masks say which regions and words there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sliced:
    """Tensors that have their first axis in common and are sliced together; None stays."""

    def __getitem__(self, rows: Tensor | slice) -> Self:
        return self.each(lambda part: part[rows])

    def each(self, change: Callable[[Tensor], Tensor]) -> Self:
        """Return the same with every tensor changed.

        Parameters
        ----------
        change : callable
            Given a tensor, returns the one in its place.

        Returns
        -------
        object of the same class
        """
        changed = {name: change(part) for name, part in self._tensors().items()}
        return dataclasses.replace(self, **changed)

    def record_stream(self, stream: torch.cuda.Stream) -> None:
        """Tell torch that a CUDA stream uses the tensors, so that it does not reuse their memory too early.

        Parameters
        ----------
        stream : torch.cuda.Stream
            The stream.
        """
        for part in self._tensors().values():
            if part.is_cuda:
                part.record_stream(stream)

    def _tensors(self) -> dict[str, Tensor]:
        """Return the parts that there are, by name."""
        parts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: part for name, part in parts.items() if part is not None}


@dataclass(frozen=True)
class RegionBatch(Sliced):
    """Images as sets of regions.

    Parameters
    ----------
    features : Tensor of shape (a, r, d)
        Features of the regions.
    mask : bool Tensor of shape (a, r)
        Which regions there are.
    boxes : Tensor of shape (a, r, 4), or None
        Left, top, right and bottom of each region, in [0, 1].
    """

    features: Tensor
    mask: Tensor
    boxes: Tensor | None


@dataclass(frozen=True)
class WordBatch(Sliced):
    """Texts as sequences of words.

    Parameters
    ----------
    mask : bool Tensor of shape (b, w)
        Which words there are.
    lengths : Tensor of shape (b,)
        Number of words of each text; always in main memory.
    anchors : bool Tensor of shape (b, w)
        The words that are connected with regions.
    ids : Tensor of shape (b, w), or None
        Numbers of the words.
    tags : Tensor of shape (b, w), or None
        Numbers of their part-of-speech tags.
    vectors : Tensor of shape (b, w, d), or None
        Given vectors of the words.
    edges : bool Tensor of shape (b, w, w), or None
        The dependencies; None connects every word with every other.
    """

    mask: Tensor
    lengths: Tensor
    anchors: Tensor
    ids: Tensor | None
    tags: Tensor | None
    vectors: Tensor | None
    edges: Tensor | None


class SetBatch(NamedTuple):
    """Images and texts that are learned from together.

    Parameters
    ----------
    image : RegionBatch of b images
        The image of each row.
    text : WordBatch of b texts
        The text of each row.
    groups : Tensor of shape (b,)
        Which rows share their image: those with the same number.

    Examples
    --------
    >>> import torch
    >>> from skxmr.pairwise import SetBatch
    >>> SetBatch(None, None, torch.tensor([4, 4, 7])).same_image[0]
    tensor([ True,  True, False])
    """

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


@dataclass(frozen=True)
class NodeSet(Sliced):
    """Nodes of k images or texts: vectors that a network makes of their regions or words.

    Parameters
    ----------
    h : Tensor of shape (k, m, d)
        The nodes.
    mask : bool Tensor of shape (k, m)
        Which nodes there are.

    Examples
    --------
    >>> import torch
    >>> from skxmr.pairwise import NodeSet
    >>> nodes = NodeSet(torch.zeros(5, 3, 2), torch.ones(5, 3, dtype=torch.bool))
    >>> nodes[:2].trimmed(1).h.shape
    torch.Size([2, 1, 2])
    """

    h: Tensor
    mask: Tensor

    def trimmed(self, m: int) -> Self:
        """Return the first m nodes of sets that have no more.

        Parameters
        ----------
        m : int
            Number of nodes.

        Returns
        -------
        NodeSet
        """
        return self.each(lambda part: part[:, :m])
