"""TorchvisionNetwork: what ImageFeatures computes with where the model is a name that torchvision knows."""

from __future__ import annotations

import copy

import torch
from torch import nn

from skxmr.features.layers import cut
from skxmr.features.networks import Compute, ImageNetwork, Prepare
from skxmr.features.pretrained import GivenWeights, entry_of, find_weights, load, published, side_of, skeleton
from skxmr.nn.device import initialising


class TorchvisionNetwork(ImageNetwork):
    """A classification network of torchvision by its name, with published, given or random weights."""

    def __init__(self, name: str, layer: str, weights: GivenWeights, seed: int | None, prepare: Prepare | None) -> None:
        self.name = f"layer {layer!r}"
        self._name = name
        self._layer = layer
        self._weights = weights
        self._seed = seed
        self._prepare = prepare

    def check(self) -> None:
        """Refuse parameters that cannot work together."""
        # A missing torchvision and an unknown name are reported first.
        published(self._name)
        if not isinstance(self._weights, nn.Module):
            find_weights(self._name, self._weights, self._seed)

    def check_layer(self) -> None:
        """Refuse a layer that does not exist."""
        # Computing the width raises the error for a layer that does not exist.
        self.width()

    def prepare(self) -> Prepare:
        """Return what every image goes through on its own."""
        if self._prepare is not None:
            return self._prepare
        prepare: Prepare = entry_of(self._name, self._weights).transforms()
        return prepare

    def compute(self, device: torch.device) -> Compute:
        """Return the network on a device, as a function."""
        return cut(self._network(device), self._layer)

    def _network(self, device: torch.device) -> nn.Module:
        # A copy, so that the user's module keeps its mode and its device.
        if isinstance(self._weights, nn.Module):
            return copy.deepcopy(self._weights).eval().to(device)
        source = find_weights(self._name, self._weights, self._seed)
        # One thread at a time: the first loads the network, the others find it loaded.
        with initialising(self._seed or 0):
            return load(self._name, source, device)

    def content(self) -> tuple[object, ...]:
        """Return all that decides the vectors of an image."""
        if isinstance(self._weights, nn.Module):
            weights: object = self._weights
        else:
            weights = find_weights(self._name, self._weights, self._seed).content(self._name)
        return self._name, self._layer, weights, self.prepare()

    def width(self) -> int:
        """Return the number of features, found by passing shapes only."""
        entry = entry_of(self._name, self._weights)
        if isinstance(self._weights, nn.Module):
            network = copy.deepcopy(self._weights).to("meta")
        else:
            network = skeleton(self._name, entry)
        images = torch.empty(1, 3, side_of(entry), side_of(entry), device="meta")
        with torch.inference_mode():
            return int(torch.as_tensor(cut(network, self._layer)(images)).shape[1])
