"""Layers that several deep methods share, and the network of two encoders that most of them train."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from skxmr._docstrings import documented_like
from skxmr.nn.retrieval_network import RetrievalNetwork

# Slope of every LeakyReLU in the public code of the papers.
SLOPE = 0.2
ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "tanh": nn.Tanh}
# Widths of a text network that is trained on the labels: of its hidden layer, and of what it returns.
_TEXT_HIDDEN = 4096
TEXT_WIDTH = 300


class Dropout(nn.Module):
    """Dropout with a generator of its own, so that fits in several threads cannot disturb each other.

    Parameters
    ----------
    p : float
        Probability of zeroing an entry; the others are scaled by ``1 / (1 - p)``.

    Attributes
    ----------
    generator : torch.Generator or None
        Set by the training loop. None is torch's global generator, the only one that torch's own dropout can use.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import Dropout
    >>> dropout = Dropout(0.5)
    >>> dropout.generator = torch.Generator().manual_seed(0)
    >>> sorted(set(dropout(torch.ones(1000)).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def __getstate__(self) -> dict[str, object]:
        # A copy must not draw from the generator of a running fit.
        return {**self.__dict__, "generator": None}

    def forward(self, x: Tensor) -> Tensor:
        """Zero entries at random in training.

        Parameters
        ----------
        x : Tensor of any shape
            The input.

        Returns
        -------
        Tensor
            Of the same shape.
        """
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
    """Divide rows (n, d) by their lengths; a zero row stays zero."""

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
    """Return a network that maps one view into the common space.

    With `hidden` it is a linear layer, an activation and a linear layer; without, one linear layer and a ReLU, as in
    the papers on label graphs.

    Parameters
    ----------
    d_in : int
        Width of the input (n, d_in).
    d_out : int
        Width of the output (n, d_out).
    hidden : int or None, default=None
        Number of hidden units; None means no hidden layer.
    dropout : float, default=0.0
        Dropout between the layers.
    input_dropout : float, default=0.0
        Dropout of the input.
    activation : {"gelu", "relu", "tanh"}, default="gelu"
        Activation after the hidden layer; ``"tanh"`` also follows the last layer, as in ACMR.
    unit_length : bool, default=False
        Divide the output rows by their lengths.

    Returns
    -------
    torch.nn.Sequential
        The network.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import encoder
    >>> encoder(5, 3, hidden=8)(torch.zeros(2, 5)).shape
    torch.Size([2, 3])
    """
    layers: list[nn.Module] = [Dropout(input_dropout)]
    if hidden is None:
        layers += [nn.Linear(d_in, d_out), nn.ReLU()]
    else:
        layers += [nn.Linear(d_in, hidden), ACTIVATIONS[activation](), Dropout(dropout), nn.Linear(hidden, d_out)]
        if activation == "tanh":
            layers.append(nn.Tanh())
    if unit_length:
        layers.append(UnitLength())
    return nn.Sequential(*layers)


def decoder(d: int, hidden: int, d_out: int, activation: nn.Module, last: nn.Module) -> nn.Sequential:
    """Return a network of one hidden layer that makes rows of a view (n, d_out) of codes (n, d); `last` ends it."""
    return nn.Sequential(nn.Linear(d, hidden), activation, nn.Linear(hidden, d_out), last)


class TwoBranchNetwork(RetrievalNetwork):
    """One encoder per modality, into a common space.

    Parameters
    ----------
    inputs : sequence of two nn.Module
        Make the representations h_v, h_t of the raw rows.
    encoders : sequence of two nn.Module
        Map them into the common space.

    Examples
    --------
    >>> import torch
    >>> from skxmr.nn import TwoBranchNetwork, encoder
    >>> network = TwoBranchNetwork([torch.nn.Identity(), torch.nn.Identity()], [encoder(5, 3), encoder(4, 3)])
    >>> network(torch.zeros(2, 5), torch.zeros(2, 4))["text"].shape
    torch.Size([2, 3])
    """

    def __init__(self, inputs: Sequence[nn.Module], encoders: Sequence[nn.Module]) -> None:
        super().__init__()
        self.image_input, self.text_input = inputs
        self.image_encoder, self.text_encoder = encoders

    @documented_like(RetrievalNetwork.encode_image)
    def encode_image(self, x: Tensor) -> Tensor:
        """Map images into the common space."""
        return self.image_encoder(self.image_input(x))

    @documented_like(RetrievalNetwork.encode_text)
    def encode_text(self, x: Tensor) -> Tensor:
        """Map texts into the common space."""
        return self.text_encoder(self.text_input(x))


class PretrainedText(nn.Module):
    """Text network d -> 4096 -> 300 with LeakyReLU after both, trained to predict the labels, then frozen.

    `before` is the first step, e.g. standardisation; `dropout` is that between the layers.

    Shapes: x (n, d); output (n, 300), of which `to_labels` makes the scores of c labels.
    """

    def __init__(self, before: nn.Module, d: int, c: int, dropout: float, input_dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            before,
            Dropout(input_dropout),
            nn.Linear(d, _TEXT_HIDDEN),
            nn.LeakyReLU(SLOPE),
            Dropout(dropout),
            nn.Linear(_TEXT_HIDDEN, TEXT_WIDTH),
            nn.LeakyReLU(SLOPE),
        )
        self.to_labels = nn.Linear(TEXT_WIDTH, c)
        self.frozen = False

    def forward(self, x: Tensor) -> Tensor:
        """Return the representations."""
        return self.layers(x)

    def train(self, mode: bool = True) -> PretrainedText:
        """Set the mode; a frozen network stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def freeze(self) -> None:
        """Stop learning and dropout for good; from then on the network is a fixed function of the data."""
        self.frozen = True
        self.eval().requires_grad_(False)
