"""The clock of a search, in one place so that tests can set it."""

from __future__ import annotations

import math
import time


def now() -> float:
    """Return seconds that never run backwards."""
    return time.monotonic()


class Budget:
    """Seconds that a search may take, dealt out to its rounds and to the last fit in equal parts.

    What a round leaves is there for the next one. Without a budget there is always time.
    """

    def __init__(self, seconds: float | None, n_rounds: int) -> None:
        self.seconds = math.inf if seconds is None else float(seconds)
        self._start = now()
        self._parts = n_rounds + 1

    def left_of_round(self, number: int) -> float:
        """Return the seconds until the end of a round, which are counted from 0."""
        return self._start + self.seconds * (number + 1) / self._parts - now()

    def left(self) -> float:
        """Return the seconds until the end of the search."""
        return self._start + self.seconds - now()


def predicted(times: list[tuple[int, float]], n: int) -> float:
    """Return the seconds that a fit of n rows will take, by fits of fewer rows and their seconds, the fewest first.

    The time of a method grows with a power of the number of rows: the first power after one fit, and after two the one
    that they show, between the first and the third.
    """
    if not times:
        return 0.0
    rows, seconds = times[-1]
    power = 1.0
    if len(times) > 1:
        rows_before, seconds_before = times[-2]
        if min(seconds_before, seconds) > 0 and rows > rows_before:
            power = math.log(seconds / seconds_before) / math.log(rows / rows_before)
    return seconds * (n / rows) ** min(max(power, 1.0), 3.0)
