"""Workers: threads in which requests are computed, with a limit of those that wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from skxmr.app.refusal import RefusalError

P = ParamSpec("P")
R = TypeVar("R")


class Workers:
    """A few threads. A request that takes too long is given up, but its thread is not free before it is done.

    Parameters
    ----------
    n : int
        How many requests are computed at a time.
    most : int
        How many may wait besides; further ones are refused at once, so that nobody waits for long.
    """

    def __init__(self, n: int, most: int) -> None:
        self._pool = ThreadPoolExecutor(n, "skxmr")
        self._most = n + most
        self._pending = 0
        self._counting = threading.Lock()

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what a function returns in one of the threads."""
        with self._counting:
            if self._pending >= self._most:
                raise RefusalError(503, "The server is busy; try again in a moment.", {"Retry-After": "1"})
            self._pending += 1
        future = self._pool.submit(function, *args, **kwargs)
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Forget those who wait."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, future: Future[R]) -> None:
        with self._counting:
            self._pending -= 1
