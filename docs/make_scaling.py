"""Write the table of costs in docs/scaling.md from measured rates. Run with ``make docs``.

The rates stand here and nowhere else: measure them anew, change them here, and the page follows.
"""

from __future__ import annotations

import sys
from pathlib import Path

PAGE = Path(__file__).with_name("scaling.md")
MARKERS = "<!-- costs: begin -->", "<!-- costs: end -->"

# Seconds of one core (Zen 5 with AVX-512, one thread), from benchmarks/results/speed.json, November 2026
FLOPS32 = 240e9  # per second, float32 matrix products
SOLVE = 0.85  # seconds: CCA of 4096 x 500 features, once its covariances are there
STEP = 13.2 / 8192  # seconds per row: a training step of DAGNN.paper(), 27.9 million weights, batches of 1024
PAIR = 16.2e-9  # seconds per query and gallery row: scoring, sorting and counting of exact mAP, gallery of 190,000
SEARCH = 230 * 1e6  # gallery rows times queries per second: exact search, 256-d, faiss IndexFlatIP

ROWS = (10**6, 10**7, 10**8)
D1, D2, D, CODE = 4096, 300, 512, 256  # image features, text features, common space, what an index holds
EPOCHS = 10  # what max_epochs="auto" chooses for so many rows
CORES = 16
QUERIES = 2000


def lines() -> list[list[str]]:
    """Return the lines of the table: what, then its cost for each number of rows."""
    products = D1**2 + D2**2 + 2 * D1 * D2  # of a row: X'X and T'T by halves, X'T whole
    costs = {
        "features, float32": [size(4 * n * (D1 + D2)) for n in ROWS],
        "`CCA`, one core": [duration(n * products / FLOPS32 + SOLVE) for n in ROWS],
        f"`CCA` by chunks, {CORES} cores": [duration(n * products / FLOPS32 / CORES + SOLVE) for n in ROWS],
        f"`DAGNN`, {EPOCHS} epochs, one core": [duration(EPOCHS * n * STEP) for n in ROWS],
        f"`DAGNN`, {EPOCHS} epochs, {CORES} processes, at best": [duration(EPOCHS * n * STEP / CORES) for n in ROWS],
        f"exact mAP of {QUERIES:,} queries, one core": [duration(QUERIES * n * PAIR) for n in ROWS],
        "exact mAP of every row against all, one core": [duration(n * n * PAIR) for n in ROWS],
        "exact search, queries per second, one core": [f"{float(f'{SEARCH / n:.2g}'):g}" for n in ROWS],
        f"embeddings, {D} float32": [size(4 * n * D) for n in ROWS],
        f"embeddings, {CODE} float16": [size(2 * n * CODE) for n in ROWS],
    }
    return [[what, *cells] for what, cells in costs.items()]


def duration(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    for unit, length in (("years", 3.156e7), ("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.2g} {unit}" if seconds < 100 * length else f"{seconds / length:.0f} {unit}"
    return f"{seconds:.2g} s" if seconds < 100 else f"{seconds:.0f} s"


def size(n_bytes: float) -> str:
    """Return bytes in the unit that suits them."""
    for unit, length in (("TB", 1e12), ("GB", 1e9)):
        if n_bytes >= length:
            return f"{n_bytes / length:.2g} {unit}" if n_bytes < 100 * length else f"{n_bytes / length:.0f} {unit}"
    return f"{n_bytes / 1e6:.0f} MB"


def page() -> str:
    """Return the page with today's table."""
    state = size(8 * (D1**2 + D2**2 + D1 * D2))
    head = ["", *(f"{n:,} rows" for n in ROWS)]
    table = [head, ["---"] * len(head), *lines()]
    text = "\n".join("| " + " | ".join(line) + " |" for line in table)
    text += f"\n\nThe sums that a worker of `CCA` keeps and sends are {state}, however many rows there are."
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKERS[0])
    return f"{before}{MARKERS[0]}\n{text}\n{MARKERS[1]}{rest.split(MARKERS[1])[1]}"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
