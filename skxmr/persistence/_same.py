"""Whether two folders hold the same model."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

from skxmr.persistence._loading import MODEL

# The tree of a model, in its archive.
_TREE = "schema.json"
# Entries of the tree that say who wrote it and where its objects lay in memory, and nothing of the model.
_OF_THE_WRITER = ("__id__", "_skops_version", "_sklearn_version", "_stop_words_id")


def same_model(first: Path, second: Path) -> bool:
    """Tell whether the models of two sound folders are equal bit for bit, however often each was opened and saved."""
    return _content(first / MODEL) == _content(second / MODEL)


def _content(file: Path) -> object:
    """Return the tree of a model with the digests of its arrays."""
    with zipfile.ZipFile(file) as archive:
        return _told(json.loads(archive.read(_TREE)), archive)


def _told(node: Any, archive: zipfile.ZipFile) -> object:
    if isinstance(node, list):
        return [_told(item, archive) for item in node]
    if not isinstance(node, dict):
        return node
    # Where features are kept says nothing of what they are.
    left_out = {*_OF_THE_WRITER, "cache"} if "cache_key" in node else _OF_THE_WRITER
    out = {key: _told(value, archive) for key, value in node.items() if key not in left_out}
    if isinstance(node.get("file"), str):
        out["file"] = hashlib.sha256(archive.read(node["file"])).hexdigest()
    if node.get("__loader__") == "SetNode":
        # A set has no order, and strings come in another one in every process.
        out["content"] = sorted(json.dumps(_told(item, archive)) for item in node["content"])
    return out
