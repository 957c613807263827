"""Ablations of DAGNN at its paper's constants: the questions of Table 2 and Figure 4.

Every fit holds out a tenth of the training rows to choose the epoch, and is evaluated once on the test rows. A finished
fit is one line of benchmarks/results/dagnn.jsonl and is not repeated while its parameters stay the same. Fails where
the data are missing.

    python benchmarks/dagnn.py [--seeds 5] [--sets corel5k_tags] [--variants paper ...] [--jobs 2] [--docs]
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import joblib
import pandas as pd
from common import (
    LOADERS,
    RESULTS,
    ROOT,
    append,
    fingerprint,
    fit_seconds,
    label_vectors,
    markdown,
    mean_and_spread,
    recorded,
    write_between,
)

from skxmr import DAGNN
from skxmr.metrics import RetrievalScores

FINISHED = RESULTS / "dagnn.jsonl"
PAGE = ROOT / "docs" / "dagnn.md"
ABLATIONS: dict[str, dict[str, Any]] = {
    "": {},
    ", DAGNN-1: no classification term": {"w_cla": 0.0},
    ", DAGNN-2: no invariance term": {"alpha": 0.0},
    ", DAGNN-3: no adversary": {"w_adv": 0.0},
    ", DAGNN-4: embeddings judged": {"discriminator": "embedding"},
    ", DAGNN-5: linear classifier": {"classifier": "linear"},
    ", identity graph": {"graph": "identity"},
}
LAYERS = {f", {k} layers, last one only": {"n_layers": k, "aggregate": "linear"} for k in range(1, 6)}
VARIANTS = {f"paper{name}": changes for name, changes in {**ABLATIONS, **LAYERS}.items()}


def retriever(name: str, variant: str, seed: int) -> DAGNN:
    """Return the unfitted retriever of a variant."""
    changes = VARIANTS[variant]
    return DAGNN.paper(label_embedding=label_vectors(name), random_state=seed, device="cpu", **changes)


def fit(name: str, variant: str, seed: int) -> None:
    """Fit one variant with one seed; add what was measured on the test rows to the finished fits."""
    import torch

    torch.set_num_threads(1)
    train, test = (LOADERS[name](subset, return_X_y=True) for subset in ("train", "test"))
    model = retriever(name, variant, seed)
    seconds = fit_seconds(model, *train)
    found = RetrievalScores()(model, *test)
    best = model.history_.iloc[model.best_epoch_ - 1]
    record = {"set": name, "variant": variant, "seed": seed, "i2t": found["i2t_map"], "t2i": found["t2i_map"]}
    record |= {"validation": best["validation_map"], "epoch": model.best_epoch_, "seconds": round(seconds, 1)}
    record["parameters"] = fingerprint(model)
    append(FINISHED, record)
    print(record, flush=True)


def finished() -> pd.DataFrame:
    """Return what was measured so far with the parameters of today."""
    known = [record for record in recorded(FINISHED) if record["variant"] in VARIANTS]
    valid = [r for r in known if r["parameters"] == fingerprint(retriever(r["set"], r["variant"], r["seed"]))]
    columns = ["set", "variant", "seed", "i2t", "t2i", "validation", "epoch", "seconds"]
    return pd.DataFrame(valid, columns=columns).drop_duplicates(columns[:3], keep="last")


def table(results: pd.DataFrame) -> str:
    """Return mean and spread over the seeds, and the difference from the unchanged variant, paired over seeds."""
    rows = []
    results = results.assign(map=results[["i2t", "t2i"]].mean(axis=1)).set_index("seed")
    for name in LOADERS:
        for variant in VARIANTS:
            runs = results[(results["set"] == name) & (results["variant"] == variant)]
            if runs.empty:
                continue
            whole = results[(results["set"] == name) & (results["variant"] == "paper")]
            gain = (runs["map"] - whole["map"]).dropna()
            cells = {key: mean_and_spread(runs[key]) for key in ("i2t", "t2i", "validation")}
            row = {"set": name, "variant": variant, "image→text": cells["i2t"], "text→image": cells["t2i"]}
            row |= {
                "validation mAP": cells["validation"],
                "seeds": len(runs),
                "fit, s": f"{runs['seconds'].mean():.0f}",
            }
            paired = mean_and_spread(gain, "+")
            rows.append(row | {"mAP against unchanged": "" if "," not in variant else paired})
    return markdown(rows)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=LOADERS, default=["corel5k_tags"])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--docs", action="store_true", help="put the table into docs/dagnn.md")
    arguments = parser.parse_args()
    try:
        for name in arguments.sets:
            LOADERS[name]("test")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    done = set(finished()[["set", "variant", "seed"]].itertuples(index=False, name=None))
    asked = [(n, v, seed) for n in arguments.sets for seed in range(arguments.seeds) for v in arguments.variants]
    joblib.Parallel(arguments.jobs)(joblib.delayed(fit)(*one) for one in asked if one not in done)
    print(table(finished()))
    if arguments.docs:
        write_between(PAGE, table(finished()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
