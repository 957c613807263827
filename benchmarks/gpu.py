"""Training and evaluation on a GPU: seconds, peak memory, and how far a step is from its matrix products there.

    python benchmarks/gpu.py                            # on CUDA; some minutes
    python benchmarks/gpu.py --device cpu --small       # the same cases on little data, to see that they work
    python benchmarks/gpu.py --json FILE --case mirflickr

The rows are generated in the shapes of MIRFlickr (23,000 rows of 4,096 and 500 features, 24 labels) and NUS-WIDE
(188,421 rows). Fits are whole fits as in the papers, text network included; the products are those of `steps.products`,
in float32.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from common import markdown
from gpu_sets import fine_grained
from steps import products, rows_of, setting

from skxmr import DAGNN, L2GCN
from skxmr.deep import batches, compiled
from skxmr.metrics import SharedLabels, Similarity, mean_average_precision

Row = dict[str, Any]
FULL = {"mirflickr": 23_000, "nuswide": 188_421, "epochs": 40, "queries": 2000, "gallery": 190_000}
SMALL = {"mirflickr": 256, "nuswide": 300, "epochs": 1, "queries": 40, "gallery": 900}
WIDTHS, SMALL_WIDTHS = (4096, 500), (32, 20)  # of images and texts
TINY = {"n_components": 8, "width": 8, "pretrain_text": False}  # with --small


class Bench:
    """A device, the sizes, and how time and memory are taken there."""

    def __init__(self, device: str, small: bool) -> None:
        self.device = torch.device(device)
        self.sizes, self.widths = (SMALL, SMALL_WIDTHS) if small else (FULL, WIDTHS)
        self.changes: dict[str, Any] = TINY if small else {}

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU of NVIDIA's."""
        return self.device.type == "cuda"

    def timed(self, call: Callable[[], Any]) -> tuple[Any, float, float | None]:
        """Return what a call gives, its wall seconds and the device's peak memory in MB."""
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            torch.cuda.synchronize(self.device)
        start = time.perf_counter()
        result = call()
        if self.cuda:
            torch.cuda.synchronize(self.device)
        seconds = time.perf_counter() - start
        return result, seconds, torch.cuda.max_memory_allocated(self.device) / 2**20 if self.cuda else None

    def rows(self, name: str) -> tuple[Any, Any, Any]:
        """Return generated rows of a set's shape."""
        return rows_of(self.sizes[name], *self.widths)

    def model(self, cls: Any, dataset: str = "mirflickr", **changes: Any) -> Any:
        """Return a method with its paper's constants; all rows are fitted, as there."""
        common = {"max_epochs": self.sizes["epochs"], "device": str(self.device), "random_state": 0}
        return cls.paper(dataset, **common | {"validation_fraction": 0.0} | self.changes | changes)


def fit_row(bench: Bench, name: str, model: Any, rows: tuple[Any, Any, Any], target: float | None = None) -> Row:
    """Fit, and compare a step with its products on this device."""
    fitted, seconds, peak = bench.timed(lambda: model.fit(*rows))
    given = setting(model, rows, str(bench.device))
    floor = products(given)
    floor()
    floor_seconds = bench.timed(floor)[1] / given.steps
    step = float(np.median(fitted.history_["seconds"])) / given.steps  # compiling and the text network are in no epoch
    return {
        "case": name, "seconds": seconds, "target s": target, "peak MB": peak, "ms a step": 1000 * step,
        "ms of products": 1000 * floor_seconds, "step / products": step / floor_seconds,
    }  # fmt: skip


def mirflickr(bench: Bench) -> Iterator[Row]:
    """Yield the fits of MIRFlickr's shape: as they are, in bf16, compiled, and with CUDA graphs."""
    rows = bench.rows("mirflickr")
    for cls, target in ((L2GCN, 15.0), (DAGNN, 12.0)):
        name = f"MIRFlickr, {cls.__name__}, batches of 100"
        yield fit_row(bench, name, bench.model(cls), rows, target)
        yield fit_row(bench, f"{name}, bf16", bench.model(cls, precision="bf16"), rows, target)
        if bench.cuda:  # on a CPU compiling takes longer than all of this; tests do it there
            yield fit_row(bench, f"{name}, compiled", bench.model(cls, compile=True), rows, target)
            with mock.patch.object(compiled, "MODE", "reduce-overhead"):
                yield fit_row(bench, f"{name}, CUDA graphs", bench.model(cls, compile=True), rows, target)


