"""What helps: text features, encoder, loss, label structure, adversary, votes and ensembles, one factor at a time.

    python benchmarks/factors.py                        # all cells; hours of one core
    python benchmarks/factors.py --sets wikipedia icons --seeds 3
    python benchmarks/factors.py --pairs                # pairs of those factors that helped most
    python benchmarks/factors.py --docs                 # fits nothing, writes docs/factors.md

A cell is a set, a starting point, and at most two factors in which it differs from it. The starting points are today's
defaults without a graph or an adversary, and what the papers on label graphs have in common. A seed holds out a fifth
of the training rows; a fit holds out a tenth of the others to choose its epoch, and is scored on the fifth. No test row
is read. Finished fits are lines of `benchmarks/results/factors.jsonl` and are not repeated.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import torch
from common import RESULTS, ROOT, append, fingerprint, recorded, write_between
from factored import ADVERSARIES, LOSSES, STRUCTURES, Factored, unit
from factors_report import moved, page
from factors_sets import PICTURES, SETS, TEXTS, Fold, fold, name_vectors

from skxmr._data.labels import encode_labels
from skxmr.choosing.table import with_votes
from skxmr.metrics import SharedLabels, Similarity, mean_average_precision

FILE = RESULTS / "factors.jsonl"
SEEDS = 3
FACTORS: dict[str, tuple[str, ...]] = {
    "text": TEXTS,
    "encoder": ("one layer", "hidden layer"),
    "loss": tuple(LOSSES),
    "structure": STRUCTURES,
    "adversary": tuple(ADVERSARIES),
    "similarity": ("cosine", "cosine and votes"),
    "ensemble": ("1", "3", "5"),
}
STARTS: dict[str, dict[str, str]] = {
    "defaults": {
        "text": "letters", "encoder": "hidden layer", "loss": "classification, soft contrastive",
        "structure": "none", "adversary": "none", "similarity": "cosine", "ensemble": "1",
    },
    "papers": {
        "text": "words", "encoder": "one layer", "loss": "classification, likelihood",
        "structure": "co-occurrence", "adversary": "dual GAN", "similarity": "cosine", "ensemble": "1",
    },
}  # fmt: skip
# Both views of this set are texts, and its fits are the longest.
LEFT_OUT = ("mirflickr_tags", "papers")
# The same for all cells, so that they differ in their factors only.
COMMON: dict[str, Any] = {
    "n_components": 256, "width": 256, "max_epochs": 20, "batch_size": 100, "lr": 5e-4, "validation_fraction": 0.1,
}  # fmt: skip
HIDDEN = 1024


class Cell(NamedTuple):
    """What is fitted: a set, a starting point, and the levels of the factors that differ from it."""

    set: str
    start: str
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def levels(self) -> dict[str, str]:
        """The level of every factor."""
        return STARTS[self.start] | dict(self.changes)


def single_cells(name: str) -> Iterator[Cell]:
    """Yield the starting points of a set, and all cells that differ from one in one factor."""
    for start, levels in STARTS.items():
        if (name, start) == LEFT_OUT:
            continue
        # The members of the largest ensemble also make the smaller ones, and the first is the starting point.
        for level in reversed(FACTORS["ensemble"]):
            yield Cell(name, start, () if level == levels["ensemble"] else (("ensemble", level),))
        for factor, own in FACTORS.items():
            if factor == "ensemble":
                continue
            # Only pictures have words to read in several ways.
            if factor == "text" and name not in PICTURES:
                continue
            for level in own:
                if level != levels[factor]:
                    yield Cell(name, start, ((factor, level),))


def pair_cells(name: str, records: list[dict[str, Any]]) -> Iterator[Cell]:
    """Yield the cells that differ from a starting point in two of the changes that helped there."""
    for start in STARTS:
        if (name, start) == LEFT_OUT:
            continue
        for first, second in itertools.combinations(moved(records, start), 2):
            if first[0] != second[0] and (name in PICTURES or "text" not in (first[0], second[0])):
                # In the order of the factors, whichever helped more, so that a finished fit is recognised.
                yield Cell(name, start, tuple(sorted((first, second), key=_place)))


def _place(change: tuple[str, str]) -> int:
    return list(FACTORS).index(change[0])


def model_of(cell: Cell, seed: int, member: int, classes: Any) -> Factored:
    """Return the unfitted method of a cell."""
    levels = cell.levels
    vectors = name_vectors(cell.set, classes) if levels["structure"] == "word vectors" else None
    return Factored(
        **COMMON,
        loss=levels["loss"],
        structure=levels["structure"],
        adversary=levels["adversary"],
        hidden=HIDDEN if levels["encoder"] == "hidden layer" else None,
        label_embedding=vectors,
        random_state=100 * seed + member,
    )


def key_of(cell: Cell, seed: int) -> dict[str, Any]:
    """Return what a recorded fit is recognised by."""
    parameters = {key: value for key, value in Factored(**COMMON).get_params().items() if key != "label_embedding"}
    # This factor came last; where its level is that of both starting points, earlier fits stay what they are.
    levels = [item for item in sorted(cell.levels.items()) if item != ("similarity", "cosine")]
    return {
        "set": cell.set, "start": cell.start, "changes": [list(change) for change in cell.changes], "seed": seed,
        "parameters": fingerprint(Factored(**parameters), levels, HIDDEN),
    }  # fmt: skip


def measure(cell: Cell, seed: int) -> Iterator[dict[str, Any]]:
    """Fit the members of a cell, and yield what they find together among the rows that were held out.

    The first members of an ensemble are smaller ones, which are yielded as well.
    """
    rows = fold(cell.set, cell.levels["text"], seed)
    relevance = SharedLabels(rows.held_out_labels)
    members: list[tuple[Any, Any]] = []
    start = time.process_time()
    while len(members) < int(cell.levels["ensemble"]):
        members.append(_embedded(cell, seed, len(members), rows))
        if (size := str(len(members))) in FACTORS["ensemble"]:
            levels = cell.levels | {"ensemble": size}
            own = tuple(change for change in levels.items() if STARTS[cell.start][change[0]] != change[1])
            found = _score(members, relevance) | {"seconds": round(time.process_time() - start, 1)}
            yield key_of(cell._replace(changes=own), seed) | found


def _score(members: list[tuple[Any, Any]], relevance: SharedLabels) -> dict[str, float]:
    """Return the mAP of both directions by the mean cosine of the members."""
    image, text = (np.hstack([member[i] for member in members]) for i in range(2))
    return {
        "i2t": mean_average_precision(Similarity(image, text), relevance),
        "t2i": mean_average_precision(Similarity(text, image), relevance),
    }


def _embedded(cell: Cell, seed: int, member: int, rows: Fold) -> tuple[Any, Any]:
    """Fit one member, and return its embeddings of the rows that were held out, of length 1."""
    classes = encode_labels(rows.labels).names
    with warnings.catch_warnings():
        # A label without a fitting row, or a graph without an edge, is as it is.
        warnings.simplefilter("ignore")
        model = model_of(cell, seed, member, classes)
        if cell.levels["similarity"] == "cosine and votes":
            model = with_votes(model)
        embedded = model.fit(rows.fitting, rows.labels).transform(rows.held_out)
    return unit(embedded.image), unit(embedded.text)


def tables(file: Path = FILE) -> dict[str, str]:
    """Return the tables of docs/factors.md by the names of their places."""
    return page(recorded(file), FACTORS, STARTS, SETS)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--factors", nargs="*", choices=FACTORS, default=list(FACTORS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--pairs", action="store_true", help="pairs of the factors that helped, not single ones")
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--docs", action="store_true", help="fit nothing, write docs/factors.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not arguments.docs:
        for seed, name in itertools.product(range(arguments.seeds), arguments.sets):
            records = recorded(arguments.file)
            cells = pair_cells(name, records) if arguments.pairs else single_cells(name)
            for cell in cells:
                wanted = all(factor in arguments.factors for factor, _ in cell.changes)
                key = key_of(cell, seed)
                if wanted and not any(key.items() <= record.items() for record in recorded(arguments.file)):
                    for record in measure(cell, seed):
                        append(arguments.file, record)
                    print(".", end="", flush=True)
    for title, table in tables(arguments.file).items():
        print(f"\n{title}\n\n{table}")
        if arguments.docs:
            write_between(ROOT / "docs" / "factors.md", table, title)


if __name__ == "__main__":
    main()
