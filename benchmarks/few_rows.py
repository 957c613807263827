"""Which epoch to keep where there are few rows: rules compared on training rows that were not drawn.

    python benchmarks/few_rows.py                     # all cases, on all cores; hours of one core
    python benchmarks/few_rows.py --set wikipedia --rows 60 100 --jobs 2
    python benchmarks/few_rows.py --docs              # fits nothing, writes docs/results.md

A case is a set, a number of rows, a method and a seed. The seed draws the rows from the training rows of the set. The
method is fitted on them with a tenth held out, and without holding out. The networks, of every epoch in the first case,
are scored on 150 training rows that were not drawn; no test row is read. Each rule chooses an epoch from what it may
see, and gets the score of that epoch. Sentences and regions are generated scenes, because no real set of them is at
hand. Finished cases are lines of `benchmarks/results/few_rows.jsonl`.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import time
import warnings
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import pandas as pd
import torch
from common import LOADERS, RESULTS, ROOT, append, markdown, recorded, write_between
from scenes import COMMON, scenes
from sklearn.feature_extraction.text import TfidfVectorizer

from skxmr import ACMR, ALGCN, DAGNN, DCCA, DSCMR, IGNN, L2GCN, RACG, SCAN, Pairs, SemanticMatching
from skxmr._data.labels import encode_labels
from skxmr.deep import Part, Split
from skxmr.deep.callbacks import Validation
from skxmr.deep.encoding import encode_rows
from skxmr.deep.loop import Prepared
from skxmr.metrics import RecallScores, RetrievalScores, SharedLabels, Similarity, mean_average_precision

FILE = RESULTS / "few_rows.jsonl"
WITH_LABELS = (ACMR, ALGCN, DAGNN, DCCA, DSCMR, IGNN, L2GCN)
WITH_SENTENCES = (RACG, SCAN)
METHODS = {cls.__name__: cls for cls in WITH_LABELS + WITH_SENTENCES}
SETS = (*LOADERS, "clipart")
ROWS = (60, 100, 200, 400)
SEEDS = 5
N_OUTSIDE = 150
# The rules: what is held out, and which epoch is kept.
TODAY = "a tenth, best epoch"
SMOOTH = "a tenth, best of the smoothed curve"
AMONG = "a tenth, best where ranked among all rows"
LAST = "a tenth, last epoch"
ALL = "none, last epoch"
OTHERS = (SMOOTH, AMONG, LAST, ALL)
# Epochs over which the smoothed curve is averaged.
WINDOW = 5
# Of the scenes; their widths are those of fine_grained.py.
OF_SCENES: dict[str, Any] = COMMON | {"batch_size": 64, "max_epochs": 25}


class Drawn(NamedTuple):
    """Rows to fit and other training rows to score on, with their labels, which are None for sentences."""

    pairs: Pairs
    labels: Any
    outside: Pairs
    outside_labels: Any


def drawn(name: str, n: int, seed: int) -> Drawn:
    """Return n rows that the seed draws from the training rows of a set, and other ones to score on."""
    if name == "scenes":
        # Five sentences tell of each scene.
        made = scenes(n, "train", seed)
        other = scenes(N_OUTSIDE // 5, "train", 1000 + seed)
        return Drawn(made.pairs, None, other.pairs, None)
    pairs, labels = _training_rows(name)
    order = np.random.default_rng(seed).permutation(len(labels))
    inside = order[:n]
    outside = order[n : n + N_OUTSIDE]
    if name == "clipart":
        texts = TfidfVectorizer(dtype=np.float32).fit([pairs.text[i] for i in inside])
        views = [Pairs(pairs.image[part], texts.transform([pairs.text[i] for i in part])) for part in (inside, outside)]
        return Drawn(views[0], labels[inside], views[1], labels[outside])
    return Drawn(pairs[inside], labels[inside], pairs[outside], labels[outside])


@lru_cache(maxsize=len(SETS))
def _training_rows(name: str) -> tuple[Pairs, Any]:
    if name != "clipart":
        return LOADERS[name]("train", return_X_y=True)
    with np.load(os.path.join(os.environ["SKXMR_DATA"], "clipart", "clipart.npz"), allow_pickle=False) as file:
        n = int(file["n_train"])
        captions = [str(caption) for caption in file["captions"][:n]]
        return Pairs(file["features"][:n].astype(np.float32), captions), file["labels"][:n].astype(int)


def watched(cls: Any, rows: Drawn) -> Any:
    """Return a subclass that also scores the outside rows, and the validation rows among all rows, every epoch."""

    class Watched(cls):  # type: ignore[misc]
        def _prepare(self, split: Split, network: Any, device: torch.device) -> Prepared:
            prepared = super()._prepare(split, network, device)
            n = len(rows.outside)
            labels = None if rows.outside_labels is None else encode_labels(rows.outside_labels)
            everything = Part(np.arange(n), labels)
            outside = super()._prepare(Split(rows.outside, everything, everything), network, device).validation
            own = prepared.validation

            def score() -> dict[str, float]:
                found = own.score()
                found["chooses"] = found[own.chooses]
                found["outside"] = outside.score()[outside.chooses]
                if rows.labels is not None:
                    found["among_all"] = among_all(network, split)
                return found

            return prepared._replace(validation=Validation(score, own.chooses))

    return Watched


def among_all(network: Any, split: Split) -> float:
    """Return the mAP of the validation rows as queries, where all fitting and validation rows are ranked."""
    held = split.validation
    assert held is not None and held.labels is not None and split.labels is not None
    order = np.concatenate([split.fitting.rows, held.rows])
    targets = np.concatenate([split.labels.matrix.toarray(), held.labels.matrix.toarray()])
    relevance = SharedLabels(held.labels.matrix.toarray(), targets)
    image = encode_rows(network, "image", split.pairs.image)
    text = encode_rows(network, "text", split.pairs.text)
    forth = mean_average_precision(Similarity(image[held.rows], text[order]), relevance)
    back = mean_average_precision(Similarity(text[held.rows], image[order]), relevance)
    return (forth + back) / 2


def case(name: str, n: int, method: str, seed: int, device: str) -> dict[str, Any]:
    """Fit a case and return the score of every rule."""
    rows = drawn(name, n, seed)
    fixed = {"random_state": seed, "device": device} | (OF_SCENES if name == "scenes" else {})
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held = watched(METHODS[method], rows)(**fixed, validation_fraction=0.1).fit(rows.pairs, rows.labels)
        whole = METHODS[method](**fixed, validation_fraction=0).fit(rows.pairs, rows.labels)
        record = {"set": name, "rows": n, "method": method, "seed": seed, "device": device}
        record["scores"] = by_rule(held.history_, score(whole, rows))
        if rows.labels is not None:
            record["baseline"] = score(SemanticMatching().fit(rows.pairs, rows.labels), rows)
    return record | {"seconds": round(time.perf_counter() - start, 1)}


def by_rule(held: pd.DataFrame, last_of_all: float) -> dict[str, float]:
    """Return the score on the outside rows of the epoch that each rule keeps."""
    outside = held["outside"].to_numpy()
    smooth = held["chooses"].rolling(WINDOW, center=True, min_periods=1).mean().to_numpy()
    found = {
        TODAY: outside[held["chooses"].to_numpy().argmax()],
        SMOOTH: outside[smooth.argmax()],
        LAST: outside[-1],
        ALL: last_of_all,
    }
    if "among_all" in held:
        among = held["among_all"].to_numpy()
        found[AMONG] = outside[among.argmax()]
    return {rule: float(value) for rule, value in found.items()}


def score(model: Any, rows: Drawn) -> float:
    """Return the mean mAP of both directions on the outside rows, or the mean recall where there are no labels."""
    if rows.labels is None:
        return float(RecallScores()(model, rows.outside)["mr"])
    return float(RetrievalScores()(model, rows.outside, rows.outside_labels)["map"])


def wanted(arguments: argparse.Namespace) -> Iterator[tuple[str, int, str, int]]:
    """Yield the cases that have no line yet; a part of them in this order has all seeds, methods and sets."""
    done = {(r["set"], r["rows"], r["method"], r["seed"]) for r in recorded(arguments.file)}
    sets = arguments.set
    for shift, seed, n in itertools.product(
        range(arguments.passes or len(sets)), range(arguments.seeds), arguments.rows
    ):
        name = sets[(seed + shift) % len(sets)]
        for cls in WITH_SENTENCES if name == "scenes" else WITH_LABELS:
            key = (name, n, cls.__name__, seed)
            if cls.__name__ in arguments.method and key not in done:
                yield key


def finish(file: Path, device: str, given: tuple[str, int, str, int]) -> None:
    """Fit a case and write its line."""
    torch.set_num_threads(1)
    append(file, case(*given, device))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", nargs="*", choices=(*SETS, "scenes"), default=(*SETS, "scenes"))
    parser.add_argument("--method", nargs="*", choices=METHODS, default=tuple(METHODS))
    parser.add_argument("--rows", nargs="*", type=int, default=ROWS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--passes", type=int, help="only as many sets for each seed")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--docs", action="store_true", help="fit nothing, write docs/results.md")
    arguments = parser.parse_args()
    if not arguments.docs:
        with multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool:
            call = partial(finish, arguments.file, arguments.device)
            for _ in pool.imap(call, wanted(arguments)):
                print(".", end="", flush=True)
    shown = table(recorded(arguments.file))
    print(shown)
    if arguments.docs:
        write_between(ROOT / "docs" / "results.md", shown, "few_rows")


def table(records: list[dict[str, Any]]) -> str:
    """Return the score of today's rule, and how far the others are above it, mean and standard error over the fits."""
    rows = []
    for name, n in sorted({(record["set"], record["rows"]) for record in records}):
        some = [record for record in records if (record["set"], record["rows"]) == (name, n)]
        today = np.array([record["scores"][TODAY] for record in some])
        row: dict[str, object] = {"set": name, "rows": n, "cases": len(some), TODAY: f"{today.mean():.3f}"}
        for rule in OTHERS:
            found = np.array([record["scores"].get(rule, np.nan) for record in some])
            row[rule] = gain(found - today)
        row["`SemanticMatching`"] = gain(np.array([record.get("baseline", np.nan) for record in some]) - today)
        rows.append(row)
    return markdown(rows)


def gain(differences: Any) -> str:
    """Return the mean of differences and its standard error."""
    if np.isnan(differences).any():
        return ""
    return f"{differences.mean():+.3f} ± {differences.std(ddof=1) / len(differences) ** 0.5:.3f}"


if __name__ == "__main__":
    main()
