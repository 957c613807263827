"""Similarities of regions and words beside the matrix products that they consist of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure import Sides, case
from torch.utils._python_dispatch import TorchDispatchMode

from skxmr import RACG, SCAN, Pairs, Regions, Sentences
from skxmr._data.repeated import IndexedRows
from skxmr.pairwise.scores import pair_scores
from skxmr.pairwise.sources import RegionSource, WordSource

_PRODUCTS = {"aten::mm", "aten::bmm", "aten::addmm", "aten::matmul", "aten::linear"}


class _Recorded(TorchDispatchMode):
    """Remembers the shapes of all matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, list[torch.Size]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name in _PRODUCTS:
            self.calls.append((func, [arg.shape for arg in args if isinstance(arg, torch.Tensor)]))
        return func(*args, **kwargs or {})


def products_of(call: Callable[[], object]) -> Callable[[], object]:
    """Return a function that computes the matrix products of a call, and nothing else, on contiguous arrays."""
    with _Recorded() as recorded:
        call()
    arrays = {shape: torch.randn(shape) for _, shapes in recorded.calls for shape in shapes}

    def products() -> None:
        with torch.inference_mode():
            for func, shapes in recorded.calls:
                func(*(arrays[shape] for shape in shapes))

    return products


def made(n: int, sentences: int, regions: int = 36, width: int = 2048) -> Pairs:
    """Return images of random regions with sentences of 8 to 20 random words, tagged and parsed, several per image."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n, regions, width), dtype=np.float32)
    corners = np.sort(rng.uniform(size=(n, regions, 2, 2)).astype(np.float32), axis=2)
    boxes = corners.reshape(n, regions, 4)
    lengths = rng.integers(8, 21, size=n * sentences)
    words = [[f"w{j}" for j in rng.integers(1000, size=w)] for w in lengths]
    tags = [rng.choice(["NOUN", "ADJ", "VERB", "DET", "ADP"], w).tolist() for w in lengths]
    heads = [[-1, *rng.integers(w, size=w - 1).tolist()] for w in lengths]
    index = np.repeat(np.arange(n), sentences)
    return Pairs(Regions(features, boxes), Sentences(words, tags, heads), image_index=index)


def sources(model: Any, pairs: Pairs) -> tuple[Any, Any, Any]:
    """Return a model's network with images and texts as it takes them."""
    checked = model._checked(pairs, None, None).pairs
    images = IndexedRows(checked.image.view, np.unique(checked.image.index))
    network = model.network_
    device = torch.device("cpu")
    return network, RegionSource(images, device), WordSource(*checked.text.packed(), network.vocabulary, device)


def fitted(model: Any) -> Any:
    """Fit a model for one epoch, because what it has learned does not matter here."""
    return model.set_params(max_epochs=1, batch_size=10, validation_fraction=0, random_state=0).fit(made(4, 5))


def similarity(model: Any, n: int, sentences: int) -> Callable[[], object]:
    """Return the call that compares n images with n x sentences texts."""
    given = sources(fitted(model), made(n, sentences))
    return lambda: pair_scores(*given)


@case("RACG, 20 images x 100 sentences, d = 1,024", at_most={"matrix products": 2.5}, repeat=3)
def racg() -> Sides:
    """Return all pairs of 36 regions and 8 to 20 words, at the paper's width."""
    compare = similarity(RACG(), 20, 5)
    return {"skxmr": compare, "matrix products": products_of(compare)}


@case("SCAN, 100 images x 500 sentences, d = 1,024", repeat=3)
def scan() -> Sides:
    """Return all pairs of 36 regions and 8 to 20 words, at the paper's width."""
    compare = similarity(SCAN(), 100, 5)
    return {"skxmr": compare, "matrix products": products_of(compare)}


def encoding(nodes: int) -> Callable[[], object]:
    """Return the encoding of 100 images of so many regions, d = 256: its cost grows with single nodes."""
    network, images, _ = _graph(nodes, 100)

    def encode() -> None:
        with torch.inference_mode():
            network.encode_image(images.rows(torch.arange(100)))

    return encode


def comparing(nodes: int) -> Callable[[], object]:
    """Return the comparison of 16 images with 16 texts, of half as many regions and words each, d = 256."""
    network, images, texts = _graph(nodes // 2, 16)
    with torch.inference_mode():
        encoded = network.encode_image(images.rows(torch.arange(16))), network.encode_text(texts.rows(torch.arange(16)))

    def compare() -> None:
        with torch.inference_mode():
            network.compare(*encoded)

    return compare


def _graph(nodes: int, n: int) -> tuple[Any, Any, Any]:
    """Return RACG's network, n images of so many regions, and n texts of so many words."""
    model = fitted(RACG(256, n_heads=16))
    pairs = made(n, 1, nodes)
    words = [[f"w{j}" for j in range(nodes)]] * n
    texts = Sentences(words, [["NOUN"] * nodes] * n, [[max(0, j - 1) for j in range(nodes)]] * n)
    return sources(model.set_params(max_words=10**6), pairs.replace(text=texts))
