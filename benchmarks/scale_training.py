"""Deep fits of views that lie on disk: the memory that they take by the number of rows; maps of Arrow and Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scale_data
from scale_memory import limit, measured

from skxmr import DSCMR

# Without the terms that compare all rows of a batch, an epoch is short, and reads all rows as any other would.
SETTING: dict[str, Any] = {"hidden": 64, "alpha": 0.0, "dropout": 0.0, "input_dropout": 0.0, "batch_size": 1024}


def model() -> DSCMR:
    """Return what is fitted."""
    return DSCMR(32, max_epochs=1, random_state=0, **SETTING)


def fit(folder: Path, n: int, most: float) -> dict[str, Any]:
    """Fit mapped views for an epoch where no more than so many MB of memory can be had."""
    views = scale_data.view(folder, "image", n), scale_data.view(folder, "text", n)
    labels = scale_data.labels(folder, n)
    # What is imported and kept by a first fit is no matter of the rows.
    model().fit(*(view[:2000] for view in views), labels[:2000])
    limit(most)
    found = measured(lambda: model().fit(*views, labels))
    size = sum(view.nbytes for view in views)
    return {"rows": n, "file MB": size / 2**20, "seconds": found.seconds, "peak MB": found.peak_mb, "limit MB": most}


def equality(folder: Path, n: int) -> dict[str, Any]:
    """Compare with a fit of the same rows in memory, as float32: the largest difference of an embedding."""
    image, text = scale_data.view(folder, "image", n), scale_data.view(folder, "text", n)
    labels = scale_data.labels(folder, n)
    in_memory = np.array(image, np.float32), np.array(text, np.float32)
    expected = model().fit(*in_memory, labels).encode_image(in_memory[0])
    worst = {}
    for name, view in {"maps of numpy": image, "maps of Arrow": arrow_map(folder, image)}.items():
        found = model().fit(view, text, labels).encode_image(view)
        worst[f"difference, {name}"] = float(np.abs(found - expected).max())
    return {"rows": n, **worst}


def arrow_map(folder: Path, view: np.ndarray) -> np.ndarray:
    """Return a view as a map of an Arrow file, which is written first; its rows are one record batch."""
    n, width = view.shape
    file = folder / "view.arrow"
    values = pa.FixedSizeListArray.from_arrays(pa.array(np.asarray(view).ravel()), width)
    batch = pa.record_batch([values], names=["view"])
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    column = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0).column("view")
    return column.flatten().to_numpy(zero_copy_only=True).reshape(n, width)


def from_parquet(folder: Path, n: int) -> dict[str, Any]:
    """Make a memory map of a column of a Parquet file."""
    view = scale_data.view(folder, "text", n)
    source = folder / "text.parquet"
    _write_parquet(source, view)
    target = folder / "from_parquet.npy"
    found = measured(lambda: convert(source, "text", target))
    same = all(np.array_equal(found.result[rows], view[rows]) for rows in _slices(n))
    size = source.stat().st_size / 2**20
    source.unlink()
    target.unlink()
    return {"rows": n, "file MB": size, "seconds": found.seconds, "peak MB": found.peak_mb, "equal": same}


def convert(source: Path, column: str, target: Path) -> np.ndarray:
    """Write a column of vectors of a Parquet file as an array that numpy maps; return the map."""
    # What pyarrow reads ahead otherwise is the whole column.
    with pq.ParquetFile(source, pre_buffer=False) as file:
        width = file.schema_arrow.field(column).type.list_size
        rows = np.lib.format.open_memmap(target, "w+", np.float32, (file.metadata.num_rows, width))
        done = 0
        for batch in file.iter_batches(columns=[column]):
            rows[done : done + len(batch)] = batch.column(0).flatten().to_numpy().reshape(-1, width)
            done += len(batch)
    return rows


def _write_parquet(file: Path, view: np.ndarray) -> None:
    kind = pa.list_(pa.float32(), view.shape[1])
    with pq.ParquetWriter(file, pa.schema([("text", kind)])) as writer:
        for rows in _slices(len(view)):
            values = pa.FixedSizeListArray.from_arrays(pa.array(view[rows].ravel()), view.shape[1])
            writer.write_table(pa.table({"text": values}))


def _slices(n: int) -> Iterator[slice]:
    return (slice(start, start + scale_data.BLOCK) for start in range(0, n, scale_data.BLOCK))
