"""The faiss backend: a flat index, inverted lists, or a graph of neighbours."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skxmr._data.kinds import AnyArray, FloatArray, IndexArray
from skxmr._data.option_checks import check_choice, check_k
from skxmr.search.backend import Allowed
from skxmr.search.candidates import Candidates, scored_again
from skxmr.search.engines import fetched, needed
from skxmr.search.exact import ExactBackend

KINDS = ("flat", "ivf", "hnsw")
NAME = "index.faiss"
# Below so many rows inverted lists are not worth their training, and all rows are compared.
_FEWEST = 5_000
# Rows per list that the centres are learned from.
_PER_LIST = 64
# Where a filter leaves less than this share of the rows, comparing them all is quicker, and exact.
_FEW = 0.2


class FaissBackend:
    """An index of faiss beside the vectors themselves, from which what it finds is scored again.

    Its rows have the numbers of ours, so that it needs no table of ids. Rows are never taken out of it: a search does
    not allow them, and compacting builds a new one.
    """

    def __init__(self, exact: ExactBackend, kind: str, n_lists: int | None, n_probes: int, ef: int) -> None:
        check_choice(kind, "kind", KINDS)
        check_k(n_lists, name="n_lists")
        check_k(n_probes, optional=False, name="n_probes")
        check_k(ef, optional=False, name="ef")
        self.exact = exact
        self.kind = kind
        self.n_lists = n_lists
        self.n_probes = n_probes
        self.ef = ef
        self._faiss = needed("faiss", "ann", "backend='faiss'")
        # None as long as inverted lists have too few rows to learn from.
        self._engine: Any = None
        # faiss must not be searched while rows are added to it.
        self._lock = threading.Lock()

    @classmethod
    def empty(
        cls, width: int, kind: str = "flat", n_lists: int | None = None, n_probes: int = 32, ef: int = 64
    ) -> FaissBackend:
        """Return a backend without vectors."""
        return cls(ExactBackend.empty(width), kind, n_lists, n_probes, ef)

    @property
    def width(self) -> int:
        """The number of dimensions."""
        return self.exact.width

    def add(self, vectors: FloatArray, metadata: Mapping[str, Sequence[Any]]) -> FaissBackend:
        """Add vectors to the index, which is made or trained when there are enough."""
        with self._lock:
            before = self.exact
            self.exact = before.add(vectors, metadata)
            try:
                if self._engine is not None:
                    self._engine.add(vectors)
                elif self.kind != "ivf" or len(self.exact.vectors) >= _FEWEST:
                    self._engine = self._built()
            except BaseException:
                # Both must have the same rows, also after a lack of memory.
                self.exact = before
                raise
        return self

    def remove(self, rows: IndexArray) -> FaissBackend:
        """Return the same: removed rows are not allowed in a search."""
        return self

    def take(self, rows: IndexArray) -> AnyArray:
        """Return the vectors of some rows."""
        return self.exact.take(rows)

    def search(self, queries: FloatArray, k: int, allowed: Allowed) -> Candidates:
        """Ask faiss, and score what it finds again."""
        few = self.kind != "flat" and allowed.n_allowed < _FEW * allowed.n
        with self._lock:
            if self._engine is None or few:
                return self.exact.search(queries, k, allowed)
            options = self._search_options(allowed)

            def fetch(some: FloatArray, number: int) -> tuple[FloatArray, IndexArray]:
                if self.kind == "hnsw":
                    options.efSearch = max(self.ef, number)
                scores, rows = self._engine.search(some, number, params=options)
                return scores, rows

            found = fetched(fetch, queries, k, allowed, int(self._engine.ntotal))
            return scored_again(found, queries, self.take)

    def save(self, folder: Path, rows: IndexArray) -> dict[str, Any]:
        """Write the vectors, and of inverted lists and graphs the index, which takes long to build."""
        with self._lock:
            config = self.exact.save(folder, rows)
            engine = self._engine
            if self.kind == "flat" or engine is None or len(rows) < _FEWEST:
                return config | {"has_engine": False}
            if len(rows) < engine.ntotal:
                kept = ExactBackend.empty(self.width).add(self.take(rows), {})
                engine = FaissBackend(kept, self.kind, self.n_lists, self.n_probes, self.ef)._built()
            self._faiss.write_index(engine, str(folder / NAME))
            return config | {"has_engine": True}

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], options: Mapping[str, Any]) -> FaissBackend:
        """Open what was saved; a flat index is filled from the vectors."""
        empty = cls.empty(1, **options)
        backend = cls(ExactBackend.load(folder, config, {}), empty.kind, empty.n_lists, empty.n_probes, empty.ef)
        if config["has_engine"]:
            backend._engine = backend._faiss.read_index(str(folder / NAME))
        elif backend.kind != "ivf" or len(backend.exact.vectors) >= _FEWEST:
            backend._engine = backend._built()
        return backend

    def _search_options(self, allowed: Allowed) -> Any:
        """Return the options of a search, with the allowed rows as bits."""
        faiss = self._faiss
        selector = {}
        if allowed.mask is not None:
            selector["sel"] = faiss.IDSelectorBitmap(np.packbits(allowed.mask, bitorder="little"))
        if self.kind == "ivf":
            return faiss.SearchParametersIVF(nprobe=self.n_probes, **selector)
        if self.kind == "hnsw":
            return faiss.SearchParametersHNSW(efSearch=self.ef, **selector)
        return faiss.SearchParameters(**selector)

    def _built(self) -> Any:
        """Return an index of all vectors."""
        faiss = self._faiss
        inner = faiss.METRIC_INNER_PRODUCT
        vectors = self.exact.vectors
        n = len(vectors)
        if self.kind == "flat":
            engine = faiss.IndexFlatIP(self.width)
        elif self.kind == "hnsw":
            engine = faiss.IndexHNSWFlat(self.width, 32, inner)
            engine.hnsw.efConstruction = 100
        else:
            n_lists = min(self.n_lists or int(4 * np.sqrt(n)), n // 40)
            engine = faiss.index_factory(self.width, f"IVF{n_lists},Flat", inner)
            rows = np.random.default_rng(0).permutation(n)[: _PER_LIST * n_lists]
            engine.train(vectors.take(np.sort(rows)))
        for _, block in vectors.blocks(16_384):
            engine.add(np.ascontiguousarray(block))
        return engine
