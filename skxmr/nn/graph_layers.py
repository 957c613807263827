"""Layers that spread label vectors over a label graph.

Graphs of more than 512 labels are sparse, and every layer has a form for them that makes no matrix of labels by labels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from skxmr.nn.networks import SLOPE
from skxmr.nn.sparse_graphs import attend, propagate, row_sums, split_diagonal, weighted


class GraphConvolution(nn.Module):
    """One graph convolution: ``H' = LeakyReLU(A H W)``, W (d_in, d_out) uniform in +-1/sqrt(d_out), no bias.

    Shapes: H (c, d_in), A (c, c) normalised, dense or sparse; output (c, d_out).
    """

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_in, d_out).uniform_(-1, 1) / math.sqrt(d_out))

    def forward(self, H: Tensor, A: Tensor) -> Tensor:
        """Propagate the label vectors once."""
        return functional.leaky_relu(propagate(A, H @ self.weight), SLOPE)


class GraphAttention(nn.Module):
    """One single-head graph attention layer (Velickovic et al., ICLR 2018).

    ``e_ij = LeakyReLU(a^T [W h_i || W h_j])``, softmax over the j with A_ij > 0, ``h'_i = ELU(sum_j alpha_ij W h_j)``;
    W and a Xavier-normal with gain 1.414.

    Shapes: H (c, d_in), A (c, c) of which only the sign counts, dense or sparse; output (c, d_out).
    """

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(d_in, d_out), gain=1.414))
        self.attention = nn.Parameter(nn.init.xavier_normal_(torch.empty(2 * d_out, 1), gain=1.414))

    def forward(self, H: Tensor, A: Tensor) -> Tensor:
        """Propagate the label vectors once."""
        WH = H @ self.weight
        d = WH.shape[1]
        receiver = WH @ self.attention[:d]
        sender = WH @ self.attention[d:]
        if A.is_sparse:
            met = attend(A, receiver[:, 0].to(A.dtype), sender[:, 0].to(A.dtype), WH.to(A.dtype))
            return functional.elu(met)
        e = functional.leaky_relu(receiver + sender.T, SLOPE)  # (c, c)
        alpha = torch.softmax(e.masked_fill(A <= 0, -math.inf), dim=1)
        return functional.elu(alpha @ WH)


class TwoBranchLayer(nn.Module):
    """One two-layer graph convolution of L2-GCN (eqs. 5-10): one branch for a label itself, one for its neighbours.

    ``X = H W + b``, self = diag(A) X, neighbours = (A off the diagonal) X / k with k_i the number of neighbours of
    label i; a label without neighbours gets 0. Output ``Linear_1(self) + Linear_2(neighbours)``, without an activation.

    Shapes: H (c, d_in), A (c, c) dense or sparse; output (c, d_out).
    """

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.features = nn.Linear(d_in, d_out)
        self.own = nn.Linear(d_out, d_out)
        self.neighbours = nn.Linear(d_out, d_out)

    def forward(self, H: Tensor, A: Tensor) -> Tensor:
        """Propagate the label vectors once."""
        X = self.features(H)
        if A.is_sparse:
            own, neighbours = split_diagonal(A)
            k = row_sums((neighbours > 0).to(X.dtype), A.indices()[0], len(A)).clamp(min=1)[:, None]
            met = propagate(weighted(A, neighbours), X) / k
            return self.own(own[:, None] * X) + self.neighbours(met)
        off = A - torch.diag(A.diagonal())
        k = (off > 0).sum(dim=1, keepdim=True).clamp(min=1)
        return self.own(A.diagonal()[:, None] * X) + self.neighbours(off @ X / k)


def symmetric(A: Tensor) -> Tensor:
    """Normalise a graph, ``D^-1/2 A D^-1/2`` with D the row sums of A (c, c) >= 0; a row without weight stays 0.

    The output is dense, and gradients flow through the row sums as well.
    """
    A = A.to_dense() if A.is_sparse else A
    scale = A.sum(dim=1).clamp(min=1e-12).rsqrt()
    return scale[:, None] * A * scale[None, :]


LAYERS = {"gcn": GraphConvolution, "gat": GraphAttention, "l2gcn": TwoBranchLayer}
