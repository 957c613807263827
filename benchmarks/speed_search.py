"""Searching an index beside the matrix product that an exact search needs, and beside faiss."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from measure import Sides, case

from skxmr import AlignedEmbeddings, RetrievalIndex

_WIDTH = 256
# Parts of the collection that a filter tells apart; each holds a tenth.
_PARTS = 10


def rows(n: int, seed: int) -> Any:
    """Return unit vectors of float32 that lie in 1,000 clusters, as embeddings do."""
    centres = np.random.default_rng(0).standard_normal((1000, _WIDTH), dtype=np.float32)
    rng = np.random.default_rng(seed)
    out = np.empty((n, _WIDTH), np.float32)
    for start in range(0, n, 100_000):
        some = out[start : start + 100_000]
        some[:] = centres[rng.integers(1000, size=len(some))] + rng.standard_normal(some.shape, dtype=np.float32)
        some /= np.linalg.norm(some, axis=1, keepdims=True)
    return out


@cache
def collection(n: int, backend: str = "exact") -> tuple[RetrievalIndex, Any, Any]:
    """Return an index, the vectors that it holds, and 100 queries."""
    vectors = rows(n, 1)
    model = AlignedEmbeddings().fit(vectors[:2], vectors[:2])
    index = RetrievalIndex(model, backend)
    for start in range(0, n, 100_000):
        some = vectors[start : start + 100_000]
        index.add(image=some, metadata={"part": np.arange(len(some)) % _PARTS})
    return index, vectors, rows(100, 2)


def faiss_flat(vectors: Any) -> Any:
    """Return faiss' flat index on one thread."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(_WIDTH)
    index.add(vectors)
    return index


@case(
    "100 queries in 100,000 x 256, k = 10",
    at_most={"matrix product": 1.3},
    memory_limit=100,
    repeat=9,
)
def hundred() -> Sides:
    """Return sides of a batch; faiss sees the same rows."""
    index, vectors, queries = collection(100_000)
    peer = faiss_flat(vectors)
    return {
        "skxmr": lambda: index.search(text=queries),
        "matrix product": lambda: queries @ vectors.T,
        "faiss, flat": lambda: peer.search(queries, 10),
    }


@case("one query in 100,000 x 256, k = 10", at_most={"faiss, flat": 1.2}, repeat=15)
def one() -> Sides:
    """Return sides of a single query."""
    index, vectors, queries = collection(100_000)
    peer = faiss_flat(vectors)
    return {
        "skxmr": lambda: index.search(text=queries[:1]),
        "matrix product": lambda: vectors @ queries[0],
        "faiss, flat": lambda: peer.search(queries[:1], 10),
    }


@case("one query in a tenth of 100,000 x 256, k = 10", at_most={"without filter": 0.35}, repeat=15)
def filtered() -> Sides:
    """Return sides of a search with a filter and without."""
    index, _, queries = collection(100_000)
    return {
        "skxmr": lambda: index.search(text=queries[:1], where={"part": 3}),
        "without filter": lambda: index.search(text=queries[:1]),
    }


@case("100 queries in 100,000 x 256 bits, k = 10", repeat=5)
def binary() -> Sides:
    """Return sides of Hamming distances; the vectors of the same items are the other side."""
    index, _, queries = collection(100_000, "binary")
    vectors, _, _ = collection(100_000)
    return {"skxmr": lambda: index.search(text=queries), "vectors": lambda: vectors.search(text=queries)}


@case(
    "100 queries in 1,000,000 x 256, k = 10",
    at_most={"matrix product": 1.5},
    memory_limit=100,
    repeat=3,
)
def million() -> Sides:
    """Return sides of a batch. The product writes scores block by block, because all of them would be 400 MB."""
    index, vectors, queries = collection(1_000_000)

    def product() -> None:
        for start in range(0, len(vectors), 16_384):
            queries @ vectors[start : start + 16_384].T

    return {"skxmr": lambda: index.search(text=queries), "matrix product": product}


@case("opening 1,000,000 x 256", at_most={"one second": 1.0}, clock="wall", repeat=3)
def opening() -> Sides:
    """Return sides of opening a saved index, whose vectors are mapped, and of a second that passes."""
    import time

    index, _, _ = collection(1_000_000)
    # It goes away with the sides, which hold it.
    place = tempfile.TemporaryDirectory()
    index.save(Path(place.name) / "index")
    return {"skxmr": lambda: RetrievalIndex.load(Path(place.name) / "index"), "one second": lambda: time.sleep(1)}
