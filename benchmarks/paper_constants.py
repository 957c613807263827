"""Every deep method at the constants of its paper, one row per method, beside the figures that were published.

Methods that learn from labels are fitted by ``reproduce.py --wikipedia-splits --paper``. RACG, SCAN and VSEPP are
fitted here, on generated scenes, with fewer columns and smaller batches than in their papers, whose images have 2,048
features or more. A finished fit is one line of benchmarks/results/paper_constants.jsonl.

    python benchmarks/paper_constants.py [--seeds 3] [--jobs 2]
    python benchmarks/paper_constants.py --only-cached --docs    # write docs/results.md, fit nothing
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import joblib
import pandas as pd
import reproduce
from common import RESULTS, ROOT, append, fingerprint, markdown, mean_and_spread, recorded, write_between
from published import PUBLISHED, RECALLS, TITLES
from retrievers import DEEP, WITHOUT_CONSTANTS
from scenes import scenes
from tasks import TASKS

import skxmr
from skxmr.metrics import RecallScores

FILE = RESULTS / "paper_constants.jsonl"
TASK = TASKS["wikipedia_1300"]
N_TRAIN = 400
N_TEST = 200
# A head of RACG has 16 columns, as in the paper.
SIZES: dict[str, dict[str, Any]] = {
    "RACG": {"n_components": 128, "n_heads": 8, "batch_size": 20},
    "SCAN": {"n_components": 128, "batch_size": 32},
    "VSEPP": {"n_components": 128, "batch_size": 32},
}
ON_SCENES = f"{N_TRAIN} and {N_TEST} scenes, R@1"
# The network that makes vectors of images was trained along for the published figures of VSEPP.
FLICKR = {"RACG": "RACG, sparse", "SCAN": "SCAN, both"}


def retriever(name: str, seed: int) -> Any:
    """Return the unfitted retriever: all training rows, the paper's number of epochs, the last one is kept."""
    return getattr(skxmr, name).paper(validation_fraction=0, random_state=seed, device="cpu", **SIZES[name])


def fit(name: str, seed: int) -> None:
    """Fit on scenes and test once; add the outcome to the file."""
    model = retriever(name, seed)
    train = scenes(N_TRAIN, "train", seed).pairs
    start = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - start
    found = RecallScores(ks=(1,))(model, scenes(N_TEST, "test", 1000 + seed).pairs)
    record = {"method": name, "seed": seed, "parameters": fingerprint(retriever(name, seed))}
    record |= {"i2t": found["i2t_r1"], "t2i": found["t2i_r1"], "seconds": round(seconds, 1)}
    append(FILE, record)
    print(record, flush=True)


def finished() -> list[dict[str, Any]]:
    """Return what was measured so far with the parameters of today."""
    return [r for r in recorded(FILE) if r["parameters"] == fingerprint(retriever(r["method"], r["seed"]))]


def table(by_labels: pd.DataFrame, on_scenes: list[dict[str, Any]]) -> str:
    """Return one row per deep method."""
    papers = by_labels[(by_labels["set"] == TASK.name) & (by_labels["variant"] == "paper")]
    of_sets = pd.DataFrame(on_scenes, columns=["method", "seed", "i2t", "t2i", "seconds"])
    rows = []
    for name in DEEP:
        measure = f"{TASK.title}, mAP"
        rows.append(row(name, measure, papers[papers["method"] == name], published(name)))
    for name in SIZES:
        rows.append(row(name, ON_SCENES, of_sets[of_sets["method"] == name], published_recalls(name)))
    return markdown(rows)


def row(name: str, measure: str, runs: pd.DataFrame, in_paper: str) -> dict[str, object]:
    """Return the row of a method; it is empty but for the published figures until there are fits."""
    if name in WITHOUT_CONSTANTS:
        return {
            "method": name,
            "measured on": "its paper has no constants for such sets",
            "published": in_paper,
        }
    found: dict[str, object] = {"method": name, "measured on": measure}
    if len(runs):
        found |= {"image→text": mean_and_spread(runs["i2t"]), "text→image": mean_and_spread(runs["t2i"])}
        found["fit, s"] = f"{runs['seconds'].mean():.0f}"
    return found | {"seeds": str(len(runs)), "published": in_paper}


def published(name: str) -> str:
    """Return the figures of a paper on Wikipedia, else on MIRFlickr, with their source."""
    for task in (TASK, TASKS["mirflickr_vgg"]):
        figures = PUBLISHED[task.name].get(name)
        if figures is not None:
            return f"{task.title}: {figures.i2t:.3f} / {figures.t2i:.3f} ({figures.source})"
    return ""


def published_recalls(name: str) -> str:
    """Return R@1, R@5 and R@10 of a paper on Flickr30k, with their source, where it has any of such features."""
    if name not in FLICKR:
        return ""
    figures = RECALLS["flickr30k", FLICKR[name]]
    return f"{TITLES['flickr30k']}: {' / '.join(figures[:2])} ({figures[-1]})"


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only-cached", action="store_true", help="fit nothing")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/results.md")
    arguments = parser.parse_args()
    known = {(record["method"], record["seed"]) for record in finished()}
    asked = [(name, seed) for seed in range(arguments.seeds) for name in SIZES if (name, seed) not in known]
    fits = [] if arguments.only_cached else asked
    joblib.Parallel(arguments.jobs)(joblib.delayed(fit)(*one) for one in fits)
    made = table(reproduce.finished(RESULTS / "reproduce.jsonl"), finished())
    print(made)
    if arguments.docs:
        write_between(ROOT / "docs" / "results.md", made, "constants")
    return 0


if __name__ == "__main__":
    sys.exit(main())
