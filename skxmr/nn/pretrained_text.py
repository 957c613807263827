"""A text network that is trained on the labels before the rest of the network."""

from __future__ import annotations

from torch import Tensor, nn

from skxmr.nn.networks import SLOPE, Dropout

# Width of what the network returns.
TEXT_WIDTH = 300
_TEXT_HIDDEN = 4096


class PretrainedText(nn.Module):
    """Text network d -> 4096 -> 300 with LeakyReLU after both, trained to predict the labels, then frozen.

    Shapes: x (n, d); output (n, 300).

    Parameters
    ----------
    before : torch.nn.Module
        The first step, e.g. standardisation.
    d, c : int
        Width of the texts and number of labels.
    dropout, input_dropout : float
        Dropout between the layers and of the input, while the network is trained.
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
