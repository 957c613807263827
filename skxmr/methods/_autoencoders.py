"""What the autoencoders share: decoders of a code into views, and what they lose of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skxmr._data.kinds import MODALITIES
from skxmr.nn import losses
from skxmr.nn.networks import ACTIVATIONS, decoder
from skxmr.nn.objective import Outputs


class Decoders(nn.ModuleDict):
    """A decoder per view, all of which take the same code.

    Parameters
    ----------
    views : sequence of {"image", "text"}
        The views that are decoded.
    d, hidden : int
        Width of the code, and hidden units of a decoder.
    widths : tuple of two int
        Widths of the images and of the texts.
    activation : {"gelu", "relu"}
        Activation of the hidden units.
    """

    def __init__(self, views: Sequence[str], d: int, hidden: int, widths: tuple[int, int], activation: str) -> None:
        super().__init__()
        for view in views:
            width = widths[MODALITIES.index(view)]
            self[view] = decoder(d, hidden, width, ACTIVATIONS[activation](), nn.Identity())

    def decode(self, code: Tensor, name: str) -> dict[str, Tensor]:
        """Return what is made of a code (n, d) of that name, such as ``"text_of_image"``, one output per view."""
        return {f"{view}_of_{name}": module(code) for view, module in self.items()}


def lost(outputs: Outputs, name: str, views: Sequence[str]) -> Tensor:
    """Return the reconstruction losses of the views that were made of the code of that name, added."""
    errors = [losses.reconstruction(outputs[f"{view}_of_{name}"], outputs[f"{view}_rows"]) for view in views]
    return torch.stack(errors).sum()
