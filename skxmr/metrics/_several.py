"""Several scores of one pass, which say that halving searches want a single one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType


class SeveralScores(dict[str, float]):
    """Scores by name, as scikit-learn wants them of a scorer.

    A halving search would end in ``KeyError: 'mean_test_score'``, after all fits of its first round. It reads the names
    when it gathers the scores, outside of what it catches, and this is where it is refused.
    """

    def __init__(self, scores: dict[str, float], scorer: str, instead: str) -> None:
        super().__init__(scores)
        self.scorer = scorer
        self.instead = instead

    def __iter__(self) -> Iterator[str]:
        if _in_halving_search():
            raise ValueError(
                f"{self.scorer} gives several scores, and a halving search chooses by one; pass "
                f"scoring={self.instead}, or use GridSearchCV or RandomizedSearchCV."
            )
        return super().__iter__()

    def __reduce__(self) -> tuple[type[SeveralScores], tuple[dict[str, float], str, str]]:
        return SeveralScores, (dict(self.items()), self.scorer, self.instead)


def _in_halving_search() -> bool:
    """Tell whether the search that runs is a halving one; a search within a search is the one that runs."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "_run_search":
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__", "").endswith("_search_successive_halving")
