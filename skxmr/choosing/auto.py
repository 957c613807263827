"""AutoRetriever: the best of many methods and their parameters, found within a time budget."""

from __future__ import annotations

from dataclasses import field
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from skxmr._data.estimator import Constraints
from skxmr._data.kinds import FilePath, FloatArray, LabelsLike, Seed, View
from skxmr._data.pairs import Pairs
from skxmr._data.tensors import asarray
from skxmr._data.warn import warn
from skxmr.base.interrupts import Interruptible
from skxmr.choosing.answer import answer_of, best_of
from skxmr.choosing.clock import Budget
from skxmr.choosing.evaluation import Rows, candidates_of, with_checkpoint
from skxmr.choosing.facts import facts_of
from skxmr.choosing.halving import FAILED, NO_TIME, Halving, Trial, divided, number_of_rounds
from skxmr.choosing.records import Records
from skxmr.choosing.results import cv_results
from skxmr.choosing.table import Entry, entries
from skxmr.methods._combined import EmbeddingCombination
from skxmr.metrics._asking import embedded, need_retriever, some_similarities, whole_similarity


class AutoRetriever(EmbeddingCombination):
    """The best of many methods and their parameters on validation rows, found within a time budget.

    The search is successive halving. All candidates are fitted on few rows and scored on the validation rows; the best
    of them are fitted on more rows, and so on, until the last ones are fitted on all rows that do not validate. The
    best candidate of a method counts before the second best of any other. The answer is an ensemble of the best ones,
    with weights that are chosen on the validation rows, or the best one alone where that scores better there. It is
    fitted on all rows.

    Every label has its share in the validation rows, and rows of one image or group stay together. They are rows of
    `fit`; rows that are passed to `score` are never seen.

    Parameters
    ----------
    candidates : list of (str, retriever, dict) or None, default=None
        Names, retrievers or pipelines that end in one, and the parameters that each tries, as for
        scikit-learn's ``GridSearchCV``. None takes those that suit the data: closed forms, some of them
        on kernel principal components, and deep methods for vectors with labels; methods for pairs where there are no
        labels; SCAN, RACG and VSEPP for regions and words.
    budget_s : float or None, default=60.0
        Seconds that `fit` may take, > 0; None tries everything. Every round gets an equal part of them, and so does the
        last fit. No fit is begun that would not end in time, judged by the same candidate on fewer rows. A fit that has
        begun is not cut off, and the best candidate is fitted in any case, so that `fit` may take longer.
    validation_fraction : float, default=0.2
        Share of the rows that validate, in (0, 0.5]; no more than about 1000 rows.
    factor : int, default=3
        A round has this many times the rows of the one before, and one in so many of its candidates.
    min_rows : int, default=100
        Rows that the first round has at least, where there are as many.
    n_best : int, default=5
        How many candidates the ensemble may have at most; 1 answers with the best one alone.
    cache : path or None, default=None
        Folder in which finished candidates are kept, and the checkpoints of deep methods that are not finished, so that
        a second fit on equal rows goes on where the first one was stopped or killed. It needs a number as
        `random_state`. It also holds the similarities of the validation rows.
    n_jobs : int or None, default=None
        Candidates that are fitted at a time, as in scikit-learn.
    random_state : int, RandomState or None, default=None
        Decides the rows of each round, and the seeds of candidates that have none. If the budget is not used up, equal
        seeds give equal fits. Otherwise the speed of the machine decides which candidates are reached.
    verbose : int, default=0
        1 shows a progress bar with the best candidate so far.

    Attributes
    ----------
    best_estimator_ : retriever
        The fitted answer.
    best_score_ : float
        Its mAP on the validation rows, mean of both directions, before it was fitted on all rows. It is the largest of
        many, so that it promises too much.
    best_index_ : int
        The row of the best single candidate in `cv_results_`.
    best_params_ : dict
        The parameters of the best single candidate.
    weights_ : dict
        The weight of each candidate in the answer, by the names that they have in an ensemble.
    cv_results_ : dict of arrays
        One entry per candidate and round, as scikit-learn's halving searches have: `iter`, `n_resources` (rows),
        `method`, `params`, `mean_fit_time`, `mean_test_score`, `rank_test_score` and others; `status` is ``"done"``,
        ``"failed"`` with an `error`, ``"no time"`` or ``"interrupted"``.
    n_candidates_ : int
        Number of candidates of the first round.
    interrupted_ : bool
        Whether the user ended the search by Ctrl-C. The first one leaves the best so far, fitted on all rows; a second
        one within a minute raises.

    Raises
    ------
    RuntimeError
        If the system ends a process that fits a candidate, as it does where the memory is full.
    MemoryError
        If there is too little memory left for linear algebra, or for more than one job, as under ``ulimit -v``.
    ValueError
        If all candidates fail, or the rows cannot be divided.

    References
    ----------
    Karnin, Koren and Somekh, Almost optimal exploration in multi-armed bandits, ICML 2013 (successive halving).
    Deviation: the best candidate of every method comes before the second best of any. The weights are those of Caruana
    et al., Ensemble selection from libraries of models, ICML 2004.

    Examples
    --------
    >>> from skxmr import CCA, MLCCA, AutoRetriever
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(300, random_state=0)
    >>> candidates = [("MLCCA", MLCCA(), {"ridge": [0.1, 1.0]}), ("CCA", CCA(), {})]
    >>> auto = AutoRetriever(candidates, budget_s=None, random_state=0).fit(pairs[:200], labels[:200])
    >>> auto.cv_results_["n_resources"].tolist(), auto.best_params_
    ([163, 163, 163], {'ridge': 1.0})
    >>> auto.similarity(pairs[200:]).shape
    (100, 100)
    """

    candidates: list[Entry] | None = field(default=None, kw_only=False)
    budget_s: float | None = 60.0
    validation_fraction: float = 0.2
    factor: int = 3
    min_rows: int = 100
    n_best: int = 5
    cache: FilePath | None = None
    n_jobs: int | None = None
    random_state: Seed = None
    verbose: int = 0
    _parameter_constraints: ClassVar[Constraints] = {
        "candidates": [list, tuple, None],
        "budget_s": [Interval(Real, 0, None, closed="neither"), None],
        "validation_fraction": [Interval(Real, 0, 0.5, closed="right")],
        "factor": [Interval(Integral, 2, None, closed="left")],
        "min_rows": [Interval(Integral, 2, None, closed="left")],
        "n_best": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @classmethod
    def _get_test_params(cls) -> list[dict[str, Any]]:
        """Return two methods in closed form that need no labels."""
        from skxmr import CCA, PLS

        two = [("CCA", CCA(), {"ridge": [0.1, 1.0]}), ("PLS", PLS(), {})]
        return [{"candidates": two, "budget_s": None, "min_rows": 30, "random_state": 0}]

    def _check_parts(self) -> None:
        self._validate_params()
        if self.cache is not None and not isinstance(self.random_state, Integral):
            raise ValueError(
                f"cache={str(self.cache)!r} finds candidates of an earlier fit again only if they have the same "
                f"seeds and rows, but random_state is {self.random_state!r}; pass a number."
            )
        for entry in self.candidates or ():
            if not isinstance(entry, tuple) or len(entry) != 3 or not isinstance(entry[0], str):
                raise ValueError(f"candidates must be a list of (name, retriever, parameters to try); got {entry!r}.")
            need_retriever(entry[1], f"{entry[0]!r} of candidates")
        if self.candidates is not None and len(self.candidates) == 0:
            raise ValueError("candidates is empty; name at least one, or pass None for those that suit the data.")

    def _fit(self, pairs: Pairs, labels: LabelsLike) -> None:
        if labels is not None and not hasattr(labels, "__getitem__"):
            # What numpy can read need not have rows that can be taken.
            labels = asarray(labels, "labels")
        table = entries(facts_of(pairs, labels)) if self.candidates is None else list(self.candidates)
        seeds = check_random_state(self.random_state).randint(2**31, size=2).tolist()
        candidates = candidates_of(table, seeds[0])
        n_fitted = round(len(pairs) * (1 - self.validation_fraction))
        n_rounds = number_of_rounds(n_fitted, len(candidates), self.factor, self.min_rows)
        budget = Budget(self.budget_s, n_rounds)
        how = self.validation_fraction, n_rounds, self.factor, seeds[1] % 2**31
        validation, rounds = divided(pairs, labels, *how)
        rows = Rows(pairs, labels, validation)
        # An interrupt of a network's fit, which ends quietly, is seen by the search.
        with tqdm(disable=not self.verbose) as bar, Interruptible() as loop:
            records = Records(self.cache, rows)
            search = Halving(rows, budget, records, bar, self.n_jobs)
            search.run(candidates, rounds, self.factor)
        interrupted = loop.interrupted or search.interrupted
        if loop.twice or (interrupted and not search.pool):
            raise KeyboardInterrupt
        _check_anything_is_left(search.trials, self.budget_s)
        best = best_of(search.pool)
        answer = answer_of(search, rows, self.n_best, budget.left())
        self.best_estimator_: BaseEstimator = with_checkpoint(answer.model, records.checkpoints).fit(pairs, labels)
        self.best_score_ = answer.score
        self.best_index_ = next(i for i, trial in enumerate(search.trials) if trial is best)
        self.best_params_ = best.candidate.params
        self.weights_ = answer.weights
        self.cv_results_ = cv_results(search.trials)
        self.n_candidates_ = len(candidates)
        self.interrupted_ = interrupted

    def _embeds(self) -> bool:
        """Tell whether the answer embeds; before fit, whether all candidates do."""
        found = vars(self).get("best_estimator_")
        if found is not None:
            return hasattr(found, "transform")
        entries = self.candidates
        named = isinstance(entries, (list, tuple)) and all(isinstance(entry, tuple) for entry in entries)
        return not named or all(hasattr(entry[1], "transform") for entry in entries or () if len(entry) == 3)

    def _encode(self, view: View, name: str) -> FloatArray:
        check_is_fitted(self)
        if view is None:
            raise ValueError(f"{name} is missing; pass the {name} view.")
        return np.asarray(getattr(embedded(self.best_estimator_, Pairs(**{name: view})), name))

    def _similarity(self, image: View, text: View, where: sp.csr_array | None) -> FloatArray | sp.csr_array:
        if where is None:
            return whole_similarity(self.best_estimator_, Pairs(image), Pairs(text=text))
        return some_similarities(self.best_estimator_, Pairs(image), Pairs(text=text), where)


def _check_anything_is_left(trials: list[Trial], budget_s: float | None) -> None:
    """Warn of candidates that have failed, and refuse a search of which nothing is left."""
    failed = [trial for trial in trials if trial.status == FAILED]
    told = "; ".join(f"{trial.candidate.method}: {trial.found.error}" for trial in failed[:3])
    if any(trial.status not in (FAILED, NO_TIME) for trial in trials):
        if failed:
            warn(f"{len(failed)} of {len(trials)} candidates failed and were left out: {told}. See cv_results_.")
        return
    if failed:
        kinds = {trial.found.error.partition(":")[0] for trial in failed}
        kind = TypeError if kinds == {"TypeError"} else ValueError
        raise kind(f"none of the candidates could be fitted: {told}.")
    raise ValueError(f"budget_s={budget_s} was over before any candidate could be fitted; give it more time.")
