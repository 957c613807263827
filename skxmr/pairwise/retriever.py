"""PairwiseRetriever: the base of methods that compare the regions of an image with the words of a text."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxmr._data.kinds import FloatArray
from skxmr._data.repeated import IndexedRows
from skxmr._data.sentences import Sentences
from skxmr.base import ComparingRetriever
from skxmr.nn.device import ordinary_torch
from skxmr.pairwise.networks import PairNetwork
from skxmr.pairwise.scores import pair_scores, some_pair_scores
from skxmr.pairwise.set_retriever import SetRetriever
from skxmr.pairwise.sources import RegionSource, WordSource


class PairwiseRetriever(SetRetriever, ComparingRetriever):
    """Base of the methods that compare sets: no embeddings, a similarity of every image with every text.

    A method overrides `_build`; its network offers `encode_image` and `encode_text`, which make nodes of a batch of
    regions or words, and ``compare(images, texts) -> (a, b)``. Images are `Regions`, or an array (n, regions, d); texts
    are `Sentences`, strings, or lists of words. The vocabulary is that of the fitting rows; all unknown words are one
    word. Labels are not used for learning; what belongs together are the rows that share an image.

    Parameters
    ----------
    n_components : int, default=1024
        Width of the vectors of regions and of words, the nodes.
    verbose : int, default=0
        1 shows a progress bar, of the training and of `similarity`.
    """

    network_: PairNetwork[Any] = field(init=False)

    @ordinary_torch()
    def _similarity(self, image: IndexedRows, text: Sentences, where: sp.csr_array | None) -> FloatArray | sp.csr_array:
        network = self.network_
        images, texts = self._sources(image, text)
        if where is None:
            return pair_scores(network, images, texts, self.verbose)
        return some_pair_scores(network, images, texts, where, self.verbose)

    def _scores(self, network: PairNetwork[Any], images: RegionSource, texts: WordSource) -> NDArray[np.float32]:
        return pair_scores(network, images, texts)
