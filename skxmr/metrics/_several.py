"""Several scores of one pass, which say that halving searches want a single one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType


class SeveralScores(dict[str, float]):
    """Scores by name, as scikit-learn wants them of a scorer.

    A halving search looks for a score without a name, and ends in ``KeyError: 'mean_test_score'``. It tells nobody that
    it is one, so that only the function that gathers the scores, by reading their names, shows which search runs.
    """

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
