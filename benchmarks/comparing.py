"""How long comparisons take, and how often their intervals hold the truth: the tables of docs/comparing.md.

Measuring takes a few minutes on one core and writes results/comparing.json:

    python benchmarks/comparing.py           # show the tables
    python benchmarks/comparing.py --docs    # also write them into the page
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import time
from typing import Any

import numpy as np
from common import RESULTS, ROOT, markdown, write_between
from scipy import stats

from skxmr.inspection import compare
from skxmr.inspection.comparing.randomisation import randomisation_p
from skxmr.inspection.comparing.resampling import intervals, means_of, seed_effects

FILE = RESULTS / "comparing.json"
SIMULATIONS = 2000
# Simulations that share the drawings of the queries, and how many drawings there are.
TOGETHER = 20
DRAWINGS = 2000
# Skewed as average precisions are, and 0 or 1 as hits at a cut-off are.
VALUES = {
    "average precisions": (lambda rng, size: rng.beta(0.6, 1.8, size=size), 0.25),
    "hits of one query in ten": (lambda rng, size: (rng.uniform(size=size) < 0.1).astype(float), 0.1),
}


def seconds() -> list[dict[str, Any]]:
    """Return CPU seconds of comparisons of five methods on 2,000 queries with 10,000 resamples, least of three."""
    rng = np.random.default_rng(0)
    hard = rng.beta(0.6, 1.8, size=2000)
    found = []
    for seeds in (1, 5):
        runs = {str(i): np.clip(hard + 0.05 * rng.normal(size=(seeds, 2000)), 0, 1) for i in range(5)}
        both = {name: {"image_to_text": values, "text_to_image": values} for name, values in runs.items()}
        for directions, methods in (("one", runs), ("both", both)):
            spent = []
            for _ in range(3):
                start = time.process_time()
                compare(methods)
                spent.append(time.process_time() - start)
            found.append({"seeds": seeds, "directions": directions, "seconds": min(spent)})
    return found


def of_queries(kind: str, n: int) -> dict[str, Any]:
    """Return how often BCa and percentile intervals of the mean of n values hold the truth."""
    draw, truth = VALUES[kind]
    rng = np.random.default_rng(n)
    held = {"BCa": 0, "percentile": 0}
    for _ in range(SIMULATIONS // TOGETHER):
        rows = draw(rng, (TOGETHER, n))
        low, high = intervals(rows, [[]] * TOGETHER, 0.95, DRAWINGS, rng)
        held["BCa"] += int(np.sum((low <= truth) & (truth <= high)))
        drawn = np.stack([means_of(rows)(rng.integers(n, size=(100, n))) for _ in range(DRAWINGS // 100)], axis=1)
        low, high = np.quantile(drawn.reshape(TOGETHER, -1), [0.025, 0.975], axis=1)
        held["percentile"] += int(np.sum((low <= truth) & (truth <= high)))
    return {"values": kind, "queries": n, **{name: count / SIMULATIONS for name, count in held.items()}}


def of_seeds(seeds: int, spread: float, n: int = 300) -> dict[str, Any]:
    """Return how often intervals of a mean and of a difference of 0 hold the truth, for several seeds per method."""
    rng = np.random.default_rng(seeds)
    held = {"mean": 0, "difference": 0}
    for _ in range(SIMULATIONS // TOGETHER):
        rows = []
        apart = []
        effects = []
        for _ in range(TOGETHER):
            hard = rng.beta(0.6, 1.8, size=n)
            runs = [
                hard
                + rng.normal(0, 0.05, size=n)
                + rng.normal(0, 0.1, size=(seeds, n))
                + spread * rng.normal(size=(seeds, 1))
                for _ in "ab"
            ]
            rows.append(runs[0].mean(axis=0))
            apart.append(runs[0].mean(axis=0) - runs[1].mean(axis=0))
            effects.append([seed_effects(values, DRAWINGS, rng) for values in runs])
        of_rows = [first for first, _ in effects] + [first + second for first, second in effects]
        low, high = intervals(np.array(rows + apart), of_rows, 0.95, DRAWINGS, rng)
        truth = np.repeat([0.25, 0.0], TOGETHER)
        inside = (low <= truth) & (truth <= high)
        held["mean"] += int(inside[:TOGETHER].sum())
        held["difference"] += int(inside[TOGETHER:].sum())
    return {"seeds": seeds, "spread": spread, **{name: count / SIMULATIONS for name, count in held.items()}}


def under_the_null(n: int = 100, draws: int = 500) -> float:
    """Return the p-value of a Kolmogorov-Smirnov test that p-values of equally good methods are uniform."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        hard = rng.beta(0.6, 1.8, size=n)
        a, b = np.clip(hard + rng.normal(0, 0.1, size=(2, n)), 0, 1)
        found.append(randomisation_p((a - b)[None, :], 2000, rng)[0])
    return float(stats.kstest(found, "uniform").pvalue)


def percent(share: float) -> str:
    """Return a share as the tables write it."""
    return f"{100 * share:.1f}"


def table(found: dict[str, Any]) -> str:
    """Return the tables of docs/comparing.md."""
    of_values = [
        {
            "values": row["values"],
            "queries": row["queries"],
            "BCa, %": percent(row["BCa"]),
            "percentile, %": percent(row["percentile"]),
        }
        for row in found["queries"]
    ]
    of_runs = [
        {
            "seeds": row["seeds"],
            "spread of the seeds": row["spread"],
            "of a mean, %": percent(row["mean"]),
            "of a difference, %": percent(row["difference"]),
        }
        for row in found["seeds"]
    ]
    spent = [{**row, "seconds": f"{row['seconds']:.2f}"} for row in found["seconds"]]
    return "\n\n".join(
        [
            "How often intervals of 95 % hold the true mean, one seed:",
            markdown(of_values),
            "The same for 300 average precisions with several seeds:",
            markdown(of_runs),
            "CPU seconds for five methods, 2,000 queries and 10,000 resamples, on one core:",
            markdown(spent),
        ]
    )


def main() -> None:
    """Measure, and write the file and the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/comparing.md")
    wanted = parser.parse_args()
    found = {
        "seconds": seconds(),
        "queries": [of_queries(kind, n) for kind in VALUES for n in (30, 100, 300)],
        "seeds": [of_seeds(seeds, spread) for seeds in (3, 5) for spread in (0.0, 0.01, 0.03)],
        "uniform": under_the_null(),
    }
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found), f"p-values under the null: KS p = {found['uniform']:.2f}", sep="\n\n")
    if wanted.docs:
        write_between(ROOT / "docs" / "comparing.md", table(found))


if __name__ == "__main__":
    main()
