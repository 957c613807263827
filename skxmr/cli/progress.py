"""Progress on the screen: bars where somebody looks, and none in files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

# Rows that are encoded between two steps of a bar.
_ROWS = 256


def wanted(quiet: bool) -> bool:
    """Tell whether somebody looks at progress."""
    return not quiet and sys.stderr.isatty()


def blocks(n: int, unit: str, quiet: bool) -> Iterator[slice]:
    """Yield n rows in blocks, with a bar that counts them."""
    from tqdm.auto import tqdm

    with tqdm(total=n, unit=unit, disable=not wanted(quiet)) as bar:
        for start in range(0, n, _ROWS):
            block = slice(start, min(start + _ROWS, n))
            yield block
            bar.update(block.stop - block.start)


def talkative(estimator: Any) -> dict[str, int]:
    """Let the parts of an estimator show their progress; return what makes them silent again."""
    before = {}
    for name, value in estimator.get_params().items():
        path, _, last = name.rpartition("__")
        if last != "verbose" or value != 0 or not path:
            continue
        owner = estimator.get_params()[path]
        if type(owner).__module__.startswith("skxmr."):
            before[name] = value
    estimator.set_params(**dict.fromkeys(before, 1))
    return before
