"""What the networks of methods that compare sets have in common: encoders, the vocabulary, forward."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches
from torch import Tensor, nn

from skxmr._data.regions import Regions
from skxmr._data.repeated import IndexedRows
from skxmr._data.sentences import Sentences
from skxmr.deep.inputs import standardizing
from skxmr.deep.split import Split
from skxmr.nn.retrieval_network import RetrievalNetwork
from skxmr.pairwise.checks import check_known
from skxmr.pairwise.encoders import RegionEncoder, WordEncoder
from skxmr.pairwise.sets import NodeSet, RegionBatch, WordBatch
from skxmr.pairwise.vocabulary import Vocabulary

if TYPE_CHECKING:
    from skxmr.pairwise.set_retriever import SetRetriever

# Images whose features are measured together.
_BLOCK = 256
# Texts of a batch that are compared at a time, by the kind of device; elsewhere all of them are.
_TOGETHER = {"cpu": 16, "cuda": 64}

Nodes = TypeVar("Nodes", bound=NodeSet)


class Encoders(NamedTuple):
    """What encodes regions and words, and which words are known."""

    image: RegionEncoder
    text: nn.Module
    vocabulary: Vocabulary


class EncodingNetwork(RetrievalNetwork):
    """Encoders of regions and of words, and the vocabulary; subclasses embed, or compare pairs.

    Parameters
    ----------
    encoders : Encoders
        What encodes regions and words.
    """

    def __init__(self, encoders: Encoders) -> None:
        super().__init__()
        self.image_encoder = encoders.image
        self.text_encoder = encoders.text
        self.vocabulary = encoders.vocabulary

    @property
    def needs_boxes(self) -> bool:
        """Whether the network looks at the boxes of regions."""
        return self.image_encoder.of_position is not None


class PairNetwork(EncodingNetwork, Generic[Nodes]):
    """Encoders of regions and words, and a comparison of all images with all texts of a batch.

    A subclass for nodes of its own overrides `encode_image`, `encode_text` and `compare`.

    Parameters
    ----------
    encoders : Encoders
        As :func:`set_encoders` makes them.
    d : int
        Width of the nodes.
    arrays_per_set : int, default=1
        Number of arrays of the size of the nodes that are kept per image or text; it decides how many are held at once.
    """

    def __init__(self, encoders: Encoders, d: int, arrays_per_set: int = 1) -> None:
        super().__init__(encoders)
        self.d = d
        self.arrays_per_set = arrays_per_set

    @abstractmethod
    def encode_image(self, regions: RegionBatch) -> Nodes:
        """Return the nodes of images."""

    @abstractmethod
    def encode_text(self, texts: WordBatch) -> Nodes:
        """Return the nodes of texts."""

    @abstractmethod
    def compare(self, images: Nodes, texts: Nodes) -> Tensor:
        """Return the similarities of encoded images and texts.

        Parameters
        ----------
        images, texts : nodes of a images and of b texts
            What `encode_image` and `encode_text` return.

        Returns
        -------
        Tensor of shape (a, b)
        """

    def forward(self, image: RegionBatch, text: WordBatch) -> dict[str, Tensor]:
        """Return the similarities of all images with all texts of a batch.

        Parameters
        ----------
        image : RegionBatch of a images
            Their regions.
        text : WordBatch of b texts
            Their words.

        Returns
        -------
        dict of str to Tensor
            ``similarity`` of shape (a, b).
        """
        images = self.encode_image(image)
        texts = self.encode_text(text)
        # Texts of similar length are compared together, so that little of them is padding.
        order = torch.argsort(text.lengths, stable=True)
        device_order = order.to(text.mask.device)
        found = []
        for rows in gen_batches(len(order), _TOGETHER.get(device_order.device.type, len(order))):
            longest = int(text.lengths[order[rows]].max())
            found.append(self.compare(images, texts[device_order[rows]].trimmed(longest)))
        return {"similarity": torch.cat(found, dim=1)[:, torch.argsort(device_order)]}


class SetNetwork(PairNetwork[NodeSet]):
    """Network whose nodes are what the encoders return; a subclass overrides `compare`.

    Parameters
    ----------
    encoders : Encoders
        As :func:`set_encoders` makes them.
    d : int
        Width of the nodes.
    arrays_per_set : int, default=1
        Number of arrays of the size of the nodes that are kept per image or text; it decides how many are held at once.

    Examples
    --------
    >>> import torch
    >>> from skxmr.pairwise import NodeSet, SetNetwork
    >>> class MeanCosine(SetNetwork):
    ...     def compare(self, images, texts):
    ...         return torch.einsum("ard,bwd->ab", images.h, texts.h) / (images.h.shape[1] * texts.h.shape[1])
    >>> issubclass(MeanCosine, torch.nn.Module)
    True
    """

    def encode_image(self, regions: RegionBatch) -> NodeSet:
        """Return the nodes of images.

        Parameters
        ----------
        regions : RegionBatch of a images
            Their regions.

        Returns
        -------
        NodeSet of a images
        """
        return NodeSet(self.image_encoder(regions), regions.mask)

    def encode_text(self, texts: WordBatch) -> NodeSet:
        """Return the nodes of texts.

        Parameters
        ----------
        texts : WordBatch of b texts
            Their words.

        Returns
        -------
        NodeSet of b texts
        """
        return NodeSet(self.text_encoder(texts), texts.mask)


def set_encoders(
    retriever: SetRetriever,
    split: Split,
    unit_length: bool,
    position_width: int = 0,
    tag_width: int = 0,
    uses: Collection[str] = (),
    cross_words: str = "nouns_and_attributes",
) -> Encoders:
    """Make the encoders for the fitting rows: their vocabulary, widths and scale.

    Parameters
    ----------
    retriever : SetRetriever
        Whose parameters decide.
    split : Split
        The fitting rows.
    unit_length : bool
        Divide nodes by their lengths.
    position_width, tag_width : int, default=0
        Width of the parts that say where a region is, and of the vector of a tag; 0 leaves them out.
    uses : collection of str, default=()
        Which of ``"tags"`` and ``"heads"`` the network looks at, where there are any.
    cross_words : {"nouns", "nouns_and_attributes", "all"}, default="nouns_and_attributes"
        Which words are connected with regions, where there are tags.

    Returns
    -------
    Encoders
        The first arguments of a :class:`SetNetwork`.

    Examples
    --------
    >>> from skxmr import SCAN, Pairs, Regions, Sentences
    >>> from skxmr.deep import Part, Split
    >>> from skxmr.pairwise import set_encoders
    >>> regions = Regions([[[0.0, 1.0]], [[1.0, 0.0]]])
    >>> pairs = Pairs(regions, Sentences(["a dog", "a cat"]), image_index=[0, 1])
    >>> split = Split(pairs, Part(np.arange(2), None), None)
    >>> set_encoders(SCAN(8, word_width=4), split, unit_length=True)._fields
    ('image', 'text', 'vocabulary')
    """
    texts = split.pairs.text[split.fitting.rows]
    vocabulary = vocabulary_of(retriever, texts, uses, cross_words)
    image = region_encoder(retriever, split, unit_length, position_width)
    text = WordEncoder(
        retriever.n_components,
        0 if texts.width else len(vocabulary.words) + 1,
        texts.width or retriever.word_width,
        len(vocabulary.tags) + 1,
        tag_width if vocabulary.tags else 0,
        unit_length,
        retriever.dropout,
    )
    return Encoders(image, text, vocabulary)


def region_encoder(retriever: SetRetriever, split: Split, unit_length: bool, position_width: int = 0) -> RegionEncoder:
    """Make the encoder of regions for the fitting rows: its widths and its scale."""
    images = split.pairs.image[split.fitting.rows]
    return RegionEncoder(
        _standardizer(images, retriever.standardize),
        images.view.shape[2],
        retriever.n_components,
        position_width,
        unit_length,
        retriever.input_dropout,
    )


def vocabulary_of(
    retriever: SetRetriever,
    texts: Sentences,
    uses: Collection[str] = (),
    cross_words: str = "nouns_and_attributes",
) -> Vocabulary:
    """Return the vocabulary of the fitting rows, or that of the last fit, whose words keep their numbers."""
    if retriever.warm_start and "network_" in vars(retriever):
        vocabulary = copy.copy(retriever.network_.vocabulary)
        vocabulary.cross_words = cross_words
        check_known(vocabulary, texts)
        return vocabulary
    vocabulary = Vocabulary(texts, retriever.min_count, uses, cross_words)
    if not (texts.width or vocabulary.words):
        raise ValueError(f"no word comes min_count={retriever.min_count} times in the fitting rows; lower it.")
    return vocabulary


def _standardizer(images: IndexedRows, wanted: bool | str) -> nn.Module:
    """Return what standardises features of regions by those of the fitting rows."""
    if not wanted:
        return nn.Identity()
    regions: Regions = images.view
    rows = np.unique(images.index)
    scaler = StandardScaler()
    for block in gen_batches(len(rows), _BLOCK):
        part = regions[rows[block]]
        scaler.partial_fit(part.features[part.mask])
    return standardizing(scaler, wanted)
