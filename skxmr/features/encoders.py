"""Networks by name as modules that can be trained, each with the transform that its images need."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from skxmr.features import lite
from skxmr.features.layers import reached
from skxmr.features.square import PadToSquare

# The names that `named_encoder` knows.
NAMES = (lite.NAME,)


class NamedEncoder(nn.Module):
    """A network that comes with a package, cut where its features are: an encoder of images.

    Shapes: images (n, 3, height, width); output (n, d).

    Parameters
    ----------
    name : str
        One of `NAMES`.
    network : Module
        The network of that name.
    """

    def __init__(self, name: str, network: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.network = network
        # What an RGB image of PIL goes through before the network sees it.
        self.transform = PadToSquare()

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of a batch."""
        return reached(self.network, lite.POOLED, images)


def named_encoder(name: str) -> NamedEncoder:
    """Return a trainable copy of a network with its published weights; its `transform` may be set to another one."""
    if name not in NAMES:
        raise ValueError(
            f"image_encoder={name!r} is no network that is known by name; known are {list(NAMES)}. Pass a module of "
            "torch with an attribute `transform`, such as one of torchvision."
        )
    return NamedEncoder(name, copy.deepcopy(lite.lite_network())).requires_grad_(True)
