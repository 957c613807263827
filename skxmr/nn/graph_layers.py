"""Layers that spread label vectors over a label graph (c, c), whose row i holds what label i receives.

Graphs of more than 512 labels are coalesced sparse tensors, whose entries are the edges. Every layer has a form for
them that makes no dense (c, c) matrix, so that 10,000 labels can be learned. That is why attention over edges has its
own gradient: torch's gradient of a sparse product with respect to its weights is dense.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx
from torch.nn import functional

from skxmr.nn.networks import SLOPE

# Edges whose rows are gathered at a time.
_EDGES = 8192


class GraphConvolution(nn.Module):
    """One graph convolution: ``H' = LeakyReLU(A H W)``, W (d_in, d_out) uniform in +-1/sqrt(d_out), no bias.

    Shapes: H (c, d_in), A (c, c) normalised, dense or sparse; output (c, d_out).
    """

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_in, d_out).uniform_(-1, 1) / math.sqrt(d_out))

    def forward(self, H: Tensor, A: Tensor) -> Tensor:
        """Propagate the label vectors once."""
        return functional.leaky_relu(_propagate(A, H @ self.weight), SLOPE)


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
            receiver, sender = A.indices()
            own = _row_sums(A.values().masked_fill(receiver != sender, 0), receiver, len(A))
            weights = A.values().masked_fill(receiver == sender, 0)
            k = _row_sums((weights > 0).to(X.dtype), receiver, len(A)).clamp(min=1)[:, None]
            off = torch.sparse_coo_tensor(A.indices(), weights, A.shape, is_coalesced=True, check_invariants=False)
            return self.own(own[:, None] * X) + self.neighbours(_propagate(off, X) / k)
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


def _propagate(A: Tensor, X: Tensor) -> Tensor:
    """Return A X for a dense or a sparse graph (c, c) and X (c, d)."""
    if not A.is_sparse:
        return A @ X
    # Sparse products do not support bfloat16.
    with torch.autocast(X.device.type, enabled=False):
        return torch.sparse.mm(A, X.to(A.dtype))


def _row_sums(weights: Tensor, rows: Tensor, c: int) -> Tensor:
    """Add the weights of each row's edges: (c,)."""
    return torch.zeros(c, dtype=weights.dtype, device=weights.device).index_add(0, rows, weights)


def attend(A: Tensor, receiver: Tensor, sender: Tensor, X: Tensor) -> Tensor:
    """Return ``sum_j alpha_ij x_j`` with alpha the softmax over the edges of row i of LeakyReLU(r_i + s_j).

    Shapes: receiver r and sender s (c,), X (c, d); output (c, d), where a row without an edge is 0.
    """
    rows, columns = A.indices()
    e = functional.leaky_relu(receiver[rows] + sender[columns], SLOPE)
    # Subtracting the largest value of each row keeps the exponentials finite.
    largest = torch.full((len(A),), -torch.inf, dtype=e.dtype, device=e.device)
    largest = largest.scatter_reduce(0, rows, e.detach(), "amax")
    weights = (e - largest[rows]).exp()
    alpha = weights / _row_sums(weights, rows, len(A))[rows]
    with torch.autocast(X.device.type, enabled=False):
        # torch does not annotate Function.apply.
        return _EdgeSum.apply(alpha, rows, columns, X)  # type: ignore[no-untyped-call]


class _EdgeSum(torch.autograd.Function):
    """Weighted sums over edges, with gradients for the vectors and for the weights of the edges."""

    @staticmethod
    def forward(ctx: FunctionCtx, weights: Tensor, rows: Tensor, columns: Tensor, X: Tensor) -> Tensor:
        ctx.save_for_backward(weights, rows, columns, X)
        return _graph(weights, rows, columns, len(X)) @ X

    @staticmethod
    def backward(ctx: BackwardCFunction, *gradients: Tensor) -> tuple[Tensor, None, None, Tensor]:
        weights, rows, columns, X = tuple(ctx.saved_tensors)
        (G,) = gradients
        of_weights = []
        for i, j in zip(torch.split(rows, _EDGES), torch.split(columns, _EDGES), strict=True):
            of_weights.append((G[i] * X[j]).sum(dim=1))
        return torch.cat(of_weights), None, None, _graph(weights, columns, rows, len(X)) @ G


def _graph(weights: Tensor, rows: Tensor, columns: Tensor, c: int) -> Tensor:
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), weights, (c, c), check_invariants=False)
