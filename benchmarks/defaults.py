"""How the defaults of the deep methods were chosen: the table of docs/results.md.

Each line of benchmarks/results/defaults.jsonl is one validation mAP, the mean over its seeds, measured on 22 and 23
November 2026. The figures were copied from notes with three decimals; no script repeats them. Seeds that are null are
not recorded, and epochs that are null are all that `max_epochs` gave.

    python benchmarks/defaults.py    # write the table
"""

from __future__ import annotations

from typing import Any

from common import LOADERS, RESULTS, ROOT, markdown, recorded, write_between

FILE = RESULTS / "defaults.jsonl"
# Where the seeds are these, the table does not name them.
SEEDS = {"wikipedia": [0, 1], "corel5k_tags": [0, 1], "mirflickr_tags": [0]}


def table(records: list[dict[str, Any]]) -> str:
    """Return one line per setting, with its validation mAPs on each set."""
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for record in records:
        key = record["method"], record["setting"]
        row = rows.setdefault(key, {"method": f"`{key[0]}`", "setting": key[1]} | dict.fromkeys(LOADERS, ""))
        before = row[record["set"]]
        row[record["set"]] = f"{before}, {cell(record)}" if before else cell(record)
    return markdown(list(rows.values()))


def cell(record: dict[str, Any]) -> str:
    """Return a figure, with its seeds where they are others than usual and its epochs where not all were run."""
    remarks = []
    if record["seeds"] is not None and record["seeds"] != SEEDS[record["set"]]:
        remarks.append("seed " + ", ".join(str(seed) for seed in record["seeds"]))
    if record["epochs"] is not None:
        remarks.append(f"{record['epochs']} epochs")
    figure = f"{record['validation_map']:.3f}"
    return f"{figure} ({'; '.join(remarks)})" if remarks else figure


if __name__ == "__main__":
    write_between(ROOT / "docs" / "results.md", table(recorded(FILE)), "defaults")
