"""The backends by name, and the checks of their options."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from typing import Any

from skxmr._data.option_checks import check_choice
from skxmr.search.backend import Backend

# Where each is defined; a module is imported when it is asked for, because some need further packages.
BACKENDS = {
    "exact": "exact.ExactBackend",
    "binary": "binary.BinaryBackend",
    "faiss": "faiss.FaissBackend",
    "lancedb": "lancedb.LanceBackend",
    "qdrant": "qdrant.QdrantBackend",
}


def backend_class(name: str) -> Any:
    """Return the class of a backend."""
    check_choice(name, "backend", BACKENDS)
    module, _, cls = BACKENDS[name].partition(".")
    return getattr(import_module(f"skxmr.search.{module}"), cls)


def new_backend(name: str, width: int, options: Mapping[str, Any]) -> Backend:
    """Return a backend without vectors."""
    backend: Backend = backend_class(name).empty(width, **options)
    return backend


def checked_options(options: object) -> dict[str, Any]:
    """Return options as a dict, an empty one for None; refuse what is no mapping."""
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise TypeError(f"options is a {type(options).__name__}; pass a dict such as {{'dtype': 'float16'}}, or None.")
    return dict(options)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options that a backend does not have."""
    known = list(signature(backend_class(name).empty).parameters)[1:]
    for option in options:
        if option not in known:
            closest = get_close_matches(str(option), known, n=1)
            there = f"; did you mean {closest[0]!r}?" if closest else f"; it has {known or 'none'}."
            raise ValueError(f"options holds {option!r}, which backend={name!r} does not have{there}")
