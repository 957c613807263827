"""How time and memory grow with rows, features, labels and gallery, on synthetic data and one thread.

A point is the median CPU seconds of three calls, and the peak memory of a first one beyond what the process held
before; an exponent is the slope of a straight line through the upper half of a curve on logarithmic axes.

    python benchmarks/growth.py [--curve WORD]   # all curves, or those whose name holds a word
    python benchmarks/growth.py --docs           # also the picture and the table of docs/growth.md; others stay
    python benchmarks/growth.py --small          # the three smallest points of each
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
from common import RESULTS, ROOT, markdown, write_between
from measure import Case, measure
from speed_sets import comparing, encoding

from skxmr import CCA, DAGNN, MLCCA, PLS, SemanticMatching
from skxmr.metrics import SharedLabels, Similarity, mean_average_precision

ROWS = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
WIDTHS = (128, 256, 512, 1024, 2048, 4096)
LABELS = (10, 30, 100, 300, 1000, 3000, 10_000)
NODES = (8, 16, 32, 64, 128, 256)  # regions, or regions and words of a pair


class Curve(NamedTuple):
    """What is called, the sizes of its data, and the largest exponent that is promised, or None."""

    name: str
    along: str
    sizes: tuple[int, ...]
    make: Callable[[int], Callable[[], object]]
    bound: float | None = None


def views(n: int, d1: int = 128, d2: int = 64) -> tuple[Any, Any]:
    """Return two views of 10 common factors, float32."""
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((n, 10), dtype=np.float32)
    X, T = (rng.standard_normal((n, d), dtype=np.float32) for d in (d1, d2))
    for view in (X, T):
        view += Z @ rng.standard_normal((10, view.shape[1]), dtype=np.float32)
    return X, T


def labels(n: int, c: int = 24) -> Any:
    """Return tags as CSR (n, c), up to three per row."""
    import scipy.sparse as sp

    columns = np.random.default_rng(1).integers(c, size=3 * n)
    Y = sp.csr_array((np.ones(3 * n), (np.repeat(np.arange(n), 3), columns)), shape=(n, c))
    Y.data[:] = 1  # building it summed what came twice
    return Y


def fit(model: Any, n: int, d1: int = 128, c: int = 24) -> Callable[[], object]:
    """Return the fit of a model on n rows."""
    (X, T), Y = views(n, d1), labels(n, c)
    return lambda: model.fit(X, T, Y)


def encode(model: Any, n: int) -> Callable[[], object]:
    """Return the encoding of n images by a model fitted on few rows."""
    X, T = views(n)
    model.fit(X[:1000], T[:1000], labels(1000))
    return lambda: model.encode_image(X)


def rank(n: int) -> Callable[[], object]:
    """Return the mAP of 50 queries in a gallery of n."""
    X, _ = views(n)
    Y = labels(n)
    return lambda: mean_average_precision(Similarity(X[:50], X), SharedLabels(Y[:50], Y))


def dagnn() -> DAGNN:
    """Return a DAGNN of one epoch without validation rows; its fit shows what training costs per row."""
    return DAGNN(32, hidden=64, width=32, tau=0.01, max_epochs=1, batch_size=256, validation_fraction=0, random_state=0)


CURVES = [
    Curve("CCA fit", "rows", ROWS, lambda n: fit(CCA(20), n), 1.05),
    Curve("PLS fit", "rows", ROWS, lambda n: fit(PLS(20), n), 1.05),
    Curve("MLCCA fit", "rows", ROWS, lambda n: fit(MLCCA(20), n), 1.05),
    Curve("SemanticMatching fit", "rows", ROWS, lambda n: fit(SemanticMatching(), n), 1.05),
    Curve("DAGNN fit, an epoch", "rows", ROWS[:-1], lambda n: fit(dagnn(), n), 1.05),
    Curve("CCA encode", "rows", ROWS, lambda n: encode(CCA(20), n), 1.05),
    Curve("DAGNN encode", "rows", ROWS, lambda n: encode(dagnn(), n), 1.05),
    Curve("mAP, 50 queries", "gallery", ROWS, rank),
    Curve("CCA fit, 5,000 rows", "image features", WIDTHS, lambda d: fit(CCA(20), 5000, d)),
    Curve("CCA fit, 100 rows", "image features", WIDTHS, lambda d: fit(CCA(20), 100, d), 1.05),
    Curve("SemanticMatching fit, 5,000 rows", "labels", LABELS, lambda c: fit(SemanticMatching(), 5000, c=c)),
    Curve("MLCCA fit, 5,000 rows", "labels", LABELS, lambda c: fit(MLCCA(20), 5000, c=c)),
    Curve("DAGNN fit, an epoch of 5,000 rows", "labels", LABELS, lambda c: fit(dagnn(), 5000, c=c)),
    Curve("RACG, encoding 100 images", "nodes", NODES, encoding),
    Curve("RACG, comparing 256 pairs", "nodes", NODES, comparing),
]


def main() -> int:
    """Run the command line; the status is 1 where an exponent is larger than was promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curve", default="", help="only curves whose name holds this")
    parser.add_argument("--small", action="store_true", help="the three smallest points of each")
    parser.add_argument("--docs", action="store_true", help="write benchmarks/results/growth.json and docs/growth.md")
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)  # this process measures the one curve of that name
    arguments = parser.parse_args()
    chosen = [entry for entry in CURVES if arguments.curve in entry.name]
    if arguments.out:
        (entry,) = [entry for entry in CURVES if entry.name == arguments.curve]
        arguments.out.write_text(json.dumps(points(entry, arguments.small)), encoding="utf-8")
        return 0
    measured = {entry.name: _in_process(entry, arguments.small) for entry in chosen}
    print(table(measured))
    if arguments.docs:
        measured = _with_others(measured)
        (RESULTS / "growth.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        write_between(ROOT / "docs" / "growth.md", table(measured))
        draw(measured, ROOT / "docs" / "growth.png")
    return int(any("**" in line for line in table(measured).splitlines()))


def _with_others(measured: dict[str, Any]) -> dict[str, Any]:
    """Return what was measured, and of the other curves what was measured before."""
    file = RESULTS / "growth.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known |= measured
    return {entry.name: known[entry.name] for entry in CURVES if entry.name in known}


def points(entry: Curve, small: bool) -> list[dict[str, float]]:
    """Measure a curve, in a process of its own, so that memory that one curve left does not count for another."""
    found = []
    for size in entry.sizes[: 3 if small else None]:
        call = entry.make(size)
        row = measure(Case(entry.name, str(size), lambda call=call: {"skxmr": call}), 1, repeat=3)[0]
        found.append({"size": size, "seconds": float(np.median(row["seconds"])), "mb": row["peak_mb"]})
        print(entry.name, found[-1], file=sys.stderr, flush=True)
    return found


def exponent(curve: list[dict[str, float]], field: str = "seconds") -> float:
    """Return the slope of the upper half of a curve on logarithmic axes."""
    upper = curve[len(curve) // 2 - (len(curve) < 4) :]
    return float(np.polyfit(*np.log([[max(point[name], 1e-6) for point in upper] for name in ("size", field)]), 1)[0])


def table(measured: dict[str, list[dict[str, float]]]) -> str:
    """Return one line per curve: its ends and its exponent."""
    bounds = {entry.name: (entry.along, entry.bound) for entry in CURVES}
    rows = []
    for name, curve in measured.items():
        (along, bound), slope = bounds[name], exponent(curve)
        missed = bound is not None and slope > bound
        last = curve[-1]
        rows.append(
            {
                "what": name,
                "along": f"{along}, {curve[0]['size']:,} to {last['size']:,}",
                "CPU seconds": f"{curve[0]['seconds']:.2g} to {last['seconds']:.3g}",
                "exponent": f"**{slope:.2f}**, above {bound}" if missed else f"{slope:.2f}",
                "at most": "" if bound is None else f"{bound}",
                "extra MB at the end": f"{last['mb']:.0f}",
            }
        )
    return markdown(rows)


def draw(measured: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Plot time (left) and memory (right) against size, a row for each thing that grows."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullFormatter

    alongs = list(dict.fromkeys(entry.along for entry in CURVES if entry.name in measured))
    size = (11, 2.6 * len(alongs))
    figure, axes = plt.subplots(len(alongs), 2, figsize=size, sharex="row", squeeze=False, layout="constrained")
    for row, along in enumerate(alongs):
        for entry in (entry for entry in CURVES if entry.along == along and entry.name in measured):
            curve = measured[entry.name]
            for ax, field in zip(axes[row], ("seconds", "mb"), strict=True):
                values = [max(point[field], 0.1 if field == "mb" else 1e-6) for point in curve]
                ax.loglog([point["size"] for point in curve], values, "o-", markersize=3, label=entry.name)
        for ax, title in zip(axes[row], ("CPU seconds", "extra memory, MB"), strict=True):
            ax.set(xlabel=along, ylabel=title)
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.grid(alpha=0.3)
        axes[row, 1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _in_process(entry: Curve, small: bool) -> list[dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "curve.json"
        command = [sys.executable, __file__, "--curve", entry.name, "--out", str(file)] + ["--small"] * small
        if subprocess.run(command).returncode:  # its own traceback stands above
            raise SystemExit(f"the curve {entry.name!r} failed")
        curve: list[dict[str, float]] = json.loads(file.read_text(encoding="utf-8"))
        return curve


if __name__ == "__main__":
    sys.exit(main())
