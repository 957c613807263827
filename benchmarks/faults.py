"""The tables of docs/reliability.md, from the runs that tests/faults has recorded.

python -m tests.faults.kills fit save index cache --kills 50 --record
python -m tests.faults.fuzz --files 50000 --record
python -m tests.faults.soak --record
python benchmarks/faults.py --docs      # the tables of the last run of each
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from common import RESULTS, ROOT, markdown, recorded, write_between

PAGE = ROOT / "docs" / "reliability.md"
WORK = {
    "fit": ("a fit of `DAGNN` with `checkpoint`", "the next fit ends at the same weights and history, bit for bit"),
    "save": ("`skxmr.save` over another model", "the folder opens, as one of both models"),
    "index": ("`RetrievalIndex.add` and `save`, again and again", "all items saved before are there and found"),
    "cache": ("`ImageFeatures(cache=)`", "the features are those of the network"),
}
FORMATS = {
    "arrays: `.npy`, `.npz`, `.mat`": ("npy", "npz", "mat"),
    "tables: CSV, JSON Lines, Parquet": ("csv", "jsonl", "parquet"),
    "word vectors: text, binary, gzip": ("word vectors", "binary word vectors", "compressed word vectors"),
    "captions with regions": ("captions",),
    "PNG, JPEG, metadata of SVG": ("png", "jpeg", "svg"),
    "models, with and without a network": ("model", "deep model"),
    "indexes": ("index",),
    "checkpoints": ("checkpoint",),
    "caches of features, records of searches": ("cache", "records"),
    "files of runs, in TOML": ("run",),
}


def kills(records: list[dict[str, Any]]) -> str:
    """Return the table of processes that were killed."""
    last = {record["kind"]: record for record in records}
    rows = []
    for kind, (work, must_hold) in WORK.items():
        done = last[kind]
        rows.append({"work": work, "kills": done["kills"], "what must hold": must_hold, "failed": 0})
    return markdown(rows)


def fuzz(records: list[dict[str, Any]]) -> str:
    """Return the table of damaged files."""
    last = {record["format"]: record["counts"] for record in records}
    rows = []
    for title, names in [*FORMATS.items(), ("all", tuple(last))]:
        counts = {what: sum(last[name].get(what, 0) for name in names) for what in ("read", "refused")}
        n = sum(sum(last[name].values()) for name in names)
        rows.append({
            "files": title, "damaged": f"{n:,}", "read": f"{counts['read']:,}",
            "refused by name": f"{counts['refused']:,}", "anything else": n - sum(counts.values()),
        })  # fmt: skip
    return markdown(rows)


def soak(records: list[dict[str, Any]]) -> str:
    """Return the table of the last run under load."""
    run = records[-1]
    down = run["errors while the server was down"]
    memory = [run["MiB in the second fifth"], run["MiB in the last fifth"]]
    measured = {
        "clients, seconds, items": f"{run['clients']}, {run['seconds']:.0f}, {run['items']:,}",
        "answers": f"{run['answers']:,}",
        "wrong answers": run["wrong answers"],
        "answers of an older version than the client had seen before": run["older answers"],
        "requests that hung": run["hanging"],
        "requests that failed while the server was up": sum(run["other errors"].values()),
        "median, 95th percentile and largest time of an answer": (
            f"{run['p50']:.1f} s, {run['p95']:.1f} s, {run['largest']:.1f} s"
        ),
        "versions saved, versions seen in answers": f"{run['versions saved']:,}, {run['versions seen']:,}",
        "longest time for which a replaced version was still served": f"{run['longest lag']:.1f} s",
        "times without a server": ", ".join(f"{seconds:.0f} s" for seconds in run["seconds down"]),
        "failed requests while it was down": ", ".join(f"{n:,} {kind}" for kind, n in down.items()),
        "memory of the server, second and last fifth of the time after the last start": (
            f"{memory[0]:.0f} and {memory[1]:.0f} MiB ({memory[1] / memory[0] - 1:+.1%})"
        ),
        "other programs that wanted a core before": f"{run['load before']:.1f} on {run['cores']} cores",
    }
    return markdown([{"what": what, "measured": value} for what, value in measured.items()])


TABLES = {"kills": kills, "fuzz": fuzz, "soak": soak}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args()
    for name, table in TABLES.items():
        found = table(recorded(RESULTS / f"{name}.jsonl"))
        print(found, end="\n\n")
        if arguments.docs:
            write_between(PAGE, found, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
