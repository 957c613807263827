"""Time and memory of the library beside named peers and beside what the arithmetic alone costs.

Every table runs in a process of its own, once for each number of threads, which is set before anything is imported.
The sides of a comparison are interleaved; on one thread CPU seconds count, on several wall seconds.

    python benchmarks/speed.py                        # all tables
    python benchmarks/speed.py linear metrics         # some
    python benchmarks/speed.py --case CCA             # the cases whose name holds a word
    python benchmarks/speed.py --docs                 # also write docs/performance.md and benchmarks/results/speed.json
                                                      # where tables that were not measured keep their figures
    python benchmarks/speed.py --compare OLD NEW      # two JSON files, side by side
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TABLES = ("linear", "metrics", "training", "sets", "search", "wide", "import")
THREADS = (1, 2)
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Training frees and takes large arrays in every step. glibc gives such memory back to the system or not, by what the
# heap looks like, and fresh pages cost up to a tenth of a step, at random on one side or the other. Here it keeps them.
# Covariances take large arrays once for every fit, which costs up to a seventh of it.
_KEEPING = {
    "training": {"MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_MMAP_THRESHOLD_": str(2**25)},
    "linear": {"MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_MMAP_THRESHOLD_": str(2**34)},
}


def main() -> int:
    """Run the command line; the status is 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument("--repeat", type=int, help="repetitions, where a case's own number is not wanted")
    parser.add_argument("--json", type=Path, help="write everything measured")
    parser.add_argument(
        "--docs", action="store_true", help="write docs/performance.md and benchmarks/results/speed.json"
    )
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("OLD", "NEW"))
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)  # this process measures, with so many threads
    arguments = parser.parse_args()
    if unknown := set(arguments.tables) - set(TABLES):
        parser.error(f"no table {sorted(unknown)}; there are {', '.join(TABLES)}")
    if arguments.compare:
        print(comparison(*(json.loads(file.read_text(encoding="utf-8")) for file in arguments.compare)))
        return 0
    if arguments.threads:
        arguments.json.write_text(json.dumps(_measure_here(arguments)), encoding="utf-8")
        return 0
    measured = _measure_all(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1), encoding="utf-8")
    from speed_report import report, write_docs

    print(report(measured))
    if arguments.docs:
        write_docs(measured)
    return int(not all(target["holds"] for row in measured["rows"] for target in row["targets"]))


def comparison(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return one line per side that both files have: seconds before and after, and their ratio."""
    import numpy as np

    def medians(measured: dict[str, Any]) -> dict[tuple[str, int, str], float]:
        return {
            (row["case"], row["threads"], row["side"]): float(np.median(row["seconds"])) for row in measured["rows"]
        }

    before = medians(old)
    after = medians(new)
    return "\n".join(
        f"{name}, {threads} thread{'s' * (threads > 1)}, {side}: {before[key]:.4g} s -> {after[key]:.4g} s "
        f"({after[key] / before[key]:.2f} x)"
        for key in before
        if key in after
        for name, threads, side in [key]
    )


def _measure_all(arguments: argparse.Namespace) -> dict[str, Any]:
    measured: dict[str, Any] = {"rates": {}, "rows": []}
    for table in arguments.tables or TABLES:
        for threads in THREADS:
            part = _in_process(table, threads, arguments)
            if part["rows"]:
                measured["rates"][f"{table}, {threads}"] = part["rates"]
                measured["rows"] += part["rows"]
    return measured | {"machine": part["machine"], "versions": part["versions"]}


def _in_process(table: str, threads: int, arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "part.json"
        command = [sys.executable, __file__, table, "--threads", str(threads), "--json", str(file)]
        command += ["--case", arguments.case] + (["--repeat", str(arguments.repeat)] if arguments.repeat else [])
        variables = dict.fromkeys(_VARIABLES, str(threads)) | _KEEPING.get(table, {})
        status = subprocess.run(command, env=os.environ | variables).returncode
        if status:  # its own traceback stands above
            raise SystemExit(f"the table {table!r} failed with {threads} thread(s)")
        part: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return part


def _measure_here(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure the cases of one table in this process, whose thread variables are set already."""
    from importlib.metadata import version

    from measure import CASES, machine_rates, measure

    (table,) = arguments.tables
    importlib.import_module(f"speed_{table}")
    chosen = [c for c in CASES.get(table, []) if arguments.threads in c.threads and arguments.case in c.name]
    rows: list[dict[str, Any]] = []
    for entry in chosen:
        print(f"{table}: {entry.name}, {arguments.threads} thread(s)", file=sys.stderr, flush=True)
        rows += measure(entry, arguments.threads, arguments.repeat)
    versions = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "torch", "skorch")}
    rates = machine_rates() if chosen else {}
    return {"rows": rows, "rates": rates, "machine": _machine(), "versions": versions}


def _machine() -> str:
    """Name what decides the seconds: the processor, and the kernels on which numpy's and scipy's products run."""
    from threadpoolctl import threadpool_info

    kernels = {found["architecture"] for found in threadpool_info() if found.get("internal_api") == "openblas"}
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        lines = []
    about = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    name = about.get("model name") or platform.processor() or platform.machine()
    family = f" (family {about['cpu family']}, model {about['model']})" if "cpu family" in about else ""
    return f"{name}{family}; OpenBLAS kernels: {', '.join(sorted(kernels)) or 'none'}"


if __name__ == "__main__":
    sys.exit(main())
