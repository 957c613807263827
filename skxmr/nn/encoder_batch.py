"""EncoderBatch: what an encoder of raw items is called with."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class EncoderBatch(NamedTuple):
    """Tensors that an encoder is called with, by position and by name."""

    parts: tuple[Tensor, ...]
    named: dict[str, Tensor]

    def to(self, device: torch.device) -> EncoderBatch:
        """Return a copy on a device; to a GPU it is made while the caller continues."""
        parts = tuple(_moved(part, device) for part in self.parts)
        return EncoderBatch(parts, {name: _moved(part, device) for name, part in self.named.items()})

    def record_stream(self, stream: torch.cuda.Stream) -> None:
        """Let torch not reuse the memory before a stream has come so far."""
        for part in (*self.parts, *self.named.values()):
            part.record_stream(stream)


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
