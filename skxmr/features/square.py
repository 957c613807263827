"""PadToSquare: images of any shape as normalised square tensors, without torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class PadToSquare:
    """Turn an image into a normalised square tensor, as the `transform` of :class:`ImageFeatures`.

    The image is padded to a square, equally on opposite sides, and resized by bicubic interpolation. Nothing is cut
    off, which suits drawings, icons and products. It needs no torchvision.

    Parameters
    ----------
    side : int, default=224
        Height and width of the result, in pixels.
    mean : float or sequence of three floats, default=0.498
        What is subtracted from every pixel, between 0 and 1; of each colour or of all.
    std : float or sequence of three floats, default=0.502
        What every pixel is then divided by.
    fill : str or tuple of three int, default="white"
        Colour of the padding, as PIL knows it.

    Examples
    --------
    >>> from PIL import Image
    >>> from skxmr.features import PadToSquare
    >>> PadToSquare(8)(Image.new("RGB", (20, 10), "black")).shape
    torch.Size([3, 8, 8])
    """

    side: int = 224
    mean: float | Sequence[float] = 0.498
    std: float | Sequence[float] = 0.502
    fill: str | tuple[int, int, int] = "white"

    def __call__(self, image: Image.Image) -> Tensor:
        """Return an RGB image as a tensor of shape (3, side, side), float32."""
        from PIL import Image

        largest = max(image.size)
        square = image
        if image.width != image.height:
            square = Image.new("RGB", (largest, largest), self.fill)
            square.paste(image, ((largest - image.width) // 2, (largest - image.height) // 2))
        resized = square.resize((self.side, self.side), Image.Resampling.BICUBIC)
        pixels = np.asarray(resized, np.float32) / 255
        normalised = (pixels - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return torch.from_numpy(normalised.transpose(2, 0, 1).copy())
