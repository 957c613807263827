"""Every image with every text, or some pairs of them, through a network that compares sets: in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from torch import Tensor, nn
from tqdm.auto import tqdm

from skxmr._data.kinds import IndexArray
from skxmr.deep.validation import Validation
from skxmr.metrics import SameGroup, retrieval_recalls
from skxmr.pairwise.networks import Nodes, PairNetwork
from skxmr.pairwise.sources import RegionSource, WordSource

# Texts that are compared with several images at a time.
_TEXTS = 64


class Limits(NamedTuple):
    """How many bytes are held at a time.

    Parameters
    ----------
    encoded : int
        Of encoded images, and as many of encoded texts.
    compared : int or None
        Of the nodes of all pairs that are compared together; None is 16 MiB on a CPU, where they should fit its cache,
        and 256 MiB elsewhere.
    """

    encoded: int = 2**29
    compared: int | None = None

    def nodes(self, network: PairNetwork[Nodes], device: torch.device) -> int:
        """Return how many nodes of pairs are compared together."""
        default = 2**24 if device.type == "cpu" else 2**28
        return (default if self.compared is None else self.compared) // (4 * network.d)

    def image_blocks(self, rows: Tensor, network: PairNetwork[Nodes], images: RegionSource) -> tuple[Tensor, ...]:
        """Cut numbers of images into blocks that are encoded together."""
        widest = max(network.arrays_per_set * network.d, images.d)
        return torch.split(rows, max(1, self.encoded // (4 * widest * images.r)))

    def text_blocks(self, rows: Tensor, network: PairNetwork[Nodes], texts: WordSource) -> tuple[Tensor, ...]:
        """Cut numbers of texts into blocks that are encoded together."""
        longest = int(texts.lengths.max())
        return torch.split(rows, max(1, self.encoded // (4 * network.arrays_per_set * network.d * longest)))


_DEFAULT = Limits()


@torch.inference_mode()
def pair_scores(
    network: PairNetwork[Nodes], images: RegionSource, texts: WordSource, verbose: int = 0, limits: Limits = _DEFAULT
) -> NDArray[np.float32]:
    """Compare every image with every text, (n, m).

    Texts are taken in the order of their lengths, so that little of them is padding.
    """
    n = len(images)
    m = len(texts)
    out = np.empty((n, m), np.float32)
    image_blocks = limits.image_blocks(torch.arange(n, device="cpu"), network, images)
    # Images that are all one block are encoded once, others again for every block of texts.
    all_images = network.encode_image(images.rows(image_blocks[0])) if len(image_blocks) == 1 else None
    with tqdm(total=n * m, unit="pair", unit_scale=True, disable=not verbose) as bar:
        for columns in limits.text_blocks(torch.argsort(texts.lengths, stable=True), network, texts):
            encoded = network.encode_text(texts.rows(columns))
            for rows in image_blocks:
                regions = network.encode_image(images.rows(rows)) if all_images is None else all_images
                for a, b, block in _compared(network, regions, encoded, texts.lengths[columns], limits):
                    out[np.ix_(rows[a].numpy(), columns[b].numpy())] = block.float().cpu().numpy()
                bar.update(len(rows) * len(columns))
    return out


@torch.inference_mode()
def some_pair_scores(
    network: PairNetwork[Nodes],
    images: RegionSource,
    texts: WordSource,
    where: sp.csr_array,
    verbose: int = 0,
    limits: Limits = _DEFAULT,
) -> sp.csr_array:
    """Compare the images and texts that `where` (n, m) holds, image by image."""
    out = sp.csr_array((np.empty(where.nnz, np.float32), where.indices, where.indptr), where.shape)
    asked = torch.from_numpy(np.flatnonzero(np.diff(where.indptr)))
    with tqdm(total=where.nnz, unit="pair", unit_scale=True, disable=not verbose) as bar:
        for columns in limits.text_blocks(torch.arange(len(texts), device="cpu"), network, texts):
            encoded = network.encode_text(texts.rows(columns))
            lengths = texts.lengths[columns]
            for rows in limits.image_blocks(asked, network, images):
                regions = network.encode_image(images.rows(rows))
                for k, i in enumerate(rows.tolist()):
                    entries = _entries_within(where, i, columns)
                    chosen = torch.from_numpy(where.indices[entries].astype(np.int64) - int(columns[0]))
                    order = torch.argsort(lengths[chosen], stable=True)
                    chosen = chosen[order]
                    entries = entries[order.numpy()]
                    own = encoded[chosen.to(texts.device)]
                    for _, b, block in _compared(network, regions[k : k + 1], own, lengths[chosen], limits):
                        out.data[entries[b]] = block[0].float().cpu().numpy()
                    bar.update(len(entries))
    return out


def _entries_within(where: sp.csr_array, i: int, columns: Tensor) -> IndexArray:
    """Return the places of the entries of row i that are in a block of neighbouring columns."""
    entries = np.arange(where.indptr[i], where.indptr[i + 1])
    found = where.indices[entries]
    return entries[(found >= int(columns[0])) & (found <= int(columns[-1]))]


def _compared(
    network: PairNetwork[Nodes], images: Nodes, texts: Nodes, lengths: Tensor, limits: Limits
) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield which images were compared with which texts, and their similarities; `lengths` must not decrease."""
    n, r = images.mask.shape
    m = len(lengths)
    budget = limits.nodes(network, images.mask.device)
    start = 0
    while start < m:
        # With one image there is room for many texts.
        together = budget // (r + int(lengths[start])) if n == 1 else _TEXTS
        stop = min(m, start + max(1, together))
        longest = int(lengths[start:stop].max())
        part = texts[start:stop].trimmed(longest)
        for rows in gen_batches(n, max(1, budget // ((r + longest) * (stop - start)))):
            yield rows, slice(start, stop), network.compare(images[rows], part)
        start = stop


def validation_recalls(
    network: nn.Module, scores: Callable[[], NDArray[np.float32]], relevance: SameGroup
) -> Validation:
    """Return how recalls are measured on the validation rows, by their scores; the mean recall chooses the epoch."""
    cuts = [k for k in (1, 5, 10) if k <= min(relevance.shape)]

    def score() -> dict[str, float]:
        network.eval()
        S = scores()
        if not np.isfinite(S).all():
            return {"validation_mr": float("nan")}
        found = retrieval_recalls(S, relevance, cuts)
        names = [f"{direction}_r{k}" for direction in ("i2t", "t2i") for k in cuts] + ["mr"]
        return {f"validation_{name}": found[name] for name in names}

    return Validation(score, "validation_mr")
