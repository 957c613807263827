"""The table of a search, in the form of scikit-learn's searches."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

from skxmr._data.kinds import AnyArray
from skxmr.choosing.evaluation import Evaluation
from skxmr.choosing.halving import Trial

_NOTHING = Evaluation(np.nan, np.nan, np.nan, np.nan, np.zeros((0, 0)))


def cv_results(trials: list[Trial]) -> dict[str, Any]:
    """Return one entry per trial in every column; scores and times of trials that were not finished are NaN."""
    done = [trial.evaluation or _NOTHING for trial in trials]
    scores = np.array([evaluation.map for evaluation in done])
    table: dict[str, Any] = {
        "iter": np.array([trial.round for trial in trials]),
        "n_resources": np.array([trial.n_rows for trial in trials]),
        "method": _objects([trial.candidate.method for trial in trials]),
        "params": [trial.candidate.params for trial in trials],
    }
    names = sorted({name for trial in trials for name in trial.candidate.params})
    table |= {f"param_{name}": _column(name, trials) for name in names}
    for key, values in {
        "fit_time": np.array([evaluation.fit_s for evaluation in done]),
        "score_time": np.array([evaluation.score_s for evaluation in done]),
        "test_i2t_map": np.array([evaluation.i2t_map for evaluation in done]),
        "test_t2i_map": np.array([evaluation.t2i_map for evaluation in done]),
        "test_score": scores,
    }.items():
        table[f"mean_{key}"] = values
        # There is one split, as the searches of scikit-learn may have one.
        table[f"std_{key}"] = np.where(np.isnan(values), np.nan, 0.0)
    table["split0_test_score"] = scores.copy()
    table["rank_test_score"] = rankdata(np.where(np.isnan(scores), np.inf, -scores), method="min").astype(np.int32)
    table["status"] = _objects([trial.status for trial in trials])
    table["error"] = _objects([evaluation.error for evaluation in done])
    return table


def _column(name: str, trials: list[Trial]) -> AnyArray:
    """Return the values of a parameter, masked where the method has no such parameter."""
    column = np.ma.MaskedArray(np.full(len(trials), None, dtype=object), mask=True)
    for i, trial in enumerate(trials):
        if name in trial.candidate.params:
            column[i] = trial.candidate.params[name]
    return column


def _objects(values: list[str]) -> AnyArray:
    return np.array(values, dtype=object)
