"""A thread that reads the next batches while the device learns from the current one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import torch

# Batches read in advance.
_AHEAD = 2


def prefetched(reads: Iterator[Callable[[], Any]], device: torch.device, stream: Any = None) -> Iterator[Any]:
    """Yield what each callable returns, in order: a thread calls the next ones while the caller works.

    The next batches are read, pinned and copied during a step. On CUDA the copies have a `stream` of their own; the
    stream that learns waits on the device for the end of a copy, so that this process need not wait.
    """
    ahead: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(1) as thread:
        for read in reads:
            ahead.append(thread.submit(_read, read, stream))
            if len(ahead) > _AHEAD:
                yield _ready(ahead.popleft(), device)
        while ahead:
            yield _ready(ahead.popleft(), device)


def _read(read: Callable[[], Any], stream: Any) -> tuple[Any, Any]:
    with nullcontext() if stream is None else torch.cuda.stream(stream):
        return read(), None if stream is None else stream.record_event()


def _ready(future: Future[Any], device: torch.device) -> Any:
    batch, event = future.result()
    if event is not None:
        learning = torch.cuda.current_stream(device)
        learning.wait_event(event)
        for part in batch:
            # torch must not reuse this memory before the step is over.
            part.record_stream(learning)
    return batch
