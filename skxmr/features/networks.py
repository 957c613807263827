"""What ImageFeatures computes with, and the networks that users pass: modules and functions."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn

from skxmr.features.layers import cut
from skxmr.nn.device import resolve_device

if TYPE_CHECKING:
    from PIL import Image

# Turns an RGB image into a tensor; None leaves images as they are.
Prepare: TypeAlias = "Callable[[Image.Image], Tensor]"
# Turns prepared images, one tensor (n, ...) or a list, into vectors (n, d).
Compute: TypeAlias = "Callable[[Any], object]"


class ImageNetwork(ABC):
    """How images are prepared, and how prepared ones become vectors; errors call the network by its `name`."""

    name: str

    @abstractmethod
    def check(self) -> None:
        """Refuse parameters that cannot work together, without opening an image or loading weights."""

    def check_layer(self) -> None:  # noqa: B027
        """Refuse a layer that does not exist, where that can be known before there are images."""

    @abstractmethod
    def prepare(self) -> Prepare | None:
        """Return what every image goes through on its own."""

    @abstractmethod
    def compute(self, device: torch.device) -> Compute:
        """Return the network on a device, as a function."""

    @abstractmethod
    def content(self) -> tuple[object, ...]:
        """Return all that decides the vectors of an image."""

    def device(self, name: str) -> torch.device:
        """Return the device of that name."""
        return resolve_device(name)

    def width(self) -> int:
        """Return the number of features, which one white image tells."""
        from PIL import Image

        prepare = self.prepare()
        white = Image.new("RGB", (64, 64), "white")
        batch = [white] if prepare is None else torch.as_tensor(prepare(white))[None]
        with torch.inference_mode():
            return int(torch.as_tensor(self.compute(torch.device("cpu"))(batch)).shape[1])


class GivenModule(ImageNetwork):
    """A module of torch that a user passes, with the preparation that it needs."""

    def __init__(self, module: nn.Module, layer: str, prepare: Prepare | None) -> None:
        self.name = type(module).__name__ if layer == "auto" else f"layer {layer!r}"
        self._module = module
        self._layer = None if layer == "auto" else layer
        self._prepare = prepare

    def check(self) -> None:
        """Refuse parameters that cannot work together."""
        if self._prepare is None:
            raise ValueError(
                "prepare is missing: a module needs a function that turns an RGB image of PIL into a tensor, such as "
                "skxmr.features.PadToSquare() or the one that came with its weights."
            )

    def check_layer(self) -> None:
        """Refuse a layer that does not exist."""
        cut(self._module, self._layer)

    def prepare(self) -> Prepare | None:
        """Return what every image goes through on its own."""
        return self._prepare

    def compute(self, device: torch.device) -> Compute:
        """Return the network on a device, as a function."""
        return cut(copy.deepcopy(self._module).eval().to(device), self._layer)

    def content(self) -> tuple[object, ...]:
        """Return all that decides the vectors of an image."""
        return self._module, self._layer, self._prepare


class GivenFunction(ImageNetwork):
    """Any function from images to vectors that a user passes."""

    def __init__(self, function: Callable[..., object], layer: str, prepare: Prepare | None) -> None:
        self.name = "the function that is passed as model"
        self._function = function
        self._layer = layer
        self._prepare = prepare

    def check(self) -> None:
        """Refuse parameters that cannot work together."""
        if self._layer != "auto":
            raise ValueError(f"layer={self._layer!r} has no effect on a function; leave it at 'auto'.")

    def device(self, name: str) -> torch.device:
        """Return the device of that name; a function may hold a network that was left on the CPU."""
        return torch.device("cpu") if name == "auto" else resolve_device(name)

    def prepare(self) -> Prepare | None:
        """Return what every image goes through on its own."""
        return self._prepare

    def compute(self, device: torch.device) -> Compute:
        """Return the network on a device, as a function."""
        return self._function

    def content(self) -> tuple[object, ...]:
        """Return all that decides the vectors of an image."""
        return self._function, self._prepare
