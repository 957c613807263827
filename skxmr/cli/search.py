"""``skxmr search``: what an index finds for a text, an image, or both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skxmr.cli import options
from skxmr.cli.command import Command

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@click.command(cls=Command)
@click.argument("index", type=options.FOLDER)
@click.argument("text", required=False)
@click.option("--image", type=options.FILE, help="A file of the image that is searched for.")
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="How many items are shown.")
@click.option("--weight", type=options.Number(0, 1), default=0.5, show_default=True, help="Share of the image.")
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only items with this value; may be given several times. Of one column any of the values, and low..high is a "
    "range.",
)
@options.as_json
@options.trust
def search(
    index: Path,
    text: str | None,
    image: Path | None,
    k: int,
    weight: float,
    where: tuple[str, ...],
    as_json: bool,
    trust: tuple[str, ...],
) -> None:
    """Search an INDEX for a TEXT, for an image, or for both at once."""
    if text is None and image is None:
        raise click.UsageError("what is searched for? Pass a text, or --image FILE, or both.")
    if text is not None and not text.strip():
        raise click.UsageError("the text is empty, so that nothing is nearer to it than anything else; pass words.")
    # What is no condition is told before anything is opened.
    _conditions(where, {})
    from skxmr import RetrievalIndex

    opened = RetrievalIndex.load(index, trusted=trust)
    conditions = _conditions(where, {name: column.kind for name, column in opened._items.state.table.columns.items()})
    queries = {} if text is None else {"text": [text]}
    if image is not None:
        queries["image"] = [str(image)]
    # There are no more hits than items, and places for more would only take memory.
    k = min(k, max(1, len(opened)))
    if image is None and _is_unknown(opened.model, queries["text"]):
        click.echo("Note: the model knows none of these words, so that the order of the items means nothing.", err=True)
    hits = opened.search(**queries, weight=weight, k=k, where=conditions or None)
    frame = hits.to_frame().drop(columns="query")
    if as_json:
        records = json.loads(frame.to_json(orient="records"))
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    for row in frame.to_dict("records"):
        about = row.get("caption") or row.get("item") or ""
        click.echo(f"{row['rank']:>3}  {row['score']:.4f}  {row['id']}  {about}".rstrip())
    if frame.empty:
        click.echo("nothing fits.", err=True)


def _is_unknown(model: BaseEstimator, text: list[str]) -> bool:
    from skxmr.search.queries import is_unknown, query_vectors, vector_of_nothing

    return is_unknown(query_vectors(model, None, text, 0.5), vector_of_nothing(model))


def _conditions(given: tuple[str, ...], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return conditions as `RetrievalIndex.search` takes them; `kinds` are the types of the columns that are there."""
    found: dict[str, list[str]] = {}
    for condition in given:
        column, sign, value = condition.partition("=")
        if not (column and sign):
            raise click.UsageError(f"--where {condition!r} is no condition; write COLUMN=VALUE.")
        found.setdefault(column, []).append(value)
    return {column: _condition(column, values, kinds.get(column)) for column, values in found.items()}


def _condition(column: str, values: list[str], kind: str | None) -> Any:
    low, dots, high = values[0].partition("..")
    if not dots:
        return [_value(value, kind) for value in values]
    if len(values) > 1:
        raise click.UsageError(f"--where {column} has a range and other values; give one of them.")
    return (_value(low, kind) if low else None, _value(high, kind) if high else None)


def _value(text: str, kind: str | None) -> Any:
    """Return a number, true, false or null as such, and everything else as a string; ``"7"`` in quotes is one too.

    In a column of strings, digits are a string as well.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # Also thousands of digits or brackets.
        return text
    is_string = kind == "str" and value is not None
    return text if is_string and not isinstance(value, str) else value
