"""One candidate, fitted on some rows and scored on the validation rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import ParameterGrid
from sklearn.utils import _safe_indexing

from skxmr._data.kinds import FloatArray, IndexArray, LabelsLike
from skxmr._data.pairs import Pairs
from skxmr._linalg.workspace import hold_workspace
from skxmr.choosing import clock
from skxmr.choosing.table import Entry
from skxmr.metrics._asking import score_matrices
from skxmr.metrics._precision import mean_average_precision


class Candidate(NamedTuple):
    """An unfitted retriever with its parameters set: the name of its method, and which of its parameters these are."""

    method: str
    params: dict[str, Any]
    estimator: BaseEstimator


class Evaluation(NamedTuple):
    """What came of a fit: both mAPs of the validation rows, seconds and the similarities of these rows; or an error."""

    i2t_map: float
    t2i_map: float
    fit_s: float
    score_s: float
    scores: FloatArray
    error: str = ""

    @property
    def map(self) -> float:
        """Mean of both directions."""
        return (self.i2t_map + self.t2i_map) / 2


class Rows(NamedTuple):
    """All rows of a search, and which of them validate."""

    pairs: Pairs
    labels: LabelsLike
    validation: IndexArray

    def part(self, rows: IndexArray) -> tuple[Pairs, LabelsLike]:
        """Return some rows with their labels."""
        return self.pairs[rows], None if self.labels is None else _safe_indexing(self.labels, rows)


def candidates_of(entries: list[Entry], seed: int) -> list[Candidate]:
    """Return the candidates of a table: the first parameters of every method before the second ones of any.

    Networks come last, because in the first round nobody knows how long a fit takes, and theirs take longest.
    """
    found: list[tuple[bool, int, Candidate]] = []
    for method, estimator, grid in entries:
        is_network = any(name.rpartition("__")[2] == "max_epochs" for name in estimator.get_params())
        for turn, params in enumerate(ParameterGrid(grid)):
            found.append((is_network, turn, Candidate(method, params, _seeded(estimator, params, seed))))
    return [candidate for *_, candidate in sorted(found, key=lambda entry: entry[:2])]


def _seeded(estimator: BaseEstimator, params: dict[str, Any], seed: int) -> BaseEstimator:
    """Return a copy with these parameters, in which every seed that is None is a number."""
    model = clone(estimator).set_params(**clone(params, safe=False))
    seeds = {}
    for name, value in model.get_params().items():
        if value is None and name.rpartition("__")[2] == "random_state":
            seeds[name] = seed
    return model.set_params(**seeds)


def with_checkpoint(estimator: BaseEstimator, folder: Path | None) -> BaseEstimator:
    """Return a copy, whose deep methods keep the state of their training in a folder if they have no other.

    What callbacks remember may not be restored, so methods with callbacks keep no state.
    """
    model = clone(estimator)
    if folder is None:
        return model
    own = {}
    parameters = model.get_params()
    for name, value in parameters.items():
        step, separator, last = name.rpartition("__")
        if value is None and last == "checkpoint" and not parameters[f"{step}{separator}callbacks"]:
            own[name] = folder
    return model.set_params(**own)


def evaluated(estimator: BaseEstimator, rows: Rows, fitted: IndexArray, checkpoint: Path | None = None) -> Evaluation:
    """Fit a copy of a candidate on some rows and score the validation rows; an error is part of the answer."""
    started = clock.now()
    try:
        # Steps before a retriever may compute as well.
        hold_workspace()
        model = with_checkpoint(estimator, checkpoint).fit(*rows.part(fitted))
        middle = clock.now()
        pairs, labels = rows.part(rows.validation)
        found, is_relevant = score_matrices(model, pairs, None, labels)
        scores = np.asarray(found[:])
        relevance = np.asarray(is_relevant[:])
        i2t_map = mean_average_precision(scores, relevance)
        t2i_map = mean_average_precision(scores.T, relevance.T)
    except Exception as error:
        return _failed(error, clock.now() - started)
    if not np.isfinite(scores).all():
        return _failed(ValueError("its similarities are not finite"), clock.now() - started)
    return Evaluation(i2t_map, t2i_map, middle - started, clock.now() - middle, scores)


def _failed(error: Exception, seconds: float) -> Evaluation:
    text = f"{type(error).__name__}: {error}"
    return Evaluation(np.nan, np.nan, seconds, 0.0, np.zeros((0, 0)), text)
