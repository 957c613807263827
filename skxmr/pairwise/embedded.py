"""Embeddings of images and of texts by a network that is given regions and words: in blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skxmr.pairwise.sources import RegionSource, WordSource

# Rows that are encoded together.
_ROWS = 256


@torch.inference_mode()
def encoded_images(encode: Callable[[Any], Tensor], images: RegionSource) -> NDArray[np.float32]:
    """Return the embedding of every image, (n, d)."""
    return _encoded(encode, images, torch.arange(len(images), device="cpu"))


@torch.inference_mode()
def encoded_texts(encode: Callable[[Any], Tensor], texts: WordSource) -> NDArray[np.float32]:
    """Return the embedding of every text, (m, d); texts of similar length are encoded together."""
    return _encoded(encode, texts, torch.argsort(texts.lengths, stable=True))


def _encoded(encode: Callable[[Any], Tensor], source: RegionSource | WordSource, order: Tensor) -> NDArray[np.float32]:
    """Encode rows in an order, and return them in that of the source."""
    parts = [encode(source.rows(rows)).float().cpu().numpy() for rows in torch.split(order, _ROWS)]
    encoded = np.concatenate(parts)
    out = np.empty_like(encoded)
    out[order.numpy()] = encoded
    return out
