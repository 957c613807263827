"""Rows that exceed memory: deep fits of mapped views, closed forms on chunks, and an index of ten million vectors.

Every case runs in a process of its own on one thread, with generated rows, which are written first. Memory is the
anonymous memory of the process: pages of mapped files do not count, because the system drops them when others need it.

    python benchmarks/scale.py --data FOLDER            # all cases; 20 GB of disk, half an hour
    python benchmarks/scale.py --data FOLDER "index"    # the cases whose name holds a word
    python benchmarks/scale.py --small                  # the same on few rows, to see that they work; nothing is kept
    python benchmarks/scale.py --docs                   # write docs/scaling.md from what was measured
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, append, recorded, write_between

FILE = RESULTS / "scale.jsonl"
PAGE = ROOT / "docs" / "scaling.md"
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
MILLION = 10**6
HALF = {"dtype": "float16"}

# By the name of a case: the module, the function in it and its further arguments, after the folder and the rows.
Case = tuple[str, str, int, tuple[Any, ...]]
CASES: dict[str, Case] = {
    "training, equal to memory": ("scale_training", "equality", 20_000, ()),
    "training, 1,000,000 rows": ("scale_training", "fit", MILLION, (2000.0,)),
    "training, 10,000,000 rows": ("scale_training", "fit", 10 * MILLION, (2000.0,)),
    "Parquet, 10,000,000 rows": ("scale_training", "from_parquet", 10 * MILLION, ()),
    **{
        f"chunks, {name}": ("scale_sums", "fit", 10 * MILLION, (name, "600MB", True))
        for name in ("CCA", "PLS", "MLCCA", "SemanticMatching")
    },
    "index, 1,000,000 items, built": ("scale_search", "build", MILLION, (HALF,)),
    "index, 1,000,000 items, asked": ("scale_search", "ask", MILLION, ()),
    "index, 10,000,000 items, built": ("scale_search", "build", 10 * MILLION, (HALF,)),
    "index, 10,000,000 items, asked": ("scale_search", "ask", 10 * MILLION, ()),
}
# With --small, every case has this share of its rows.
SMALL = 2000


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="?", default="", help="only cases whose name holds this")
    parser.add_argument("--data", type=Path, help="folder of the generated rows, which are kept there")
    parser.add_argument("--small", action="store_true", help="few rows; what is measured is printed only")
    parser.add_argument("--docs", action="store_true", help="write docs/scaling.md")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # this process measures the case
    arguments = parser.parse_args()
    if arguments.docs:
        write_between(PAGE, table(recorded(FILE)), "scale")
        return 0
    if arguments.here:
        print(json.dumps(_measured_here(arguments)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data or Path(folder)
        data.mkdir(parents=True, exist_ok=True)
        for name in [name for name in CASES if arguments.case in name]:
            row = _in_process(name, data, arguments.small)
            print(json.dumps(row), flush=True)
            if not arguments.small:
                append(FILE, row)
    return 0


def _in_process(name: str, data: Path, small: bool) -> dict[str, Any]:
    command = [sys.executable, __file__, name, "--data", str(data), "--here", *(["--small"] if small else [])]
    done = subprocess.run(command, env=os.environ | _THREADS, stdout=subprocess.PIPE, text=True)
    if done.returncode:  # its own traceback stands above
        raise SystemExit(f"the case {name!r} failed")
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def _measured_here(arguments: argparse.Namespace) -> dict[str, Any]:
    from speed import _machine

    module, function, n, more = CASES[arguments.case]
    if arguments.small:
        n = max(n // SMALL, 2000)
    found = getattr(importlib.import_module(module), function)(arguments.data, n, *more)
    when = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"case": arguments.case, **found, "machine": _machine(), "date": when}


def latest(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the last run of every case, in the order of the cases."""
    found = {row["case"]: row for row in rows}
    return {name: found[name] for name in CASES if name in found}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the tables of the page."""
    from scale_report import report

    return report(latest(rows))


if __name__ == "__main__":
    sys.exit(main())
