"""The memory that a piece of work takes for itself. Pages of mapped files do not count, as the system drops them."""

from __future__ import annotations

import ctypes
import gc
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

# Seconds between two readings.
_EVERY = 0.01


class Measured(NamedTuple):
    """What a call returned, its seconds, and the anonymous memory at its peak above that before it, in MB."""

    result: Any
    seconds: float
    peak_mb: float


def anonymous_mb() -> float:
    """Return the anonymous memory of this process that is resident, in MB (Linux only)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return float(line.split()[1]) / 1024
    raise OSError("/proc/self/status does not tell RssAnon")


def measured(call: Callable[[], Any]) -> Measured:
    """Call, and watch the memory meanwhile."""
    gc.collect()
    # What earlier calls left free would hide what this one takes.
    ctypes.CDLL(None).malloc_trim(0)
    before = anonymous_mb()
    peak = [before]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_EVERY):
            peak[0] = max(peak[0], anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    try:
        result = call()
    finally:
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    return Measured(result, seconds, max(peak[0], anonymous_mb()) - before)


def limit(mb: float) -> None:
    """Refuse this process more private memory than this from now on, above what it has; maps of files do not count."""
    found = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    has = next(float(line.split()[1]) for line in found if line.startswith("VmData:")) * 1024
    most = int(has + mb * 2**20)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
