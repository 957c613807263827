"""Ctrl-C during training and searches: the first one keeps the model, a second one soon after it stops everything."""

from __future__ import annotations

import math
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Self

# Two interrupts within this many seconds mean "stop everything", for example a whole grid search.
_TWICE_WITHIN = 60.0
# When the last interrupt came. It is kept after a fit, because the second one may come in the next fit of a search.
_last_interrupt: ContextVar[float] = ContextVar("last_interrupt", default=-math.inf)


def last_interrupt() -> float:
    """Return when the last interrupt came that a loop has ended quietly for; minus infinity before the first one."""
    return _last_interrupt.get()


class StopTraining(KeyboardInterrupt):
    """Ends skorch's loop early; skorch's own early stopping does the same."""


class Interruptible:
    """Context manager around a loop, which ends quietly when the loop is interrupted.

    Attributes
    ----------
    interrupted : bool
        Whether the user interrupted the loop; `StopTraining` is no interrupt.
    twice : bool
        Whether the user also interrupted a loop less than a minute before.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self.twice = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if isinstance(error, KeyboardInterrupt) and not isinstance(error, StopTraining):
            now = time.monotonic()
            self.interrupted = True
            self.twice = now - _last_interrupt.get() < _TWICE_WITHIN
            _last_interrupt.set(now)
        return isinstance(error, KeyboardInterrupt)
