"""The explanation by one retriever; retrievers made of others are explained by their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skxmr._data.kinds import Float64Array, LabelsLike, View
from skxmr._data.pairs import Pairs
from skxmr.choosing.auto import AutoRetriever
from skxmr.inspection.explaining.contributions import Embedded, embedded, feature_table
from skxmr.inspection.explaining.explanation import Explanation
from skxmr.inspection.explaining.label_evidence import label_graph_of, label_table, path_between
from skxmr.inspection.explaining.means import mean_of
from skxmr.inspection.explaining.region_words import region_word_table
from skxmr.inspection.explaining.single_rows import SingleRow
from skxmr.inspection.explaining.traced import Traced, dense, traced
from skxmr.methods.ensemble import RetrieverEnsemble
from skxmr.methods.two_stage import TwoStage
from skxmr.metrics._asking import unwrapped

# The query and the item.
Two = tuple[SingleRow, SingleRow]
# What a user says of their labels.
Given = tuple[LabelsLike, LabelsLike]


def explained(before: list[BaseEstimator], model: BaseEstimator, two: Two, given: Given) -> Explanation:
    """Explain by a model; `before` are pipelines whose steps come in front of it."""
    inner, retriever = unwrapped(model)
    pipelines = [*before, *inner]
    check_is_fitted(retriever)
    if isinstance(retriever, TwoStage):
        # The second stage alone gives a pair its similarity.
        found = explained(pipelines, retriever.second_, two, given)
        found.method = f"TwoStage by {found.method}"
        return found
    if isinstance(retriever, AutoRetriever):
        found = explained(pipelines, retriever.best_estimator_, two, given)
        found.method = f"AutoRetriever by {found.method}"
        return found
    if isinstance(retriever, RetrieverEnsemble):
        names = [name for name, _ in retriever.estimators]
        parts = [explained(pipelines, member, two, given) for member in retriever.estimators_]
        return mean_of(type(retriever).__name__, names, _weights(pipelines, retriever, two), parts)
    return _of_one(pipelines, retriever, two, given)


def _weights(pipelines: list[BaseEstimator], ensemble: RetrieverEnsemble, two: Two) -> Float64Array:
    """Return the weights of the methods; they are larger where a method maps one of the two to the origin."""
    weights = np.asarray(ensemble.weights_, dtype=np.float64)
    if not hasattr(ensemble, "transform"):
        return weights
    for row in two:
        last = traced(pipelines, ensemble, row)
        unit = getattr(ensemble.transform(Pairs(**{last.modality: last.last})), last.modality)
        length = float(np.linalg.norm(dense(unit, last.modality)))
        weights = weights / (length or 1.0)
    return weights


def _of_one(pipelines: list[BaseEstimator], retriever: BaseEstimator, two: Two, given: Given) -> Explanation:
    rows = traced(pipelines, retriever, two[0]), traced(pipelines, retriever, two[1])
    tables: dict[str, Any] = {}
    found: Embedded | None = None
    if hasattr(retriever, "transform"):
        found = embedded(retriever, rows)
        tables["features"] = feature_table(rows, found)
        similarity = found.similarity
    else:
        image, text = _image_and_text(rows, retriever)
        similarity = float(np.asarray(retriever.similarity(image, text))[0, 0])
        tables["pairs"] = region_word_table(retriever, image, text)
    tables["labels"] = label_table(retriever, rows, found, given)
    graph, names = label_graph_of(pipelines, retriever)
    path = path_between(graph, names, tables["labels"]) if names and tables["labels"] is not None else []
    modalities = rows[0].modality, rows[1].modality
    return Explanation(type(retriever).__name__, modalities, similarity, tables, path, bool(names))


def _image_and_text(rows: tuple[Traced, Traced], retriever: BaseEstimator) -> tuple[View, View]:
    """Return the image and the text of two rows, whichever of them asks."""
    held = {row.modality: row.last for row in rows}
    if len(held) == 1:
        raise ValueError(
            f"query and item are both of the modality {rows[0].modality!r}, and {type(retriever).__name__} compares an "
            "image with a text; pass one of each."
        )
    return held["image"], held["text"]
