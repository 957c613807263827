"""The relation-aggregated graph over the regions of an image and the words of a text, for all pairs of a batch at once.

Alphabet: a images of r regions, b texts of w words, all of width d; masks say which regions and words there are.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from skxmr.cross_attention import masked_softmax

_HIDDEN = 32  # of the two layers behind the heads; the paper gives no width


class Words(NamedTuple):
    """Words of b texts: vectors `h` (b, w, d), `mask` (b, w), and what connects them.

    `anchors` (b, w) are the nouns and attributes, which alone touch regions; `edges` (b, w, w) the dependencies, None
    where every word is connected with every other.
    """

    h: Tensor
    mask: Tensor
    anchors: Tensor
    edges: Tensor | None


class Side(NamedTuple):
    """One modality's part of all graphs: what its nodes get from one another, and what they have to give.

    `heads`, `tails`, `given` and `own` are (k, m, d): kappa(h), mu(h), W_2 W_1 h and W_2 h; `within` (k, m, d) is what
    its own modality's nodes pass on, `degree` (k, m) from how many.
    """

    heads: Tensor
    tails: Tensor
    given: Tensor
    own: Tensor
    within: Tensor
    degree: Tensor


class CrossGraph(nn.Module):
    """Similarity of every image with every text by one graph over the nodes of both: RACG, eqs. 5-20.

    Attention passes messages within the image, within the text, and between regions and nouns or attributes; every node
    is then rebuilt from the nodes of the whole graph, and compared with what it was, head by head.

    Parameters
    ----------
    d : int
        Width of the nodes.
    n_heads : int or None
        Blocks of the width that are compared apart; None compares whole nodes by their cosine.
    scale : float
        lambda of eqs. 12 and 13.
    image_graph, text_graph, cross_graph : bool
        Whether messages pass within images, within texts, and between the two.
    second_mean : bool
        Divide by the number of nodes in eq. 11 as well as in eq. 10, as printed.

    Notes
    -----
    A word is its own neighbour, as a region is; the paper leaves open what a word without dependencies receives.

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
        self.n_heads, self.scale, self.second_mean = n_heads, scale, second_mean
        self.image_graph, self.text_graph, self.cross_graph = image_graph, text_graph, cross_graph
        self.kappa, self.mu = nn.Linear(d, d), nn.Linear(d, d)
        self.W_1, self.W_2 = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        self.bias = nn.Parameter(torch.zeros(d))
        for layer in (self.kappa, self.mu, self.W_1, self.W_2):
            nn.init.xavier_normal_(layer.weight)
        self.image_scores, self.text_scores = _scores(n_heads), _scores(n_heads)

    def forward(self, regions: Tensor, region_mask: Tensor, words: Words) -> Tensor:
        """Return the similarities (a, b)."""
        nodes = self.nodes(regions, region_mask, words)  # (a, b, r + w, d)
        a, b = nodes.shape[:2]
        present = torch.cat(
            [region_mask[:, None].expand(-1, b, -1), words.mask[None].expand(a, -1, -1)], dim=2
        )  # (a, b, r + w)
        of_image = self._matches(regions[:, None], nodes, present, self.image_scores)
        of_text = self._matches(words.h[None], nodes, present, self.text_scores)
        return (_mean(of_image, region_mask[:, None]) + _mean(of_text, words.mask[None])) / 2

    def nodes(self, regions: Tensor, region_mask: Tensor, words: Words) -> Tensor:
        """Return the updated nodes (a, b, r + w, d) of every pair: eqs. 5 to 11."""
        together = region_mask[:, :, None] & region_mask[:, None] & self.image_graph
        linked = words.mask[:, :, None] & words.mask[:, None] & self.text_graph
        if words.edges is not None:
            linked = linked & (words.edges | torch.eye(linked.shape[1], dtype=torch.bool, device=linked.device))
        image, text = self._side(regions, together), self._side(words.h, linked)
        anchors = words.anchors & words.mask & self.cross_graph
        to_image, to_text = _between(image, text, region_mask, anchors)
        counts = region_mask.sum(dim=1)
        n = (counts[:, None] + words.mask.sum(dim=1))[:, :, None, None].clamp(min=1).to(regions.dtype)
        image_degree = image.degree[:, None] + (anchors.sum(dim=1)[:, None] * region_mask[:, None])
        text_degree = text.degree[None] + counts[:, None, None] * anchors
        updated = [
            (side.within.unsqueeze(axis) + across) / n + degree[..., None] * side.own.unsqueeze(axis)
            for side, axis, across, degree in ((image, 1, to_image, image_degree), (text, 0, to_text, text_degree))
        ]
        return functional.normalize(torch.cat(updated, dim=2) / (n if self.second_mean else 1.0) + self.bias, dim=3)

    def _side(self, h: Tensor, linked: Tensor) -> Side:
        heads, tails, own = self.kappa(h), self.mu(h), self.W_2(h)
        given = self.W_2(self.W_1(h))
        within = masked_softmax(heads @ tails.transpose(1, 2), linked) @ given
        return Side(heads, tails, given, own, within, linked.sum(dim=2))

    def _matches(self, h: Tensor, nodes: Tensor, present: Tensor, scores: nn.Module) -> Tensor:
        """Return how well each node is rebuilt from all (a, b, m): eqs. 12 to 19."""
        attention = masked_softmax(self.scale * (h @ nodes.transpose(2, 3)), present[:, :, None])
        rebuilt = attention @ nodes  # (a, b, m, d)
        k, (a, b, m, d) = self.n_heads or 1, rebuilt.shape
        blocks, parts = h.reshape(*h.shape[:3], k, d // k), rebuilt.reshape(a, b, m, k, d // k)
        found: Tensor = scores(functional.cosine_similarity(blocks, parts, dim=4))  # of (a, b, m, k)
        return found[..., 0]


def _scores(n_heads: int | None) -> nn.Module:
    """Return what makes one number of the cosines of all heads: eqs. 18 and 19."""
    if n_heads is None:
        return nn.Identity()
    return nn.Sequential(nn.Linear(n_heads, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1))


def _between(image: Side, text: Side, region_mask: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
    """Return what regions get from words (a, b, r, d), and words from regions (a, b, w, d): eqs. 8 and 9."""
    joined = region_mask[:, None, :, None] & anchors[None, :, None, :]  # (a, b, r, w)
    to_image = masked_softmax(_all_products(image.heads, text.tails), joined) @ text.given
    back = masked_softmax(_all_products(text.heads, image.tails).transpose(0, 1), joined.transpose(2, 3))
    return to_image, back @ image.given[:, None]


def _all_products(x: Tensor, y: Tensor) -> Tensor:
    """Return the products of all rows of x (k, m, d) with all of y (l, o, d): (k, l, m, o)."""
    (k, m, d), (n, o, _) = x.shape, y.shape
    return (x.reshape(k * m, d) @ y.reshape(n * o, d).T).reshape(k, m, n, o).transpose(1, 2)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the last axis among what is there."""
    return (values * mask).sum(dim=2) / mask.sum(dim=2).clamp(min=1)
