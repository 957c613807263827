"""Label graphs where labels have few rows, and on combinations of labels that no fitting row has.

    python benchmarks/factors_graphs.py                 # all fits; about an hour of one core
    python benchmarks/factors_graphs.py --docs          # fits nothing, writes docs/factors.md

The method is that of factors.py at its starting point "defaults", with each label structure. It is fitted on all
fitting rows, or on so few that no label has more than 5 or 10 of them, and scored on the training rows that were held
out: on all of them as queries, and on those whose combination of labels no fitting row has. No test row is read.
Finished fits are lines of `benchmarks/results/factors_graphs.jsonl` and are not repeated.
"""

from __future__ import annotations

import argparse
import itertools
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import torch
from common import RESULTS, ROOT, append, markdown, recorded, write_between
from factored import STRUCTURES
from factors import Cell, key_of, model_of
from factors_report import NOTHING, shown
from factors_sets import Fold, fold

from skxmr._data.labels import encode_labels
from skxmr.metrics import SharedLabels, Similarity, mean_average_precision

FILE = RESULTS / "factors_graphs.jsonl"
SEEDS = 3
# Those whose rows have several labels.
SETS = ("corel5k_tags", "mirflickr_tags", "clipart", "icons")
# The largest number of rows per label; 0 takes all rows.
ROWS = (5, 10, 0)
ASKED = ("all", "unseen")
Record = dict[str, Any]


def thinned(Y: Any, most: int, seed: int) -> Any:
    """Return row numbers in random order, each taken if none of its labels has `most` rows yet; rows have labels."""
    counts = np.zeros(Y.shape[1], dtype=int)
    taken = []
    for row in np.random.default_rng(seed).permutation(len(Y)):
        if Y[row].any() and (counts[Y[row] > 0] < most).all():
            counts += Y[row] > 0
            taken.append(row)
    return np.sort(taken)


def unseen(Y: Any, fitting: Any) -> Any:
    """Tell which rows have a combination of labels that no fitting row has, as a mask."""
    known = {row.tobytes() for row in fitting.astype(bool)}
    return np.array([row.tobytes() not in known for row in Y.astype(bool)])


def measure(cell: Cell, most: int, seed: int) -> Record:
    """Fit on few rows per label, and score on the held-out rows, all of them and those of unseen combinations."""
    rows = fold(cell.set, cell.levels["text"], seed)
    Y = np.asarray(rows.labels)
    if most:
        few = thinned(Y, most, seed)
        rows = Fold(rows.fitting[few], Y[few], rows.held_out, rows.held_out_labels)
    with warnings.catch_warnings():
        # A label without a fitting row, or a graph without an edge, is as it is.
        warnings.simplefilter("ignore")
        model = model_of(cell, seed, 0, encode_labels(rows.labels).names).fit(rows.fitting, rows.labels)
    image = model.encode_image(rows.held_out)
    text = model.encode_text(rows.held_out)
    held_out = np.asarray(rows.held_out_labels)
    new = unseen(held_out, np.asarray(rows.labels))
    found: Record = {"most": most, "fitting": len(rows.fitting), "share_unseen": float(new.mean())}
    for name, queries in zip(ASKED, (np.ones(len(new), dtype=bool), new), strict=True):
        relevance = SharedLabels(held_out[queries], held_out)
        scores = [
            mean_average_precision(Similarity(own[queries], other), relevance)
            for own, other in ((image, text), (text, image))
        ]
        found[name] = float(np.mean(scores))
    return key_of(cell, seed) | found


def cells(name: str) -> Iterator[Cell]:
    """Yield the starting point with each label structure."""
    for structure in STRUCTURES:
        yield Cell(name, "defaults", () if structure == "none" else (("structure", structure),))


def table(records: Sequence[Record]) -> str:
    """Return the mAP without a structure, and what each structure adds to it, mean and spread over the seeds."""
    rows = []
    for name, most, asked in itertools.product(SETS, ROWS, ASKED):
        found: dict[str, dict[int, float]] = {}
        for record in records:
            if (record["set"], record["most"]) == (name, most):
                structure = dict(record["changes"]).get("structure", "none")
                found.setdefault(structure, {})[record["seed"]] = record[asked]
        start = found.get("none", {})
        if not start:
            continue
        row: dict[str, object] = {"set": name, "rows per label": f"at most {most}" if most else "all", "queries": asked}
        row["none"] = shown(list(start.values()), "{:.3f}")
        for structure in STRUCTURES[1:]:
            own = found.get(structure, {})
            row[structure] = shown([own[seed] - start[seed] for seed in own if seed in start], "{:+.3f}")
        rows.append(row)
    return markdown(rows) if rows else NOTHING


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--docs", action="store_true", help="fit nothing, write docs/factors.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not arguments.docs:
        for seed, name, most in itertools.product(range(arguments.seeds), arguments.sets, ROWS):
            for cell in cells(name):
                key = key_of(cell, seed) | {"most": most}
                if not any(key.items() <= record.items() for record in recorded(arguments.file)):
                    append(arguments.file, measure(cell, most, seed))
                    print(".", end="", flush=True)
    shown_table = table(recorded(arguments.file))
    print(shown_table)
    if arguments.docs:
        write_between(ROOT / "docs" / "factors.md", shown_table, "graphs")


if __name__ == "__main__":
    main()
