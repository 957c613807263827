"""VSE++: images and sentences in one space, trained with the hardest negatives."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FloatArray, View
from skxmr._data.option_checks import check_choice
from skxmr._data.repeated import IndexedRows
from skxmr._data.sentences import Sentences
from skxmr.base import CrossModalRetriever
from skxmr.deep.loop import Learner, LoopOptions
from skxmr.deep.split import Split
from skxmr.nn.contrastive import hardest_triplets, summed_triplets
from skxmr.nn.device import ordinary_torch
from skxmr.nn.objective import Objective, Outputs
from skxmr.pairwise.embedded import encoded_images, encoded_texts
from skxmr.pairwise.encoders import SentenceEncoder
from skxmr.pairwise.images import one_vector_each
from skxmr.pairwise.networks import Encoders, EncodingNetwork, region_encoder, vocabulary_of
from skxmr.pairwise.set_retriever import SetRetriever
from skxmr.pairwise.sets import RegionBatch, SetBatch, WordBatch
from skxmr.pairwise.sources import RegionSource, WordSource

if TYPE_CHECKING:
    from spacy.language import Language

LOSSES = {"hardest": hardest_triplets, "all": summed_triplets}


class VSEPPNetwork(EncodingNetwork):
    """Images through a linear layer and sentences through a GRU, both to length 1."""

    def encode_image(self, images: RegionBatch) -> Tensor:
        """Return the embeddings (a, d) of images, each of which is one vector: VSE++ eq. 1."""
        return self.image_encoder(images)[:, 0]

    def encode_text(self, texts: WordBatch) -> Tensor:
        """Return the embeddings (b, d) of sentences: VSE++ eq. 2."""
        return self.text_encoder(texts)


class VSEPPObjective(Objective):
    """The hinge on the negatives of the batch, summed over the pairs."""

    def __init__(self, margin: float, negatives: str) -> None:
        super().__init__({"triplets": 1.0})
        self.margin = margin
        self.negatives = negatives

    def triplets(self, outputs: Outputs, batch: SetBatch) -> Tensor:
        """VSE++ eq. 6 with the hardest negatives, eq. 5 with all; similarities are eq. 3."""
        similarity = outputs["image"] @ outputs["text"].T
        return LOSSES[self.negatives](similarity, batch.same_image, self.margin)


class VSEPP(SetRetriever, CrossModalRetriever):
    """VSE++: images and sentences in one space, trained with the hardest negatives of a batch.

    The vector of an image passes a linear layer. The words of a sentence pass a GRU, whose state after the last word is
    the embedding, so that the order of the words matters. Both get length 1, and the similarity is their cosine. Images
    are one vector each, or `Regions`, of which the mean is taken; texts are `Sentences`, strings, or lists of words.
    Boxes, tags and dependencies are not used. It embeds, so that it can be the first stage of :class:`TwoStage` and its
    embeddings can be indexed.

    Parameters
    ----------
    n_components : int, default=1024
        Width of the common space, and of the states of the GRU.
    bidirectional : bool, default=False
        Whether a second GRU reads the words backwards; the embedding is then the mean of both last states.
    negatives : {"hardest", "all"}, default="hardest"
        Which wrong pairs of the batch the loss looks at: for every row the most similar image and text, or all of them,
        which is the loss of VSE0 in the paper.
    margin : float, default=0.2
        By how much a pair must be more similar than the wrong ones of the batch, alpha in the paper.

    References
    ----------
    Faghri et al., "VSE++: improving visual-semantic embeddings with hard negatives", BMVC 2018, eqs. 1-6. Deviations:
    the network that makes vectors of images is not trained, and images are not cropped at random. The linear layer
    behind the GRU in eq. 2 is left out, because the GRU has the width of the common space. Texts about the same image
    are no negatives. Features are scaled as a whole (``standardize=False`` leaves them). `bidirectional` is not in the
    paper.

    Examples
    --------
    >>> from skxmr import VSEPP, Pairs, Regions
    >>> from skxmr.datasets import make_captioned_scenes
    >>> scenes = make_captioned_scenes(20, random_state=0)
    >>> pairs = Pairs(Regions(scenes.regions, mask=scenes.mask), scenes.sentences, image_index=scenes.image_index)
    >>> model = VSEPP(16, word_width=8, batch_size=20, max_epochs=2, random_state=0).fit(pairs)
    >>> model.transform(pairs[:10])
    Pairs(image=(10, 16) float32, text=(10, 16) float32)
    >>> model.similarity(pairs[:10]).shape
    (2, 10)
    """

    network_: VSEPPNetwork = field(init=False)
    parser: str | Language | None = field(default=None, init=False)
    bidirectional: bool = False
    negatives: str = "hardest"
    _parameter_constraints: ClassVar[Constraints] = {
        "bidirectional": ["boolean"],
        "negatives": [StrOptions(set(LOSSES))],
    }

    @classmethod
    def paper(cls, dataset: str = "flickr30k", **overrides: Any) -> Self:
        """Return an estimator with the paper's constants as ordinary parameters.

        Parameters
        ----------
        dataset : {"flickr30k", "coco"}, default="flickr30k"
            The constants are the same for both.
        **overrides : object
            Parameters that differ.

        Returns
        -------
        VSEPP
            Unfitted.
        """
        check_choice(dataset, "dataset", ("flickr30k", "coco"))
        return cls(**{"standardize": False, "min_count": 4} | overrides)

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return small sizes."""
        return [{"n_components": 8, "word_width": 8, "batch_size": 10, "max_epochs": 1, "random_state": 0}]

    def _build(self, split: Split) -> Learner:
        texts = split.pairs.text[split.fitting.rows]
        vocabulary = vocabulary_of(self, texts)
        sentences = SentenceEncoder(
            self.n_components,
            0 if texts.width else len(vocabulary.words) + 1,
            texts.width or self.word_width,
            self.bidirectional,
            self.dropout,
        )
        images = region_encoder(self, split, unit_length=True)
        network = VSEPPNetwork(Encoders(images, sentences, vocabulary))
        return Learner(network, VSEPPObjective(self.margin, self.negatives), LoopOptions(clip=self.clip))

    def _checked_view(
        self, view: View, name: str, min_rows: int, width: int | None, columns: list[str] | None
    ) -> IndexedRows | Sentences:
        if name == "image":
            return one_vector_each(view, min_rows, width, columns)
        return super()._checked_view(view, name, min_rows, width, columns)

    @ordinary_torch()
    def _encode_image(self, X: View) -> FloatArray:
        images = RegionSource(IndexedRows(X.view, np.arange(len(X.view))), self._device)
        return encoded_images(self.network_.encode_image, images)[X.index]

    @ordinary_torch()
    def _encode_text(self, X: View) -> FloatArray:
        packed, rows = X.packed()
        texts = WordSource(packed, rows, self.network_.vocabulary, self._device)
        return encoded_texts(self.network_.encode_text, texts)

    @property
    def _device(self) -> torch.device:
        return next(self.network_.parameters()).device

    def _scores(self, network: VSEPPNetwork, images: RegionSource, texts: WordSource) -> NDArray[np.float32]:
        return encoded_images(network.encode_image, images) @ encoded_texts(network.encode_text, texts).T

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
