"""A training step three ways: by the library, as a plain loop, and as its bare matrix products."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from skxmr import Pairs
from skxmr._data.labels import encode_labels
from skxmr.deep.batches import Batches, PairsDataset
from skxmr.deep.compiled import Compiled, compile_mode
from skxmr.deep.loop import Learner, Prepared
from skxmr.deep.options import Options
from skxmr.deep.split import unsplit
from skxmr.deep.trainer import losses_of
from skxmr.deep.training import Outcome, train
from skxmr.nn.device import initialising
from skxmr.nn.objective import Batch

aten = torch.ops.aten


class Setting(NamedTuple):
    """What a method trains, the rows on their device, and how it is trained: one epoch, no validation."""

    learner: Learner
    dataset: PairsDataset
    options: Options

    @property
    def steps(self) -> int:
        """Number of batches of the epoch."""
        return len(Batches(self.dataset, self.options.batch_size))

    def copied(self) -> Learner:
        """Return what is trained, with a network of its own."""
        return self.learner._replace(network=copy.deepcopy(self.learner.network))

    def losses_of(self, network: torch.nn.Module) -> Callable[..., Any]:
        """Return the function of a batch that is differentiated."""
        return losses_of(network, self.learner.objective, self.options.precision)


def rows_of(n: int, d_image: int = 4096, d_text: int = 500, c: int = 24) -> tuple[Any, Any, Any]:
    """Return images >= 0, sparse texts (2.4 % ones) and multi-hot labels, all from a few common factors."""
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((n, 16), dtype=np.float32)

    def view(d: int) -> Any:
        X = Z @ rng.standard_normal((16, d), dtype=np.float32) / 4
        return X + 0.5 * rng.standard_normal((n, d), dtype=np.float32)

    image = np.maximum(view(d_image), 0)
    text = (view(d_text) > 2.2).astype(np.float32)
    scores = Z @ rng.standard_normal((16, c), dtype=np.float32)
    return image, text, (scores > np.quantile(scores, 0.85)).astype(np.int8)


def setting(model: Any, rows: tuple[Any, Any, Any], device: str = "cpu", resident: bool | None = None) -> Setting:
    """Return a deep method's network on rows, as its fit would make it without validation rows.

    `resident` says whether the device keeps the views, or a batch at a time is read; None decides by their sizes.
    """
    image, text, Y = rows
    labels = encode_labels(sp.csr_array(Y))
    place = torch.device(device)
    with initialising(0):
        learner = model._build(unsplit(Pairs(image, text), labels))
    learner.network.to(place)
    dataset = PairsDataset(image, text, labels.matrix, place, resident=resident)
    return Setting(learner, dataset, model._options(len(image), place)._replace(max_epochs=1))


def by_library(given: Setting) -> tuple[torch.nn.Module, Outcome]:
    """Train as the estimators do; return the network and what training left."""
    learner = given.copied()
    outcome = train(learner, Prepared(given.dataset, None), torch.Generator().manual_seed(0), given.options)
    return learner.network, outcome


def plain(given: Setting, losses: Callable[..., Any] | None = None) -> None:
    """Train one epoch in a plain loop."""
    network = given.learner.network if losses else given.copied().network
    losses = losses or given.losses_of(network)
    options = given.options
    optimizer = options.optimizer(network.parameters(), lr=options.lr, weight_decay=options.weight_decay)
    network.train()
    generator = torch.Generator().manual_seed(0)
    for batch in Batches(given.dataset, options.batch_size, shuffle=True, generator=generator):
        optimizer.zero_grad()
        losses(batch)[0].backward()
        optimizer.step()


def compiled(given: Setting) -> Callable[[], None]:
    """Return the plain loop over compiled losses; they are compiled when it is first called."""
    losses = Compiled(given.losses_of(given.learner.network), compile_mode(given.dataset.device))
    return lambda: plain(given, losses)


class _Products(TorchDispatchMode):
    """Writes down the matrix products that torch is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (aten.mm.default, aten.addmm.default) and not any(t.is_sparse for t in args[-2:]):
            self.found.append(tuple(args[-2:]))
        return func(*args, **(kwargs or {}))


def products(given: Setting) -> Callable[[], None]:
    """Return an epoch of nothing but the step's products, forward and backward, in float32 into memory kept for them.

    Recorded from one step: of the layers, their gradients, and the cosines of the loss terms.
    """
    network = given.copied().network.cpu()
    dataset = given.dataset
    batch = Batch(*(part.cpu() for part in dataset.rows(torch.arange(min(given.options.batch_size, len(dataset))))))
    losses = losses_of(network, given.learner.objective, "float32")
    with _Products() as recorder:  # on the CPU, whose gradients are computed in this thread
        losses(batch)[0].backward()
    kept: dict[Any, torch.Tensor] = {}

    def alike(shape: Any, stride: Any) -> torch.Tensor:
        if (shape, stride) not in kept:
            kept[shape, stride] = torch.empty_strided(shape, stride, device=dataset.device).uniform_()
        return kept[shape, stride]

    pairs = [[alike(tuple(t.shape), tuple(t.stride())) for t in found] for found in recorder.found]
    outs = [alike((len(a), b.shape[1]), (b.shape[1], 1)).clone() for a, b in pairs]
    steps = given.steps

    def epoch() -> None:
        for _ in range(steps):
            for (a, b), out in zip(pairs, outs, strict=True):
                torch.mm(a, b, out=out)

    return epoch
