"""Where long runs are recorded, from which benchmarks/faults.py makes the tables of docs/reliability.md."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks" / "results"


def record(name: str, **found: object) -> None:
    """Add one run as a line of JSON."""
    with (FOLDER / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")
