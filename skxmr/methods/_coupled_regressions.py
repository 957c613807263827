"""Regressions of both views that select features and are coupled by a quadratic term, solved in turns."""

from __future__ import annotations

from functools import partial

import numpy as np

from skxmr._linalg.exactness import Array
from skxmr.methods._label_regressions import Regressions, Reweighting, penalised, smoothed_lengths


def coupled(problem: Regressions, selection: float) -> Reweighting:
    """Minimise the errors, less ``tr U^T H V``, where H stands in place of the covariances between the views.

    The quadratic form of U and V together must have no negative eigenvalue.
    """
    return Reweighting(partial(_in_turns, problem, selection), partial(_objective, problem, selection))


def _objective(problem: Regressions, selection: float, weights: list[Array]) -> float:
    U, V = problem.inner(weights)
    return sum(problem.errors(weights, selection)) - float((U * (problem.between @ V)).sum())


def _in_turns(problem: Regressions, selection: float, weights: list[Array]) -> list[Array]:
    """Return the minimum of each view, with the other one as it was found last and the penalty replaced."""
    found = list(weights)
    for i, coupling in enumerate((problem.between, problem.between.T)):
        penalty = selection / smoothed_lengths(found[i])
        towards = problem.targets[i] + coupling @ problem.inner(found)[1 - i]
        found[i] = penalised(np.array(problem.within[i]), penalty, towards, problem.bases[i])
    return found
