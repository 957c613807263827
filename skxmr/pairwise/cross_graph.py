"""The relation-aggregated graph over the regions of an image and the words of a text, for all pairs of a batch.

Alphabet: a images of r regions, b texts of w words, all of width d; masks say which regions and words there are.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from skxmr.pairwise.cross_attention import masked_softmax
from skxmr.pairwise.pair_graphs import PairGraphs, Side

# Width of the hidden layer behind the heads; the paper gives none.
_HIDDEN = 32
_SMALL = 1e-8


class Words(NamedTuple):
    """Words of b texts, and what connects them.

    Parameters
    ----------
    h : Tensor of shape (b, w, d)
        Their vectors.
    mask : bool Tensor of shape (b, w)
        Which words there are.
    anchors : bool Tensor of shape (b, w)
        The nouns and attributes; they alone exchange messages with regions.
    edges : bool Tensor of shape (b, w, w), or None
        The dependencies; None connects every word with every other.
    """

    h: Tensor
    mask: Tensor
    anchors: Tensor
    edges: Tensor | None


class CrossGraph(nn.Module):
    """Similarity of every image with every text by one graph over the nodes of both: RACG, eqs. 5-20.

    Attention passes messages within the image, within the text, and between regions and nouns or attributes; every node
    is then rebuilt from the nodes of the whole graph, and compared with what it was, head by head.

    Parameters
    ----------
    d : int
        Width of the nodes.
    n_heads : int or None
        Parts of the width that are compared separately; None compares whole nodes by their cosine.
    scale : float
        lambda of eqs. 12 and 13.
    image_graph, text_graph, cross_graph : bool
        Whether messages pass within images, within texts, and between the two; without, a node is its only neighbour.
    second_mean : bool
        Divide by the number of nodes in eq. 11 as well as in eq. 10, as printed.

    Notes
    -----
    A node without other neighbours keeps itself: where a graph is switched off, or a word depends on no other, the node
    is its own neighbour. By eq. 11 it would be the bias alone, which is the same for all nodes.

    Shapes: forward takes regions (a, r, d), their mask (a, r) and :class:`Words`, and returns (a, b).
    """

    def __init__(
        self,
        d: int,
        n_heads: int | None = 64,
        scale: float = 4.0,
        image_graph: bool = True,
        text_graph: bool = True,
        cross_graph: bool = True,
        second_mean: bool = True,
    ) -> None:
        super().__init__()
        if n_heads is not None and (n_heads < 1 or d % n_heads):
            raise ValueError(f"n_heads={n_heads} does not divide the width {d} of the nodes; choose one that does.")
        self.n_heads = n_heads
        self.scale = scale
        self.image_graph = image_graph
        self.text_graph = text_graph
        self.cross_graph = cross_graph
        self.second_mean = second_mean
        self.kappa = nn.Linear(d, d)
        self.mu = nn.Linear(d, d)
        self.W_1 = nn.Linear(d, d, bias=False)
        self.W_2 = nn.Linear(d, d, bias=False)
        self.bias = nn.Parameter(torch.zeros(d))
        for layer in (self.kappa, self.mu, self.W_1, self.W_2):
            nn.init.xavier_normal_(layer.weight)
        self.image_scores = _scores(n_heads)
        self.text_scores = _scores(n_heads)

    def forward(self, regions: Tensor, region_mask: Tensor, words: Words) -> Tensor:
        """Return the similarities (a, b)."""
        return self.compare(self.image_side(regions, region_mask), self.text_side(words))

    def image_side(self, regions: Tensor, mask: Tensor) -> Side:
        """Return what images bring into every graph: eqs. 5 and 6."""
        linked = mask[:, :, None] & mask[:, None]
        if not self.image_graph:
            linked = linked & _identity(linked)
        return self._side(regions, mask, mask & self.cross_graph, linked)

    def text_side(self, words: Words) -> Side:
        """Return what texts bring into every graph: eqs. 5 and 7."""
        linked = words.mask[:, :, None] & words.mask[:, None]
        if not self.text_graph:
            linked = linked & _identity(linked)
        elif words.edges is not None:
            linked = linked & (words.edges | _identity(linked))
        return self._side(words.h, words.mask, words.anchors & words.mask & self.cross_graph, linked)

    def _side(self, h: Tensor, mask: Tensor, anchors: Tensor, linked: Tensor) -> Side:
        queries = self.kappa(h)
        keys = self.mu(h)
        return Side(
            h=h,
            mask=mask,
            anchors=anchors,
            queries=queries,
            keys=keys,
            sent=self.W_2(self.W_1(h)),
            kept=self.W_2(h),
            unit_heads=functional.normalize(self._heads(h), dim=-1).flatten(-2),
            attention=masked_softmax(queries @ keys.transpose(1, 2), linked),
            degrees=linked.sum(dim=2).to(h.dtype),
        )

    def compare(self, image: Side, text: Side) -> Tensor:
        """Return the similarities (a, b) of all images with all texts: eqs. 8 to 20."""
        graphs = PairGraphs(image, text, self.bias, self.scale, self.second_mean)
        of_regions = self._mean_score(self.image_scores, graphs.rebuilt(0), graphs.sides[0])
        of_words = self._mean_score(self.text_scores, graphs.rebuilt(1), graphs.sides[1])
        return (of_regions + of_words) / 2

    def _mean_score(self, scores: nn.Module, rebuilt: Tensor, side: Side) -> Tensor:
        """Return the mean score (a, b) of the nodes of one modality: eqs. 15 to 19."""
        heads = self._heads(rebuilt)
        products = (heads * self._heads(side.unit_heads)).sum(dim=-1)
        cosines = products / torch.linalg.vector_norm(heads, dim=-1).clamp(min=_SMALL)
        return (scores(cosines)[..., 0] * side.mask).sum(dim=2) / side.mask.sum(dim=2).clamp(min=1)

    def _heads(self, nodes: Tensor) -> Tensor:
        """Cut the width of nodes (..., d) into heads, (..., n_heads, d / n_heads)."""
        return torch.unflatten(nodes, -1, (self.n_heads or 1, -1))


def _identity(linked: Tensor) -> Tensor:
    """Return the adjacency that links every node with itself alone."""
    return torch.eye(linked.shape[1], dtype=torch.bool, device=linked.device)


def _scores(n_heads: int | None) -> nn.Module:
    """Return what makes one number of the cosines of all heads: eqs. 18 and 19."""
    if n_heads is None:
        return nn.Identity()
    return nn.Sequential(nn.Linear(n_heads, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1))
