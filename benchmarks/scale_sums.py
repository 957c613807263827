"""Closed forms on chunks of rows that two workers of dask read, whose memory is smaller than the rows."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import psutil
import scale_data
from dask.distributed import Client, LocalCluster
from scale_memory import measured

from skxmr import CCA, MLCCA, PLS, SemanticMatching

MODELS = {"CCA": CCA, "PLS": PLS, "MLCCA": MLCCA, "SemanticMatching": SemanticMatching}
# Columns that are read, so that the fit in memory, with which it is compared, fits there as well.
WIDTHS = {"image": 64, "text": 32}
# Rows that are read together.
CHUNK = 100_000
WORKERS = 2


def chunked(folder: Path, name: str, n: int) -> da.Array:
    """Return the first columns of a mapped view as a dask array; a worker opens the map itself."""
    file = folder / f"{name}_{n}.npy"
    width = WIDTHS[name]

    def read(block_info: Any = None) -> np.ndarray:
        start, stop = block_info[None]["array-location"][0]
        return np.asarray(np.load(file, mmap_mode="r")[start:stop, :width], np.float32)

    chunks = tuple(min(CHUNK, n - start) for start in range(0, n, CHUNK))
    return da.map_blocks(read, chunks=(chunks, (width,)), dtype=np.float32, meta=np.empty((0, 0), np.float32))


def fit(folder: Path, n: int, name: str, memory: str, held: bool) -> dict[str, Any]:
    """Fit chunks that workers read, or that they hold, partly on disk; compare with a fit of rows in memory."""
    for view in WIDTHS:
        scale_data.view(folder, view, n)
    labels = scale_data.labels(folder, n)
    model = _made(name)
    cluster = LocalCluster(
        n_workers=WORKERS,
        threads_per_worker=1,
        memory_limit=memory,
        dashboard_address=":0",
        local_directory=str(folder),
    )
    with cluster, Client(cluster) as client:
        views = [chunked(folder, view, n) for view in WIDTHS]
        if held:
            views = list(client.persist(views))
        workers = [psutil.Process(pid) for pid in client.run(os.getpid).values()]
        peaks = _Peaks(workers)
        with peaks:
            found = measured(lambda: model.fit(*views, labels))
        spilled = sum(client.run(_spilled).values())
    expected = _made(name).fit(*(_in_memory(folder, view, n) for view in WIDTHS), labels)
    return {
        "rows": n, "method": name, "memory of a worker": memory, "seconds": found.seconds, "peak MB": found.peak_mb,
        "peak MB of a worker": peaks.most, "spilled MB": spilled / 2**20,
        "file MB": n * 4 * sum(WIDTHS.values()) / 2**20,
        "difference": _difference(model, expected, folder, n),
    }  # fmt: skip


def _made(name: str) -> Any:
    """Return an estimator; one that chooses thresholds of tags in memory would copy the rows for every fold."""
    return SemanticMatching(tag_folds=None) if name == "SemanticMatching" else MODELS[name](16)


def _in_memory(folder: Path, name: str, n: int) -> np.ndarray:
    return np.array(scale_data.view(folder, name, n)[:, : WIDTHS[name]], np.float32)


def _difference(model: Any, expected: Any, folder: Path, n: int) -> float:
    """Return the largest difference of an embedding, over the largest entry of the expected ones."""
    worst = 0.0
    for name in WIDTHS:
        rows = np.array(scale_data.view(folder, name, n)[:2000, : WIDTHS[name]], np.float64)
        encoded = [getattr(fitted, f"encode_{name}")(rows) for fitted in (model, expected)]
        worst = max(worst, float(np.abs(encoded[0] - encoded[1]).max() / np.abs(encoded[1]).max()))
    return worst


def _spilled(dask_worker: Any) -> int:
    """Return how many bytes of what a worker holds lie on its disk."""
    return int(dask_worker.data.spilled_total.disk)


class _Peaks:
    """The largest anonymous memory of a worker, watched from here."""

    def __init__(self, workers: list[psutil.Process]) -> None:
        self.workers = workers
        self.most = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            for worker in self.workers:
                held = worker.memory_info()
                self.most = max(self.most, (held.rss - held.shared) / 2**20)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()
