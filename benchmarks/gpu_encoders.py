"""Networks that read pictures and sentences on a GPU: whole fits over some seeds, beside the same fits on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from speed_sets import made
from torch import nn

from skxmr import DSCMR, VSEPP
from skxmr.features import PadToSquare

SEEDS = 3
# Number of pictures that are fitted, of those that are scored, and their width in pixels.
FULL = (512, 256, 32)
SMALL = (24, 12, 8)


def encoders(bench: Any) -> Iterator[dict[str, Any]]:
    """Yield, per method, the mean mAP of fits on the device and on the CPU, and the larger spread over the seeds."""
    place = str(bench.device)
    for name, score in (("DSCMR with an image network", _pictures(bench)), ("VSEPP", _sentences(bench))):
        on_cpu = [score("cpu", seed) for seed in range(SEEDS)]
        found, seconds, peak = bench.timed(lambda score=score: [score(place, seed) for seed in range(SEEDS)])
        yield {
            "case": f"{name}, mAP of {SEEDS} fits, {place} against the CPU", "seconds": seconds, "peak MB": peak,
            "difference": abs(np.mean(found) - np.mean(on_cpu)), "mAP": np.mean(found),
            "spread": max(np.std(scores, ddof=1) for scores in (found, on_cpu)),
        }  # fmt: skip


def _network(side: int) -> nn.Module:
    """Return two layers for pictures, the same ones at every call."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
    network = nn.Sequential(*layers)
    network.transform = PadToSquare(side)
    return network


def _pictures(bench: Any) -> Callable[[str, int], float]:
    """Return what fits a network with DSCMR on generated pictures, whose colours show the labels, and scores it."""
    n, n_test, side = FULL if bench.cuda else SMALL
    rng = np.random.default_rng(0)
    labels = (rng.random((n + n_test, 3)) < 0.4).astype(int)
    labels[labels.sum(axis=1) == 0, 0] = 1
    noise = rng.integers(0, 200, (len(labels), side, side, 3))
    pictures = list((noise + 50 * labels[:, None, None]).astype(np.uint8))
    text = labels + rng.normal(0, 1, labels.shape)
    options = {"max_epochs": 5 if bench.cuda else 1, "validation_fraction": 0.0, "n_components": 16, "hidden": 32}

    def score(device: str, seed: int) -> float:
        model = DSCMR(device=device, random_state=seed, image_encoder=_network(side), encoder_lr=1e-3, **options)
        model.fit(pictures[:n], text[:n], labels[:n])
        return float(model.score(pictures[n:], text[n:], labels[n:]))

    return score


def _sentences(bench: Any) -> Callable[[str, int], float]:
    """Return what fits VSEPP on random regions and sentences, and scores it on the same ones."""
    n, regions, width = (200, 36, 256) if bench.cuda else (8, 5, 16)
    rows = made(n, 5, regions, width)
    options = {"n_components": 64, "word_width": 32, "max_epochs": 10 if bench.cuda else 1, "validation_fraction": 0.0}

    def score(device: str, seed: int) -> float:
        return float(VSEPP(device=device, random_state=seed, batch_size=20, **options).fit(rows).score(rows))

    return score
