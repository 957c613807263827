"""Scores as scikit-learn's tools take them, which differ in whether they want a number or numbers with names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType

import numpy as np
from numpy.typing import DTypeLike

from skxmr._data.kinds import Float64Array

# Functions between the one that draws a curve and the question whether its scores are numbers.
_GATHERING = ("__instancecheck__", "<dictcomp>", "_aggregate_score_dicts")


class NamedScore(float):
    """A score that is also a mapping of one name to it, because ``ScoringMonitor`` updates a dict by what it is given.

    It does so with scorers that are not made by scikit-learn, although it takes a callable that returns a number.
    """

    def keys(self) -> list[str]:
        """Return the name of the score."""
        return ["score"]

    def __getitem__(self, name: str) -> float:
        return float(self)


class SeveralScores(dict[str, float]):
    """Scores by name, as scikit-learn wants them of a scorer.

    A halving search looks for a score without a name, and ends in ``KeyError: 'mean_test_score'``. It tells nobody that
    it is one, so that only the function that gathers the scores, by reading their names, shows which search runs.

    Curves of validation and of learning show one number as well. There, scores stand for `chosen`, by which a search
    would choose too.

    Parameters
    ----------
    scores : dict of str to float
        The scores.
    chosen : str
        The name of one of them.
    """

    def __init__(self, scores: dict[str, float], chosen: str) -> None:
        super().__init__(scores)
        self.chosen = chosen

    def __iter__(self) -> Iterator[str]:
        frame: FrameType | None = sys._getframe(1)
        # Of searches within searches, the innermost one is gathering.
        while frame is not None and frame.f_code.co_name != "_run_search":
            frame = frame.f_back
        if frame is not None and frame.f_globals["__name__"].endswith("_halving"):
            raise ValueError(
                f"the scorer gives several scores, {', '.join(self.keys())}, and a halving search chooses by one; pass "
                "scoring=RetrievalScorer(...), or use GridSearchCV or RandomizedSearchCV."
            )
        return super().__iter__()

    # What gathers the scores of a curve asks isinstance(scores, numbers.Number), and fails if they are none. For mypy a
    # class is something that may be assigned to.
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_name in _GATHERING:
            frame = frame.f_back
        gathers = frame is not None and frame.f_code.co_name in ("learning_curve", "validation_curve")
        return float if gathers else type(self)

    def __float__(self) -> float:
        return self[self.chosen]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Float64Array:
        return np.asarray(self[self.chosen], dtype)

    def __reduce__(self) -> tuple[type, tuple[dict[str, float], str]]:
        return type(self), (dict(self.items()), self.chosen)
