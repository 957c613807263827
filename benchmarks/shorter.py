"""Shorter fits: how much time half the epochs, bfloat16, early stopping and larger batches save, and what they cost.

Variants are compared on a fifth of the training rows that is held out, seed 0. The one that is chosen there is compared
with the defaults on the test rows, with several seeds. Finished fits are kept in benchmarks/results/shorter.jsonl.

    python benchmarks/shorter.py                       # everything that is not recorded
    python benchmarks/shorter.py --docs                # also write the tables of docs/performance.md
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
from common import RESULTS, ROOT, append, fingerprint, fit_seconds, markdown, mean_and_spread, recorded, write_between
from sklearn.model_selection import GroupShuffleSplit
from tasks import TASKS, Rows

from skxmr import DAGNN, L2GCN

METHODS = {"DAGNN": DAGNN, "L2GCN": L2GCN}
SETS = ("wikipedia", "corel5k_tags", "clipart")
# A fit with the defaults takes twenty minutes there.
LEFT_OUT = [("clipart", "DAGNN")]
FILE = RESULTS / "shorter.jsonl"
DEFAULTS = "defaults"
VARIANTS = (
    DEFAULTS,
    "bf16",
    "bf16, half the epochs",
    "early stopping",
    "batches of 256",
)
# What was chosen on held-out rows, for all methods and sets together.
CHOSEN = "bf16, half the epochs"
_KEY = ("set", "method", "rows", "variant", "seed", "parameters")


def model(method: str, variant: str, n: int, seed: int) -> Any:
    """Return an unfitted method, of which the defaults hold out a tenth of n rows."""
    # As many as max_epochs="auto" makes of batches of 100.
    epochs = min(max(round(1260 / np.ceil(0.9 * n / 100)), 10), 60)
    found = METHODS[method](random_state=seed, device="cpu")
    parts = {
        "bf16": {"precision": "bf16"},
        "half the epochs": {"max_epochs": round(epochs / 2)},
        "a third of the epochs": {"max_epochs": round(epochs / 3)},
        "early stopping": {"early_stopping": 5},
        # Equally many epochs are fewer steps, each of them larger.
        "batches of 256": {"batch_size": 256, "max_epochs": int(epochs), "lr": 1.6 * found.lr},
    }
    for part in variant.split(", ") if variant != DEFAULTS else ():
        found.set_params(**parts[part])
    return found


def held_out(rows: Rows) -> Rows:
    """Return the training rows, divided into four fifths to learn from and a fifth to compare on."""
    groups = np.arange(len(rows.train)) if rows.train.groups is None else rows.train.groups
    train, test = next(GroupShuffleSplit(1, test_size=0.2, random_state=0).split(groups, groups=groups))
    return Rows(rows.train[train], rows.y_train[train], rows.train[test], rows.y_train[test])


def fit(name: str, method: str, kind: str, variant: str, seed: int) -> None:
    """Fit and score, unless this fit is recorded."""
    data = TASKS[name].load(0)
    if kind == "held out":
        data = held_out(data)
    found = model(method, variant, len(data.train), seed)
    key = dict(zip(_KEY, (name, method, kind, variant, seed, fingerprint(found)), strict=True))
    if any(all(record[part] == key[part] for part in _KEY) for record in recorded(FILE)):
        return
    seconds = fit_seconds(found, data.train, data.y_train)
    measured = {"map": found.score(data.test, data.y_test), "seconds": round(seconds, 3)}
    append(FILE, key | measured)
    print(key | measured, file=sys.stderr, flush=True)


def compared(records: list[dict[str, Any]]) -> str:
    """Return the mean change of the mAP on held-out rows and the share of the time, by variant and method."""
    rows = []
    of = {(r["variant"], r["method"], r["set"]): r for r in records if r["rows"] == "held out"}
    for variant in VARIANTS[1:]:
        row: dict[str, object] = {"variant": variant}
        for method in METHODS:
            pairs = [(of[variant, method, s], of[DEFAULTS, method, s]) for s in SETS if (variant, method, s) in of]
            if pairs:
                change = np.mean([new["map"] - old["map"] for new, old in pairs])
                share = np.mean([new["seconds"] / old["seconds"] for new, old in pairs])
                row[f"`{method}`: change"] = f"{change:+.4f}"
                row["time" if method == "DAGNN" else f"time of `{method}`"] = f"{share:.2f}"
        rows.append(row)
    return markdown(rows)


def chosen(records: list[dict[str, Any]]) -> str:
    """Return the mAP on test rows and the time, of the defaults and of what was chosen."""
    rows = []
    for name in SETS:
        for method in METHODS:
            some = [r for r in records if (r["set"], r["method"], r["rows"]) == (name, method, "test")]
            by = {v: {r["seed"]: r for r in some if r["variant"] == v} for v in (DEFAULTS, CHOSEN)}
            seeds = sorted(by[DEFAULTS].keys() & by[CHOSEN].keys())
            if not seeds:
                continue
            maps, times = ({v: [by[v][s][what] for s in seeds] for v in by} for what in ("map", "seconds"))
            difference = np.subtract(maps[CHOSEN], maps[DEFAULTS])
            rows.append({
                "set": name, "method": method, "seeds": len(seeds), DEFAULTS: mean_and_spread(maps[DEFAULTS]),
                CHOSEN: mean_and_spread(maps[CHOSEN]),
                "difference": f"{difference.mean():+.4f} ± {difference.std(ddof=1):.4f}",
                "time": f"{sum(times[CHOSEN]) / sum(times[DEFAULTS]):.2f}",
            })  # fmt: skip
    return markdown(rows)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="+", choices=("held out", "test"), default=["held out", "test"])
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plan = [("held out", variant, 0) for variant in VARIANTS]
    plan += [("test", variant, seed) for seed in range(arguments.seeds) for variant in (DEFAULTS, CHOSEN)]
    for kind, variant, seed in plan:
        for name in SETS if kind in arguments.rows else ():
            for method in METHODS:
                if (name, method) not in LEFT_OUT:
                    fit(name, method, kind, variant, seed)
    tables = {"shorter-held-out": compared(recorded(FILE)), "shorter": chosen(recorded(FILE))}
    for marker, found in tables.items():
        print(found, end="\n\n")
        if arguments.docs:
            write_between(ROOT / "docs" / "performance.md", found, marker)
    return 0


if __name__ == "__main__":
    sys.exit(main())
