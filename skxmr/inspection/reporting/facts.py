"""Facts about the rows of a report: how many there are, their labels, and what they share with the training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import MODALITIES, View, n_rows
from skxmr._data.labels import Labels
from skxmr._data.pairs import Pairs
from skxmr._data.repeated import expand
from skxmr.inspection.drawing.words import and_more
from skxmr.metrics._asking import unwrapped
from skxmr.metrics._duplicates import near_duplicates

if TYPE_CHECKING:
    import pandas as pd

# Labels that a fact names.
_NAMED = 10


def facts_of(model: BaseEstimator, pairs: Pairs, labels: Labels | None) -> dict[str, object]:
    """Return facts about rows and labels, by what they are."""
    images, _ = pairs.distinct_images()
    facts: dict[str, object] = {
        "rows": len(pairs),
        "different images": n_rows(images, "image"),
    }
    _, retriever = unwrapped(model)
    if hasattr(retriever, "n_samples_seen_"):
        facts["rows that the model learned from"] = retriever.n_samples_seen_
    if labels is not None:
        facts |= _of_labels(labels, retriever)
    return facts


def _of_labels(labels: Labels, retriever: BaseEstimator) -> dict[str, object]:
    matrix = labels.matrix
    per_row = matrix.sum(axis=1)
    rows = matrix.sum(axis=0)
    together = (matrix.T @ matrix).tocsr()
    # Every label that occurs is together with itself.
    n_others = np.diff(together.indptr) - (rows > 0)
    names = labels.names.tolist()
    facts: dict[str, object] = {
        "labels": int((rows > 0).sum()),
        "labels per row": round(float(per_row.mean()), 2),
        "rows without labels": int((per_row == 0).sum()),
        "labels of a single row": _named([names[j] for j in np.flatnonzero(rows == 1)]),
        "labels that never occur with another one": _named(
            [names[j] for j in np.flatnonzero((rows > 0) & (n_others == 0))]
        ),
        "labels that no row has": _named([names[j] for j in np.flatnonzero(rows == 0)]),
    }
    if hasattr(retriever, "classes_"):
        known = set(np.asarray(retriever.classes_).tolist())
        unknown = [names[j] for j in np.flatnonzero(rows > 0) if names[j] not in known]
        facts["labels that the model has not learned"] = _named(unknown)
    return facts


def _named(names: list[object]) -> str:
    """Return how many labels there are, and the first ones by name."""
    if not names:
        return "none"
    return f"{len(names):,}: {and_more([str(name) for name in names[:_NAMED]], len(names))}"


def duplicates_of(train: Pairs, pairs: Pairs) -> tuple[pd.DataFrame, dict[str, object]]:
    """Return the rows that are nearly the same as a training row, and facts about them."""
    import pandas as pd

    tables = []
    facts: dict[str, object] = {"training rows": len(train)}
    for name in MODALITIES:
        what = f"rows whose {name} is nearly that of a training row"
        own = getattr(pairs, name)
        before = getattr(train, name)
        if before is None:
            facts[what] = f"not compared, because train has no {name}"
            continue
        if not (_comparable(own) and _comparable(before)):
            facts[what] = "not compared, because only features, files and captions are"
            continue
        found = near_duplicates(Pairs(**{name: expand(before)}), Pairs(**{name: expand(own)}))
        tables.append(found)
        facts[what] = len(found)
    columns = ["view", "test_row", "train_row", "cosine"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns), facts


def _comparable(view: View) -> bool:
    return getattr(view, "ndim", 0) in (1, 2)
