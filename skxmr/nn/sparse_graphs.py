"""Products, sums and attention over a sparse label graph, so that 10,000 labels can be learned.

A graph is a coalesced sparse tensor (c, c) whose row i holds what label i receives; its entries are the edges. No dense
(c, c) matrix is made. That is why attention over edges has its own gradient: torch's gradient of a sparse product with
respect to its weights is dense.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx
from torch.nn import functional

from skxmr.nn.networks import SLOPE

# Edges whose rows are gathered at a time.
_EDGES = 8192


def propagate(A: Tensor, X: Tensor) -> Tensor:
    """Return A X for a dense or a sparse graph (c, c) and X (c, d)."""
    if not A.is_sparse:
        return A @ X
    # Sparse products do not support bfloat16.
    with torch.autocast(X.device.type, enabled=False):
        return torch.sparse.mm(A, X.to(A.dtype))


def weighted(A: Tensor, weights: Tensor) -> Tensor:
    """Return the graph with other weights on the same edges."""
    return torch.sparse_coo_tensor(A.indices(), weights, A.shape, is_coalesced=True, check_invariants=False)


def split_diagonal(A: Tensor) -> tuple[Tensor, Tensor]:
    """Return the diagonal (c,) and the weights of all edges, with 0 for those on the diagonal."""
    i, j = A.indices()
    loops = i == j
    return row_sums(A.values().masked_fill(~loops, 0), i, len(A)), A.values().masked_fill(loops, 0)


def row_sums(weights: Tensor, rows: Tensor, c: int) -> Tensor:
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
    alpha = weights / row_sums(weights, rows, len(A))[rows]
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
