"""Every image with every text, or some pairs of them, through a network that compares sets: in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from skxmr.deep.callbacks import Validation
from skxmr.metrics import SameGroup, retrieval_recalls
from skxmr.pairwise.batches import RegionSource, WordSource

_ENCODED = 2**29  # bytes of encoded images, and of encoded texts, that are held at a time
_PAIRS = {"cpu": 2**24}  # bytes of the nodes of all pairs that are compared at a time
_ON_DEVICE = 2**28


@torch.inference_mode()
def pair_scores(network: Any, images: RegionSource, texts: WordSource, verbose: int = 0) -> NDArray[np.float32]:
    """Compare every image with every text, (n, m).

    Texts are taken in the order of their lengths, so that few are filled up.
    """
    n, m = len(images), len(texts)
    out = np.empty((n, m), np.float32)
    order = torch.argsort(texts.lengths, stable=True)
    kept: dict[tuple[int, int], Any] = {}  # encoded images, where all of them are one block
    with tqdm(total=n * m, unit="pair", unit_scale=True, disable=not verbose) as bar:
        for some in _blocks(order, _text_bytes(network, texts)):
            encoded = network.encode_text(texts.rows(some))
            for rows in _blocks(torch.arange(n), _image_bytes(network, images)):
                key = int(rows[0]), int(rows[-1])
                regions = kept[key] if key in kept else network.encode_image(images.rows(rows))
                kept = {key: regions}
                for a, b, block in _compared(network, regions, encoded, texts.lengths[some]):
                    out[np.ix_(rows[a].numpy(), some[b].numpy())] = block.float().cpu().numpy()
                bar.update(len(rows) * len(some))
    return out


@torch.inference_mode()
def some_pair_scores(
    network: Any, images: RegionSource, texts: WordSource, where: sp.csr_array, verbose: int = 0
) -> sp.csr_array:
    """Compare the images and texts that `where` (n, m) holds, image by image."""
    out = sp.csr_array((np.empty(where.nnz, np.float32), where.indices, where.indptr), where.shape)
    asked = np.flatnonzero(np.diff(where.indptr))
    with tqdm(total=where.nnz, unit="pair", unit_scale=True, disable=not verbose) as bar:
        for some in _blocks(torch.arange(len(texts)), _text_bytes(network, texts)):
            encoded, first, last = network.encode_text(texts.rows(some)), int(some[0]), int(some[-1])
            for rows in _blocks(torch.from_numpy(asked), _image_bytes(network, images)):
                regions = network.encode_image(images.rows(rows))
                for k, i in enumerate(rows.tolist()):
                    own = np.arange(where.indptr[i], where.indptr[i + 1])
                    own = own[(where.indices[own] >= first) & (where.indices[own] <= last)]
                    columns = torch.from_numpy(where.indices[own].astype(np.int64) - first)
                    columns, placed = _by_length(columns, own, texts.lengths[some])
                    chosen = encoded[columns.to(texts.device)]
                    for _, b, block in _compared(network, regions[k : k + 1], chosen, texts.lengths[some][columns]):
                        out.data[placed[b]] = block[0].float().cpu().numpy()
                    bar.update(len(own))
    return out


def validation_recalls(network: Any, images: RegionSource, texts: WordSource, relevance: SameGroup) -> Validation:
    """Return how recalls are measured on the validation rows; the mean recall chooses the epoch."""
    cuts = [k for k in (1, 5, 10) if k <= min(relevance.shape)]

    def score() -> dict[str, float]:
        network.eval()
        S = pair_scores(network, images, texts)
        if not np.isfinite(S).all():
            return {"validation_mr": float("nan")}
        found = retrieval_recalls(S, relevance, cuts)
        names = [f"{direction}_r{k}" for direction in ("i2t", "t2i") for k in cuts] + ["mr"]
        return {f"validation_{name}": found[name] for name in names}

    return Validation(score, "validation_mr")


def _by_length(columns: Tensor, own: NDArray[Any], lengths: Tensor) -> tuple[Tensor, NDArray[Any]]:
    order = torch.argsort(lengths[columns], stable=True)
    return columns[order], own[order.numpy()]


def _blocks(index: Tensor, bytes_each: int) -> Iterator[Tensor]:
    return iter(torch.split(index, max(1, _ENCODED // bytes_each)))


def _compared(network: Any, images: Any, texts: Any, lengths: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield blocks of comparisons; `texts` come in the order of their lengths."""
    (n, r), m = images.mask.shape, len(lengths)
    budget = _PAIRS.get(images.mask.device.type, _ON_DEVICE) // (4 * network.d)  # nodes
    start = 0
    while start < m:
        stop = min(m, start + max(1, int(budget // (r + int(lengths[start]))) if n == 1 else 64))
        w = int(lengths[start:stop].max())
        part = texts[start:stop].trimmed(w)
        step = max(1, budget // ((r + w) * (stop - start)))
        for first in range(0, n, step):
            rows = slice(first, min(n, first + step))
            yield rows, slice(start, stop), network.compare(images[rows], part)
        start = stop


def _text_bytes(network: Any, texts: WordSource) -> int:
    return 4 * network.copies * network.d * int(texts.lengths.max())


def _image_bytes(network: Any, images: RegionSource) -> int:
    return 4 * max(network.copies * network.d, images.d) * images.r
