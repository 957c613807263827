"""Retrieval on the research sets: hyper-parameters chosen on training rows, mean and spread over seeds.

For every seed, a fifth of the training rows is drawn three times for validation; the best setting by validation mAP is
refitted on all training rows and evaluated once on the test rows. Fails where the data are missing.

    python benchmarks/real_data.py [--seeds 5] [--sets wikipedia corel5k_tags mirflickr_tags] [--readme]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from skxmr import CCA, MLCCA, PLS, SemanticMatching
from skxmr.datasets import load_corel5k_tags, load_mirflickr_tags, load_wikipedia
from skxmr.metrics import RetrievalScores

README = Path(__file__).parents[1] / "README.md"
MARKERS = "<!-- measured: begin -->", "<!-- measured: end -->"
LOADERS = {"wikipedia": load_wikipedia, "corel5k_tags": load_corel5k_tags, "mirflickr_tags": load_mirflickr_tags}
COMPONENTS = {"wikipedia": [5, 6, 7, 8, 9], "corel5k_tags": [16, 32, 48, 64], "mirflickr_tags": [8, 24, 64]}
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


def evaluate(name: str, method: str, seeds: int) -> dict[str, object]:
    """Search, refit and test one method for all seeds; return a row of the table."""
    train, y_train = LOADERS[name]("train", return_X_y=True)
    test, y_test = LOADERS[name]("test", return_X_y=True)
    retriever, grid = methods(name)[method]
    scores, seconds, chosen = [], [], []
    for seed in range(seeds):
        splits = ShuffleSplit(n_splits=3, test_size=0.2, random_state=seed)
        search = GridSearchCV(
            retriever, grid, cv=splits, scoring=RetrievalScores(), refit=False, n_jobs=-1, error_score="raise"
        )
        results = search.fit(train, y_train).cv_results_
        best = results["params"][int(np.argmax(results["mean_test_map"]))]
        start = time.perf_counter()
        fitted = clone(retriever).set_params(**best).fit(train, y_train)
        seconds.append(time.perf_counter() - start)
        found = RetrievalScores()(fitted, test, y_test)
        scores.append((found["i2t_map"], found["t2i_map"]))
        chosen.append(best)
        print(f"  {name} {method} seed {seed}: {scores[-1][0]:.4f} / {scores[-1][1]:.4f} with {best}", flush=True)
    (i2t, t2i), (i2t_std, t2i_std) = np.mean(scores, axis=0), np.std(scores, axis=0)
    return {
        "set": name,
        "method": method,
        "image→text": f"{i2t:.3f} ± {i2t_std:.3f}",
        "text→image": f"{t2i:.3f} ± {t2i_std:.3f}",
        "fit, s": f"{np.mean(seconds):.2f}",
        "chosen (seed 0)": ", ".join(f"{key}={value}" for key, value in chosen[0].items()),
    }


def markdown(rows: list[dict[str, object]]) -> str:
    """Return the rows as a Markdown table."""
    frame = pd.DataFrame(rows)
    lines = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_readme(table: str) -> None:
    """Replace what stands between the README's markers."""
    head, rest = README.read_text(encoding="utf-8").split(MARKERS[0])
    README.write_text(f"{head}{MARKERS[0]}\n{table}\n{MARKERS[1]}{rest.split(MARKERS[1])[1]}", encoding="utf-8")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--methods", nargs="+", default=["CCA", "PLS", "MLCCA", "SemanticMatching"])
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    arguments = parser.parse_args()
    try:
        for name in arguments.sets:
            LOADERS[name]("test")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    rows = [evaluate(name, method, arguments.seeds) for name in arguments.sets for method in arguments.methods]
    table = markdown(rows)
    print(table)
    if arguments.readme:
        write_readme(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
