"""Rows through a trained network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skxmr._data.kinds import MODALITIES, FloatArray
from skxmr.deep.batches import ViewSource
from skxmr.deep.callbacks import Validation
from skxmr.deep.split import Split
from skxmr.metrics import cross_modal_map

_ROWS = 4096  # encoded at a time


def encode_rows(network: Any, name: str, X: FloatArray) -> FloatArray:
    """Encode rows of a modality in blocks; float32 numpy."""
    source = ViewSource(X, next(network.parameters()).device, resident=False, name=name)
    stop, out = 0, np.empty((len(source), 0), np.float32)
    for rows in _encoded(network, name, source):
        if stop == 0:  # joining all blocks at the end would hold them twice
            out = np.empty((len(source), rows.shape[1]), np.float32)
        start, stop = stop, stop + len(rows)
        out[start:stop] = rows.cpu().numpy()
    return out


@torch.inference_mode()
def _encoded(network: Any, name: str, source: ViewSource) -> Iterator[Tensor]:
    encode = getattr(network, f"encode_{name}")
    for start in range(0, len(source), _ROWS):
        yield encode(source.block(start, start + _ROWS)).float()


def validation_scores(network: Any, split: Split) -> Validation | None:
    """Return how the network is measured on the validation rows, if there are any; their mean mAP chooses the epoch."""
    if split.validation is None:
        return None
    pairs, labels = split.validation
    device = next(network.parameters()).device
    views = {name: ViewSource(getattr(pairs, name), device, name=name) for name in MODALITIES}  # moved once
    relevant: Any = pairs.groups if labels is None else labels  # without labels, all texts of an image

    def score() -> dict[str, float]:
        network.eval()
        image, text = (torch.cat(list(_encoded(network, name, view))) for name, view in views.items())
        if not (torch.isfinite(image).all() and torch.isfinite(text).all()):
            return {"validation_map": math.nan}
        found = cross_modal_map(image, text, relevant)  # where they are: on CUDA, nothing but numbers comes back
        return {f"validation_{name}": found[name] for name in ("i2t_map", "t2i_map", "map")}

    return Validation(score, "validation_map")
