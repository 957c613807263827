"""What the networks of methods that compare sets have in common: encoders, the vocabulary, forward."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from skxmr._data.regions import Regions
from skxmr._data.repeated import IndexedRows
from skxmr.deep.inputs import standardizing
from skxmr.deep.split import Split
from skxmr.nn.networks import RetrievalNetwork
from skxmr.pairwise.checks import check_known
from skxmr.pairwise.encoders import RegionBatch, RegionEncoder, Sliced, WordBatch, WordEncoder
from skxmr.pairwise.vocabulary import Vocabulary

_BLOCK = 256  # images that are looked at together
_TOGETHER = {"cpu": 16, "cuda": 64}  # texts of a batch that are compared at a time


@dataclass(frozen=True)
class NodeSet(Sliced):
    """Nodes `h` (k, m, d) of images or texts, and which of them there are, `mask` (k, m)."""

    h: Tensor
    mask: Tensor

    def trimmed(self, m: int) -> NodeSet:
        """Return the first m nodes of sets that have no more."""
        return self.each(lambda part: part[:, :m])


class Encoders(NamedTuple):
    """What makes nodes of regions and of words, and which words are known."""

    image: RegionEncoder
    text: WordEncoder
    vocabulary: Vocabulary


class SetNetwork(RetrievalNetwork):
    """Encoders of regions and words, and a comparison of all images with all texts of a batch.

    Parameters
    ----------
    encoders : Encoders
        As `set_encoders` makes them.
    d : int
        Width of the nodes.
    copies : int
        How many arrays of the nodes' size an encoding holds.
    """

    def __init__(self, encoders: Encoders, d: int, copies: int) -> None:
        super().__init__()
        self.image_encoder, self.text_encoder, self.vocabulary = encoders
        self.d, self.copies = d, copies

    @property
    def positions(self) -> bool:
        """Whether regions need boxes."""
        return self.image_encoder.of_position is not None

    def encode_image(self, regions: RegionBatch) -> Any:
        """Return the nodes of images."""
        return NodeSet(self.image_encoder(regions), regions.mask)

    def encode_text(self, texts: WordBatch) -> Any:
        """Return the nodes of texts."""
        return NodeSet(self.text_encoder(texts), texts.mask)

    @abstractmethod
    def compare(self, images: Any, texts: Any) -> Tensor:
        """Return the similarities (a, b) of encoded images and texts."""

    def forward(self, image: RegionBatch, text: WordBatch) -> dict[str, Tensor]:
        """Return the similarities of all images with all texts of a batch.

        Texts are compared some at a time, in the order of their lengths: little is filled up.
        """
        images, texts = self.encode_image(image), self.encode_text(text)
        order = torch.argsort(text.lengths, stable=True)
        placed = order.to(text.mask.device)
        together = _TOGETHER.get(placed.device.type, len(order))
        parts = zip(torch.split(order, together), torch.split(placed, together), strict=True)
        found = [self.compare(images, texts[rows].trimmed(int(text.lengths[on_host].max()))) for on_host, rows in parts]
        return {"similarity": torch.cat(found, dim=1)[:, torch.argsort(placed)]}


def set_encoders(
    retriever: Any,
    split: Split,
    unit_length: bool,
    position_width: int = 0,
    tag_width: int = 0,
    uses: Collection[str] = (),
) -> Encoders:
    """Make the encoders for the fitting rows: their vocabulary, widths and scale.

    `uses` says which of ``"tags"`` and ``"heads"`` the network looks at, where there are any.
    """
    images, texts, d = split.pairs.image, split.pairs.text, retriever.n_components
    if retriever.warm_start and "network_" in vars(retriever):  # whose words keep their numbers
        vocabulary = retriever.network_.vocabulary
        check_known(vocabulary, texts)
    else:
        vocabulary = Vocabulary(texts, retriever.min_count, uses)
    if not (texts.width or vocabulary.words):
        raise ValueError(f"no word comes min_count={retriever.min_count} times in the fitting rows; lower it.")
    image = RegionEncoder(
        _standardizer(images, retriever.standardize), images.view.shape[2], d, position_width, unit_length,
        retriever.input_dropout,
    )  # fmt: skip
    text = WordEncoder(
        d,
        0 if texts.width else len(vocabulary.words) + 1,
        texts.width or retriever.word_width,
        len(vocabulary.tags) + 1,
        tag_width if vocabulary.tags else 0,
        unit_length,
        retriever.dropout,
    )
    return Encoders(image, text, vocabulary)


def _standardizer(images: IndexedRows, wanted: bool | str) -> nn.Module:
    """Return what standardises features of regions by those of the fitting rows."""
    if not wanted:
        return nn.Identity()
    regions: Regions = images.view
    rows, scaler = np.unique(images.index), StandardScaler()
    for start in range(0, len(rows), _BLOCK):
        part = regions[rows[start : start + _BLOCK]]
        scaler.partial_fit(part.features[part.mask])
    return standardizing(scaler, wanted)
