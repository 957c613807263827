"""Generated rows on disk: views and vectors as arrays of numpy, which are mapped, and labels as a CSR matrix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.utils import gen_batches

LABELS = 24
# Columns and type of each view, and of the vectors that an index holds.
WIDTHS = {"image": 128, "text": 64, "vectors": 256}
DTYPES = {"image": np.float16, "text": np.float32, "vectors": np.float16}
# Rows that are generated together, from a seed of their own.
BLOCK = 100_000


def blocks(name: str, n: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of a view: the sum of the two prototypes of a row's labels, and noise."""
    width = WIDTHS[name]
    prototypes = np.random.default_rng(len(name)).standard_normal((LABELS, width), dtype=np.float32)
    for number, rows in enumerate(gen_batches(n, BLOCK)):
        first, second = labels_of(number, rows.stop - rows.start)
        noise = np.random.default_rng([len(name), number]).standard_normal((len(first), width), dtype=np.float32)
        yield rows, (prototypes[first] + prototypes[second] + noise).astype(DTYPES[name])


def labels_of(number: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two labels for each row of a block."""
    rng = np.random.default_rng(number)
    first = rng.integers(LABELS, size=n, dtype=np.int32)
    return first, (first + rng.integers(1, LABELS, size=n, dtype=np.int32)) % LABELS


def view(folder: Path, name: str, n: int) -> np.ndarray:
    """Return a view as a memory map, written first if it is not there."""
    file = folder / f"{name}_{n}.npy"
    if not file.exists():
        unfinished = file.with_suffix(".part")
        out = np.lib.format.open_memmap(unfinished, mode="w+", dtype=DTYPES[name], shape=(n, WIDTHS[name]))
        for rows, block in blocks(name, n):
            out[rows] = block
        out.flush()
        unfinished.rename(file)
    return np.load(file, mmap_mode="r")


def labels(folder: Path, n: int) -> sp.csr_array:
    """Return the labels as CSR, with one byte per entry."""
    file = folder / f"labels_{n}.npz"
    if not file.exists():
        columns = np.empty((n, 2), np.int32)
        for number, rows in enumerate(gen_batches(n, BLOCK)):
            columns[rows] = np.sort(np.stack(labels_of(number, rows.stop - rows.start), axis=1), axis=1)
        starts = np.arange(0, 2 * n + 1, 2, dtype=np.int32)
        matrix = sp.csr_array((np.ones(2 * n, np.int8), columns.ravel(), starts), shape=(n, LABELS))
        sp.save_npz(file, matrix, compressed=False)
    return sp.csr_array(sp.load_npz(file))
