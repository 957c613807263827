"""The network that the parameters of ImageFeatures mean."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from skxmr.features import lite
from skxmr.features.networks import GivenFunction, GivenModule, ImageNetwork, Prepare
from skxmr.features.pretrained import GivenWeights
from skxmr.features.torchvision_network import TorchvisionNetwork


def image_network(
    model: str | nn.Module | Callable[..., object],
    layer: str,
    weights: GivenWeights,
    seed: int | None,
    prepare: Prepare | None,
) -> ImageNetwork:
    """Return what a name, a module or a function computes with."""
    if isinstance(model, str) and model != lite.NAME:
        return TorchvisionNetwork(model, layer, weights, seed, prepare)
    if weights != "imagenet":
        has_its_own = repr(model) if isinstance(model, str) else f"a {type(model).__name__} that is passed as model"
        raise ValueError(f"weights={weights!r} has no effect on {has_its_own}, which has its own; leave it out.")
    if isinstance(model, str):
        return lite.LiteNetwork(layer, prepare)
    if isinstance(model, nn.Module):
        return GivenModule(model, layer, prepare)
    return GivenFunction(model, layer, prepare)
