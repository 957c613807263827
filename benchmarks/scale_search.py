"""An index of many vectors: built from parts, saved, opened and asked, with and without a condition."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import scale_data
from scale_memory import anonymous_mb, measured

from skxmr import AlignedEmbeddings, RetrievalIndex

YEARS = 50
# What is found by the condition: every item, and one in so many.
WHERE = {"": None, ", one item in 50": {"year": 2001}, ", half of the items": {"year": (2000, 1999 + YEARS // 2)}}


def build(folder: Path, n: int, options: dict[str, Any]) -> dict[str, Any]:
    """Build an index in parts, and save it."""
    _warm(folder)
    index = _empty(options)
    added = measured(lambda: _fill(index, n))
    place = folder / f"index_{n}"
    shutil.rmtree(place, ignore_errors=True)
    saved = measured(lambda: index.save(place))
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    return {
        "rows": n, "add seconds": added.seconds, "add peak MB": added.peak_mb, "save seconds": saved.seconds,
        "save peak MB": saved.peak_mb, "file MB": size / 2**20,
    }  # fmt: skip


def _empty(options: dict[str, Any]) -> RetrievalIndex:
    width = scale_data.WIDTHS["vectors"]
    return RetrievalIndex(AlignedEmbeddings().fit(np.ones((2, width)), np.ones((2, width))), options=options)


def _warm(folder: Path) -> None:
    """Save and open a small index, so that what is imported for that is no matter of the items."""
    index = _empty({})
    _fill(index, 100)
    index.save(folder / "index_of_few", overwrite=True)
    RetrievalIndex.load(folder / "index_of_few").search(image=np.ones((1, scale_data.WIDTHS["vectors"])))


def _fill(index: RetrievalIndex, n: int) -> None:
    for rows, block in scale_data.blocks("vectors", n):
        years = 2000 + np.arange(rows.start, rows.stop) % YEARS
        index.add(image=block, metadata={"year": years})


def ask(folder: Path, n: int) -> dict[str, Any]:
    """Open the index, and ask one and a hundred queries."""
    _warm(folder)
    opened = measured(lambda: RetrievalIndex.load(folder / f"index_{n}"))
    index = opened.result
    # The first items themselves, so that it is known what is to be found.
    queries = next(scale_data.blocks("vectors", n))[1][:100].astype(np.float32)
    first = measured(lambda: index.search(image=queries[:1]))
    row: dict[str, Any] = {
        "rows": n,
        "open seconds": opened.seconds,
        "open peak MB": opened.peak_mb,
        "first query seconds": first.seconds,
        "first query peak MB": first.peak_mb,
    }
    for number in (1, 100):
        for words, where in WHERE.items():
            found = measured(lambda: index.search(image=queries[:number], k=10, where=where))  # noqa: B023
            row[f"{number}{words} seconds"] = found.seconds
            row[f"{number}{words} peak MB"] = found.peak_mb
    ids = index.search(image=queries, k=1).ids[:, 0]
    row["found themselves"] = float(np.mean(ids == np.arange(100)))
    row["anonymous MB"] = anonymous_mb()
    return row
