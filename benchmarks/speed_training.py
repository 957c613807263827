"""Training steps beside the same network in a plain loop, and beside the matrix products of the step alone."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import torch
from measure import Sides, case
from steps import Setting, by_library, compiled, plain, products, rows_of, setting
from torch import nn

from skxmr import DAGNN, L2GCN
from skxmr.deep.batches import Batches, PairsDataset
from skxmr.deep.loop import Learner
from skxmr.deep.options import OPTIMIZERS
from skxmr.nn.objective import Batch, Objective
from skxmr.nn.retrieval_network import RetrievalNetwork

_PAPER = {"pretrain_text": False, "max_epochs": 1, "random_state": 0, "device": "cpu"}
# Seconds per step that the library may add to a tiny network.
_EXTRA = 20e-6


def dagnn(n: int, **changes: object) -> Setting:
    """Return DAGNN as in its paper on rows of MIRFlickr's widths: 4,096 image, 500 text features, 24 labels."""
    return setting(DAGNN.paper(**_PAPER | changes), rows_of(n))


@case("DAGNN, batches of 100", at_most={"plain loop": 1.06, "matrix products": 2.3}, repeat=3)
def small_batches() -> Sides:
    """Return an epoch of 30 steps; the library also copies the weights of the best epoch, once per epoch."""
    given = dagnn(3000)
    return {
        "skxmr": partial(by_library, given),
        "plain loop": partial(plain, given),
        "matrix products": products(given),
    }


@case("DAGNN, batches of 100, bf16", at_most={"matrix products, float32": 1.4})
def small_batches_bf16() -> Sides:
    """Return an epoch of 20 steps in bfloat16, and the products in float32."""
    given = dagnn(2000, precision="bf16")
    return {"skxmr, bf16": partial(by_library, given), "matrix products, float32": products(given)}


@case("DAGNN, batches of 100, compiled", at_most={"matrix products": 2.0})
def small_batches_compiled() -> Sides:
    """Return an epoch of 20 compiled steps; the first call, which is not counted, compiles."""
    given = dagnn(2000)
    return {"skxmr's losses, compiled": compiled(given), "matrix products": products(given)}


@case("DAGNN, batches of 1,024", at_most={"plain loop": 1.06, "matrix products": 1.4}, repeat=3)
def large_batches() -> Sides:
    """Return an epoch of 8 steps."""
    given = dagnn(8192, batch_size=1024)
    return {
        "skxmr": partial(by_library, given),
        "plain loop": partial(plain, given),
        "matrix products": products(given),
    }


@case("L2GCN, batches of 100", at_most={"plain loop": 1.06, "matrix products": 2.3}, repeat=3)
def l2gcn() -> Sides:
    """Return an epoch of 30 steps of L2-GCN as in its paper."""
    given = setting(L2GCN.paper(**_PAPER), rows_of(3000))
    return {
        "skxmr": partial(by_library, given),
        "plain loop": partial(plain, given),
        "matrix products": products(given),
    }


@case("DAGNN, 10,000 labels, batches of 256", at_most={"matrix products": 2.3}, repeat=1)
def many_labels() -> Sides:
    """Return one step over a sparse graph; its products are mostly those of the label vectors."""
    n = 256
    c = 10_000
    image, text, _ = rows_of(n, 512, 500)
    rng = np.random.default_rng(0)
    topics = rng.integers(0, c // 10, size=n)[:, None] * 10
    Y = np.zeros((n, c), np.int8)
    np.put_along_axis(Y, topics + rng.integers(0, 10, size=(n, 6)), 1, axis=1)
    vectors = rng.standard_normal((c, 300))
    given = setting(DAGNN(batch_size=n, max_epochs=1, device="cpu", label_embedding=vectors), (image, text, Y))
    given = given._replace(options=given.options._replace(optimizer=OPTIMIZERS["adamw"], schedule="constant"))
    return {"skxmr": partial(by_library, given), "matrix products": products(given)}


class _Tiny(RetrievalNetwork):
    """Two linear maps, so that a step has hardly any arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Linear(8, 4)
        self.text = nn.Linear(8, 4)

    def encode_image(self, x: torch.Tensor) -> torch.Tensor:
        """Map images."""
        return self.image(x)

    def encode_text(self, x: torch.Tensor) -> torch.Tensor:
        """Map texts."""
        return self.text(x)

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return both."""
        return {"image": self.image(image), "text": self.text(text)}


class _Distance(Objective):
    def distance(self, outputs: dict[str, torch.Tensor], batch: Batch) -> torch.Tensor:
        """Return the mean squared distance."""
        return ((outputs["image"] - outputs["text"]) ** 2).mean()

    def size(self, outputs: dict[str, torch.Tensor], batch: Batch) -> torch.Tensor:
        """Return the mean size."""
        return outputs["image"].abs().mean()


@case("a tiny network, batches of 100", at_most={"plain loop + 20 µs a step": 1.0}, repeat=9)
def tiny() -> Sides:
    """Return an epoch of 1,000 steps; what the library adds to a step is bounded in microseconds."""
    n = 100_000
    image, text, Y = rows_of(n, 8, 8, 2)
    model = DAGNN(batch_size=100, optimizer="adamw", schedule="constant", device="cpu")
    options = model._options(n, torch.device("cpu"))._replace(max_epochs=1, optimizer=OPTIMIZERS["adamw"])
    objective = _Distance({"distance": 1.0, "size": 0.1})
    given = Setting(Learner(_Tiny(), objective), PairsDataset(image, text, Y, torch.device("cpu")), options)
    steps = len(Batches(given.dataset, 100))

    def allowed() -> None:
        plain(given)
        end = time.process_time() + steps * _EXTRA
        while time.process_time() < end:
            pass

    return {
        "skxmr": partial(by_library, given),
        "plain loop": partial(plain, given),
        "plain loop + 20 µs a step": allowed,
    }
