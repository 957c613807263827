"""The graph of one image and one text, to be looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skxmr.pairwise.cross_graph import CrossGraph
from skxmr.pairwise.pair_graphs import PairGraphs, Side


class Relations(NamedTuple):
    """The nodes and the attention in the graph of one image and one text: RACG, Figs. 6 and 7.

    The nodes are the r regions and then the w words, n of them.

    Parameters
    ----------
    n_regions : int
        r, the number of regions.
    nodes : float32 ndarray of shape (n, d)
        What the encoders return: h.
    within : float32 ndarray of shape (n, d)
        The nodes after the messages of their own modality alone, at unit length.
    integrated : float32 ndarray of shape (n, d)
        The nodes after all messages, at unit length: c of eq. 11.
    attention : float32 ndarray of shape (n, n)
        How much attention the node of a row pays to the node of a column: eqs. 6 to 9, which is n times A of eq. 10.
        The attention that a node pays to one modality adds up to 1, or to 0 where it pays none.

    Examples
    --------
    >>> from skxmr import RACG, Pairs, Regions, Sentences
    >>> from skxmr.datasets import make_captioned_scenes
    >>> scenes = make_captioned_scenes(20, random_state=0)
    >>> texts = Sentences(scenes.tokens, scenes.tags, scenes.heads)
    >>> pairs = Pairs(Regions(scenes.regions, mask=scenes.mask), texts, image_index=scenes.image_index)
    >>> model = RACG(16, n_heads=4, word_width=8, batch_size=20, max_epochs=1, random_state=0).fit(pairs)
    >>> (found,) = model.relations(pairs[:1])
    >>> from_words_to_regions = found.attention[found.n_regions :, : found.n_regions]
    >>> from_words_to_regions.shape == (len(scenes.tokens[0]), scenes.mask[0].sum())
    True
    """

    n_regions: int
    nodes: NDArray[np.float32]
    within: NDArray[np.float32]
    integrated: NDArray[np.float32]
    attention: NDArray[np.float32]


def relations_of(graph: CrossGraph, image: Side, text: Side) -> Relations:
    """Return the graph of one image and one text."""
    sides = (image, text)
    present = torch.cat([side.mask[0] for side in sides])
    whole = PairGraphs(image, text, graph.bias, graph.scale, graph.second_mean)
    # Without anchors no message passes between the modalities.
    alone = [replace(side, anchors=torch.zeros_like(side.anchors)) for side in sides]
    within = PairGraphs(alone[0], alone[1], graph.bias, graph.scale, graph.second_mean)
    of_regions = torch.cat([image.attention[0], whole.across[0][0, 0]], dim=1)
    of_words = torch.cat([whole.across[1][0, 0], text.attention[0]], dim=1)
    attention = torch.cat([of_regions, of_words])[present][:, present]

    def kept(nodes: list[Tensor]) -> NDArray[np.float32]:
        return torch.cat(nodes)[present].float().cpu().numpy()

    return Relations(
        n_regions=int(image.mask.sum()),
        nodes=kept([side.h[0] for side in sides]),
        within=kept([within.updated(x)[0, 0] for x in (0, 1)]),
        integrated=kept([whole.updated(x)[0, 0] for x in (0, 1)]),
        attention=attention.float().cpu().numpy(),
    )
