"""Figures of the papers of ACMR, DAGNN, ALGCN, L2-GCN and RACG, as far as the data allow, drawn by our Displays.

What varies a parameter is measured on training rows that are held out, at small sizes that docs/papers_figures.md
names; test rows are drawn for chosen models only. A finished fit is one line of benchmarks/results/experiments.jsonl,
with all that is drawn of it, and is not repeated while its parameters stay the same.

    python benchmarks/experiments.py --only acmr_weights l2gcn_layers [--seeds 2]    # pictures in output/
    python benchmarks/experiments.py --only-cached --docs    # write docs/papers_figures.md, fit nothing
    python benchmarks/experiments.py --quick    # a moment: few generated rows, figures that mean nothing
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import torch
from common import RESULTS, ROOT, write_between
from experiments_figures import Figure, page
from experiments_fits import SETTINGS, SMALL, Setting, finished, measure
from experiments_grids import Found
from experiments_papers import PAPERS

FINISHED = RESULTS / "experiments.jsonl"
PAGE = ROOT / "docs" / "papers_figures.md"
FIGURES: dict[str, Figure] = {name: figure for figures in PAPERS.values() for name, figure in figures.items()}
_DPI = 80


def made() -> str:
    """Return the part of docs/papers_figures.md that is made of the finished fits."""
    return page(PAPERS, Found(finished(FINISHED)))


def fit_all(figures: Mapping[str, Figure], seeds: int, settings: Mapping[str, Setting], file: Path) -> None:
    """Make the fits that are not finished, the first seed of every figure first."""
    for seed in range(seeds):
        for name, figure in figures.items():
            missing = Found(finished(file, settings)).missing(figure.all_fits(), seed + 1)
            print(f"{name}, seed {seed}: {len(missing)} fits to do", flush=True)
            for fit, own in missing:
                measure(fit, own, settings, file)


def draw_all(figures: Mapping[str, Figure], found: Found, folder: Path) -> None:
    """Draw the figures whose fits are finished for the first seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        if not figure.is_drawable(found):
            print(f"{name}: {len(found.missing(figure.all_fits(), 1))} fits are missing", flush=True)
            continue
        drawn = figure.draw(found, figure.fits)
        drawn.savefig(folder / f"papers_{name}.png", dpi=_DPI)
        plt.close("all")
        print(f"{name}: {figure.says(found, figure.fits)}", flush=True)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=FIGURES, default=list(FIGURES), metavar="NAME", help=", ".join(FIGURES)
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few generated rows, tiny sizes and grids")
    parser.add_argument("--results", type=Path, help="file of the finished fits")
    parser.add_argument("--only-cached", action="store_true", help="fit nothing")
    parser.add_argument("--docs", action="store_true", help="write docs/papers_figures.md and its pictures")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    given = parse(arguments)
    if given.quick and given.docs:
        print("--quick measures nothing, so that --docs cannot show it.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    settings = SMALL if given.quick else SETTINGS
    figures = {name: FIGURES[name].made_small() if given.quick else FIGURES[name] for name in given.only}
    file = given.results or (Path(tempfile.mkdtemp()) / "quick.jsonl" if given.quick else FINISHED)
    if not given.only_cached:
        try:
            fit_all(figures, given.seeds, settings, file)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            return 1
    found = Found(finished(file, settings))
    folder = PAGE.parent if given.docs else Path(os.environ.get("SKXMR_OUTPUT", ROOT / "output"))
    draw_all(figures, found, folder)
    if given.docs:
        write_between(PAGE, made())
    return 0


if __name__ == "__main__":
    sys.exit(main())
