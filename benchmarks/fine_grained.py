"""Regions against words: recalls of RACG, SCAN and methods that embed, on scenes of digits or on files of your own.

Everything is learned and chosen on training scenes (the epoch on a tenth of them, parameters of closed forms on three
folds) and tested once, on scenes of other images of digits. A finished fit is one line of
benchmarks/results/fine_grained.jsonl and is not repeated while its parameters stay the same.

    python benchmarks/fine_grained.py [--seeds 5] [--methods "RACG" "SCAN t2i" ...] [--jobs 2]
    python benchmarks/fine_grained.py --methods "RACG, parsed sentences" "RACG, vectors of MiniLM"   # see scenes.py
    python benchmarks/fine_grained.py --captions f30k_precomp --parser spacy --device cuda   # of SKXMR_DATA
    python benchmarks/fine_grained.py --only-cached --docs   # write docs/fine_grained.md, fit nothing
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import joblib
import numpy as np
import scipy.sparse as sp
from captions import of_captions
from common import RESULTS, ROOT, append, fingerprint, recorded, write_between
from fine_grained_report import page, readme_table
from scenes import (
    ABLATIONS,
    EMBEDDING,
    FIRST_STAGE,
    N_TEST,
    N_TRAIN,
    N_TWINS,
    TEXTS,
    USES_LABELS,
    Scenes,
    choose,
    racg,
    scan,
    scenes,
    vsepp,
)
from sklearn.frozen import FrozenEstimator

from skxmr import RetrieverEnsemble, TwoStage
from skxmr.metrics import Reranked, SameGroup, retrieval_recalls
from skxmr.metrics._asking import some_similarities, whole_similarity

FINISHED = RESULTS / "fine_grained.jsonl"
TOP = 50  # candidates of a query in two-stage search
N_TWO_STAGE = 1500  # test scenes there: 50 of them are few
WITH_POSITIONS = "SCAN t2i, positions as features"
Record = dict[str, Any]
PAIRWISE: dict[str, Any] = {
    "RACG": racg,
    "SCAN t2i": scan,
    "SCAN i2t": lambda seed: scan(seed, attention="image_to_text"),
    WITH_POSITIONS: scan,
    "SCAN, both": lambda seed: RetrieverEnsemble(
        [(attention, scan(seed, attention=attention)) for attention in ("text_to_image", "image_to_text")]
    ),
    "VSEPP, then SCAN t2i": lambda seed: TwoStage(first=vsepp(seed), second=scan(seed), k=TOP),
    **dict.fromkeys(TEXTS, racg),
    "RACG*": lambda seed: RetrieverEnsemble([(graph, racg(seed, text_graph=graph)) for graph in ("sparse", "dense")]),
}
# Those need packages that are for measuring only, so that they are measured where they are named.
OPTIONAL = [name for name, texts in TEXTS.items() if texts in ("parsed", "vectors")]
NAMES = (*EMBEDDING, *PAIRWISE, *(name for name in ABLATIONS if name not in PAIRWISE))


def unfitted(name: str, seed: int) -> tuple[Any, dict[str, list[Any]]]:
    """Return a retriever by its name in the tables, and the grid of parameters that it is searched over."""
    if name in EMBEDDING:
        return EMBEDDING[name](seed)
    return PAIRWISE[name](seed) if name in PAIRWISE else racg(seed, **ABLATIONS[name]), {}


def shown(name: str, n: int, subset: str, seed: int, twins: bool = False) -> Scenes:
    """Return scenes as a method of the tables is shown them."""
    texts = TEXTS.get(name, "grammar")
    return scenes(n, subset, seed, twins, positions_in_features=name == WITH_POSITIONS, texts=texts)


def recalls(S: Any, index: Any) -> Record:
    """Return R@1 and R@10 of both directions, mR and median ranks."""
    found = retrieval_recalls(S, SameGroup(np.arange(len(S)), index))
    return {key: round(value, 5) for key, value in found.items() if not key.endswith("r5")}


def scores(model: Any, rows: Scenes) -> tuple[Any, Any]:
    """Return the similarities of distinct scenes with sentences, and the scene of each sentence."""
    images, index = rows.pairs.distinct_images()
    scenes = rows.pairs.replace(image=images, text=None)
    return whole_similarity(model, scenes, rows.pairs.replace(image=None)), index


def twin_accuracy(model: Any, rows: Scenes) -> float:
    """Return how many sentences are more similar to their scene than to its twin; a tie is half of one."""
    images, index = rows.pairs.distinct_images()
    columns = np.arange(len(index))
    wanted = sp.csr_array((np.ones(2 * len(index), bool), (np.r_[index, rows.twin[index]], np.r_[columns, columns])))
    S = some_similarities(model, rows.pairs.replace(image=images, text=None), rows.pairs.replace(image=None), wanted)
    own, other = (np.asarray(S[rows_, columns]).ravel() for rows_ in (index, rows.twin[index]))
    return float(np.mean((own > other) + 0.5 * (own == other)))


def fitted(name: str, seed: int) -> tuple[Any, Record]:
    """Choose on training scenes, fit."""
    rows = shown(name, N_TRAIN, "train", seed)
    labels = rows.labels if name in USES_LABELS else None
    model, grid = unfitted(name, seed)
    best = choose(model, grid, rows, labels) if grid else {}
    start = time.perf_counter()
    model.set_params(**best).fit(rows.pairs, labels)
    seconds = time.perf_counter() - start
    if not grid:
        last = model[-1] if hasattr(model, "steps") else model
        best = {"epoch": last.best_epoch_} if hasattr(last, "best_epoch_") else {}
    record = {"name": name, "seed": seed, "parameters": fingerprint(*unfitted(name, seed)), "fit_s": round(seconds, 1)}
    return model, record | {"chosen": {key: str(value) for key, value in best.items()}}


def measure(name: str, seed: int, results: Path) -> None:
    """Fit and test; add the outcome to the file."""
    model, record = fitted(name, seed)
    test = shown(name, N_TEST, "test", 1000 + seed)
    start = time.perf_counter()
    S, index = scores(model, test)
    record |= {"test_s": round(time.perf_counter() - start, 1), "n_test": len(S)} | recalls(S, index)
    twins = shown(name, N_TWINS, "test", 2000 + seed, twins=True)
    record["twins"] = round(twin_accuracy(model, twins), 4)
    record |= {f"reranked_{key}": value for key, value in recalls(Reranked(S)[:], index).items()}
    if name == "RACG":
        record |= two_stage(model, seed)
    append(results, record)
    print("  {name}, seed {seed}: {i2t_r1:.3f} / {t2i_r1:.3f}, twins {twins:.3f}".format(**record), flush=True)


def two_stage(second: Any, seed: int) -> Record:
    """Compare a fitted RACG with itself on candidates of CCA on kernel means."""
    train = scenes(N_TRAIN, "train", seed)
    test = scenes(N_TWO_STAGE, "test", 3000 + seed)
    first = EMBEDDING["CCA on kernel means"](seed)[0].set_params(**FIRST_STAGE)
    model = TwoStage(first=first, second=FrozenEstimator(second), k=TOP).fit(train.pairs)
    record: Record = {"share": float(model.candidates(test.pairs).mean())}
    for prefix, searched in (("two_stage", model), ("one_stage", second)):
        start = time.perf_counter()
        S, index = scores(searched, test)
        record[f"{prefix}_s"] = round(time.perf_counter() - start, 1)
        record |= {f"{prefix}_{key}": value for key, value in recalls(S, index).items()}
    return record


def parse() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=[name for name in NAMES if name not in OPTIONAL])
    parser.add_argument("--captions", metavar="FOLDER", help="region features and captions in the papers' layout")
    parser.add_argument("--parser", help="of --captions: what gives them tags and dependencies, e.g. spacy")
    parser.add_argument("--device", default="cpu", help="of --captions: cpu, cuda or auto")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--results", type=Path, default=RESULTS / "fine_grained.jsonl", help="file of the finished fits"
    )
    parser.add_argument("--only-cached", action="store_true", help="fit nothing; tables of what was measured so far")
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/fine_grained.md")
    return parser.parse_args()


def finished(results: Path) -> list[Record]:
    """Return what was measured so far with the parameters of today, the last of each fit."""
    valid = {
        (record["name"], record["seed"]): record
        for record in recorded(results)
        if record["name"] in NAMES and record["parameters"] == fingerprint(*unfitted(record["name"], record["seed"]))
    }
    return list(valid.values())


def reproduce(names: Iterable[str], seeds: int, jobs: int, results: Path, only_cached: bool, docs: bool) -> int:
    """Measure what is not in the file, and print the tables."""
    known = {(record["name"], record["seed"]) for record in finished(results)}
    fits = [(name, seed) for seed in range(seeds) for name in names if (name, seed) not in known and not only_cached]
    print(f"{len(fits)} fits to do, {len(known)} known from {results}", flush=True)
    joblib.Parallel(jobs)(joblib.delayed(measure)(*fit, results) for fit in fits)
    tables = page(finished(results))
    print(tables)
    if docs:
        write_between(ROOT / "docs" / "fine_grained.md", tables)
        write_between(ROOT / "README.md", readme_table(finished(results)), "scenes")
    return 0


def main() -> int:
    """Run the command line."""
    given = parse()
    if given.captions is not None:
        return of_captions(given.captions, given.device, given.seeds, given.parser)
    return reproduce(given.methods, given.seeds, given.jobs, given.results, given.only_cached, given.docs)


if __name__ == "__main__":
    sys.exit(main())
