"""The graphs of all pairs of an image and a text: their nodes receive messages and are rebuilt from one another.

Alphabet: a images of r regions, b texts of w words, all of width d; k is a or b, and m is r or w. The modalities are
numbered, 0 for images and 1 for texts; `x` is one of them and `y` the other. What belongs to pairs has four axes: with
``(a, b, m_x, m_y)`` are meant the nodes of modality x and the nodes of modality y in the graph of each pair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from skxmr.pairwise.cross_attention import masked_softmax
from skxmr.pairwise.sets import NodeSet

_SMALL = 1e-8


@dataclass(frozen=True)
class Side(NodeSet):
    """What one modality brings into every graph: k images or texts of m nodes.

    Parameters
    ----------
    h, mask : Tensor
        The nodes, as in :class:`NodeSet`.
    anchors : bool Tensor of shape (k, m)
        Which nodes exchange messages with the other modality.
    queries, keys : Tensor of shape (k, m, d)
        kappa(h) and mu(h), whose products decide how much attention a node pays to another.
    sent : Tensor of shape (k, m, d)
        W_2 W_1 h: what other nodes receive from a node.
    kept : Tensor of shape (k, m, d)
        W_2 h: what a node keeps of itself.
    unit_heads : Tensor of shape (k, m, d)
        h, where the columns of every head are divided by their length.
    attention : Tensor of shape (k, m, m)
        The attention that nodes pay to nodes of their own modality.
    degrees : Tensor of shape (k, m)
        The number of nodes of their own modality to which they pay it.
    """

    anchors: Tensor
    queries: Tensor
    keys: Tensor
    sent: Tensor
    kept: Tensor
    unit_heads: Tensor
    attention: Tensor
    degrees: Tensor

    def trimmed(self, m: int) -> Self:
        """Return the first m nodes of images or texts that have no more."""
        shorter = super().trimmed(m)
        return replace(shorter, attention=self.attention[:, :m, :m])


class PairGraphs:
    """The graphs of all pairs after their messages: RACG, eqs. 8 to 14.

    An updated node of modality x is ``weight (A S_x + P S_y) + own_weight K_x + bias``, where A is its attention to its
    own modality, P its attention to the other, and S and K are what nodes send and keep. Updated nodes are never
    formed: there are a b (r + w) of them. Their lengths and products follow from the products of S and K, which are
    nine matrix products of all images with all texts. Only the rebuilt nodes exist as vectors. This takes a third more
    arithmetic than the printed equations and is faster at all but the smallest sizes, because memory limits them.

    Parameters
    ----------
    image, text : Side
        What images and texts bring into every graph.
    bias : Tensor of shape (d,)
        Added to every updated node.
    scale : float
        lambda of eqs. 12 and 13.
    second_mean : bool
        Divide by the number of nodes in eq. 11 as well as in eq. 10.
    """

    def __init__(self, image: Side, text: Side, bias: Tensor, scale: float, second_mean: bool) -> None:
        self.parts = (image, text)
        # With an axis for the other modality, so that images (a, 1, ...) and texts (1, b, ...) broadcast to pairs.
        self.sides = (image.each(lambda part: part[:, None]), text.each(lambda part: part[None]))
        self.bias = bias
        self.scale = scale
        n_nodes = (image.mask.sum(1)[:, None] + text.mask.sum(1)).clamp(min=1).to(image.h.dtype)[..., None, None]
        mean = 1 / n_nodes if second_mean else torch.ones_like(n_nodes)
        self.weight = mean / n_nodes
        linked = self.sides[0].anchors[..., None] & self.sides[1].anchors[:, :, None]
        linked_from = (linked, linked.transpose(2, 3))
        self.across = [masked_softmax(self._logits_across(x), linked_from[x]) for x in (0, 1)]
        degrees = [self.sides[x].degrees + linked_from[x].sum(dim=3) for x in (0, 1)]
        self.own_weight = [mean * degrees[x][..., None] for x in (0, 1)]
        sent = _products(image.sent, text.sent, 0, 1)
        self.inverse_lengths = [self._inverse_lengths(0, sent), self._inverse_lengths(1, sent.transpose(2, 3))]

    def _logits_across(self, x: int) -> Tensor:
        """Return before the softmax what attention nodes of x pay to nodes of y, (a, b, m_x, m_y): eqs. 8 and 9."""
        y = 1 - x
        return _products(self.parts[x].queries, self.parts[y].keys, x, y)

    def _inverse_lengths(self, x: int, sent_products: Tensor) -> Tensor:
        """Return one over the length of the updated nodes of x, (a, b, 1, m_x): eqs. 10 and 11.

        `sent_products` are the products of S_x with S_y. The square of the length of a sum is the sum of the products
        of all its terms, which are gathered here by the attention they are weighted with.
        """
        y = 1 - x
        side = self.sides[x]
        part = self.parts[x]
        other = self.parts[y]
        A = side.attention
        P = self.across[x]
        own_weight = self.own_weight[x]
        kept_by_sent = _products(part.kept, part.sent, x, x)
        kept_by_other = _products(part.kept, other.sent, x, y)
        bias_by_sent = (side.sent @ self.bias)[:, :, None]
        bias_by_other = (self.sides[y].sent @ self.bias)[:, :, None]

        # The terms with A alone: A S_x with itself, with the node itself and with the bias.
        squares = (A * (A @ _products(part.sent, part.sent, x, x))).sum(dim=3, keepdim=True)
        with_kept = (A * kept_by_sent).sum(dim=3, keepdim=True)
        with_bias = (A * bias_by_sent).sum(dim=3, keepdim=True)
        # The terms with P: P S_y with itself, and twice with everything else.
        with_sent = P @ _products(other.sent, other.sent, y, y) + 2 * (A @ sent_products)
        with_other = self.weight * with_sent + 2 * (own_weight * kept_by_other + bias_by_other)

        alone = own_weight**2 * (side.kept**2).sum(dim=3, keepdim=True) + self.bias @ self.bias
        alone = alone + self.weight**2 * squares
        mixed = own_weight * (self.weight * with_kept + (side.kept @ self.bias)[..., None]) + self.weight * with_bias
        total = alone + 2 * mixed + self.weight * (P * with_other).sum(dim=3, keepdim=True)
        # Smaller values are rounding errors, which may even be negative.
        floor = (torch.finfo(total.dtype).eps * alone.detach()).clamp(min=_SMALL**2)
        return torch.maximum(total, floor).rsqrt().transpose(2, 3)

    def _cosines(self, z: int, x: int) -> Tensor:
        """Return the products of nodes of z with updated nodes of x divided by their length, (a, b, m_z, m_x)."""
        y = 1 - x
        h = self.parts[z].h
        messages = _products(h, self.parts[x].sent, z, x) @ self.sides[x].attention.transpose(2, 3)
        messages = messages + _products(h, self.parts[y].sent, z, y) @ self.across[x].transpose(2, 3)
        kept = _products(h, self.parts[x].kept, z, x) * self.own_weight[x].transpose(2, 3)
        bias = (self.sides[z].h @ self.bias)[..., None]
        return (self.weight * messages + kept + bias) * self.inverse_lengths[x]

    def updated(self, x: int) -> Tensor:
        """Return the updated nodes of x at unit length, (a, b, m_x, d): eq. 11. Only who looks at them needs them."""
        y = 1 - x
        side = self.sides[x]
        messages = side.attention @ side.sent + self.across[x] @ self.sides[y].sent
        nodes = self.weight * messages + self.own_weight[x] * side.kept + self.bias
        return nodes * self.inverse_lengths[x].transpose(2, 3)

    def rebuilt(self, z: int) -> Tensor:
        """Return the nodes of z as they are rebuilt from all nodes of their graphs, (a, b, m_z, d): eqs. 12 to 14."""
        pairs = self.weight.shape[:2]
        present = torch.cat([side.mask[:, :, None].expand(*pairs, -1, -1) for side in self.sides], dim=3)
        logits = self.scale * torch.cat([self._cosines(z, 0), self._cosines(z, 1)], dim=3)
        weights = masked_softmax(logits, present) * torch.cat(self.inverse_lengths, dim=3)
        of_regions, of_words = torch.split(weights, [part.h.shape[1] for part in self.parts], dim=3)
        of_nodes = (of_regions, of_words)
        return self._weighted(0, of_nodes) + self._weighted(1, of_nodes)

    def _weighted(self, x: int, of_nodes: tuple[Tensor, Tensor]) -> Tensor:
        """Return what the vectors of modality x add to nodes that are weighted sums of updated nodes."""
        y = 1 - x
        part = self.parts[x]
        on_sent = self.weight * (of_nodes[x] @ self.sides[x].attention + of_nodes[y] @ self.across[y])
        on_kept = of_nodes[x] * self.own_weight[x].transpose(2, 3)
        on_bias = of_nodes[x].sum(3, keepdim=True)
        bias = self.bias.expand(len(part.h), 1, -1)
        weights = torch.cat([on_sent, on_kept, on_bias], dim=3)
        return _sums(weights, torch.cat([part.sent, part.kept, bias], dim=1), x)


def _products(u: Tensor, v: Tensor, x: int, y: int) -> Tensor:
    """Return the products of vectors of modality x with vectors of modality y, (a, b, m_x, m_y).

    If x and y are the same modality, they are those of the same image or text: (a, 1, r, r) or (1, b, w, w).
    """
    if x == y:
        return (u @ v.transpose(1, 2)).unsqueeze(1 - x)
    k, m, d = u.shape
    n, o, _ = v.shape
    products = (u.reshape(k * m, d) @ v.reshape(n * o, d).T).reshape(k, m, n, o)
    return products.permute((0, 2, 1, 3) if x == 0 else (2, 0, 1, 3))


def _sums(weights: Tensor, vectors: Tensor, x: int) -> Tensor:
    """Return the sums, by weights (a, b, m, v), of v vectors of each image (a, v, d) or of each text (b, v, d)."""
    a, b, m, v = weights.shape
    if x == 0:
        return (weights.reshape(a, b * m, v) @ vectors).reshape(a, b, m, -1)
    return (weights.transpose(0, 1).reshape(b, a * m, v) @ vectors).reshape(b, a, m, -1).transpose(0, 1)
