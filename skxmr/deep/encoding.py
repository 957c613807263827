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


def encode_rows(network: Any, name: str, X: FloatArray | ViewSource) -> FloatArray:
    """Encode rows of a modality in blocks; float32 numpy."""
    encode = getattr(network, f"encode_{name}")
    device = next(network.parameters()).device
    source = X if isinstance(X, ViewSource) else ViewSource(X, device, resident=False)
    with torch.inference_mode():
        starts = range(0, len(source), _ROWS)
        parts: list[Tensor] = [encode(source.block(start, start + _ROWS)).float() for start in starts]
        return torch.cat(parts).cpu().numpy()


def validation_scores(network: Any, split: Split) -> Callable[[], dict[str, float]] | None:
    """Return a function that measures the network on the validation rows; their mean mAP comes last."""
    if split.validation is None:
        return None
    pairs, labels = split.validation
    device = next(network.parameters()).device
    image, text = ViewSource(pairs.image, device), ViewSource(pairs.text, device)  # moved once, scored every epoch

    def score() -> dict[str, float]:
        network.eval()
        views = encode_rows(network, "image", image), encode_rows(network, "text", text)
        if not all(np.isfinite(view).all() for view in views):
            return {"validation_map": math.nan}
        found = cross_modal_map(*views, labels)
        return {f"validation_{name}": found[name] for name in ("i2t_map", "t2i_map", "map")}

    return score
