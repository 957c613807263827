"""Write the tables of costs and of engines in docs/scaling.md, from measured rates. Run with ``make docs``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

PAGE = Path(__file__).with_name("scaling.md")
SPEED = Path(__file__).parents[1] / "benchmarks" / "results" / "speed.json"
SCALE = SPEED.with_name("scale.jsonl")

ROWS = (10**6, 10**7, 10**8, 10**9)
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


def measured_per_row() -> tuple[float, float, float]:
    """Return what `scale.py` measured on ten million rows.

    It is the bytes of memory that a row of mapped views adds to a deep fit, the seconds of an exact search in vectors
    of float16 per item, for one query, and those for a hundred.
    """
    rows = [json.loads(line) for line in SCALE.read_text(encoding="utf-8").splitlines()]
    latest = {row["case"]: row for row in rows}
    few, many = (latest[f"training, {n:,} rows"] for n in (10**6, 10**7))
    growth = 2**20 * (many["peak MB"] - few["peak MB"]) / (many["rows"] - few["rows"])
    asked = latest["index, 10,000,000 items, asked"]
    return growth, asked["1 seconds"] / asked["rows"], asked["100 seconds"] / asked["rows"]


def lines() -> list[list[str]]:
    """Return the lines of the table: what, then its cost for each number of rows."""
    flops, solve, step, pair = rates()
    growth, one, hundred = measured_per_row()
    # Operations per row: X'X and T'T are symmetric, so half of each is computed, and X'T is computed whole.
    products = D1**2 + D2**2 + 2 * D1 * D2
    costs = {
        "features, float32": [size(4 * n * (D1 + D2)) for n in ROWS],
        "`CCA`, one core": [duration(n * products / flops + solve) for n in ROWS],
        f"`CCA` by chunks, {CORES} cores": [duration(n * products / flops / CORES + solve) for n in ROWS],
        f"`DAGNN`, {EPOCHS} epochs, one core": [duration(EPOCHS * n * step) for n in ROWS],
        f"`DAGNN`, {EPOCHS} epochs, {CORES} processes, at best": [duration(EPOCHS * n * step / CORES) for n in ROWS],
        "memory of a deep fit on mapped views, two labels a row": [size(growth * n) for n in ROWS],
        f"exact mAP of {QUERIES:,} queries, one core": [duration(QUERIES * n * pair) for n in ROWS],
        "exact mAP of every row against all, one core": [duration(n * n * pair) for n in ROWS],
        f"embeddings, {D} float32": [size(4 * n * D) for n in ROWS],
        f"embeddings, {CODE} float16": [size(2 * n * CODE) for n in ROWS],
        f"exact search in {CODE} float16, one query, one core": [duration(one * n) for n in ROWS],
        f"exact search in {CODE} float16, a hundred queries, one core": [duration(hundred * n) for n in ROWS],
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


RAW = 4 * CODE
_FAISS = "its wiki, Guidelines to choose an index"
_QDRANT = "its documentation, Capacity Planning"
_MILVUS = "its documentation, On-disk Index"
# What an engine needs for a vector: what holds it, bytes of memory, bytes on disk, what it is for, and who says so. A
# node of the graph of faiss has 2 x 32 links of 4 bytes, one of Milvus's graph on disk 56.
ENGINES: dict[str, tuple[str, float, float, str, str]] = {
    "exact, float32": ("this process", RAW, 0, "up to some millions of items", "the size of the values"),
    "exact, float16": ("this process", RAW / 2, 0, "twice as many, at slower queries", "measured above"),
    "exact, float16, mapped": ("a file", 0, RAW / 2, "tens of millions, where seconds do", "measured above"),
    "`faiss`, flat": ("this process", RAW, RAW, "many queries together", _FAISS),
    "`faiss`, inverted lists": ("this process", RAW, RAW, "as many as memory holds", _FAISS),
    "`faiss`, graph": ("this process", RAW + 8 * 32, RAW, "the same, missing less", _FAISS),
    "Qdrant, in memory": ("a server", 1.5 * RAW, RAW, "what several machines hold", _QDRANT),
    "Qdrant, on disk": ("a server", 0, RAW, "more, on fast disks", _QDRANT),
    "LanceDB, exact": ("a table", 0, RAW, "filters on much metadata", "the size of the values"),
    "Milvus, DiskANN": ("a server", RAW / 4, RAW + 4 * 56, "10^8 items and more", _MILVUS),
}


def engines() -> list[list[str]]:
    """Return the lines of the table of engines: per vector, and for 10^7 and 10^9 vectors."""
    out = []
    for name, (where, memory, disk, good_for, source) in ENGINES.items():
        held = [size(memory * n) if memory else "cache only" for n in (10**7, 10**9)]
        stored = size(disk * 10**9) if disk else ""
        out.append([name, where, f"{memory:,.0f}", *held, stored, good_for, source])
    return out


def page() -> str:
    """Return the page with today's tables."""
    state = size(8 * (D1**2 + D2**2 + D1 * D2))
    costs = as_table(["", *(f"{n:,} rows" for n in ROWS)], lines())
    costs += f"\n\nThe sums that a worker of `CCA` keeps and sends are {state}, however many rows there are."
    head = ["vectors of 256", "held by", "bytes of memory each", "10^7", "10^9", "disk at 10^9", "for", "source"]
    text = between(PAGE.read_text(encoding="utf-8"), "costs", costs)
    return between(text, "engines", as_table(head, engines()))


def as_table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def between(page: str, name: str, text: str) -> str:
    """Return a page with other text between the markers of a name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
