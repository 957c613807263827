"""Embeddings of many rows by a trained network, in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import Tensor

from skxmr._data.kinds import FloatArray, View
from skxmr.deep.batches import ViewSource
from skxmr.deep.split import Split
from skxmr.deep.validation import Validation
from skxmr.metrics import SharedLabels, Similarity, cross_modal_map, mean_average_precision
from skxmr.nn.device import ordinary_torch
from skxmr.nn.retrieval_network import RetrievalNetwork

# Rows encoded at a time.
_ROWS = 4096


@ordinary_torch()
def encode_rows(network: RetrievalNetwork, name: str, X: View) -> FloatArray:
    """Encode rows of a modality in blocks; return a float32 array."""
    source = ViewSource(X, None, next(network.parameters()).device, resident=False, name=name)
    out = np.empty((len(source), 0), np.float32)
    start = 0
    for rows in _encoded(network, name, source):
        if start == 0:
            # Joining all blocks at the end would hold them twice.
            out = np.empty((len(source), rows.shape[1]), np.float32)
        out[start : start + len(rows)] = rows.cpu().numpy()
        start += len(rows)
    return out


@torch.inference_mode()
def _encoded(network: RetrievalNetwork, name: str, source: ViewSource) -> Iterator[Tensor]:
    encode = network.encode_image if name == "image" else network.encode_text
    for rows in gen_batches(len(source), _ROWS):
        yield encode(source.block(rows.start, rows.stop)).float()


def validation_scores(network: RetrievalNetwork, split: Split) -> Validation | None:
    """Return how the network is measured on the validation rows, if there are any; their mean mAP chooses the epoch."""
    held = split.validation
    if held is None:
        return None
    device = next(network.parameters()).device
    # The views are moved to the device once, not after every epoch, unless their encoders are trained.
    image, image_rows, of_images = split.rows_of(held, "image")
    text, text_rows, of_texts = split.rows_of(held, "text")
    images = ViewSource(image, image_rows, device, name="image")
    texts = ViewSource(text, text_rows, device, name="text")
    # Without labels, all texts of an image are relevant.
    relevant = split.shared_images(held) if held.labels is None else held.labels
    # Rows that lack a view neither ask with it nor are found by it.
    apart = None if of_images is of_texts else SharedLabels(of_images, of_texts)

    def score() -> dict[str, float]:
        network.eval()
        u = torch.cat(list(_encoded(network, "image", images)))
        v = torch.cat(list(_encoded(network, "text", texts)))
        if not (torch.isfinite(u).all() and torch.isfinite(v).all()):
            return {"validation_map": math.nan}
        # On CUDA the embeddings are ranked there, and only one number per query comes back.
        if apart is None:
            found = cross_modal_map(u, v, relevant)
        else:
            scores = Similarity(u, v)
            found = {"i2t_map": mean_average_precision(scores, apart)}
            found["t2i_map"] = mean_average_precision(scores.T, apart.T)
            found["map"] = (found["i2t_map"] + found["t2i_map"]) / 2
        return {f"validation_{name}": found[name] for name in ("i2t_map", "t2i_map", "map")}

    return Validation(score, "validation_map")