def nuswide(bench: Bench) -> Iterator[Row]:
    """Yield the fits of NUS-WIDE's shape."""
    rows = bench.rows("nuswide")
    for changes in ({}, {"precision": "bf16"}):
        model = bench.model(DAGNN, "nuswide", batch_size=min(1024, len(rows[0])), **changes)
        yield fit_row(bench, ", ".join(["NUS-WIDE, DAGNN, batches of 1,024", *changes.values()]), model, rows, 60.0)


def evaluation(bench: Bench) -> Iterator[Row]:
    """Yield mAP of embeddings that are on the device; tensors go to the public measures as they are."""
    generator = torch.Generator().manual_seed(0)
    queries, gallery = bench.sizes["queries"], bench.sizes["gallery"]
    u, v = (torch.randn(n, 512, generator=generator).to(bench.device) for n in (queries, gallery))
    rng = np.random.default_rng(0)
    Y = [(rng.uniform(size=(n, 24)) < 0.15).astype(np.int8) for n in (queries, gallery)]

    def score() -> float:
        return float(mean_average_precision(Similarity(u, v), SharedLabels(*Y)))

    score()
    found, seconds, peak = bench.timed(score)
    on_cpu = mean_average_precision(Similarity(u.cpu().numpy(), v.cpu().numpy()), SharedLabels(*Y))
    yield {
        "case": f"mAP, {queries:,} x {gallery:,}", "seconds": seconds, "target s": 0.5, "peak MB": peak,
        "difference": abs(found - on_cpu),
    }  # fmt: skip


def equality(bench: Bench) -> Iterator[Row]:
    """Yield how far fits on the device are from those on the CPU, and compiled ones from plain ones."""
    image, text, Y = bench.rows("mirflickr")
    rows = image[:1000], text[:1000], Y[:1000]
    options = {"max_epochs": 2, "pretrain_text": False}
    devices = [str(bench.device)] + ([f"{bench.device}, compiled"] if bench.cuda else [])
    expected = bench.model(DAGNN, **options | {"device": "cpu"}).fit(*rows).encode_image(image[:500])
    for place in devices:
        changes = options | {"compile": place.endswith("compiled")}
        model, seconds, peak = bench.timed(lambda changes=changes: bench.model(DAGNN, **changes).fit(*rows))
        difference = np.abs(model.encode_image(image[:500]) - expected).max() / np.abs(expected).max()
        yield {"case": f"{place} against the CPU, 1,000 rows", "seconds": seconds, "peak MB": peak,
               "difference": float(difference)}  # fmt: skip


def streaming(bench: Bench) -> Iterator[Row]:
    """Yield a fit whose views stay on disk and in main memory, beside one whose views are on the device."""
    image, text, Y = bench.rows("mirflickr")
    options = {"pretrain_text": False, "max_epochs": min(4, bench.sizes["epochs"])}
    fits = []
    with tempfile.TemporaryDirectory() as folder:
        stored = np.memmap(Path(folder) / "image", dtype=np.float32, mode="w+", shape=image.shape)
        stored[:] = image
        for name, view, share in (("resident", image, batches._SHARE), ("streamed from disk", stored, 0.0)):
            with mock.patch.object(batches, "_SHARE", share):
                fit, seconds, peak = bench.timed(lambda view=view: bench.model(DAGNN, **options).fit(view, text, Y))
            fits.append(fit.encode_text(text[:500]))
            yield {"case": f"MIRFlickr, {options['max_epochs']} epochs, {name}", "seconds": seconds, "peak MB": peak,
                   "difference": float(np.abs(fits[-1] - fits[0]).max())}  # fmt: skip
        del stored


CASES = {f.__name__: f for f in (equality, evaluation, fine_grained, mirflickr, nuswide, streaming)}


def main() -> int:
    """Run the command line; the status is 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--case", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    bench = Bench(arguments.device, arguments.small)
    if bench.cuda and not torch.cuda.is_available():
        parser.error("torch finds no CUDA here; --device cpu --small shows that the cases work")
    warnings.filterwarnings("ignore", message="batch_size=")
    found: list[Row] = []
    for name in arguments.case:
        for row in CASES[name](bench):
            print(json.dumps(row), file=sys.stderr, flush=True)
            found.append(row)
    device = torch.cuda.get_device_name(bench.device) if bench.cuda else "CPU"
    if arguments.json:
        report = {"device": device, "torch": torch.__version__, "small": arguments.small, "rows": found}
        arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"{device}, torch {torch.__version__}\n")
    print(markdown([{key: _shown(value) for key, value in row.items()} for row in found]))
    slow = any(row["seconds"] > row["target s"] for row in found if row.get("target s"))
    large = any(row["peak MB"] > row.get("memory target MB", np.inf) for row in found if row.get("peak MB"))
    return int((slow or large) and not arguments.small)


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
