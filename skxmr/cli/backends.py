"""The backend of an index and its options, as the command is given them."""

from __future__ import annotations

import typing
from typing import Any

import click

# Written out, because help must not import what defines them.
BACKENDS = ("exact", "binary", "faiss", "lancedb", "qdrant")


def backend_options(backend: str, given: tuple[str, ...]) -> dict[str, Any]:
    """Return the options of a backend by their names, each with the type that the backend wants."""
    from skxmr.search.backends import backend_class, check_options

    texts: dict[str, str] = {}
    for option in given:
        key, sign, value = option.partition("=")
        if not (key and sign):
            raise click.UsageError(f"--option {option!r} is no option; write KEY=VALUE, such as kind=hnsw.")
        if key in texts:
            raise click.UsageError(f"--option {key} is given twice; keep one of them.")
        texts[key] = value
    try:
        check_options(backend, texts)
    except ValueError as error:
        raise click.UsageError(str(error).replace("options holds", "--option names")) from error
    types = typing.get_type_hints(backend_class(backend).empty)
    return {key: _typed(key, value, types[key]) for key, value in texts.items()}


def _typed(key: str, value: str, wanted: Any) -> Any:
    if int not in (wanted, *typing.get_args(wanted)):
        return value
    try:
        return int(value)
    except ValueError as error:
        raise click.UsageError(f"--option {key} is {value!r}, but a whole number is wanted.") from error
