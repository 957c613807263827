"""Shorter fits: how much time half the epochs, bfloat16, early stopping and larger batches save, and what they cost.

Variants are compared with the defaults on a fifth of the training rows that is held out, seed 0. None of them was good
enough to be tried on test rows. Finished fits are kept in benchmarks/results/shorter.jsonl.

    python benchmarks/shorter.py                       # everything that is not recorded
    python benchmarks/shorter.py --docs                # also write the table of docs/performance.md
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
from common import RESULTS, ROOT, append, fingerprint, fit_seconds, markdown, recorded, write_between
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
_KEY = ("set", "method", "variant", "seed", "parameters")


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


def fit(name: str, method: str, variant: str, seed: int) -> None:
    """Fit and score, unless this fit is recorded."""
    data = held_out(TASKS[name].load(0))
    found = model(method, variant, len(data.train), seed)
    key = dict(zip(_KEY, (name, method, variant, seed, fingerprint(found)), strict=True))
    if any(all(record[part] == key[part] for part in _KEY) for record in recorded(FILE)):
        return
    seconds = fit_seconds(found, data.train, data.y_train)
    measured = {"map": found.score(data.test, data.y_test), "seconds": round(seconds, 3)}
    append(FILE, key | measured)
    print(key | measured, file=sys.stderr, flush=True)


def compared(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return the change of the mAP and the share of the time."""
    return f"{new['map'] - old['map']:+.3f}, {new['seconds'] / old['seconds']:.2f}"


def table(records: list[dict[str, Any]]) -> str:
    """Return the change of the mAP and the share of the time by variant, one column per set and method."""
    rows = []
    of = {(r["variant"], r["method"], r["set"]): r for r in records}
    for variant in VARIANTS[1:]:
        row: dict[str, object] = {"variant": variant}
        for name in SETS:
            for method in METHODS:
                old, new = of.get((DEFAULTS, method, name)), of.get((variant, method, name))
                if (name, method) not in LEFT_OUT:
                    told = (
                        f"{new['map'] - old['map']:+.3f}, {new['seconds'] / old['seconds']:.2f}" if old and new else ""
                    )
                    row[f"{name}, `{method}`"] = told
        rows.append(row)
    return markdown(rows)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for variant in VARIANTS:
        for name in SETS:
            for method in METHODS:
                if (name, method) not in LEFT_OUT:
                    fit(name, method, variant, 0)
    found = table(recorded(FILE))
    print(found)
    if arguments.docs:
        write_between(ROOT / "docs" / "performance.md", found, "shorter")
    return 0


if __name__ == "__main__":
    sys.exit(main())
