"""Answers: what is asked, computed from one version of an index. Nothing here knows HTTP."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from skxmr._data.unicode import is_unicode
from skxmr.app.bodies import format_of
from skxmr.app.explanation import Side, explanation, side_of_item
from skxmr.app.parameters import MAX_DEPTH
from skxmr.app.pictures import small_picture
from skxmr.app.refusal import RefusalError
from skxmr.app.settings import Settings
from skxmr.app.snapshot import Snapshot
from skxmr.app.tags import COLUMN, tags_of
from skxmr.search.hits import Hits
from skxmr.search.ids import Id

# What a request asks for: its parameters, and the picture that it holds.
Asked = dict[str, Any]

# Columns that have a place of their own in a hit.
_PLACED = ("modality", "item", "caption", COLUMN)
# Tags that are listed at once; more are found by a part of their name.
_TAGS = 200
_UNKNOWN = "The model knows none of these words, so that the order of the items means nothing."


def about(snapshot: Snapshot, asked: Asked, settings: Settings) -> dict[str, Any]:
    """Return what there is to search."""
    index = snapshot.index
    column = index._items.state.table.columns.get("modality")
    modalities = {} if column is None else {name: snapshot.count({"modality": name}) for name in column.words.words}
    return {
        "items": len(index),
        "modalities": {name: number for name, number in modalities.items() if number},
        "tags": len(snapshot.tags.counts),
        "columns": snapshot.columns(),
        "refuses": snapshot.refuses,
        "model": type(index.model).__name__,
        "max_bytes": settings.max_bytes,
        "max_depth": MAX_DEPTH,
    }


def tags(snapshot: Snapshot, asked: Asked, settings: Settings) -> dict[str, Any]:
    """Return the tags of the index, the most frequent ones first."""
    wanted = asked["prefix"].casefold()
    found = [(tag, n) for tag, n in snapshot.tags.counts.items() if wanted in tag.casefold()]
    return {"total": len(found), "tags": [{"tag": tag, "items": n} for tag, n in found[:_TAGS]]}


def search(snapshot: Snapshot, asked: Asked, settings: Settings) -> dict[str, Any]:
    """Return one page of what is found."""
    start = asked["offset"]
    stop = start + asked["limit"]
    if stop > MAX_DEPTH:
        raise RefusalError(400, f"offset and limit reach item {stop:,}; at most {MAX_DEPTH:,} are shown for a query.")
    where = snapshot.where(asked["tag"] or (), asked["modality"])
    total = snapshot.count(where)
    with _query(snapshot, asked, settings) as (vector, _):
        like = None if asked["like"] is None else snapshot.id_of(asked["like"])
        if total == 0:
            hits = Hits(np.zeros((1, 0), np.float32), np.zeros((1, 0), object))
        elif vector is None:
            hits = snapshot.listed(where, start, stop)
        else:
            # An item for which similar ones are wanted is no news itself.
            hits = snapshot.index._nearest(vector, stop + (like is not None), where=where or None)
    found = [hit for hit in _hits(hits, snapshot.version) if like is None or hit["id"] != like]
    is_itself_left_out = like is not None and _fulfils(snapshot, like, asked)
    return {
        "total": total - is_itself_left_out,
        "offset": start,
        "note": _UNKNOWN if vector is not None and snapshot.is_unknown(vector) else None,
        "hits": [hit | {"rank": start + i + 1} for i, hit in enumerate(found if vector is None else found[start:stop])],
    }


def why(snapshot: Snapshot, asked: Asked, settings: Settings) -> dict[str, Any]:
    """Return why an item was found."""
    value = snapshot.id_of(asked["id"])
    with _query(snapshot, asked, settings) as (vector, query):
        if vector is None:
            raise RefusalError(400, "What was searched for? Give text or like, or send a picture.")
        found = explanation(snapshot, query, side_of_item(snapshot, value, settings.root))
        score = snapshot.index._nearest(vector, 1, among=[value]).scores[0, 0]
    return {"id": value, "score": round(float(score), 6), **found}


def picture(snapshot: Snapshot, asked: Asked, settings: Settings) -> bytes:
    """Return the picture of an item."""
    found = snapshot.about(snapshot.id_of(asked["id"]))
    if found.get("modality") != "image" or found.get("item") is None:
        raise RefusalError(404, "This item has no picture.")
    return small_picture(str(found["item"]), settings.root, asked["size"])


@contextmanager
def _query(snapshot: Snapshot, asked: Asked, settings: Settings) -> Iterator[tuple[np.ndarray | None, Side]]:
    """Give the vector of a query (1, d) and what it was made of; None where nothing is searched for."""
    body: bytes | None = asked.get("picture")
    text: str | None = asked["text"]
    if asked["like"] is not None:
        if text is not None or body is not None:
            raise RefusalError(400, "like stands in place of words and a picture; give one of them.")
        value = snapshot.id_of(asked["like"])
        yield snapshot.vector_of(value), side_of_item(snapshot, value, settings.root)
        return
    if body is None:
        if text is None:
            yield None, Side({}, [])
        else:
            yield snapshot.query(text, None, asked["weight"]), Side({"text": [text]}, [])
        return
    kind = format_of(body, settings.max_pixels).lower()
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="skxmr-"))
            file = Path(folder) / f"picture.{kind}"
            file.write_bytes(body)
        except OSError as error:
            sentence = f"The server has no room for the picture ({error.strerror}); search by words, or try later."
            raise RefusalError(503, sentence, {"Retry-After": "60"}) from error
        yield snapshot.query(text, file, asked["weight"]), Side({"image": [str(file)]}, [])


def _hits(hits: Hits, version: str) -> Iterator[dict[str, Any]]:
    """Yield items as the API describes them."""
    columns = {name: list(values) for name, values in hits.metadata.items()}
    for i, (value, score) in enumerate(zip(hits.ids[0].tolist(), hits.scores[0].tolist(), strict=True)):
        if score == -math.inf:
            continue
        own = {name: values[i] for name, values in columns.items()}
        is_image = own.get("modality") == "image"
        # An address cannot hold an id that is no text, as older indexes have for files with odd names.
        has_picture = is_image and own.get("item") is not None and is_unicode(str(value))
        yield {
            "id": value,
            "score": None if math.isnan(score) else round(score, 6),
            "modality": own.get("modality"),
            "caption": own.get("caption") if is_image else own.get("item"),
            "tags": tags_of(own.get(COLUMN)),
            "picture": f"/api/picture?{urlencode({'id': value, 'version': version})}" if has_picture else None,
            "about": {
                name: _plain(content) for name, content in own.items() if name not in _PLACED and content is not None
            },
        }


def _plain(value: object) -> object:
    """Return a value as JSON knows it: infinite numbers as words."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _fulfils(snapshot: Snapshot, value: Id, asked: Asked) -> bool:
    """Tell whether an item fulfils the conditions of a request."""
    found = snapshot.about(value)
    has_tags = set(asked["tag"] or ()) <= set(tags_of(found.get(COLUMN)))
    return has_tags and asked["modality"] in (None, found.get("modality"))
