"""Regions against words on a GPU: the paper's evaluation of 1,000 images x 5,000 sentences, and training steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from speed_sets import made

from skxmr import RACG, SCAN

# Seconds; the paper of RACG needed 183 on an RTX 2080 Ti ([peng2022]).
TARGET = 25.0
# MB.
MEMORY = 4096.0


def fine_grained(bench: Any) -> Iterator[dict[str, Any]]:
    """Yield similarities at the papers' widths, how far they are from the CPU's, and the time of a training step."""
    n, regions, width = (1000, 36, 2048) if bench.cuda else (12, 5, 16)
    common = {"device": str(bench.device), "random_state": 0, "max_epochs": 2, "validation_fraction": 0}
    small = {} if bench.cuda else {"n_components": 32, "word_width": 16, "batch_size": 20}
    fitting = made(320 if bench.cuda else 8, 5, regions, width)
    test = made(n, 5, regions, width)
    for cls, heads, target in ((RACG, {} if bench.cuda else {"n_heads": 4}, TARGET), (SCAN, {}, None)):
        model = cls.paper(**common | small | heads)
        bench.timed(lambda model=model: model.fit(fitting))
        step = model.history_["seconds"].iloc[-1] / max(1, len(fitting) // model.batch_size)
        model.similarity(test[:50])
        found, seconds, peak = bench.timed(lambda model=model: model.similarity(test))
        model.network_.cpu()
        rows = test[:25]
        difference = float(np.abs(model.similarity(rows) - found[: len(rows.distinct_images()[0]), :25]).max())
        yield {
            "case": f"{cls.__name__}, {n:,} images x {5 * n:,} sentences, d = {model.n_components:,}",
            "seconds": seconds, "target s": target, "peak MB": peak, "memory target MB": MEMORY,
            "ms a step": 1000 * step, "difference": difference,
        }  # fmt: skip
