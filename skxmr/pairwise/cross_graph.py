"""The relation-aggregated graph over the regions of an image and the words of a text, for all pairs of a batch.

Alphabet: a images of r regions, b texts of w words, all of width d; masks say which regions and words there are. What
belongs to pairs has shapes such as (a, b, m_x, m_y): x and y are the two modalities, with m_x and m_y nodes each.

The nodes of a pair are never formed. A node of the graph is a combination of two vectors of each region and each word,
so its length and its products with others are sums of products of these: nine matrix products of all images with all
texts. Only the rebuilt nodes exist as vectors. This takes a third more arithmetic than the printed equations and is
faster at all but the smallest sizes, because memory is what limits them.

A node without neighbours keeps itself: where a graph is switched off, or a word depends on no other, the node is its
own neighbour. By eq. 11 it would be the bias alone, which is the same for all nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from skxmr.pairwise.cross_attention import masked_softmax
from skxmr.pairwise.encoders import Sliced

_HIDDEN = 32  # of the two layers behind the heads; the paper gives no width
_SMALL = 1e-8


class Words(NamedTuple):
    """Words of b texts: vectors `h` (b, w, d), `mask` (b, w), and what connects them.

    `anchors` (b, w) are the nouns and attributes, which alone touch regions; `edges` (b, w, w) the dependencies, None
    where every word is connected with every other.
    """

    h: Tensor
    mask: Tensor
    anchors: Tensor
    edges: Tensor | None


@dataclass(frozen=True)
class Side(Sliced):
    """One modality's part of all graphs: k graphs of m nodes.

    `heads`, `tails`, `given` and `own` (k, m, d) are kappa(h), mu(h), W_2 W_1 h and W_2 h, `blocks` is h with blocks of
    length 1; `attention` (k, m, m) is what nodes pay to their own modality, `degree` (k, m) to how many, `touching`
    (k, m) whether they touch the other.
    """

    h: Tensor
    mask: Tensor
    touching: Tensor
    heads: Tensor
    tails: Tensor
    given: Tensor
    own: Tensor
    blocks: Tensor
    attention: Tensor
    degree: Tensor

    def trimmed(self, m: int) -> Side:
        """Return the first m nodes of graphs that have no more."""
        return replace(self.each(lambda part: part[:, :m]), attention=self.attention[:, :m, :m])


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
        Whether messages pass within images, within texts, and between the two; without, a node is its only neighbour.
    second_mean : bool
        Divide by the number of nodes in eq. 11 as well as in eq. 10, as printed.

    Notes
    -----
    A word is its own neighbour, as a region is; the paper leaves open what a word without dependencies receives.

    The nodes of a pair are never formed. A node is a combination of `given` and `own` of both modalities, so its length
    and its products follow from products of these, which are matrix products of all images with all texts.

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
        return self.compare(self.image_side(regions, region_mask), self.text_side(words))

    def image_side(self, regions: Tensor, mask: Tensor) -> Side:
        """Return what images bring into every graph: eqs. 5 and 6."""
        linked = mask[:, :, None] & mask[:, None]
        if not self.image_graph:
            linked = linked & _itself(linked)
        return self._side(regions, mask, mask & self.cross_graph, linked)

    def text_side(self, words: Words) -> Side:
        """Return what texts bring into every graph: eqs. 5 and 7."""
        linked = words.mask[:, :, None] & words.mask[:, None]
        if not self.text_graph:
            linked = linked & _itself(linked)
        elif words.edges is not None:
            linked = linked & (words.edges | _itself(linked))
        return self._side(words.h, words.mask, words.anchors & words.mask & self.cross_graph, linked)

    def _side(self, h: Tensor, mask: Tensor, touching: Tensor, linked: Tensor) -> Side:
        heads, tails, given, own = self.kappa(h), self.mu(h), self.W_2(self.W_1(h)), self.W_2(h)
        attention = masked_softmax(heads @ tails.transpose(1, 2), linked)
        blocks = functional.normalize(torch.unflatten(h, 2, (self.n_heads or 1, -1)), dim=3).flatten(2)
        return Side(h, mask, touching, heads, tails, given, own, blocks, attention, linked.sum(dim=2).to(h.dtype))

    def compare(self, image: Side, text: Side) -> Tensor:
        """Return the similarities (a, b) of all images with all texts: eqs. 8 to 20."""
        pairs = _PairGraphs(self, image, text)
        found = []
        for z, scores in enumerate((self.image_scores, self.text_scores)):
            side = pairs.sides[z]
            cosines = _block_cosines(pairs.rebuilt(z), side.blocks, self.n_heads or 1)
            found.append((scores(cosines)[..., 0] * side.mask).sum(dim=2) / side.mask.sum(dim=2).clamp(min=1))
        return (found[0] + found[1]) / 2


def _itself(linked: Tensor) -> Tensor:
    """Return what links every node with itself alone."""
    return torch.eye(linked.shape[1], dtype=torch.bool, device=linked.device)


def _scores(n_heads: int | None) -> nn.Module:
    """Return what makes one number of the cosines of all heads: eqs. 18 and 19."""
    if n_heads is None:
        return nn.Identity()
    return nn.Sequential(nn.Linear(n_heads, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1))


def _block_cosines(rebuilt: Tensor, blocks: Tensor, n_heads: int) -> Tensor:
    """Return the cosines of all heads (a, b, m, n_heads): eqs. 15 to 17; `blocks` have length 1."""
    parts = torch.unflatten(rebuilt, 3, (n_heads, -1))
    products = (parts * torch.unflatten(blocks, 3, (n_heads, -1))).sum(dim=4)
    return products / torch.linalg.vector_norm(parts, dim=4).clamp(min=_SMALL)


class _PairGraphs:
    """The graphs of all pairs, updated and rebuilt: eqs. 8 to 14; index 0 is images, 1 texts."""

    def __init__(self, graph: CrossGraph, image: Side, text: Side) -> None:
        self.raw, self.scale, self.bias = (image, text), graph.scale, graph.bias
        self.sides = image.each(lambda part: part[:, None]), text.each(lambda part: part[None])
        joined = self.sides[0].touching[..., None] & self.sides[1].touching[:, :, None]  # (a, b, r, w)
        n = (image.mask.sum(1)[:, None] + text.mask.sum(1)).clamp(min=1).to(image.h.dtype)[..., None, None]
        mean = 1 / n if graph.second_mean else torch.ones_like(n)
        self.alpha = mean / n  # the weight of a message
        allowed = joined, joined.transpose(2, 3)
        self.messages = [masked_softmax(self._products("heads", "tails", x, 1 - x), allowed[x]) for x in (0, 1)]
        # the weight of a node itself, (a, b, m_x, 1)
        self.delta = [mean * (self.sides[x].degree + allowed[x].sum(dim=3))[..., None] for x in (0, 1)]
        across = self._products("given", "given", 0, 1)
        self.scaled = [self._inverse_lengths(0, across), self._inverse_lengths(1, across.transpose(2, 3))]

    def _products(self, left: str, right: str, x: int, y: int) -> Tensor:
        """Return the products of nodes of x with nodes of y, (a, b, m_x, m_y), or (a, 1, ...), (1, b, ...) of one."""
        u, v = getattr(self.raw[x], left), getattr(self.raw[y], right)
        if x == y:
            return (u @ v.transpose(1, 2)).unsqueeze(1 - x)
        (k, m, d), (n, o, _) = u.shape, v.shape
        products = (u.reshape(k * m, d) @ v.reshape(n * o, d).T).reshape(k, m, n, o)
        return products.permute((0, 2, 1, 3) if x == 0 else (2, 0, 1, 3))

    def _inverse_lengths(self, x: int, given_across: Tensor) -> Tensor:
        """Return one over the length of the updated nodes of x, (a, b, 1, m_x): eqs. 10 and 11.

        A node is ``alpha (A G_x + P G_y) + delta O_x + bias``, row by row, with G `given` and O `own`.
        """
        side, y, A, P = self.sides[x], 1 - x, self.sides[x].attention, self.messages[x]
        alpha, delta, bias = self.alpha, self.delta[x], self.bias
        own_given = [self._products("own", "given", x, z) for z in (x, y)]
        given_bias = [(self.sides[z].given @ bias)[:, :, None] for z in (x, y)]
        within = A * (A @ self._products("given", "given", x, x)), A * own_given[0], A * given_bias[0]
        of_given = P @ self._products("given", "given", y, y) + 2 * (A @ given_across)
        across = alpha * of_given + 2 * (delta * own_given[1] + given_bias[1])
        squares, of_own, of_bias = (part.sum(dim=3, keepdim=True) for part in within)
        alone = delta**2 * (side.own**2).sum(dim=3, keepdim=True) + bias @ bias + alpha**2 * squares
        mixed = delta * (alpha * of_own + (side.own @ bias)[..., None]) + alpha * of_bias
        total = alone + 2 * mixed + alpha * (P * across).sum(dim=3, keepdim=True)
        floor = (torch.finfo(total.dtype).eps * alone.detach()).clamp(min=_SMALL**2)  # below is rounding
        return torch.maximum(total, floor).rsqrt().transpose(2, 3)

    def _logits(self, z: int, x: int) -> Tensor:
        """Return the products of nodes of z with the updated nodes of x, (a, b, m_z, m_x)."""
        side, y = self.sides[x], 1 - x
        messages = self._products("h", "given", z, x) @ side.attention.transpose(2, 3)
        messages = messages + self._products("h", "given", z, y) @ self.messages[x].transpose(2, 3)
        own = self._products("h", "own", z, x) * self.delta[x].transpose(2, 3)
        return (self.alpha * messages + own + (self.sides[z].h @ self.bias)[..., None]) * self.scaled[x]

    def rebuilt(self, z: int) -> Tensor:
        """Return the nodes of z as they are rebuilt from all nodes, (a, b, m_z, d): eqs. 12 to 14."""
        present = [side.mask[:, :, None].expand(*self.alpha.shape[:2], -1, -1) for side in self.sides]
        logits = torch.cat([self._logits(z, x) for x in (0, 1)], dim=3)
        weights = masked_softmax(self.scale * logits, torch.cat(present, dim=3)) * torch.cat(self.scaled, dim=3)
        parts = torch.split(weights, [side.h.shape[1] for side in self.raw], dim=3)
        combined = []
        for x, side in enumerate(self.raw):
            y = 1 - x
            on_given = self.alpha * (parts[x] @ self.sides[x].attention + parts[y] @ self.messages[y])
            on_all = torch.cat(
                [on_given, parts[x] * self.delta[x].transpose(2, 3), parts[x].sum(3, keepdim=True)], dim=3
            )
            bias = self.bias.expand(len(side.h), 1, -1)
            combined.append(_combined(on_all, torch.cat([side.given, side.own, bias], dim=1), x))
        return combined[0] + combined[1]


def _combined(weights: Tensor, vectors: Tensor, x: int) -> Tensor:
    """Return what weights (a, b, m, k) make of the vectors (a, k, d) of images, or (b, k, d) of texts."""
    a, b, m, k = weights.shape
    if x == 0:
        return (weights.reshape(a, b * m, k) @ vectors).reshape(a, b, m, -1)
    return (weights.transpose(0, 1).reshape(b, a * m, k) @ vectors).reshape(b, a, m, -1).transpose(0, 1)
