"""Building blocks of the deep methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
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

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "generator": None}  # a copy does not share the noise of a running fit

    def forward(self, x: Tensor) -> Tensor:
        """Zero entries at random while training."""
        if not self.training or self.p == 0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * keep / (1 - self.p)


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
        mask = (A.to_dense() if A.is_sparse else A) > 0
        alpha = torch.softmax(e.masked_fill(~mask, -math.inf), dim=1)
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


def encoder(
    d_in: int, d_out: int, hidden: int | None = None, dropout: float = 0.0, input_dropout: float = 0.0
) -> nn.Sequential:
    """Return a projector into the common space.

    With `hidden`: linear, GELU, linear. Without: one linear layer and a rectifier, as in the papers. Dropout stands
    before each linear layer.

    Shapes: x (n, d_in); output (n, d_out).
    """
    if hidden is None:
        return nn.Sequential(Dropout(input_dropout), nn.Linear(d_in, d_out), nn.ReLU())
    inner = [nn.Linear(d_in, hidden), nn.GELU(), Dropout(dropout)]
    return nn.Sequential(Dropout(input_dropout), *inner, nn.Linear(hidden, d_out))


class FreeClassifiers(nn.Module):
    """One free vector per label, whatever the label vectors and the graph: a linear classifier.

    Shapes: Q (c, d_in) and A (c, c), both unused; output (c, d_out).
    """

    def __init__(self, c: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c, d_out) / math.sqrt(d_out))

    def forward(self, Q: Tensor, A: Tensor) -> Tensor:
        """Return the label classifiers."""
        return self.weight


class LabelGraphNetwork(nn.Module):
    """Two encoders, label classifiers that a graph network spreads over the label graph, and a critic.

    Parameters
    ----------
    inputs : sequence of two nn.Module
        Make the representations h_v, h_t of the raw rows.
    encoders : sequence of two nn.Module
        Map them into the common space.
    classifiers : nn.Module
        Called with `Q` and `A`; gives Z (c, d).
    Q : Tensor of shape (c, d_label)
        Label vectors: data, not parameters.
    A : Tensor of shape (c, c)
        The label graph: data as well.
    critic : nn.Module or None
        Judges where rows come from, given h_v, h_t and both embeddings.
    """

    Q: Tensor
    A: Tensor

    def __init__(
        self,
        inputs: Sequence[nn.Module],
        encoders: Sequence[nn.Module],
        classifiers: nn.Module,
        Q: Tensor,
        A: Tensor,
        critic: nn.Module | None,
    ) -> None:
        super().__init__()
        self.image_input, self.text_input = inputs
        self.image_encoder, self.text_encoder = encoders
        self.classifiers = classifiers
        self.critic = critic
        self.register_buffer("Q", Q)
        self.register_buffer("A", A)

    def encode_image(self, x: Tensor) -> Tensor:
        """Map images (n, d_image) to (n, d)."""
        out: Tensor = self.image_encoder(self.image_input(x))
        return out

    def encode_text(self, x: Tensor) -> Tensor:
        """Map texts (n, d_text) to (n, d)."""
        out: Tensor = self.text_encoder(self.text_input(x))
        return out

    def label_classifiers(self) -> Tensor:
        """Return the classifiers (c, d)."""
        Z: Tensor = self.classifiers(self.Q, self.A)
        return Z

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return embeddings, classifiers and, with a critic, its logits."""
        h_v, h_t = self.image_input(image), self.text_input(text)
        v, t = self.image_encoder(h_v), self.text_encoder(h_t)
        out = {"image": v, "text": t, "classifiers": self.label_classifiers()}
        if self.critic is not None:
            out["from_image"], out["from_text"] = self.critic(h_v, h_t, v, t)
        return out
