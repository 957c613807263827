"""Building blocks of the deep methods."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of every LeakyReLU in the papers' public codes


class Dropout(nn.Module):
    """Dropout that draws its masks from a generator of its own, so that threads cannot leak into each other.

    Parameters
    ----------
    p : float
        Probability of zeroing an entry; what remains is scaled by ``1 / (1 - p)``.

    Notes
    -----
    torch's own dropout draws from the global generator and takes no other. `generator` is set by whoever trains;
    without one the global generator is used.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Zero entries at random while training."""
        if not self.training or self.p == 0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * keep / (1 - self.p)


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse_gradient(x: Tensor, strength: float = 1.0) -> Tensor:
    """Return x; the gradient that comes back is multiplied by ``-strength`` (Ganin and Lempitsky, ICML 2015)."""
    out: Tensor = _Reversal.apply(x, strength)  # type: ignore[no-untyped-call]
    return out


class GraphConvolution(nn.Module):
    """One graph convolution: ``H' = LeakyReLU(A H W)``, W (d_in, d_out) uniform in +-1/sqrt(d_out), no bias.

    Shapes: H (c, d_in), A (c, c) normalised, dense or sparse; output (c, d_out).
    """

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_in, d_out).uniform_(-1, 1) / math.sqrt(d_out))

    def forward(self, H: Tensor, A: Tensor) -> Tensor:
        """Propagate the label vectors once."""
        return functional.leaky_relu(A @ (H @ self.weight), SLOPE)


class GraphAttention(nn.Module):
    """One single-head graph attention layer (Velickovic et al., ICLR 2018).

    ``e_ij = LeakyReLU(a^T [W h_i || W h_j])``, softmax over the j with A_ij > 0, ``h'_i = ELU(sum_j alpha_ij W h_j)``;
    W and a Xavier-normal with gain 1.414.

    Shapes: H (c, d_in), A (c, c) of which only the sign counts; output (c, d_out).
    """

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(d_in, d_out), gain=1.414))
        self.attention = nn.Parameter(nn.init.xavier_normal_(torch.empty(2 * d_out, 1), gain=1.414))

    def forward(self, H: Tensor, A: Tensor) -> Tensor:
        """Propagate the label vectors once."""
        WH = H @ self.weight
        d = WH.shape[1]
        e = functional.leaky_relu(WH @ self.attention[:d] + (WH @ self.attention[d:]).T, SLOPE)  # (c, c)
        alpha = torch.softmax(e.masked_fill(A <= 0, -math.inf), dim=1)
        return functional.elu(alpha @ WH)


class MultiHopGNN(nn.Module):
    """Label vectors spread over the label graph, one layer a hop (DAGNN, eq. 4).

    Parameters
    ----------
    layer : type
        :class:`GraphConvolution` or :class:`GraphAttention`.
    d_in : int
        Width of the label vectors.
    width : int
        Width of every layer.
    n_hops : int
        Number of layers k.
    d_out : int
        Width of the classifiers.
    aggregate : bool
        Concatenate all layers, ``z_i = W [h1_i || ... || hk_i] + b``; else the last layer alone is mapped.

    Shapes: Q (c, d_in), A (c, c); output (c, d_out).
    """

    def __init__(self, layer: type, d_in: int, width: int, n_hops: int, d_out: int, aggregate: bool = True) -> None:
        super().__init__()
        self.layers = nn.ModuleList([layer(d_in if hop == 0 else width, width) for hop in range(n_hops)])
        self.aggregate = aggregate
        self.output = nn.Linear(width * (n_hops if aggregate else 1), d_out)

    def forward(self, Q: Tensor, A: Tensor) -> Tensor:
        """Return the label classifiers."""
        hops = [Q]
        for layer in self.layers:
            hops.append(layer(hops[-1], A))
        out: Tensor = self.output(torch.cat(hops[1:], dim=1) if self.aggregate else hops[-1])
        return out


class Standardize(nn.Module):
    """Subtract the means and divide by the deviations of the fitting rows; both are data, not parameters.

    Shapes: x (n, d); `mean` and `deviation` (d,).
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Tensor) -> Tensor:
        """Return standardised rows."""
        return (x - self.mean) / self.deviation


class Discriminator(nn.Module):
    """Tells where rows come from: reversed gradient, BatchNorm, d -> d/4 -> d/16 -> 2 logits, LeakyReLU between.

    Shapes: rows (n, d); output (n, 2), column 0 for image, column 1 for text. What it learns to tell apart, the
    reversed gradient teaches the generators to hide.
    """

    def __init__(self, d: int, strength: float = 1.0) -> None:
        super().__init__()
        self.strength = strength
        wide, narrow = max(d // 4, 4), max(d // 16, 4)
        self.layers = nn.Sequential(
            nn.BatchNorm1d(d),
            nn.Linear(d, wide),
            nn.LeakyReLU(SLOPE),
            nn.Linear(wide, narrow),
            nn.LeakyReLU(SLOPE),
            nn.Linear(narrow, 2),
        )

    def forward(self, *parts: Tensor) -> list[Tensor]:
        """Return the logits of groups of rows, normalised together so that batch statistics give nothing away."""
        logits: Tensor = self.layers(reverse_gradient(torch.cat(parts), self.strength))
        return list(torch.split(logits, [len(part) for part in parts]))
