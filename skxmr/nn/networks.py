"""Building blocks of the deep methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of every LeakyReLU in the papers' public codes
ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "tanh": nn.Tanh}


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


class UnitLength(nn.Module):
    """Divide rows (n, d) by their lengths; a zero row stays."""

    def forward(self, x: Tensor) -> Tensor:
        """Return rows of length 1."""
        return functional.normalize(x, dim=1)


def encoder(
    d_in: int,
    d_out: int,
    hidden: int | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    activation: str = "gelu",
    unit_length: bool = False,
) -> nn.Sequential:
    """Return a projector into the common space; dropout stands before each linear layer.

    With `hidden`: linear, activation, linear; the activation ``"tanh"`` stands behind both layers, as in ACMR. Without:
    one linear layer and a rectifier, as in the papers on label graphs. `unit_length` scales the rows at the end.

    Shapes: x (n, d_in); output (n, d_out).
    """
    layers: list[nn.Module] = [Dropout(input_dropout)]
    if hidden is None:
        layers += [nn.Linear(d_in, d_out), nn.ReLU()]
    else:
        layers += [nn.Linear(d_in, hidden), ACTIVATIONS[activation](), Dropout(dropout), nn.Linear(hidden, d_out)]
        layers += [nn.Tanh()] if activation == "tanh" else []
    return nn.Sequential(*layers, *([UnitLength()] if unit_length else []))


class TwoBranchNetwork(nn.Module):
    """One encoder a modality, into a common space.

    Parameters
    ----------
    inputs : sequence of two nn.Module
        Make the representations h_v, h_t of the raw rows.
    encoders : sequence of two nn.Module
        Map them into the common space.
    """

    def __init__(self, inputs: Sequence[nn.Module], encoders: Sequence[nn.Module]) -> None:
        super().__init__()
        self.image_input, self.text_input = inputs
        self.image_encoder, self.text_encoder = encoders

    def encode_image(self, x: Tensor) -> Tensor:
        """Map images (n, d_image) to (n, d)."""
        out: Tensor = self.image_encoder(self.image_input(x))
        return out

    def encode_text(self, x: Tensor) -> Tensor:
        """Map texts (n, d_text) to (n, d)."""
        out: Tensor = self.text_encoder(self.text_input(x))
        return out

    def forward(self, image: Tensor, text: Tensor) -> dict[str, Tensor]:
        """Return the embeddings of both."""
        return {"image": self.encode_image(image), "text": self.encode_text(text)}
