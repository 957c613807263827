"""Retrieval on the research sets: hyper-parameters chosen on training rows, mean and spread over seeds.

For every seed, a fifth of the training rows is drawn three times for validation; the best setting by validation mAP is
refitted on all training rows and evaluated once on the test rows. DAGNN runs at its defaults, which hold out a tenth of
the training rows to choose the epoch; its fits are kept in benchmarks/results/dagnn.jsonl. Fails where the data are
missing.

    python benchmarks/real_data.py [--seeds 5] [--sets wikipedia corel5k_tags mirflickr_tags] [--readme]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import dagnn
import numpy as np
import pandas as pd
from common import LOADERS, ROOT, markdown, write_between
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from skxmr import CCA, MLCCA, PLS, SemanticMatching
from skxmr.metrics import RetrievalScores

COMPONENTS = {"wikipedia": [5, 6, 7, 8, 9], "corel5k_tags": [16, 32, 48, 64], "mirflickr_tags": [8, 24, 64]}
METHODS = ["CCA", "PLS", "MLCCA", "SemanticMatching", "DAGNN"]
RIDGES = {"wikipedia": [0.1, 0.25, 1.0], "corel5k_tags": [0.25, 0.5, 1.0, 4.0], "mirflickr_tags": [0.25, 1.0, 4.0]}


def methods(name: str) -> dict[str, tuple[object, dict[str, list[object]]]]:
    """Return method name -> (retriever, grid)."""
    linear = {"n_components": COMPONENTS[name], "ridge": RIDGES[name], "correlation_power": [0.0, 0.5, 1.0, 2.0]}
    multi = {
        "n_components": {"corel5k_tags": [32, 48], "mirflickr_tags": [24]}.get(
            name, COMPONENTS[name]
        ),  # rank <= labels
        "ridge": [0.1, 0.25, 0.5, 1.0],
        "correlation_power": [0.0, 0.5, 1.0],
        # one class a row: the dot product is the cosine
        "weights": ["cosine", "exponential"] if name == "wikipedia" else ["cosine", "dot"],
    }
    return {
        "CCA": (CCA(), linear),
        "PLS": (PLS(), {"n_components": COMPONENTS[name], "scale": [True, False]}),
        "MLCCA": (MLCCA(), multi),
        "SemanticMatching": (SemanticMatching(), {"ridge": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]}),
    }


def measure(name: str, method: str, seed: int) -> dict[str, Any]:
    """Choose on training rows, refit and test once, with one seed."""
    if method == "DAGNN":  # at its defaults; it holds out validation rows itself and keeps the best epoch
        record = dagnn.measured(name, "default", seed)
        return {**record, "chosen": {"epoch": record["epoch"]}}
    train, y_train = LOADERS[name]("train", return_X_y=True)
    retriever, grid = methods(name)[method]
    splits = ShuffleSplit(n_splits=3, test_size=0.2, random_state=seed)
    scoring = RetrievalScores()
    search = GridSearchCV(retriever, grid, cv=splits, scoring=scoring, refit=False, n_jobs=-1, error_score="raise")
    results = search.fit(train, y_train).cv_results_
    best = results["params"][int(np.argmax(results["mean_test_map"]))]
    start = time.perf_counter()
    fitted = clone(retriever).set_params(**best).fit(train, y_train)
    seconds = time.perf_counter() - start
    found = scoring(fitted, *LOADERS[name]("test", return_X_y=True))
    return {"i2t": found["i2t_map"], "t2i": found["t2i_map"], "seconds": seconds, "chosen": best}


def evaluate(name: str, method: str, seeds: int) -> pd.DataFrame:
    """Measure one method with all seeds."""
    records = []
    for seed in range(seeds):
        records.append({"set": name, "method": method, "seed": seed, **measure(name, method, seed)})
        print("  {set} {method} seed {seed}: {i2t:.4f} / {t2i:.4f} with {chosen}".format(**records[-1]), flush=True)
    return pd.DataFrame(records).set_index("seed")


def row(runs: pd.DataFrame) -> dict[str, str]:
    """Return the line of the table: means and spreads over the seeds."""
    first = runs.iloc[0]
    return {
        "set": first["set"],
        "method": first["method"],
        "image→text": f"{runs['i2t'].mean():.3f} ± {runs['i2t'].std(ddof=0):.3f}",
        "text→image": f"{runs['t2i'].mean():.3f} ± {runs['t2i'].std(ddof=0):.3f}",
        "fit, s": f"{runs['seconds'].mean():.2f}",
        "chosen (seed 0)": ", ".join(f"{key}={value}" for key, value in first["chosen"].items()),
    }


def compare(measured: list[pd.DataFrame]) -> None:
    """Print how far DAGNN is ahead of every other method, paired over the seeds."""
    runs_of = {(runs["set"].iloc[0], runs["method"].iloc[0]): runs[["i2t", "t2i"]] for runs in measured}
    for (name, method), runs in runs_of.items():
        if method != "DAGNN" and (name, "DAGNN") in runs_of:
            ahead = runs_of[name, "DAGNN"] - runs
            means, worst = ahead.mean(), ahead.min()
            print(
                f"{name}: DAGNN - {method} = {means['i2t']:+.3f} / {means['t2i']:+.3f}, "
                f"in the worst seed {worst['i2t']:+.3f} / {worst['t2i']:+.3f}"
            )


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    arguments = parser.parse_args()
    try:
        for name in arguments.sets:
            LOADERS[name]("test")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    measured = [evaluate(name, method, arguments.seeds) for name in arguments.sets for method in arguments.methods]
    table = markdown([row(runs) for runs in measured])
    print(table)
    compare(measured)
    if arguments.readme:
        write_between(ROOT / "README.md", table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
