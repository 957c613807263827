"""The exact answer: a product in float64 and a sort over what a version holds, against what the server said."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from tests.faults.soak_clients import Answer
from tests.faults.soak_versions import Version, kind_of, text_of, vectors_of

# Scores in answers are rounded to six digits.
_DIGITS = 6
_TOGETHER = 4_096


class Exact:
    """The exact answers of one version."""

    def __init__(self, version: Version, vectors: Any) -> None:
        self.items = version.items
        self.tags = version.tags
        self.is_text = np.array([kind_of(item) == "text" for item in version.items])
        # By position, as float64.
        self.vectors = vectors[version.items].astype(np.float64)  # (n, d)
        self.place = {item: i for i, item in enumerate(version.items.tolist())}

    def fault_of(self, answer: Answer) -> str | None:
        """Say what is wrong with an answer; None if nothing is."""
        asked = answer.asked
        fits = self._fitting(asked)
        like = None
        if "like" in asked:
            like = self.place.get(int(asked["like"][5:]))
            if answer.total == -1:
                return "an item is said to be missing" if like is not None else None
            if like is None:
                return "an item is found that is not there"
            fits[like] = False
        if answer.total != np.count_nonzero(fits):
            return f"total is {answer.total}, and {np.count_nonzero(fits)} items fit"
        items, scores = self._ranked(asked, like, fits)
        if not np.array_equal(answer.items, items):
            return f"other items than {items[:5]}..., or in another order: {answer.items[:5]}..."
        if scores is None:
            return None if set(answer.scores) <= {None} else "scores where nothing was searched for"
        return None if np.allclose(answer.scores, scores, rtol=0, atol=0.51 * 10**-_DIGITS) else "other scores"

    def _fitting(self, asked: dict[str, Any]) -> Any:
        fits = np.ones(len(self.items), bool)
        if "tag" in asked:
            fits &= self.tags == int(asked["tag"][4:])
        if "modality" in asked:
            fits &= self.is_text == (asked["modality"] == "text")
        return fits

    def _ranked(self, asked: dict[str, Any], like: int | None, fits: Any) -> tuple[Any, Any]:
        """Return the wanted items in order and their scores; None where nothing is searched for."""
        rows = np.flatnonzero(fits)
        first = asked.get("offset", 0)
        if "text" not in asked and like is None:
            return self.items[rows[first : first + asked["limit"]]], None
        query = self.vectors[like] if like is not None else vectors_of([asked["text"]])[0].astype(np.float64)
        scores = (self.vectors @ query).astype(np.float32)[rows]
        # Only what reaches the last wanted score need be sorted; equal scores are ordered by id.
        wanted = min(asked["limit"], len(rows))
        lowest = np.partition(scores, len(rows) - wanted)[len(rows) - wanted] if wanted else np.inf
        few = np.flatnonzero(scores >= lowest)
        few = few[np.lexsort((self.items[rows[few]], -scores[few]))][:wanted]
        return self.items[rows[few]], scores[few]


def faults(answers: Iterable[Answer], versions: dict[str, Version]) -> list[str]:
    """Return what is wrong with answers, each compared with the exact one of the version that it names."""
    by_version: dict[str, list[Answer]] = {}
    for answer in answers:
        by_version.setdefault(answer.version, []).append(answer)
    newest = max(int(version.items.max()) for version in versions.values())
    parts = [
        vectors_of([text_of(item) for item in range(start, min(start + _TOGETHER, newest + 1))])
        for start in range(0, newest + 1, _TOGETHER)
    ]
    vectors = np.concatenate(parts)
    found = []
    for name, some in by_version.items():
        if name not in versions:
            found.append(f"{len(some)} answers are of a version {name} that nobody saved")
            continue
        exact = Exact(versions[name], vectors)
        for answer in some:
            fault = exact.fault_of(answer)
            if fault is not None:
                found.append(f"{name} {answer.asked}: {fault}")
    return found


def older(answers: list[Answer], versions: dict[str, Version]) -> int:
    """Return how often one client was answered from an older version than before."""
    places = {name: i for i, name in enumerate(versions)}
    seen = [places[answer.version] for answer in answers if answer.version in places]
    return int(np.count_nonzero(np.diff(seen) < 0))


def longest_lag(answers: Iterable[Answer], versions: dict[str, Version]) -> float:
    """Return how many seconds after the next version was saved an answer still came from the one before, at most."""
    names = list(versions)
    replaced = {name: versions[after].saved for name, after in pairwise(names)}
    return max((answer.sent - replaced[answer.version] for answer in answers if answer.version in replaced), default=0)
