"""An index that exists: opening it for the same model, and what the table says that it lacks or has too many of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skxmr.cli.backends import backend_options

if TYPE_CHECKING:
    from skxmr import RetrievalIndex
    from skxmr.cli.items import Items


def opened(out: Path, model: Path, trust: Sequence[str]) -> RetrievalIndex:
    """Open an index to which items are to be added; refuse another model than it was made with."""
    from skxmr import RetrievalIndex
    from skxmr.persistence._same import same_model
    from skxmr.search.files import MODEL

    index = RetrievalIndex.load(out, trusted=trust)
    if not same_model(model, out / MODEL):
        raise ValueError(
            f"{str(out)!r} was made with another model than {str(model)!r}, and their vectors cannot be compared; pass "
            f"the model that it holds, {str(out / MODEL)!r}, or make the index again with --overwrite."
        )
    return index


def check_backend(index: RetrievalIndex, out: Path, backend: str | None, option: tuple[str, ...]) -> None:
    """Refuse another backend, or other options of it, than the index was made with."""
    if backend is not None and backend != index.backend:
        raise click.UsageError(
            f"{str(out)!r} has the backend {index.backend!r}, which --update keeps; leave --backend out, or make the "
            "index again with --overwrite."
        )
    if option and backend_options(index.backend, option) != index.options:
        raise click.UsageError(
            f"{str(out)!r} was made with the options {index.options}, which --update keeps; leave --option out, or "
            "make the index again with --overwrite."
        )


def modalities_of(index: RetrievalIndex) -> list[str]:
    """Return the modalities of which an index has items."""
    return sorted(set(_modality_of(index).values()))


def ids_not_in(index: RetrievalIndex, items: Sequence[Items]) -> list[str]:
    """Return the ids that an index has and a table has not, among items of the modalities that were read from it."""
    named = {value for some in items for value in some.ids}
    modalities = {some.modality for some in items}
    there = _modality_of(index)
    return [value for value, modality in there.items() if modality in modalities and value not in named]


def _modality_of(index: RetrievalIndex) -> dict[str, str]:
    """Return the modality of every item by its id."""
    known = index._items.known()
    table = index._items.state.table
    if not known:
        return {}
    import numpy as np

    values = table.columns["modality"].at(np.array(list(known.values())))
    return {str(value): str(modality) for value, modality in zip(known, values, strict=True)}
