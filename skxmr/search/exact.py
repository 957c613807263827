"""The exact backend: every vector is compared with every query, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from skxmr._data.kinds import AnyArray, FloatArray, IndexArray
from skxmr._data.option_checks import check_choice
from skxmr.search.backend import Allowed
from skxmr.search.candidates import Block, Candidates, joined, scan, scored_again
from skxmr.search.vector_files import load_vectors, save_vectors
from skxmr.search.vectors import Vectors

# How vectors may be kept.
DTYPES = ("float32", "float16")
# Queries that are multiplied together: fewer cost more each, more are no faster.
_QUERIES = 256
# Scores that a block holds, so that they stay in the cache, and the rows that it has at least and at most.
_SCORES = 2**21
_FEWEST = 8_192
_MOST = 2**18
# Rows whose scores are looked at together where a filter picks them, and how many of these are copied out at a time:
# .5 MB at 256 dimensions, which stay in the cache.
_PICKED = 16_384
_COPIED = 512


class ExactBackend(NamedTuple):
    """Unit vectors in memory or in a mapped file, compared by products of matrices.

    As float16 they take half the memory, and the scores are those of the rounded vectors, computed as ever.
    """

    vectors: Vectors

    @classmethod
    def empty(cls, width: int, dtype: str = "float32") -> ExactBackend:
        """Return a backend without vectors."""
        check_choice(dtype, "dtype", DTYPES)
        return cls(Vectors.empty(width, dtype))

    @property
    def width(self) -> int:
        """The number of dimensions."""
        return self.vectors.width

    def add(self, vectors: FloatArray, metadata: Mapping[str, Sequence[Any]]) -> ExactBackend:
        """Return a backend with more vectors."""
        return ExactBackend(self.vectors.extended(vectors))

    def remove(self, rows: IndexArray) -> ExactBackend:
        """Return the same: removed rows are not allowed in a search."""
        return self

    def take(self, rows: IndexArray) -> AnyArray:
        """Return the vectors of some rows."""
        return self.vectors.take(rows)

    def search(self, queries: FloatArray, k: int, allowed: Allowed) -> Candidates:
        """Compare all allowed vectors with all queries."""
        # An engine that shares these vectors may have added some since the search began.
        vectors = self.vectors.first(allowed.n)
        parts = []
        for some in gen_batches(len(queries), _QUERIES):
            few = queries[some]
            # Rows of half precision become float32 before they are multiplied, in blocks that stay in the cache.
            most = _FEWEST if vectors.added.dtype == np.float16 else _MOST
            size = int(np.clip(_SCORES // len(few), _FEWEST, most))
            found = scan(len(few), k, _score_blocks(vectors, few, allowed, size))
            found = scored_again(found, few, self.take)
            parts.append(found._replace(query=found.query + some.start))
        return joined(parts)

    def save(self, folder: Path, rows: IndexArray) -> dict[str, Any]:
        """Write the vectors of some rows."""
        return save_vectors(folder, rows, self)

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], options: Mapping[str, Any]) -> ExactBackend:
        """Map the vectors of a folder."""
        return cls(load_vectors(folder, config))


def _score_blocks(vectors: Vectors, queries: FloatArray, allowed: Allowed, size: int) -> Iterator[Block]:
    """Yield the scores of the allowed rows: few of them are copied out, else those that are not become -inf."""
    mask = allowed.mask
    if mask is not None and 2 * allowed.n_allowed < allowed.n:
        yield from _picked_blocks(vectors, queries, np.flatnonzero(mask))
        return
    scores = np.empty(0, np.float32)
    for rows, block in vectors.blocks(size):
        n = len(queries) * len(block)
        if len(scores) != n:
            scores = np.empty(n, np.float32)
        found = np.matmul(queries, block.astype(np.float32, copy=False).T, out=scores.reshape(len(queries), len(block)))
        if mask is not None:
            found[:, ~mask[rows]] = -np.inf
        yield rows, found


def _picked_blocks(vectors: Vectors, queries: FloatArray, rows: IndexArray) -> Iterator[Block]:
    """Yield the scores of some rows, which are copied out into memory that is used again for every block."""
    copied = np.empty((_COPIED, vectors.width), vectors.added.dtype)
    for some in gen_batches(len(rows), _PICKED):
        picked = rows[some]
        scores = np.empty((len(queries), len(picked)), np.float32)
        for few in gen_batches(len(picked), _COPIED):
            block = vectors.take(picked[few], copied[: few.stop - few.start])
            scores[:, few] = queries @ block.astype(np.float32, copy=False).T
        yield picked, scores
