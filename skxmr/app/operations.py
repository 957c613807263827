"""Operations of the API: one table, from which the routes are made and the API is described."""

from __future__ import annotations

from typing import Any, NamedTuple

import skxmr
from skxmr.app import parameters
from skxmr.app.parameters import Schema

_QUERY = ("text", "like", "weight")
_PAGE = ("tag", "modality", "offset", "limit")
_VERSION: Schema = {
    "version": {"type": "string", "description": "The version of the index from which the whole answer comes."},
    "problem": {"type": ["string", "null"], "description": "Why a newer version is not served, as a sentence."},
}
_STRINGS: Schema = {"type": "array", "items": {"type": "string"}}
_ID: Schema = {"type": ["string", "integer"]}
_HIT: Schema = {
    "type": "object",
    "properties": {
        "rank": {"type": "integer", "minimum": 1},
        "id": _ID,
        "score": {"type": ["number", "null"], "description": "The cosine; null where nothing was searched for."},
        "modality": {"type": ["string", "null"]},
        "caption": {"type": ["string", "null"]},
        "tags": _STRINGS,
        "picture": {"type": ["string", "null"], "description": "Where its picture is."},
        "about": {"type": "object", "description": "Further columns of the index."},
    },
}
_TABLE: Schema = {
    "type": "object",
    "properties": {
        "caption": {"type": "string"},
        "columns": _STRINGS,
        "rows": {
            "type": "array",
            "items": {"type": "array", "items": {"type": ["string", "number"]}, "description": "A name, then numbers."},
        },
    },
}


class Operation(NamedTuple):
    """What can be asked: a function of `skxmr.app.answers`, how it is asked, and what it answers."""

    name: str
    methods: tuple[str, ...]
    summary: str
    parameters: tuple[str, ...]
    properties: Schema

    @property
    def path(self) -> str:
        """Where it is asked."""
        return f"/api/{self.name}"


OPERATIONS = (
    Operation(
        "about",
        ("GET",),
        "What there is to search.",
        (),
        {
            "items": {"type": "integer"},
            "modalities": {"type": "object", "additionalProperties": {"type": "integer"}},
            "tags": {"type": "integer"},
            "columns": _STRINGS,
            "refuses": {"type": "object", "description": "Why the model takes no texts or no pictures as queries."},
            "model": {"type": "string"},
            "max_bytes": {"type": "integer"},
            "max_depth": {"type": "integer"},
        },
    ),
    Operation(
        "tags",
        ("GET",),
        "The tags of the items, the most frequent ones first, at most 200 of them.",
        ("prefix",),
        {
            "total": {"type": "integer"},
            "tags": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"tag": {"type": "string"}, "items": {"type": "integer"}},
                },
            },
        },
    ),
    Operation(
        "search",
        ("GET", "POST"),
        "The items that are nearest to words, to a picture, to both, or to an item; all items without any of these.",
        (*_QUERY, *_PAGE),
        {
            "total": {
                "type": "integer",
                "description": "How many items fulfil the conditions; all of them are ranked.",
            },
            "offset": {"type": "integer"},
            "note": {"type": ["string", "null"], "description": "What to know of the answer, as a sentence."},
            "hits": {"type": "array", "items": _HIT},
        },
    ),
    Operation(
        "why",
        ("GET", "POST"),
        "Why an item was found for a query.",
        ("id", *_QUERY),
        {
            "id": _ID,
            "score": {"type": "number"},
            "sentences": _STRINGS,
            "tables": {"type": "array", "items": _TABLE},
        },
    ),
    Operation("picture", ("GET",), "The picture of an item, made small.", ("id", "size", "version"), {}),
)


def description(max_bytes: int) -> dict[str, Any]:
    """Return the API as OpenAPI describes it."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths[operation.path] = {
            method.lower(): _described(operation, method, max_bytes) for method in operation.methods
        }
    error = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "skxmr",
            "version": skxmr.__version__,
            "description": "Images and texts that a model has put into an index. Nothing can be changed.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": error},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _described(operation: Operation, method: str, max_bytes: int) -> dict[str, Any]:
    answer: Schema = {"image/jpeg": {}}
    if operation.properties:
        answer = {"application/json": {"schema": {"type": "object", "properties": _VERSION | operation.properties}}}
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    found: dict[str, Any] = {
        "operationId": f"{operation.name}_{method.lower()}",
        "summary": operation.summary,
        "parameters": parameters.described(operation.parameters),
        "responses": {
            "200": {"description": "The answer.", "content": answer},
            "default": {"description": "What is wrong, as one sentence.", **error},
        },
    }
    if method == "POST":
        fields = {name: parameters.PARAMETERS[name].schema for name in operation.parameters}
        found["requestBody"] = {
            "description": f"A picture of at most {max_bytes:,} bytes, or the parameters as JSON.",
            "content": {"image/*": {}, "application/json": {"schema": {"type": "object", "properties": fields}}},
        }
    return found
