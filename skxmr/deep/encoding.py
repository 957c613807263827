"""Rows through a trained network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skxmr._validation import FloatArray
from skxmr.deep.batches import ViewSource
from skxmr.deep.split import Split
from skxmr.metrics import cross_modal_map

_ROWS = 4096  # encoded at a time


def encode_rows(network: Any, name: str, X: FloatArray) -> FloatArray:
    """Encode rows of a modality in blocks; float32 numpy."""
    encode = getattr(network, f"encode_{name}")
    device = next(network.parameters()).device
    source = ViewSource(X, device, resident=False)
    with torch.inference_mode():
        blocks = torch.split(torch.arange(len(source)), _ROWS)
        parts: list[Tensor] = [encode(source.rows(index)).float().cpu() for index in blocks]
    return torch.cat(parts).numpy()


def validation_scores(network: Any, split: Split) -> Callable[[], dict[str, float]] | None:
    """Return a function that measures the network on the validation rows; their mean mAP comes last."""
    if split.validation is None:
        return None
    pairs, labels = split.validation

    def score() -> dict[str, float]:
        network.eval()
        views = encode_rows(network, "image", pairs.image), encode_rows(network, "text", pairs.text)
        if not all(np.isfinite(view).all() for view in views):
            return {"validation_map": math.nan}
        found = cross_modal_map(*views, labels)
        return {f"validation_{name}": found[name] for name in ("i2t_map", "t2i_map", "map")}

    return score
