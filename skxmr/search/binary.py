"""The binary backend: the signs of embeddings as bits, compared by Hamming distance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skxmr._data.codes import Words, as_signs, as_words, n_differing, packed
from skxmr._data.kinds import AnyArray, Codes, IndexArray
from skxmr.search.backend import Allowed
from skxmr.search.candidates import Block, Candidates, scan
from skxmr.search.vector_files import load_vectors, save_vectors
from skxmr.search.vectors import Vectors

# Rows that are compared together, so that what is counted stays in the cache.
_ROWS = 32_768


class BinaryBackend(NamedTuple):
    """One bit per dimension: whether the embedding is above 0. The score is the cosine of the signs.

    That is 1 for equal codes and -1 for opposite ones: 1 less twice the share of bits that differ. Rows of bytes are
    filled up to whole words of 64 bits. The codes of a hashing method come as signs, so that nothing of them is lost.
    """

    codes: Vectors
    width: int

    @classmethod
    def empty(cls, width: int) -> BinaryBackend:
        """Return a backend without codes."""
        return cls(Vectors.empty(8 * -(-width // 64), np.uint8), width)

    def add(self, vectors: AnyArray, metadata: Mapping[str, Sequence[Any]]) -> BinaryBackend:
        """Return a backend with the codes of more vectors."""
        return self._replace(codes=self.codes.extended(self._coded(vectors)))

    def remove(self, rows: IndexArray) -> BinaryBackend:
        """Return the same: removed rows are not allowed in a search."""
        return self

    def take(self, rows: IndexArray) -> AnyArray:
        """Return the signs of some rows: 1 and -1."""
        return as_signs(self.codes.take(rows), self.width).astype(np.float32)

    def search(self, queries: AnyArray, k: int, allowed: Allowed) -> Candidates:
        """Count the bits in which the code of every allowed row differs from those of the queries."""
        return scan(len(queries), k, self._score_blocks(as_words(self._coded(queries)), allowed))

    def save(self, folder: Path, rows: IndexArray) -> dict[str, Any]:
        """Write the codes of some rows."""
        return save_vectors(folder, rows, self.codes) | {"width": self.width}

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], options: Mapping[str, Any]) -> BinaryBackend:
        """Map the codes of a folder."""
        return cls(load_vectors(folder, config), int(config["width"]))

    def _coded(self, vectors: AnyArray) -> Codes:
        codes = packed(vectors > 0)
        return np.pad(codes, ((0, 0), (0, self.codes.width - codes.shape[1])))

    def _score_blocks(self, queries: Words, allowed: Allowed) -> Iterator[Block]:
        for rows, block in self.codes.blocks(_ROWS):
            # One row per word, so that all rows are compared by one instruction after the other.
            columns = np.ascontiguousarray(as_words(block).T)
            scores = np.empty((len(queries), len(block)), np.float32)
            for query, out in zip(queries, scores, strict=True):
                np.multiply(n_differing(query, columns), np.float32(-2 / self.width), out=out)
                out += 1
            if allowed.mask is not None:
                scores[:, ~allowed.mask[rows]] = -np.inf
            yield rows, scores
