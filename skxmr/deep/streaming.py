"""Threads that read the next batches while the device learns from the current one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import torch

# Batches read in advance, at least.
_AHEAD = 2
B = TypeVar("B", bound=Iterable[Any])
# A batch, and the event after which its copy to the device is complete.
Read: TypeAlias = tuple[B, torch.cuda.Event | None]


def prefetched(
    reads: Iterator[Callable[[], B]], device: torch.device, stream: torch.cuda.Stream | None = None, threads: int = 1
) -> Generator[B, None, None]:
    """Yield what each callable returns, in order: threads call the next ones while the caller works.

    No more batches are held than are read at the same time, and three at least. When the caller ends early, or an error
    is raised, nothing more is read, and the threads have ended.

    The next batches are read, pinned and copied during a step. On CUDA the copies have a `stream` of their own; the
    stream that learns waits on the device for the end of a copy, so that this process need not wait.
    """
    ahead: deque[Future[Read[B]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for read in reads:
            ahead.append(pool.submit(_read, read, stream))
            if len(ahead) > max(_AHEAD, threads - 1):
                yield _ready(ahead.popleft(), device)
        while ahead:
            yield _ready(ahead.popleft(), device)
    finally:
        pool.shutdown(cancel_futures=True)


def _read(read: Callable[[], B], stream: torch.cuda.Stream | None) -> Read[B]:
    if stream is None:
        return read(), None
    with torch.cuda.stream(stream):
        return read(), stream.record_event()


def _ready(future: Future[Read[B]], device: torch.device) -> B:
    batch, event = future.result()
    if event is not None:
        learning = torch.cuda.current_stream(device)
        learning.wait_event(event)
        for part in batch:
            # torch must not reuse this memory before the step is over.
            part.record_stream(learning)
    return batch
