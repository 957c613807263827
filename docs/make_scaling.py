"""Write the table of costs in docs/scaling.md from the rates that ``make bench`` measured. Run with ``make docs``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

PAGE = Path(__file__).with_name("scaling.md")
SPEED = Path(__file__).parents[1] / "benchmarks" / "results" / "speed.json"
MARKERS = "<!-- costs: begin -->", "<!-- costs: end -->"

ROWS = (10**6, 10**7, 10**8)
# Columns of the images, of the texts, of the common space, and of the vectors that an index holds.
D1 = 4096
D2 = 300
D = 512
CODE = 256
# What max_epochs="auto" chooses for so many rows.
EPOCHS = 10
CORES = 16
QUERIES = 2000


def rates() -> tuple[float, float, float, float]:
    """Return the rates of one core.

    They are float32 operations per second; the seconds that CCA takes once its covariances are there; the seconds of
    training DAGNN with its paper's constants, per row and epoch; and those of exact mAP, per query and gallery row.
    """
    measured = json.loads(SPEED.read_text(encoding="utf-8"))
    seconds = {}
    for row in measured["rows"]:
        if row["threads"] == 1:
            seconds[row["case"], row["side"]] = median(row["seconds"])
    cca = "CCA 23,000 x 4,096 x 500 (CSR), 200 components"
    solve = seconds[cca, "skxmr"] - seconds[cca, "products"]
    step = seconds["DAGNN, batches of 1,024", "skxmr"] / 8192
    pair = seconds["mAP 2,000 x 190,000, d = 1,024, 24 labels", "skxmr"] / (2000 * 190_000)
    return 1e9 * measured["rates"]["linear, 1"]["GFLOP/s f32"], solve, step, pair


def lines() -> list[list[str]]:
    """Return the lines of the table: what, then its cost for each number of rows."""
    flops, solve, step, pair = rates()
    # Operations per row: X'X and T'T are symmetric, so half of each is computed, and X'T is computed whole.
    products = D1**2 + D2**2 + 2 * D1 * D2
    costs = {
        "features, float32": [size(4 * n * (D1 + D2)) for n in ROWS],
        "`CCA`, one core": [duration(n * products / flops + solve) for n in ROWS],
        f"`CCA` by chunks, {CORES} cores": [duration(n * products / flops / CORES + solve) for n in ROWS],
        f"`DAGNN`, {EPOCHS} epochs, one core": [duration(EPOCHS * n * step) for n in ROWS],
        f"`DAGNN`, {EPOCHS} epochs, {CORES} processes, at best": [duration(EPOCHS * n * step / CORES) for n in ROWS],
        f"exact mAP of {QUERIES:,} queries, one core": [duration(QUERIES * n * pair) for n in ROWS],
        "exact mAP of every row against all, one core": [duration(n * n * pair) for n in ROWS],
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
