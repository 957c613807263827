"""Tables of a report that come from rankings: the summary, queries, labels and confusions."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import Float64Array
from skxmr._data.labels import Labels
from skxmr.inspection.reporting.rankings import Ranked
from skxmr.metrics._precision import means_per_class

if TYPE_CHECKING:
    import pandas as pd


def summary_table(ranked: list[Ranked]) -> pd.DataFrame:
    """Return a line per direction; measures are nan where no query has a relevant item."""
    import pandas as pd

    lines = []
    for own in ranked:
        lines.append(
            {
                "direction": own.direction,
                "queries": len(own.queries),
                "items": len(own.items),
                "unanswerable": len(own.queries) - len(own.answered),
                "map": _mean(own.average_precision),
                "k": own.first.shape[1],
                "precision_at_k": _mean(own.precision),
                "hit_at_k": _mean(own.hit),
                "median_rank": float(np.median(own.first_rank[own.answered])) if len(own.answered) else np.nan,
            }
        )
    return pd.DataFrame(lines)


def scope_table(ranked: list[Ranked]) -> pd.DataFrame:
    """Return the mean precision among the first items, for several numbers of them."""
    import pandas as pd

    lines = [(own.direction, scope, _mean(values)) for own in ranked for scope, values in own.scopes.items()]
    return pd.DataFrame(lines, columns=["direction", "scope", "precision"])


def query_table(ranked: list[Ranked], labels: Labels | None) -> pd.DataFrame:
    """Return a line per query of each direction; `first` is the row of the item that came first."""
    import pandas as pd

    tables = []
    for own in ranked:
        columns: dict[str, object] = {
            "direction": own.direction,
            "row": own.queries,
            "average_precision": own.average_precision,
            "first_rank": own.first_rank,
            "n_relevant": own.n_relevant,
            "precision_at_k": own.precision,
            "first": own.first[:, 0],
        }
        if labels is not None:
            columns["labels"] = labels_of_rows(labels, own.queries.tolist())
            columns["first_labels"] = labels_of_rows(labels, own.first[:, 0].tolist())
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def hardest(queries: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the n queries of each direction that are answered worst, of those that have an answer."""
    answered = queries[queries["n_relevant"] > 0]
    ordered = answered.sort_values(["average_precision", "first_rank"], ascending=[True, False], kind="stable")
    return ordered.groupby("direction", sort=False).head(n).sort_values("direction", kind="stable", ignore_index=True)


def label_frame(ranked: list[Ranked], labels: Labels) -> pd.DataFrame:
    """Return a line per label: its rows, and the mean average precision of its queries in each direction."""
    import pandas as pd

    columns: dict[str, object] = {
        "label": pd.Series(labels.names.tolist(), dtype=object),
        "rows": labels.matrix.sum(axis=0).astype(np.intp),
    }
    for own in ranked:
        columns[f"{own.direction}_map"] = means_per_class(own.average_precision, labels.matrix[own.queries])
    table = pd.DataFrame(columns)
    return table.sort_values("rows", ascending=False, kind="stable", ignore_index=True)


def confusion_table(ranked: list[Ranked], labels: Labels) -> pd.DataFrame:
    """Return which labels wrong items have, by the labels of the queries, the most frequent first.

    `wrong` counts, over both directions, wrong items with the second label among the first k of queries with the first
    label, and `share` is their share of all those places.
    """
    import pandas as pd

    counts: sp.csr_array | None = None
    places = np.zeros(len(labels.names))
    for own in ranked:
        has = labels.matrix[own.queries]
        found = sp.csr_array(has.T @ (own.wrong @ labels.matrix[own.items]))
        counts = found if counts is None else sp.csr_array(counts + found)
        places += has.sum(axis=0) * own.first.shape[1]
    entries = sp.coo_array(counts)
    of_query, of_item = entries.coords
    table = pd.DataFrame(
        {
            "label": pd.Series(labels.names[of_query].tolist(), dtype=object),
            "confused_with": pd.Series(labels.names[of_item].tolist(), dtype=object),
            "wrong": entries.data.astype(np.intp),
            "share": entries.data / np.maximum(places[of_query], 1),
        }
    )
    return table.sort_values("wrong", ascending=False, kind="stable", ignore_index=True)


def labels_of_rows(labels: Labels, rows: list[int]) -> list[list[object]]:
    """Return the names of the labels of some rows."""
    names = labels.names.tolist()
    matrix = labels.matrix
    return [[names[j] for j in matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]] for i in rows]


def _mean(values: Float64Array) -> float:
    """Return the mean over the queries that have a value; nan if none has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(np.nanmean(values))
