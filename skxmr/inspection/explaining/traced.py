"""A row on its way through the steps of a pipeline, and the features that its contributions are said in."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skxmr._data.arguments import PairsStep
from skxmr._data.kinds import AnyArray, Float64Array, View, column_names
from skxmr._data.names import as_names
from skxmr._data.pairs import Pairs
from skxmr._data.view_checks import check_view
from skxmr.inspection.explaining.linear_steps import is_linear
from skxmr.inspection.explaining.single_rows import SingleRow
from skxmr.steps._rows import naming, texts_of
from skxmr.steps.label_graph import LabelGraph
from skxmr.steps.per_modality import PerModality


class Traced(NamedTuple):
    """One row: `last` as the retriever gets it, and `features`, from which only `linear` steps lead there.

    `names` are those of the features, None where nobody knows them.
    """

    modality: str
    features: View
    names: AnyArray | None
    linear: list[BaseEstimator]
    last: View

    def values(self) -> Float64Array:
        """Return the features (d,)."""
        return dense(self.features, self.modality)

    def is_sparse(self) -> bool:
        """Tell whether most features are zeros that are not held, such as words that a text does not have."""
        return sp.issparse(self.features)

    def feature_names(self) -> list[str]:
        """Return the names of the features, or numbers in scikit-learn's manner."""
        width = self.features.shape[1]
        if self.names is None or len(self.names) != width:
            return [f"x{i}" for i in range(width)]
        return [str(name) for name in self.names]


def traced(pipelines: list[BaseEstimator], retriever: BaseEstimator, row: SingleRow) -> Traced:
    """Lead a row through all steps before the retriever."""
    modality, pairs = row
    rows = getattr(pairs, modality)
    steps = _steps_of(pipelines, modality)
    names = column_names(rows)
    seen = as_names(names) if names else _names_seen(pipelines, retriever, modality)
    found = Traced(modality, rows, seen, [], rows)
    for step in steps:
        rows = _stepped(step, rows, modality)
        if is_linear(step):
            found = found._replace(linear=[*found.linear, step], last=rows)
        else:
            found = Traced(modality, rows, _names_after(step, found), [], rows)
    return found


def dense(rows: View, modality: str) -> Float64Array:
    """Return a view of one row as an array (d,) of float64."""
    matrix = check_view(rows, modality)
    values = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return np.asarray(values, dtype=np.float64)[0]


def _steps_of(pipelines: list[BaseEstimator], modality: str) -> list[BaseEstimator]:
    """Return the steps that change a modality, those within steps as well."""
    found: list[BaseEstimator] = []
    for pipeline in pipelines:
        for _, step in pipeline.steps:
            # It passes the views on as they are.
            if isinstance(step, LabelGraph):
                continue
            inner = getattr(step, f"{modality}_", step) if isinstance(step, PerModality) else step
            found += _flat(inner)
    return found


def _flat(step: Any) -> list[BaseEstimator]:
    """Return the steps of a pipeline of scikit-learn, or the step itself; nothing where rows pass through."""
    if isinstance(step, str) or step is None:
        return []
    if not isinstance(step, Pipeline):
        return [step]
    return [inner for _, own in step.steps for inner in _flat(own)]


def _stepped(step: BaseEstimator, rows: View, modality: str) -> View:
    """Return a row after a step, which takes either matrices or `Pairs`."""
    if _takes_pairs(step):
        return getattr(step.transform(Pairs(**{modality: rows})), modality)
    with naming(modality, step, rows):
        # A step with copy=False writes into what it is given, and the features are still needed.
        return step.transform(deepcopy(texts_of(rows, step)))


def _takes_pairs(step: BaseEstimator) -> bool:
    """Tell a step on pairs from a transformer of matrices."""
    return isinstance(step, PairsStep)


def _names_seen(pipelines: list[BaseEstimator], retriever: BaseEstimator, modality: str) -> AnyArray | None:
    """Return the names of the columns that fit saw, for rows that came without."""
    first = pipelines[0].steps[0][1] if pipelines else retriever
    seen = getattr(first, "feature_names_in_", {})
    return seen.get(modality) if isinstance(seen, dict) else None


def _names_after(step: BaseEstimator, before: Traced) -> AnyArray | None:
    """Return the names of what a step gives, which also tell those that only pass through it."""
    names = before.names
    for one in [*before.linear, step]:
        if _takes_pairs(one) or not hasattr(one, "get_feature_names_out"):
            return None
        try:
            names = one.get_feature_names_out() if names is None else one.get_feature_names_out(names)
        except (AttributeError, TypeError, ValueError):
            # A step within it has no names, or it has seen others.
            return None
    return names
