"""The tables of what gpu.py measured, in docs/performance.md.

python benchmarks/gpu_report.py            # from benchmarks/results/gpu.json
python benchmarks/gpu_report.py FILE ...   # first add what gpu.py --json wrote, in the order of the files
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, markdown, write_between

FILE = RESULTS / "gpu.json"
Row = dict[str, Any]
# The end of a case's name, and the column of its step.
VARIANTS = {
    "": "plain",
    ", bf16": "bf16",
    ", compiled (default)": "compiled",
    ", compiled (reduce-overhead)": "CUDA graphs",
}


def latest(reports: list[Row]) -> dict[str, Row]:
    """Return the rows of all reports by the names of their cases; what was measured later counts."""
    rows = {}
    for report in reports:
        for case in report["cases"].values():
            rows |= {row["case"]: row | {"device": report["device"]} for row in case}
    return rows


def table(reports: list[Row]) -> str:
    """Return whole calls with their targets, fits of every method, and single steps of training."""
    rows = latest(reports)
    fits = [fit_line(row) for row in rows.values() if "mAP" in row]
    calls = [call_line(row) for row in rows.values() if "seconds" in row and not {"mAP", "ms of products"} & row.keys()]
    parts = [markdown(calls)]
    if fits:
        parts += ["Fits of generated rows, on the GPU and on the CPU:", markdown(fits)]
    return "\n\n".join([*parts, "Milliseconds per step of training:", step_table(rows)])


def fit_line(row: Row) -> Row:
    """Return the mean mAP of some fits on the GPU, and how far that of the CPU is from it."""
    return {
        "case": row["case"],
        "mAP": f"{row['mAP']:.3f}",
        "difference": f"{row['difference']:.4f}",
        "spread of the seeds": f"{row['spread']:.4f}",
        "device": row["device"],
    }


def call_line(row: Row) -> Row:
    """Return a call's time, memory and difference, each with its target where there is one."""
    return {
        "case": row["case"],
        "seconds": f"{row['seconds']:.3g}",
        "target, s": judged(row["seconds"], row.get("target s")),
        "peak MB": f"{row['peak MB']:.0f}" if row.get("peak MB") else "",
        "target, MB": judged(row.get("peak MB"), row.get("memory target MB")),
        "difference": f"{row['difference']:.2g}" if "difference" in row else "",
        "device": row["device"],
    }


def judged(value: float | None, target: float | None) -> str:
    """Return a target, and whether it was missed."""
    if value is None or target is None:
        return ""
    return f"{target:g}: **missed**" if value > target else f"{target:g}"


def step_table(rows: dict[str, Row]) -> str:
    """Return the time of a step as it is, in bf16 and compiled, beside its bare matrix products."""
    lines = []
    for name, row in rows.items():
        if "ms a step" not in row or name.endswith((", bf16", ")")):
            continue
        line: Row = {"case": name}
        for end, column in VARIANTS.items():
            line[column] = f"{rows[name + end]['ms a step']:.1f}" if name + end in rows else ""
        line["products"] = f"{row['ms of products']:.1f}" if "ms of products" in row else ""
        lines.append(line | {"device": row["device"]})
    return markdown(lines)


def main() -> None:
    """Add the reports of the files that are named, and write the page."""
    reports = json.loads(FILE.read_text(encoding="utf-8"))
    for name in sys.argv[1:]:
        report = json.loads(Path(name).read_text(encoding="utf-8"))
        if report["small"]:
            raise SystemExit(f"{name} is of --small, whose figures say nothing about speed")
        reports.append(report)
    FILE.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")
    write_between(ROOT / "docs" / "performance.md", table(reports), "gpu")


if __name__ == "__main__":
    main()
