"""How much attention the words of one text pay to the regions of one image, and regions to words."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from skxmr._data.kinds import View
from skxmr.nn.device import ordinary_torch
from skxmr.pairwise.retriever import PairwiseRetriever


class Attention(NamedTuple):
    """What the r regions of an image and the w words of a text have to do with each other.

    Parameters
    ----------
    attention : float32 ndarray of shape (r, w)
        The attention that a method computes between a region and a word; where it does so both ways, their mean.
    cosines : float32 ndarray of shape (r, w)
        The cosine of the vectors of a region and a word, as they are compared.
    """

    attention: NDArray[np.float32]
    cosines: NDArray[np.float32]


@ordinary_torch()
def attention_between(retriever: PairwiseRetriever, image: View, text: View) -> Attention | None:
    """Return the attention between one image and one text; None of a method that has neither graphs nor attention.

    Parameters
    ----------
    retriever : fitted retriever
        Such as :class:`RACG` or :class:`SCAN`.
    image, text : views of one row
        As the retriever takes them.

    Returns
    -------
    Attention or None
    """
    if hasattr(retriever, "relations"):
        (found,) = retriever.relations(image, text)
        r = found.n_regions
        both = (found.attention[:r, r:] + found.attention[r:, :r].T) / 2
        return Attention(both, found.integrated[:r] @ found.integrated[r:].T)
    # Networks of this kind only have it if there is a single attention between a region and a word.
    network: Any = retriever.network_
    if not hasattr(network, "attention_between"):
        return None
    images, texts = retriever._sources(retriever._checked_query(image, "image"), retriever._checked_query(text, "text"))
    row = torch.arange(1, device="cpu")
    with torch.inference_mode():
        regions = network.encode_image(images.rows(row))
        words = network.encode_text(texts.rows(row))
        weights = network.attention_between(regions, words)[0, 0]
        cosines = functional.normalize(regions.h[0], dim=1) @ functional.normalize(words.h[0], dim=1).T
        present = regions.mask[0]
        return Attention(weights[present].float().cpu().numpy(), cosines[present].float().cpu().numpy())
