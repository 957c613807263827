"""The answer of a search: an ensemble of the best candidates, or the best one alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone

from skxmr._data.repeated import distinct
from skxmr.choosing.evaluation import Candidate, Rows
from skxmr.choosing.halving import Halving, Trial, in_turn
from skxmr.methods._chosen_weights import picked
from skxmr.methods.ensemble import RetrieverEnsemble
from skxmr.metrics._asking import relevance_matrix


class Answer(NamedTuple):
    """An unfitted retriever, the weights of its candidates by name, and its mAP on the validation rows."""

    model: BaseEstimator
    weights: dict[str, float]
    score: float


def best_of(pool: list[Trial]) -> Trial:
    """Return the best trial; of equal ones the first."""
    return max(pool, key=lambda trial: trial.found.map)


def answer_of(search: Halving, rows: Rows, n_best: int, seconds_left: float) -> Answer:
    """Return an ensemble of the best candidates of a search, or the best one, whichever is better on validation rows.

    There is time to fit all members again, but the best one is a member in any case.
    """
    members = _members(search, len(rows.pairs), n_best, seconds_left)
    best = members[0].found.map
    pairs, labels = rows.part(rows.validation)
    relevance = np.asarray(relevance_matrix(len(pairs), distinct(pairs.image)[1], labels)[:])
    counts, score = picked([trial.found.scores for trial in members], relevance)
    if not score > best:
        counts = np.eye(len(members))[0]
        score = best
    shares = (counts / counts.sum()).tolist()
    chosen = [(trial.candidate, share) for trial, share in zip(members, shares, strict=True) if share > 0]
    names = _names([candidate for candidate, _ in chosen])
    weights = {name: share for name, (_, share) in zip(names, chosen, strict=True)}
    return Answer(_combined([candidate for candidate, _ in chosen], weights), weights, float(score))


def _members(search: Halving, n: int, n_best: int, seconds_left: float) -> list[Trial]:
    """Return the best trial and the next ones that can be fitted on all n rows in time."""
    best = best_of(search.pool)
    left = seconds_left - search.seconds_of(best.candidate, n)
    members = [best]
    for trial in in_turn(search.pool):
        seconds = search.seconds_of(trial.candidate, n)
        if trial is not best and len(members) < n_best and seconds < left:
            members.append(trial)
            left -= seconds
    return members


def _names(candidates: list[Candidate]) -> list[str]:
    """Return a name for each candidate; the second one of a method has a number."""
    found: list[str] = []
    for candidate in candidates:
        # Two underscores would lead into the parameters of an ensemble.
        name = candidate.method.replace("__", "_")
        before = sum(other == name or other.rpartition(" ")[0] == name for other in found)
        found.append(f"{name} {before + 1}" if before else name)
    return found


def _combined(candidates: list[Candidate], weights: dict[str, float]) -> BaseEstimator:
    """Return an unfitted ensemble, or a single candidate as it is."""
    estimators = [clone(candidate.estimator) for candidate in candidates]
    if len(estimators) == 1:
        return estimators[0]
    return RetrieverEnsemble(list(zip(weights, estimators, strict=True)), weights=list(weights.values()))
