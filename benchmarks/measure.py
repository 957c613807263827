"""One comparison: the sides that do the same work, what must hold between them, and how time and memory are taken."""

from __future__ import annotations

import ctypes
import gc
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Sides = Mapping[str, Callable[[], object]]
_SHORTEST = 0.02  # seconds: quicker calls are timed several at once
CASES: dict[str, list[Case]] = {}


class Case(NamedTuple):
    """Sides of one comparison, ours first, and its targets.

    `at_most` bounds our time over a side's, `at_least` a side's time over ours; `memory_at_most` bounds our extra
    memory over a side's, `memory_limit` our extra memory in MB. `threads` are those of BLAS, torch and OpenMP: a case
    runs once for each number, in a process of its own, and targets are for the first. `clock` is "cpu" or "wall"
    seconds; with several threads always wall. `units` is the work of a side's call where the sides differ: its seconds
    are divided by it.
    """

    table: str
    name: str
    make: Callable[[], Sides]
    at_most: Mapping[str, float] = {}
    at_least: Mapping[str, float] = {}
    memory_at_most: Mapping[str, float] = {}
    memory_limit: float | None = None
    repeat: int = 5
    clock: str = "cpu"
    threads: tuple[int, ...] = (1,)
    units: Mapping[str, float] = {}


def case(
    name: str,
    *,
    at_most: Mapping[str, float] | None = None,
    at_least: Mapping[str, float] | None = None,
    memory_at_most: Mapping[str, float] | None = None,
    memory_limit: float | None = None,
    repeat: int = 5,
    clock: str = "cpu",
    threads: tuple[int, ...] = (1,),
    units: Mapping[str, float] | None = None,
) -> Callable[[Callable[[], Sides]], Callable[[], Sides]]:
    """Register a function that makes the data and returns the sides of a comparison, ours first."""

    def enter(make: Callable[[], Sides]) -> Callable[[], Sides]:
        table = make.__module__.removeprefix("speed_")
        targets = at_most or {}, at_least or {}, memory_at_most or {}, memory_limit
        CASES.setdefault(table, []).append(Case(table, name, make, *targets, repeat, clock, threads, units or {}))
        return make

    return enter


def measure(case: Case, threads: int, repeat: int | None = None) -> list[dict[str, Any]]:
    """Run all sides in turn, `repeat` times after a first call that takes the memory; one row per side."""
    sides = case.make()
    if threads != case.threads[0]:
        case = case._replace(at_most={}, at_least={}, memory_at_most={}, memory_limit=None)
    ours = next(iter(sides))
    clock = time.process_time if case.clock == "cpu" and threads == 1 else time.perf_counter
    first = {side: _first_call(call, clock) for side, call in sides.items()}
    number = {side: max(1, math.ceil(_SHORTEST / max(seconds, 1e-6))) for side, (seconds, _) in first.items()}
    spent: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(repeat or case.repeat):
        for side, call in sides.items():
            spent[side].append(_seconds(call, clock, number[side]) / case.units.get(side, 1.0))
    return [
        {
            "table": case.table, "case": case.name, "threads": threads, "side": side, "seconds": spent[side],
            "clock": "cpu" if clock is time.process_time else "wall", "peak_mb": first[side][1],
            "ratio": float(np.median(np.array(spent[ours]) / np.array(spent[side]))),
            "targets": _targets(case, side, spent[ours], spent[side], first[ours][1], first[side][1], side == ours),
        }
        for side in sides
    ]  # fmt: skip


def _targets(
    case: Case, side: str, ours: list[float], other: list[float], our_mb: float, other_mb: float, own: bool
) -> list[dict[str, Any]]:
    """Compare with what was promised: name, bound, value and whether it holds."""
    slower, faster = (float(np.median(np.array(a) / np.array(b))) for a, b in ((ours, other), (other, ours)))
    found = [
        ("time, at most", case.at_most.get(side), slower, slower <= case.at_most.get(side, 0)),
        ("times faster, at least", case.at_least.get(side), faster, faster >= case.at_least.get(side, 0)),
        ("memory, at most", case.memory_at_most.get(side), our_mb / max(other_mb, 1e-9), None),
        ("MB, at most", case.memory_limit if own else None, our_mb, None),
    ]
    return [
        {"what": what, "bound": bound, "value": value, "holds": bool(value <= bound if holds is None else holds)}
        for what, bound, value, holds in found
        if bound is not None
    ]


def _seconds(call: Callable[[], object], clock: Callable[[], float], number: int) -> float:
    gc.collect()
    start = clock()
    for _ in range(number):
        call()
    return (clock() - start) / number


def _first_call(call: Callable[[], object], clock: Callable[[], float]) -> tuple[float, float]:
    """Return the seconds and the extra peak memory (MB) of a call; nan where the system does not tell it."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what earlier calls left would hide what this one takes
    before = _resident("VmRSS", reset=True)
    seconds = _seconds(call, clock, 1)
    return seconds, _resident("VmHWM") - before


def _resident(field: str, reset: bool = False) -> float:
    """Return a field of this process's memory in MB; `reset` restarts the count of the peak (Linux only)."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.nan
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def machine_rates() -> dict[str, float]:
    """Measure what no method can beat here: matrix products in GFLOP/s and sorts in ns per element."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(2048, 2048))
    keys = rng.integers(2**32, size=(100, 23_000), dtype=np.uint32)
    A32 = A.astype(np.float32)
    products = {"f32": lambda: A32 @ A32[::-1], "f64": lambda: A @ A[::-1]}  # two buffers: no triangle is left out
    sorts = {"u32": lambda: np.sort(keys), "u64": lambda: np.sort(keys.astype(np.uint64))}
    best = {
        name: min(_seconds(call, time.perf_counter, 1) for _ in range(4)) for name, call in (products | sorts).items()
    }
    gemm = {f"GFLOP/s {name}": 2e-9 * len(A) ** 3 / best[name] for name in products}
    return gemm | {f"sort ns {name}": 1e9 * best[name] / keys.size for name in sorts}
