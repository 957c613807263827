"""What labels say about a query and an item: scores of both, labels that both have, and a path between the others."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra
from sklearn.base import BaseEstimator

from skxmr._data.kinds import AnyArray, BoolArray, Float64Array, LabelsLike
from skxmr._data.labels import encode_labels
from skxmr.inspection.asking.label_scores import label_scores
from skxmr.inspection.asking.learned import given_graph
from skxmr.inspection.explaining.contributions import SIDES, Embedded
from skxmr.inspection.explaining.traced import Traced
from skxmr.methods.semantic import SemanticMatching
from skxmr.steps.label_graph import LabelGraph

if TYPE_CHECKING:
    import pandas as pd

# Labels of a side that count as its own where there are no thresholds.
_BEST = 3


def label_table(
    retriever: BaseEstimator,
    rows: tuple[Traced, Traced],
    found: Embedded | None,
    given: tuple[LabelsLike, LabelsLike],
) -> pd.DataFrame | None:
    """Return a line per label; None where the method scores none and none are given."""
    import pandas as pd

    names = list(np.asarray(getattr(retriever, "classes_", ())).tolist())
    known = [None if labels is None else _given(labels, names, side) for labels, side in zip(given, SIDES, strict=True)]
    scores = [_first(label_scores(retriever, row.modality, row.last)) for row in rows]
    if scores[0] is None and known == [None, None]:
        return None
    if scores[0] is None:
        names = []
    names += sorted({name for own in known if own is not None for name in own} - set(names), key=str)
    columns: dict[str, object] = {"label": pd.Series(names, dtype=object)}
    for side, row, own, of_row in zip(SIDES, rows, known, scores, strict=True):
        if of_row is not None:
            columns[f"{side}_score"] = _filled(of_row, len(names))
        columns[f"in_{side}"] = _has(retriever, row.modality, names, own, of_row)
    table = pd.DataFrame(columns)
    table["shared"] = table["in_query"] & table["in_item"]
    if found is not None and isinstance(retriever, SemanticMatching):
        # The common space is the label space, so that the cosine is a sum over the labels.
        table["contribution"] = _filled(found.embeddings[0] * found.embeddings[1] * found.scale, len(names), 0.0)
    return table


def label_graph_of(pipelines: list[BaseEstimator], retriever: BaseEstimator) -> tuple[sp.csr_array, list[Hashable]]:
    """Return the label graph (c, c) of a fitted model and the names of its labels; none where it has no graph."""
    for pipeline in pipelines:
        for _, step in pipeline.steps:
            if isinstance(step, LabelGraph):
                return sp.csr_array(step.matrix_), step.classes_.tolist()
    graph = given_graph(retriever)
    return (sp.csr_array((0, 0)), []) if graph is None else (graph, retriever.classes_.tolist())


def path_between(graph: sp.csr_array, names: list[Hashable], table: pd.DataFrame) -> list[Hashable]:
    """Return the labels on a shortest path from a label of the query to one of the item, whatever way its edges point.

    Where a side has no label, its best one stands for it.
    """
    starts = _places(names, _labels_of(table, "query"))
    ends = _places(names, _labels_of(table, "item"))
    if not starts or not ends:
        return []
    distances, before, _ = dijkstra(
        graph, directed=False, indices=starts, unweighted=True, return_predecessors=True, min_only=True
    )
    place = min(ends, key=lambda end: float(distances[end]))
    if not np.isfinite(distances[place]):
        return []
    path = [place]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return [names[i] for i in reversed(path)]


def _labels_of(table: pd.DataFrame, side: str) -> list[Hashable]:
    own = table.loc[table[f"in_{side}"], "label"].tolist()
    if own or f"{side}_score" not in table:
        return own
    return [table["label"].iloc[int(np.nanargmax(table[f"{side}_score"]))]]


def _places(names: list[Hashable], wanted: list[Hashable]) -> list[int]:
    place = {name: i for i, name in enumerate(names)}
    return [place[name] for name in wanted if name in place]


def _given(labels: Any, names: list[Hashable], side: str) -> list[Hashable]:
    """Return the names of the labels that a user has given for one row, as tags or as a row of 0 and 1."""
    if isinstance(labels, str):
        return [labels]
    row = np.asarray(labels.toarray() if sp.issparse(labels) else labels) if hasattr(labels, "shape") else None
    if row is not None and row.dtype.kind in "biuf":
        flags = row.ravel()
        if len(flags) != len(names) or not np.isin(flags, (0, 1)).all():
            raise ValueError(
                f"{side}_labels is an array of shape {row.shape}; a row of {len(names)} values 0 and 1 is wanted, one "
                "per label of the fit, or a list of tags."
            )
        return [name for name, flag in zip(names, flags, strict=True) if flag]
    if not isinstance(labels, Iterable):
        raise TypeError(
            f"{side}_labels is {labels!r}, a {type(labels).__name__}; pass a list of tags, or a row of 0 and 1, one "
            "per label of the fit."
        )
    tags = list(labels)
    # A list of one row of tags, as other functions take it.
    if len(tags) == 1 and isinstance(tags[0], (list, tuple, set, frozenset)):
        tags = list(tags[0])
    return encode_labels([tags]).names.tolist() if tags else []


def _first(scores: Float64Array | None) -> Float64Array | None:
    return None if scores is None else scores[0]


def _filled(values: Float64Array, n: int, rest: float = np.nan) -> Float64Array:
    """Return values for n labels, of which the last ones have none."""
    return np.append(values, np.full(n - len(values), rest))


def _has(
    retriever: BaseEstimator, modality: str, names: list[Hashable], own: list[Hashable] | None, scores: AnyArray | None
) -> BoolArray:
    """Tell which labels a side has: the given ones, else those whose scores reach their thresholds, else the best."""
    if own is not None:
        return np.array([name in set(own) for name in names], dtype=bool)
    found = np.zeros(len(names), dtype=bool)
    if scores is None:
        return found
    thresholds = getattr(retriever, "tag_thresholds_", {}).get(modality)
    if thresholds is None:
        found[np.argsort(-scores, kind="stable")[:_BEST]] = True
    else:
        found[: len(scores)] = scores >= thresholds
    return found
