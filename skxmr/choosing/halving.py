"""Successive halving: many candidates on few rows, the better ones on more rows, the best ones on all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import NoReturn

import joblib
import numpy as np
from joblib.parallel import BACKENDS, get_active_backend
from tqdm import tqdm

from skxmr._data.kinds import IndexArray, LabelsLike
from skxmr._data.pairs import Pairs
from skxmr._data.room import need_room
from skxmr._linalg.workspace import hold_workspace
from skxmr.base.interrupts import last_interrupt
from skxmr.choosing.clock import Budget, predicted
from skxmr.choosing.evaluation import Candidate, Evaluation, Rows, evaluated
from skxmr.choosing.records import Records
from skxmr.model_selection import MultilabelStratifiedKFold

# All similarities of the validation rows are held for every candidate of a round.
_MOST_VALIDATION_ROWS = 1000
# What the two threads of joblib take that serve the workers: stacks of 8 MB, and up to 128 MB that glibc asks for, so
# that a thread has memory of its own.
_BYTES_OF_THREADS = 192 * 2**20

DONE = "done"
FAILED = "failed"
NO_TIME = "no time"
INTERRUPTED = "interrupted"


@dataclass
class Trial:
    """A candidate in a round: the rows that it is fitted on, and what came of it, None where it was not finished."""

    candidate: Candidate
    round: int
    n_rows: int
    status: str
    evaluation: Evaluation | None = None

    @property
    def found(self) -> Evaluation:
        """The evaluation of a trial that is done."""
        assert self.evaluation is not None
        return self.evaluation


class Halving:
    """The rounds of a search.

    Attributes
    ----------
    trials : list of Trial
        All of all rounds, in the order in which they were begun.
    pool : list of Trial
        The last finished trial of every candidate that was not dropped.
    interrupted : bool
        Whether the user interrupted a fit that has ended quietly by itself, as those of networks do.
    """

    def __init__(self, rows: Rows, budget: Budget, records: Records, bar: tqdm[NoReturn], n_jobs: int | None) -> None:
        self.trials: list[Trial] = []
        self.pool: list[Trial] = []
        self.interrupted = False
        self._interrupted_before = last_interrupt()
        self._rows = rows
        self._budget = budget
        self._records = records
        self._bar = bar
        self._n_jobs = n_jobs

    def run(self, candidates: list[Candidate], rounds: list[IndexArray], factor: int) -> None:
        """Run the rounds, each on its rows; the pool is right at every moment, so that an interrupt loses nothing."""
        # The answer is fitted in this process, which is better refused now than after hours.
        hold_workspace()
        jobs = joblib.effective_n_jobs(self._n_jobs)
        if jobs > 1 and isinstance(get_active_backend()[0], BACKENDS["loky"]):
            # Where joblib cannot start its second thread, its first one ends, and it waits for that one for ever.
            need_room(_BYTES_OF_THREADS, f"a search with {jobs} processes", "pass n_jobs=1")
        current = candidates
        for number, fitted in enumerate(rounds):
            # In a later round the candidates that are not reached stay in the pool with their trial on fewer rows.
            before = {id(trial.candidate): trial for trial in in_turn(self.pool)}
            self._bar.set_description(f"round {number + 1} of {len(rounds)}, {len(fitted)} rows")
            self._bar.total = self._bar.n + len(current)
            self.pool = [before[id(candidate)] for candidate in current if id(candidate) in before]
            for trial in self._round(number, fitted, current):
                kept = [other for other in self.pool if other.candidate is not trial.candidate]
                self.pool = [*kept, trial] if trial.status == DONE else self._without_failed(trial)
                self._show()
            if self.interrupted:
                return
            best = in_turn(self.pool)[: math.ceil(len(current) / factor)]
            current = [trial.candidate for trial in best]

    def _without_failed(self, trial: Trial) -> list[Trial]:
        """Return the pool without a candidate that has failed; one for which there was no time stays."""
        return [other for other in self.pool if trial.status != FAILED or other.candidate is not trial.candidate]

    def _round(self, number: int, fitted: IndexArray, current: list[Candidate]) -> Iterator[Trial]:
        """Yield the trials of a round as they end: those that are known first, then the others in order."""
        unknown = []
        for candidate in current:
            known = self._records.read(candidate, fitted)
            if known is None:
                unknown.append(candidate)
                continue
            self.trials.append(Trial(candidate, number, len(fitted), DONE, known))
            yield self.trials[-1]
        begun: list[Trial] = []
        for i, evaluation in enumerate(self._evaluations(self._tasks(number, fitted, unknown, begun))):
            trial = begun[i]
            self.interrupted = last_interrupt() != self._interrupted_before
            if self.interrupted:
                # The fit has ended before it was finished, so that its score is not that of the candidate.
                return
            trial.evaluation = evaluation
            trial.status = FAILED if evaluation.error else DONE
            self._records.write(trial.candidate, fitted, evaluation)
            yield trial

    def _evaluations(self, tasks: Iterator[object]) -> Iterator[Evaluation]:
        """Yield what comes of fits, in order; say what to do where the system has ended a process that fitted."""
        try:
            yield from joblib.Parallel(self._n_jobs, return_as="generator", pre_dispatch="n_jobs")(tasks)
        except BrokenProcessPool as error:
            kept = (
                "finished ones are kept, and the next fit goes on"
                if self._records.is_kept
                else "set cache= to keep them"
            )
            raise RuntimeError(
                "a process that fitted candidates was ended by the system, as happens where the memory is full; pass "
                f"n_jobs=1, or candidates that need less ({kept})."
            ) from error

    def _tasks(
        self, number: int, fitted: IndexArray, candidates: list[Candidate], begun: list[Trial]
    ) -> Iterator[object]:
        """Yield the fits for which there is time, when a worker is free for them."""
        for candidate in candidates:
            trial = Trial(candidate, number, len(fitted), NO_TIME)
            self.trials.append(trial)
            if self._budget.left_of_round(number) <= self.seconds_of(candidate, len(fitted)):
                continue
            trial.status = INTERRUPTED
            begun.append(trial)
            yield joblib.delayed(evaluated)(candidate.estimator, self._rows, fitted, self._records.checkpoints)

    def seconds_of(self, candidate: Candidate, n: int) -> float:
        """Return the seconds that a candidate will need for n rows, by its trials on fewer rows."""
        own = [trial for trial in self.trials if trial.candidate is candidate and trial.status == DONE]
        return predicted([(trial.n_rows, trial.found.fit_s + trial.found.score_s) for trial in own], n)

    def _show(self) -> None:
        """Move the progress bar on."""
        if self.pool:
            best = in_turn(self.pool)[0]
            self._bar.set_postfix({"best": best.candidate.method, "map": f"{best.found.map:.3f}"})
        self._bar.update()


def in_turn(trials: list[Trial]) -> list[Trial]:
    """Return finished trials, the best first; the second one of a method comes after the first of all others."""
    ordered = sorted(trials, key=lambda trial: -trial.found.map)
    turns: dict[str, int] = {}
    found = []
    for trial in ordered:
        method = trial.candidate.method
        turns[method] = turns.get(method, -1) + 1
        found.append((turns[method], trial))
    return [trial for _, trial in sorted(found, key=lambda entry: entry[0])]


def divided(
    pairs: Pairs, labels: LabelsLike, fraction: float, n_rounds: int, factor: int, seed: int
) -> tuple[IndexArray, list[IndexArray]]:
    """Return the validation rows, and the rows that each round fits: every label has its share in each part.

    Rows of one image or group stay together. The rows of a round are among those of the next one.
    """
    n_groups = len(np.unique(pairs.groups))
    if n_groups < 2:
        raise ValueError(
            f"n_samples={len(pairs)} rows of one image or group cannot be divided; at least 2 are needed, one of them "
            "to validate."
        )
    wanted = max(round(1 / fraction), math.ceil(len(pairs) / _MOST_VALIDATION_ROWS))
    fitted, validation = next(_folds(min(wanted, n_groups), seed).split(pairs, _dealt_by(pairs, labels)))
    rounds = [fitted]
    for _ in range(n_rounds - 1):
        some = pairs[rounds[0]]
        own = None if labels is None else Rows(pairs, labels, validation).part(rounds[0])[1]
        parts = _folds(factor, seed).split(some, _dealt_by(some, own))
        rounds.insert(0, rounds[0][next(parts)[1]])
    return validation, rounds


def number_of_rounds(n_rows: int, n_candidates: int, factor: int, min_rows: int) -> int:
    """Return how many rounds there are: no more than leave one candidate, the first with at least `min_rows` rows."""
    n = 1
    while n_rows // factor**n >= min_rows and n_candidates > factor ** (n - 1):
        n += 1
    return n


def _folds(n: int, seed: int) -> MultilabelStratifiedKFold:
    return MultilabelStratifiedKFold(n, shuffle=True, random_state=seed)


def _dealt_by(pairs: Pairs, labels: LabelsLike) -> LabelsLike:
    """Return the labels by which rows are dealt; without labels all rows have the same one."""
    return np.zeros(len(pairs), int) if labels is None else labels
