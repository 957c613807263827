"""What to take where there are 60 to 400 rows: methods as they are, beside two baselines that are searched.

    python benchmarks/small_sets.py            # 36 cases, some minutes of one core; resumable
    python benchmarks/small_sets.py --docs     # fits nothing, writes docs/results.md

A case is a set, a number of rows and a seed, which draws the rows from the training rows of the set, as in few_rows.py.
`SemanticMatching` and `MLCCA` choose their parameters by three folds of the drawn rows; all others are taken at their
defaults. Each is scored on 150 training rows that were not drawn; no test row is read. Finished cases are lines of
`benchmarks/results/small_sets.jsonl`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import warnings
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import torch
from common import RESULTS, ROOT, append, markdown, recorded, write_between
from few_rows import ROWS, SETS, Drawn, drawn, score
from sklearn.model_selection import GridSearchCV, KFold

from skxmr import IGNN, MLCCA, RetrieverEnsemble, SemanticMatching
from skxmr.choosing.table import GRIDS, with_kernels, with_votes
from skxmr.metrics import RetrievalScores

FILE = RESULTS / "small_sets.jsonl"
SEEDS = 3
BASELINES = ("SemanticMatching", "MLCCA")
OTHERS = (
    "SemanticMatching on kernels, votes",
    "MLCCA on kernels, votes",
    "IGNN",
    "IGNN, votes",
    "RetrieverEnsemble of the last with both closed forms",
)


def searched(method: Any, seed: int) -> GridSearchCV:
    """Return a method that chooses its parameters by folds of the rows that it is given."""
    folds = KFold(3, shuffle=True, random_state=seed)
    scoring = RetrievalScores()
    return GridSearchCV(method, GRIDS[type(method).__name__], cv=folds, scoring=scoring, refit="map")


def methods(rows: Drawn, seed: int) -> dict[str, Any]:
    """Return the unfitted methods by name."""
    non_negative = bool((rows.pairs.image >= 0).all())
    network = IGNN(random_state=seed, device="cpu")
    closed = {
        "SemanticMatching": SemanticMatching(ridge=0.25, tag_folds=None),
        "MLCCA": MLCCA(ridge=0.25, correlation_power=0.5),
    }
    voting = {name: with_votes(with_kernels(model, non_negative)) for name, model in closed.items()}
    found = {
        "SemanticMatching": searched(SemanticMatching(tag_folds=None), seed),
        "MLCCA": searched(MLCCA(), seed),
        "IGNN": network,
        "IGNN, votes": with_votes(network),
    }
    found |= {f"{name} on kernels, votes": model for name, model in voting.items()}
    found[OTHERS[-1]] = RetrieverEnsemble([*voting.items(), ("IGNN", with_votes(network))])
    return found


def case(name: str, n: int, seed: int) -> dict[str, Any]:
    """Fit all methods on the rows of a case, and return their scores."""
    rows = drawn(name, n, seed)
    with warnings.catch_warnings():
        # A label without a row, or a graph without an edge, is as it is.
        warnings.simplefilter("ignore")
        found = {title: score(model.fit(rows.pairs, rows.labels), rows) for title, model in methods(rows, seed).items()}
    return {"set": name, "rows": n, "seed": seed, "scores": found}


def table(records: list[dict[str, Any]]) -> str:
    """Return the baselines' scores, and how far the others are above the better one, with the spread of the seeds."""
    rows = []
    for name, n in sorted({(record["set"], record["rows"]) for record in records}):
        some = [record["scores"] for record in records if (record["set"], record["rows"]) == (name, n)]
        of_baseline = {title: np.array([scores[title] for scores in some]) for title in BASELINES}
        best = max(of_baseline.values(), key=np.mean)
        row: dict[str, object] = {"set": name, "rows": n, "seeds": len(some)}
        row |= {f"`{title}`, searched": f"{found.mean():.3f}" for title, found in of_baseline.items()}
        for title in OTHERS:
            above = np.array([scores[title] for scores in some]) - best
            spread = f" ± {above.std(ddof=1):.3f}" if len(above) > 1 else ""
            row[title] = f"{above.mean():+.3f}{spread}"
        rows.append(row)
    return markdown(rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["wikipedia", "corel5k_tags", "clipart"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--docs", action="store_true", help="fit nothing, write docs/results.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    done = {(record["set"], record["rows"], record["seed"]) for record in recorded(FILE)}
    for given in [] if arguments.docs else itertools.product(arguments.sets, ROWS, range(arguments.seeds)):
        if given not in done:
            append(FILE, case(*given))
            print(".", end="", flush=True)
    shown = table(recorded(FILE))
    print(shown)
    if arguments.docs:
        write_between(ROOT / "docs" / "results.md", shown, "small_sets")


if __name__ == "__main__":
    main()
