"""What `recommend` and `AutoRetriever` choose, beside what the sets' best methods reach: two tables of docs/results.md.

The rules of `recommend` are derived anew on all sets but one, from the fits of reproduce.py and small_sets.py, and the
method that comes out is put beside the best one on the set that was left out. `AutoRetriever` is fitted on training
rows and tested once. A finished fit is one line of benchmarks/results/auto.jsonl, so that an interrupted run goes on.

    python benchmarks/auto.py [--sets icons ...] [--seeds 3] [--budget 120]
    python benchmarks/auto.py --docs    # fits nothing, writes docs/results.md
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import pandas as pd
from common import RESULTS, ROOT, append, markdown, mean_and_spread, recorded, write_between
from retrievers import CLOSED
from small_sets import BASELINES, OTHERS
from tasks import TASKS

from skxmr import AutoRetriever
from skxmr.choosing import clock
from skxmr.metrics import RetrievalScores

FILE = RESULTS / "auto.jsonl"
SETS = ("wikipedia", "corel5k_tags", "icons")
WITH_LABELS = ("wikipedia", "corel5k_tags", "mirflickr_tags", "clipart", "icons")
# Exact kernels of mirflickr_tags take too long.
WITH_KERNELS = ("wikipedia", "corel5k_tags", "clipart", "icons")
OF_PICTURES = ("clipart", "icons")
FEW = ("wikipedia", "corel5k_tags", "clipart")
WITHOUT_LABELS = ("CCA", "PLS", "DCCA")
# Figures by method and set.
Figures = dict[tuple[str, str], float]


def measured(results: pd.DataFrame, variants: Iterable[str]) -> Figures:
    """Return the mean mAP of both directions and of all seeds, of methods in some variants."""
    found: Figures = {}
    for (method, variant, name), fits in results.groupby(["method", "variant", "set"]):
        if variant in variants:
            found[called(method, variant), name] = float((fits["i2t"] + fits["t2i"]).mean() / 2)
    return found


def called(method: str, variant: str) -> str:
    """Return the name of a method in a variant, as AutoRetriever calls its candidates."""
    of_kernels = variant == "kernels" or (variant == "votes" and method in CLOSED)
    return f"{method}{' on kernels' if of_kernels else ''}{', votes' if variant == 'votes' else ''}"


def of_few_rows(records: list[dict[str, Any]]) -> Figures:
    """Return by how much a method is above the better of two searched baselines, mean over the numbers of rows."""
    found: Figures = {}
    for name, some in pd.DataFrame(records, columns=["set", "rows", "seed", "scores"]).groupby("set"):
        means = pd.DataFrame([scores for scores in some["scores"]], index=some["rows"]).groupby(level=0).mean()
        best = means[list(BASELINES)].max(axis=1)
        for method in OTHERS:
            found[method, str(name)] = float((means[method] - best).mean())
    return found


def leaving_one_out(title: str, figures: Figures, sets: tuple[str, ...]) -> list[dict[str, object]]:
    """Return a line per set: which method is the best on the other sets, and which one on this set."""
    methods = sorted({method for method, _ in figures})
    methods = [method for method in methods if all((method, name) in figures for name in sets)]
    lines = []
    for left_out in sets:
        others = [name for name in sets if name != left_out]
        chosen = max(methods, key=_mean_over(figures, others))
        best = max(methods, key=_mean_over(figures, [left_out]))
        reached = figures[chosen, left_out]
        most = figures[best, left_out]
        lines.append(
            {
                "data": title,
                "left out": left_out,
                "best on the others": f"`{chosen}`",
                "reaches": f"{reached:.3f}",
                "best on it": f"`{best}`",
                "it reaches": f"{most:.3f}",
                "difference": f"{reached - most:.3f}",
            }
        )
    return lines


def _mean_over(figures: Figures, sets: list[str]) -> Callable[[str], float]:
    return lambda method: float(np.mean([figures[method, name] for name in sets]))


def recommended_table(results: pd.DataFrame, few: list[dict[str, Any]]) -> str:
    """Return all rules of `recommend` that can be checked on a set that they do not follow from."""
    as_they_are = measured(results, ("default", "search"))
    unsupervised = {key: value for key, value in as_they_are.items() if key[0] in WITHOUT_LABELS}
    single = measured(results, ("default", "search", "kernels", "votes"))
    everything = single | measured(results, ("weights",))
    lines = leaving_one_out("labels, methods for any number of rows", as_they_are, WITH_LABELS)
    lines += leaving_one_out("labels, up to 10,000 rows, single methods", single, WITH_KERNELS)
    lines += leaving_one_out("labels, features of pictures", everything, OF_PICTURES)
    lines += leaving_one_out("labels, 60 to 400 rows, above the searched baselines", of_few_rows(few), FEW)
    lines += leaving_one_out("no labels", unsupervised, WITH_LABELS)
    return markdown(lines)


def measure(name: str, seed: int, budget: float) -> dict[str, Any]:
    """Fit on the training rows of a set, test once, and return the line of the file."""
    rows = TASKS[name].load(seed)
    # The time of this process, as for all fits on the CPU here, so that other work on the machine does not count.
    clock.now = time.process_time
    start = clock.now()
    model = AutoRetriever(budget_s=budget, random_state=seed, verbose=1).fit(rows.train, rows.y_train)
    seconds = clock.now() - start
    found = RetrievalScores()(model, rows.test, rows.y_test)
    statuses = pd.Series(model.cv_results_["status"]).value_counts()
    return {
        "set": name,
        "seed": seed,
        "budget": budget,
        "i2t": found["i2t_map"],
        "t2i": found["t2i_map"],
        "validation": model.best_score_,
        "seconds": round(seconds, 1),
        "weights": {key: round(value, 3) for key, value in model.weights_.items()},
        "statuses": {key: int(value) for key, value in statuses.items()},
    }


def auto_table(records: list[dict[str, Any]], results: pd.DataFrame) -> str:
    """Return a line per set and budget, beside the tuned baseline and the best single method of the tables."""
    single = measured(results, ("default", "search", "kernels", "votes"))
    lines = []
    for (name, budget), fits in pd.DataFrame(records, columns=_COLUMNS).groupby(["set", "budget"]):
        own = {method: value for (method, where), value in single.items() if where == name}
        best = max(own, key=lambda method: own[method])
        first = fits.iloc[0]["weights"]
        lines.append(
            {
                "set": name,
                "image→text": mean_and_spread(fits["i2t"]),
                "text→image": mean_and_spread(fits["t2i"]),
                "mean": f"{(fits['i2t'] + fits['t2i']).mean() / 2:.3f}",
                "seeds": len(fits),
                "budget, s": f"{budget:.0f}",
                "took, s": f"{fits['seconds'].min():.0f} to {fits['seconds'].max():.0f}",
                "answer (first seed)": ", ".join(f"{method} {share:.2f}" for method, share in first.items()),
                "`SemanticMatching`, searched, mean": f"{own['SemanticMatching']:.3f}",
                "best single method of the tables, mean": f"`{best}` {own[best]:.3f}",
            }
        )
    return markdown(lines)


_COLUMNS = ["set", "seed", "budget", "i2t", "t2i", "validation", "seconds", "weights", "statuses"]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(TASKS), default=SETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=float, default=120.0)
    parser.add_argument("--docs", action="store_true", help="fit nothing, write docs/results.md")
    arguments = parser.parse_args()
    done = {(record["set"], record["seed"], record["budget"]) for record in recorded(FILE)}
    for seed in range(0 if arguments.docs else arguments.seeds):
        for name in arguments.sets:
            if (name, seed, arguments.budget) not in done:
                append(FILE, measure(name, seed, arguments.budget))
    if arguments.docs:
        from figures_measured import reproduced

        page = ROOT / "docs" / "results.md"
        write_between(page, recommended_table(reproduced(), recorded(RESULTS / "small_sets.jsonl")), "recommended")
        write_between(page, auto_table(recorded(FILE), reproduced()), "auto")


if __name__ == "__main__":
    main()
