"""Why an item was found: the labels that a query and an item share, and the scores that the model gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import View
from skxmr.app.snapshot import Snapshot
from skxmr.app.tags import COLUMN, tags_of
from skxmr.base.functions import annotate
from skxmr.search.ids import Id

# Labels that are shown, the most important ones first.
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
    scores = [_label_scores(snapshot.index.model, side.view) for side in (query, item)]
    both = [name for name in scores[0] if min(scores[0][name], scores[1].get(name, 0.0)) > 0]
    both.sort(key=lambda name: -scores[0][name] * scores[1][name])
    rows = [[name, scores[0][name], scores[1][name]] for name in both[:_SHOWN]]
    table = {"caption": "Scores of the labels", "columns": ["Label", "Query", "This item"], "rows": rows}
    shared = [tag for tag in item.tags if tag in query.tags]
    return {"sentences": _sentences(query, item, shared, bool(rows)), "tables": [table] if rows else []}


def side_of_item(snapshot: Snapshot, value: Id, root: Path | None) -> Side:
    """Return an item as a side, by the file or the text that the index names."""
    about = snapshot.about(value)
    found = about.get("item")
    view: dict[str, View] = {}
    if found is not None:
        is_image = about.get("modality") == "image"
        row = str((root or Path.cwd()) / Path(str(found)).expanduser()) if is_image else str(found)
        view["image" if is_image else "text"] = [row]
    return Side(view, tags_of(about.get(COLUMN)))


def _sentences(query: Side, item: Side, shared: list[str], has_labels: bool) -> list[str]:
    found = []
    if item.tags:
        found.append(f"The item has the {'tag' if len(item.tags) == 1 else 'tags'} {', '.join(item.tags[:_SHOWN])}.")
    if shared:
        found.append(f"Both have the {'tag' if len(shared) == 1 else 'tags'} {', '.join(shared[:_SHOWN])}.")
    elif query.tags:
        found.append("They share no tag.")
    if has_labels:
        found.append("The model gives both of them these labels, the most important ones first.")
    else:
        found.append("The score is the cosine of the vectors that the model makes of both.")
    return found


def _label_scores(model: BaseEstimator, view: dict[str, View]) -> dict[str, float]:
    """Return the score of every label, for the one row of a view; nothing where the model scores none."""
    try:
        names, scores = annotate(model, **view, threshold=-np.inf, return_scores=True)
    except (OSError, TypeError, ValueError, AttributeError):
        return {}
    return {str(name): round(float(score), 4) for name, score in zip(names[0], scores[0], strict=True)}
