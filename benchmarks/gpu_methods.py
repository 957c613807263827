"""Every deep method on a GPU and on the CPU: whole fits over some seeds, and what their embeddings find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from steps import rows_of

from skxmr import DSCMR, DeepRetriever, RetrievalIndex
from skxmr.testing import all_retrievers

METHODS = [cls for cls in all_retrievers() if issubclass(cls, DeepRetriever)]
SEEDS = 3
# Of the rows that are fitted, of the rows that are scored, and of the features of both views.
FULL = (2000, 1000, 128, 100)
SMALL = (80, 40, 16, 12)


def methods(bench: Any) -> Iterator[dict[str, Any]]:
    """Yield, per method, the mean mAP of fits on the device and on the CPU, and the larger spread over the seeds."""
    n, n_test, *widths = FULL if bench.cuda else SMALL
    rows = rows_of(n + n_test, *widths, c=10)
    fitting = [part[:n] for part in rows]
    test = [part[n:] for part in rows]
    for cls in METHODS:
        on_cpu = [_score(bench, cls, "cpu", seed, fitting, test) for seed in range(SEEDS)]
        found, seconds, peak = bench.timed(
            lambda cls=cls: [_score(bench, cls, str(bench.device), seed, fitting, test) for seed in range(SEEDS)]
        )
        yield {
            "case": f"{cls.__name__}, mAP of {SEEDS} fits, {bench.device} against the CPU",
            "seconds": seconds, "peak MB": peak, "difference": abs(np.mean(found) - np.mean(on_cpu)),
            "mAP": np.mean(found), "spread": max(np.std(scores, ddof=1) for scores in (found, on_cpu)),
        }  # fmt: skip
    yield _index(bench, fitting, test)


def _score(bench: Any, cls: Any, device: str, seed: int, fitting: list[Any], test: list[Any]) -> float:
    """Fit from a seed on a device, and score on the test rows."""
    options = {"n_components": 8} if not bench.cuda else {}
    options |= {"max_epochs": 10 if bench.cuda else 1, "validation_fraction": 0.0}
    return float(cls(device=device, random_state=seed, **options).fit(*fitting).score(*test))


def _index(bench: Any, fitting: list[Any], test: list[Any]) -> dict[str, Any]:
    """Return how far the scores of an index are from those of one whose embeddings are made on the CPU."""
    model = DSCMR(device=str(bench.device), random_state=0, max_epochs=1, validation_fraction=0.0).fit(*fitting)
    queries, gallery = test[0][:100], test[1]

    def search() -> Any:
        index = RetrievalIndex(model)
        index.add(text=gallery)
        return index.search(image=queries, k=10)

    found, seconds, peak = bench.timed(search)
    model.device = "cpu"
    model.network_.cpu()
    expected = search()
    return {
        "case": f"an index, embedded on {bench.device} and on the CPU", "seconds": seconds, "peak MB": peak,
        "difference": float(np.abs(found.scores - expected.scores).max()),
    }  # fmt: skip
