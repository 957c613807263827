"""What bfloat16 costs in mAP: the same fits in float32 and under autocast, on the test rows of the research sets.

Finished fits are kept in benchmarks/results/precision.jsonl and not done again.

    python benchmarks/precision.py                       # DAGNN and L2GCN on the three sets, 3 seeds
    python benchmarks/precision.py --sets wikipedia --seeds 1
    python benchmarks/precision.py --docs                # also write the table of docs/performance.md
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import torch
from common import (
    LOADERS,
    RESULTS,
    ROOT,
    append,
    fingerprint,
    fit_seconds,
    markdown,
    mean_and_spread,
    recorded,
    write_between,
)
from tasks import standard

from skxmr import DAGNN, L2GCN

METHODS = {"DAGNN": DAGNN, "L2GCN": L2GCN}
FILE = RESULTS / "precision.jsonl"
_KEY = ("set", "method", "precision", "seed", "parameters")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.sets:
        for method in arguments.methods:
            for seed in range(arguments.seeds):
                for precision in ("float32", "bf16"):
                    fit(name, method, precision, seed)
    found = table(recorded(FILE))
    print(found)
    if arguments.docs:
        write_between(ROOT / "docs" / "performance.md", found, "bf16")
    return 0


def fit(name: str, method: str, precision: str, seed: int) -> None:
    """Fit and score on the test rows, unless this fit is recorded."""
    model = METHODS[method](random_state=seed, precision=precision)
    key = dict(zip(_KEY, (name, method, precision, seed, fingerprint(model)), strict=True))
    if any(all(record[part] == key[part] for part in _KEY) for record in recorded(FILE)):
        return
    data = standard(name, 0)
    seconds = fit_seconds(model, data.train, data.y_train)
    measured = {"map": model.score(data.test, data.y_test), "seconds": round(seconds, 3)}
    append(FILE, key | measured)
    print(key | measured, file=sys.stderr, flush=True)


def table(records: list[dict[str, Any]]) -> str:
    """Return one line per set and method: both mAPs, their difference paired over the seeds, and the seconds."""
    rows = []
    for name, method in dict.fromkeys((record["set"], record["method"]) for record in records):
        chosen = [record for record in records if (record["set"], record["method"]) == (name, method)]
        by = {p: {r["seed"]: r for r in chosen if r["precision"] == p} for p in ("float32", "bf16")}
        seeds = sorted(by["float32"].keys() & by["bf16"].keys())
        values = {p: np.array([[by[p][seed][what] for what in ("map", "seconds")] for seed in seeds]).T for p in by}
        difference = values["bf16"][0] - values["float32"][0]
        spread = f"{difference.mean():+.4f} ± {difference.std(ddof=1):.4f}"
        rows.append({
            "set": name, "method": method, "seeds": len(seeds), "float32": mean_and_spread(values["float32"][0]),
            "bf16": mean_and_spread(values["bf16"][0]), "difference": spread,
            "bf16 / float32, seconds": f"{values['bf16'][1].sum() / values['float32'][1].sum():.2f}",
        })  # fmt: skip
    return markdown(rows)


if __name__ == "__main__":
    sys.exit(main())
