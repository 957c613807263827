"""Snapshot: one version of an index, from which a request is answered as a whole."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import FloatArray, View
from skxmr.app.refusal import RefusalError
from skxmr.app.tags import COLUMN, TagTable
from skxmr.search.allowed import allowed_rows
from skxmr.search.hits import ColumnsOfHits, Hits
from skxmr.search.ids import Id
from skxmr.search.index import RetrievalIndex
from skxmr.search.queries import is_unknown, query_vectors, vector_of_nothing

# Digits of a version that are shown; they tell versions of one index apart.
_SHOWN = 12


class Snapshot:
    """One version of an index. Nothing changes it, and somebody who still reads it keeps it.

    Attributes
    ----------
    index : RetrievalIndex
        The collection and its model.
    version : str
        The name of the version: another one after every change of the folder.
    tags : TagTable
        The tags of its items.
    refuses : dict
        Why the model takes no texts or no pictures as queries, by ``"text"`` and ``"image"``; empty if it takes both.
    """

    def __init__(self, index: RetrievalIndex) -> None:
        self.index = index
        self.version = str(index._saved)[:_SHOWN]
        self._table = index._items.state.table
        self.tags = TagTable(self._table)
        _without_caches(index.model)
        self.refuses = _refusals(index.model)
        self._of_nothing = vector_of_nothing(index.model)
        self._known = index._items.known()
        # Whatever is damaged is better known before anybody is answered from it.
        if len(index):
            index._nearest(self.vector_of(next(iter(index))), 1)

    def id_of(self, text: str) -> Id:
        """Return the id that a request names; refuse one that is not there."""
        value: Id = text
        if text not in self._known and text.isascii() and text.isdigit():
            value = int(text)
        if value not in self._known:
            raise RefusalError(404, f"There is no item {text[:80]!r} in this version of the index; search again.")
        return value

    def vector_of(self, value: Id) -> FloatArray:
        """Return the vector of an item (1, d)."""
        _, backend, rows = self.index._items.read([value])
        return np.asarray(backend.take(np.asarray(rows)), np.float32)

    def about(self, value: Id) -> dict[str, object]:
        """Return all columns of an item."""
        columns = ColumnsOfHits(self._table, np.array([self._known[value]]))
        return {name: values[0] for name, values in columns.items()}

    def query(self, text: str | None, picture: Path | None, weight: float) -> FloatArray:
        """Return the vector of a query (1, d)."""
        image = None if picture is None else [str(picture)]
        try:
            return query_vectors(self.index.model, image, None if text is None else [text], weight)
        except (ValueError, TypeError) as error:
            what = "these words" if picture is None else "this picture"
            # Where the picture lies meanwhile is nobody's business.
            said = _line(error).rstrip(".") + "."
            said = said if picture is None else said.replace(str(picture), "the picture")
            raise RefusalError(400, f"The model of this index cannot search for {what}: {said}") from error

    def is_unknown(self, vector: FloatArray) -> bool:
        """Tell whether a vector is the one of a text in which the model knows no word."""
        return is_unknown(vector, self._of_nothing)

    def where(self, tags: Sequence[str], modality: str | None) -> dict[str, Any]:
        """Return the conditions of a search that wants all of some tags, and items of one kind."""
        conditions: dict[str, Any] = {}
        if tags:
            conditions[COLUMN] = self.tags.values_with(tags)
        if modality is not None:
            conditions["modality"] = modality
        known = {name for name in self._table.columns if not name.startswith("_")}
        # Without the column no item has the value, and a list without values is a condition that nothing fulfils.
        return {"modality": []} if not conditions.keys() <= known else conditions

    def count(self, where: dict[str, Any]) -> int:
        """Return how many items fulfil conditions."""
        return allowed_rows(self._table, None, where or None).n_allowed if len(self.index) else 0

    def listed(self, where: dict[str, Any], start: int, stop: int) -> Hits:
        """Return items in the order in which they were added, without scores."""
        allowed = allowed_rows(self._table, None, where or None)
        rows = np.arange(allowed.n) if allowed.mask is None else np.flatnonzero(allowed.mask)
        some = rows[start:stop]
        scores = np.full((1, len(some)), np.nan, np.float32)
        return Hits(scores, self._table.ids_at(some[None]), ColumnsOfHits(self._table, some))

    def columns(self) -> list[str]:
        """Return the names of all columns."""
        return [name for name in self._table.columns if not name.startswith("_")]


def _refusals(model: BaseEstimator) -> dict[str, str]:
    """Try a word and a small picture; return why the model takes one or the other not."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="skxmr-") as folder:
        file = Path(folder) / "white.png"
        trials: dict[str, View] = {"text": ["picture"], "image": [str(file)]}
        try:
            _write_white(file)
        except OSError:
            # Without room for a picture nobody knows, and the model is asked when somebody sends one.
            del trials["image"]
        for name, rows in trials.items():
            try:
                query_vectors(model, **{"image": None, "text": None, name: rows}, weight=0.5)
            except Exception as error:
                # Models of others raise errors of any kind for what they were not made for.
                found[name] = _line(error).replace(str(file), "the picture")
    return found


def _write_white(file: Path) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64), "white").save(file)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:400] or type(error).__name__


def _without_caches(model: object) -> None:
    """Let no part of a model keep what is searched for in a cache of vectors, because a server writes nothing."""
    seen: set[int] = set()
    parts = [model]
    while parts:
        part = parts.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            parts += part.values()
        elif isinstance(part, (list, tuple)):
            parts += part
        elif isinstance(part, BaseEstimator):
            if getattr(part, "cache", None) is not None and "cache_key" in vars(part):
                part.cache = None
            parts += vars(part).values()
