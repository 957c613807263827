"""Why an item was found, as the page shows it: sentences, and tables of what adds most."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from skxmr._data.kinds import View
from skxmr._data.pairs import Pairs
from skxmr.app.pictures import file_of
from skxmr.app.snapshot import Snapshot
from skxmr.app.tags import COLUMN, tags_of
from skxmr.inspection import Explanation, explain
from skxmr.search.ids import Id

if TYPE_CHECKING:
    import pandas as pd

LOGGER = logging.getLogger(__name__)
# Rows of a table and tags of a sentence that are shown, the most important ones first.
_SHOWN = 8


class Side(NamedTuple):
    """A query or an item, as far as it is known."""

    view: dict[str, View]
    tags: list[str]


def explanation(snapshot: Snapshot, query: Side, item: Side) -> dict[str, Any]:
    """Return why an item was found.

    Parameters
    ----------
    snapshot : Snapshot
        The version of the index.
    query, item : Side
        What was searched for, and what was found.

    Returns
    -------
    dict
        ``sentences``, and ``tables``: a caption, the names of the columns, and rows of a name and numbers.
    """
    sentences = _of_tags(query, item)
    if not (query.view and item.view):
        return {"sentences": [*sentences, "No more than the vector of this item is at hand."], "tables": []}
    try:
        found = explain(
            snapshot.index.model,
            Pairs(**query.view),
            Pairs(**item.view),
            query_labels=query.tags or None,
            item_labels=item.tags or None,
        )
    except (OSError, TypeError, ValueError):
        # A file may be gone, and a model of others may not take what it is handed here. The reason may name files, so
        # that it is for the log only.
        LOGGER.warning("an item could not be explained", exc_info=True)
        return {"sentences": [*sentences, "The model cannot say more of this item."], "tables": []}
    if len(found.path) > 1:
        sentences.append(f"Path in the label graph: {' - '.join(str(name) for name in found.path)}.")
    sentences.append("The score is the cosine of the vectors that the model makes of both.")
    tables = [*_of_labels(found), *_of_words(found), *_of_pairs(found)]
    return {"sentences": sentences, "tables": [table for table in tables if table["rows"]]}


def side_of_item(snapshot: Snapshot, value: Id, root: Path | None) -> Side:
    """Return an item as a side, by the file or the text that the index names."""
    about = snapshot.about(value)
    found = about.get("item")
    view: dict[str, View] = {}
    if found is not None and about.get("modality") == "image":
        # A path that leads nowhere, or outside of what is shown, is as good as none.
        with suppress(OSError, RuntimeError, ValueError):
            file = file_of(str(found), root)
            view = {} if file is None else {"image": [str(file)]}
    elif found is not None:
        view = {"text": [str(found)]}
    return Side(view, tags_of(about.get(COLUMN)))


def _of_tags(query: Side, item: Side) -> list[str]:
    shared = [tag for tag in item.tags if tag in query.tags]
    found = []
    if item.tags:
        found.append(f"The item has the {_named(item.tags)}.")
    if shared:
        found.append(f"Both have the {_named(shared)}.")
    elif query.tags:
        found.append("They share no tag.")
    return found


def _named(tags: list[str]) -> str:
    more = f" and {len(tags) - _SHOWN} more" if len(tags) > _SHOWN else ""
    return f"{'tag' if len(tags) == 1 else 'tags'} {', '.join(tags[:_SHOWN])}{more}"


def _of_labels(found: Explanation) -> list[dict[str, Any]]:
    """Return the scores of the labels that say most."""
    table = found.tables.get("labels")
    if table is None or "query_score" not in table or "item_score" not in table:
        return []
    table = table.dropna(subset=["query_score", "item_score"])
    adds = "contribution" in table
    weight = table["contribution"] if adds else table["query_score"] + table["item_score"]
    columns = ["query_score", "item_score", "contribution"] if adds else ["query_score", "item_score"]
    heads = ["Label", "Query", "This item", "Adds"] if adds else ["Label", "Query", "This item"]
    return [_table("Scores of labels", heads, _largest(table, weight), "label", columns)]


def _of_words(found: Explanation) -> list[dict[str, Any]]:
    """Return what the words of a text add; features of pictures have no names that people know."""
    table = found.tables.get("features")
    if table is None:
        return []
    tables = []
    for side, name in (("query", "the query"), ("item", "this item")):
        own = table[(table["side"] == side) & (table["modality"] == "text") & ~table["absent"].astype(bool)]
        rows = _largest(own, own["contribution"].abs())
        tables.append(_table(f"What words of {name} add", ["Word", "Adds"], rows, "feature", ["contribution"]))
    return tables


def _of_pairs(found: Explanation) -> list[dict[str, Any]]:
    """Return the regions and words with most attention."""
    table = found.tables.get("pairs")
    if table is None:
        return []
    named = table.assign(pair=[f"region {r}, {w}" for r, w in zip(table["region"], table["word"], strict=True)])
    rows = _largest(named, named["attention"])
    return [_table("Regions and words", ["Pair", "Attention"], rows, "pair", ["attention"])]


def _largest(table: pd.DataFrame, weight: pd.Series) -> pd.DataFrame:
    return table.loc[weight.sort_values(ascending=False, kind="stable").index[:_SHOWN]]


def _table(caption: str, heads: list[str], rows: pd.DataFrame, name: str, columns: list[str]) -> dict[str, Any]:
    lines = [
        [_shown(label), *(round(float(value), 4) for value in values)]
        for label, values in zip(rows[name], rows[columns].to_numpy(), strict=True)
    ]
    return {"caption": caption, "columns": heads, "rows": lines}


def _shown(name: object) -> str:
    """Return a name; spaces at its ends, which pieces of words may have, are seen between quotation marks."""
    text = str(name)
    return text if text == text.strip() else f"“{text}”"
