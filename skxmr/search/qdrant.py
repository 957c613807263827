"""The qdrant backend: vectors and metadata in a server, or in this process for trials."""

from __future__ import annotations

import copy
import json
import math
import os
import threading
import uuid
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skxmr._data.kinds import AnyArray, FloatArray, IndexArray
from skxmr.search.backend import Allowed
from skxmr.search.candidates import Candidates, scored_again
from skxmr.search.conditions import Condition
from skxmr.search.engines import NamedColumns, Seen, fetched, needed
from skxmr.search.vector_files import load_vectors, save_vectors

# The metadata of the saved rows, as qdrant has them, and the numbers of the rows in a server.
PAYLOADS = "payloads.json"
POINTS = "points.npy"
# Rows that are sent together.
_ROWS = 1_000


class QdrantBackend:
    """A collection of qdrant. Row i is the point ``points[i]``, whose payload are its metadata, called c0, c1, ...

    Without a URL the collection lives in this process. In a server it stays there, and what is saved is its name.
    """

    def __init__(self, width: int, url: str | None, collection: str, columns: NamedColumns, points: IndexArray) -> None:
        self.width = width
        self.url = url
        self.collection = collection
        self.columns = columns
        self.points = points
        self._models = needed("qdrant_client.models", "qdrant", "backend='qdrant'")
        self._lock = threading.Lock()
        # Whether the collection has still to be made.
        self._is_new = False
        client = needed("qdrant_client", "qdrant", "backend='qdrant'").QdrantClient
        # The key of a server is no option, because options are saved. Whether the server answers is asked when the
        # first collection is made, and the client would ask in a thread of its own.
        to_server = {"url": url, "api_key": os.environ.get("QDRANT_API_KEY"), "check_compatibility": False}
        self._client = client(**to_server) if url else client(":memory:")

    @classmethod
    def empty(cls, width: int, url: str | None = None, collection: str | None = None) -> QdrantBackend:
        """Return a backend without vectors; the collection is made when the first ones come."""
        name = collection or f"skxmr-{uuid.uuid4().hex}"
        backend = cls(width, url, name, NamedColumns({}), np.zeros(0, np.intp))
        backend._is_there()
        backend._is_new = True
        return backend

    def add(self, vectors: FloatArray, metadata: Mapping[str, Sequence[Any]]) -> QdrantBackend:
        """Send rows."""
        with self._lock:
            for name in metadata:
                if name not in self.columns.places:
                    self.columns.added(name)
            payloads = [
                {self.columns.places[name]: values[i] for name, values in metadata.items() if values[i] is not None}
                for i in range(len(vectors))
            ]
            self._send(vectors, payloads)
        return self

    def remove(self, rows: IndexArray) -> QdrantBackend:
        """Delete points."""
        with self._lock:
            chosen = self._models.PointIdsList(points=self.points[rows].tolist())
            self._client.delete(self.collection, points_selector=chosen)
        return self

    def renumbered(self, rows: IndexArray) -> QdrantBackend:
        """Return some rows, numbered anew; their points stay as they are."""
        with self._lock:
            backend = copy.copy(self)
            backend.points = self.points[rows]
            return backend

    def search(self, queries: FloatArray, k: int, allowed: Allowed) -> Candidates:
        """Ask for the nearest points that fit, and score them again."""
        seen = Seen()
        with self._lock:
            chosen = self._filter(allowed)
            # Points are numbered in the order of the rows.
            numbers = self.points

            def fetch(some: FloatArray, number: int) -> tuple[FloatArray, IndexArray]:
                if number == len(numbers):
                    # Points that only the server knows, because it failed to delete them or the index was not saved
                    # after they were added, may all be nearer than those of the rows.
                    number = max(number, self._client.count(self.collection).count)
                scores = np.full((len(some), number), -np.inf, np.float32)
                rows = np.full((len(some), number), -1)
                for i, query in enumerate(some):
                    found = self._nearest(query, number, chosen)
                    ids = np.array([point.id for point in found], np.intp)
                    at = np.searchsorted(numbers[:-1], ids)
                    # Points that only the server knows are no rows.
                    is_known = numbers[at] == ids
                    rows[i, : len(found)] = np.where(is_known, at, -1)
                    scores[i, : len(found)] = [point.score for point in found]
                    seen.add(rows[i], np.array([point.vector for point in found], np.float32)[is_known])
                return scores, rows

            found = fetched(fetch, queries, k, allowed, len(self.points))
        return scored_again(found, queries, seen.take)

    def take(self, rows: IndexArray) -> AnyArray:
        """Return the vectors of some rows."""
        out = np.zeros((len(rows), self.width), np.float32)
        for start in range(0, len(rows), _ROWS):
            numbers = self.points[rows[start : start + _ROWS]].tolist()
            places = {number: i for i, number in enumerate(numbers, start)}
            for point in self._client.retrieve(self.collection, ids=numbers, with_vectors=True, with_payload=False):
                out[places[point.id]] = point.vector
        return out

    def save(self, folder: Path, rows: IndexArray) -> dict[str, Any]:
        """Write which points the rows are; without a server also the points."""
        about = {"width": self.width, "columns": self.columns.places, "collection": self.collection}
        with self._lock:
            np.save(folder / POINTS, self.points[rows])
            if self.url:
                return about
            payloads = []
            for start in range(0, len(rows), _ROWS):
                numbers = self.points[rows[start : start + _ROWS]].tolist()
                found = {point.id: point.payload for point in self._client.retrieve(self.collection, ids=numbers)}
                payloads += [found[number] for number in numbers]
            (folder / PAYLOADS).write_text(json.dumps(payloads), encoding="utf-8")
            return about | save_vectors(folder, rows, self)

    @classmethod
    def load(cls, folder: Path, config: Mapping[str, Any], options: Mapping[str, Any]) -> QdrantBackend:
        """Connect to the collection in the server, or fill a new one."""
        columns = NamedColumns(dict(config["columns"]))
        points = np.load(folder / POINTS, allow_pickle=False)
        url = options.get("url")
        backend = cls(int(config["width"]), url, str(config["collection"]), columns, points)
        if url is None:
            backend.points = points[:0]
            payloads = json.loads((folder / PAYLOADS).read_text(encoding="utf-8"))
            for rows, vectors in load_vectors(folder, config).blocks(_ROWS):
                backend._send(vectors, payloads[rows])
        return backend

    def _is_there(self) -> bool:
        """Tell whether the collection exists; say so if the server does not answer."""
        errors = needed("qdrant_client.http.exceptions", "qdrant", "backend='qdrant'")
        try:
            return bool(self._client.collection_exists(self.collection))
        except errors.ApiException as error:
            said = " ".join(str(error).split())
            raise OSError(
                f"the qdrant server at {self.url} does not answer as it should ({said}); start it, or correct url, or "
                "the key in the variable QDRANT_API_KEY."
            ) from error

    def _send(self, vectors: FloatArray, payloads: Sequence[Mapping[str, Any]]) -> None:
        models = self._models
        is_there = self._is_there()
        if is_there and self._is_new:
            raise ValueError(
                f"the qdrant server at {self.url} has a collection {self.collection!r} already, whose points would be "
                "overwritten; pass another name as collection, delete it in the server, or open the index that it "
                "belongs to."
            )
        self._is_new = False
        if not is_there:
            form = models.VectorParams(size=self.width, distance=models.Distance.DOT)
            self._client.create_collection(self.collection, vectors_config=form)
        first = int(self.points[-1]) + 1 if len(self.points) else 0
        numbers = np.arange(first, first + len(vectors))
        for start in range(0, len(vectors), _ROWS):
            some = slice(start, start + _ROWS)
            batch = models.Batch(ids=numbers[some].tolist(), vectors=vectors[some].tolist(), payloads=payloads[some])
            with warnings.catch_warnings():
                # In this process qdrant is for trials, as the documentation says, and warns from 20,000 points on.
                warnings.filterwarnings("ignore", message="Local mode")
                self._client.upsert(self.collection, points=batch, wait=True)
        self.points = np.concatenate([self.points, numbers])

    def _nearest(self, query: FloatArray, number: int, chosen: Any) -> Any:
        options = {"search_params": self._models.SearchParams(exact=True)} if self.url else {}
        asked = {"query": query.tolist(), "limit": number, "query_filter": chosen, "with_vectors": True}
        return self._client.query_points(self.collection, with_payload=False, **asked, **options).points

    def _filter(self, allowed: Allowed) -> Any:
        """Return the conditions of a search as qdrant's; those that it cannot express are applied afterwards."""
        models = self._models
        found = [
            self._of_column(condition, self.columns.places[condition.column])
            for condition in allowed.conditions
            if not (condition.is_range and any(isinstance(value, str) for value in condition.values))
        ]
        if allowed.among is not None:
            found.append(models.HasIdCondition(has_id=self.points[allowed.among].tolist()))
        return models.Filter(must=found) if found else None

    def _of_column(self, condition: Condition, column: str) -> Any:
        models = self._models
        none = models.IsEmptyCondition(is_empty=models.PayloadField(key=column))
        if condition.is_range:
            low, high = condition.values
            if low is None and high is None:
                return models.Filter(must_not=[none])
            return models.FieldCondition(
                key=column, range=models.Range(gte=_bound(low, -math.inf), lte=_bound(high, math.inf))
            )
        either: list[Any] = [none] if None in condition.values else []
        for value in condition.values:
            if isinstance(value, (str, bool)):
                either.append(models.FieldCondition(key=column, match=models.MatchValue(value=value)))
            elif value is not None:
                either.append(models.FieldCondition(key=column, range=self._range(value, value)))
        # Without any value nothing fits.
        return models.Filter(should=either) if either else models.HasIdCondition(has_id=[])

    def _range(self, low: Any, high: Any) -> Any:
        return self._models.Range(gte=_bound(low, -math.inf), lte=_bound(high, math.inf))


def _bound(value: Any, outside: float) -> float | None:
    """Return a bound as qdrant takes it: where no float is equal to an integer, the next one outside of it."""
    if value is None:
        return None
    bound = float(value)
    is_inside = bound < value if outside > 0 else bound > value
    return math.nextafter(bound, outside) if is_inside else bound
