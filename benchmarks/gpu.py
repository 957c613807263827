"""Training and evaluation on a GPU: seconds, peak memory, and a step compared with its matrix products there.

    python benchmarks/gpu.py                            # on CUDA; some minutes
    python benchmarks/gpu.py --device cpu --small       # the same cases on little data, to see that they work
    python benchmarks/gpu.py --json FILE --case mirflickr

With ``--json`` finished cases are kept, and a later run on the same device does the others only. `gpu_report.py` puts
such a file into docs/performance.md.

The rows are generated in the shapes of MIRFlickr (23,000 rows of 4,096 and 500 features, 24 labels) and NUS-WIDE
(188,421 rows). Steps are timed over two epochs; whole fits, text network included, are compiled. The products are those
of `steps.products`, in float32.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import gc
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import markdown
from gpu_encoders import encoders
from gpu_methods import methods
from gpu_sets import fine_grained
from steps import Setting, by_library, products, rows_of, setting

from skxmr import DAGNN, L2GCN
from skxmr.deep.encoding import encode_rows
from skxmr.metrics import SharedLabels, Similarity, mean_average_precision
from skxmr.nn.objective import Batch

Row = dict[str, Any]
FULL = {"mirflickr": 23_000, "nuswide": 188_421, "epochs": 40, "queries": 2000, "gallery": 190_000}
SMALL = {"mirflickr": 256, "nuswide": 300, "epochs": 1, "queries": 40, "gallery": 900}
# Of images and texts.
WIDTHS = (4096, 500)
SMALL_WIDTHS = (32, 20)
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


def step_row(bench: Bench, name: str, given: Setting) -> Row:
    """Train for two epochs, and compare a step of the second one with its products on this device."""
    epochs = given._replace(options=given.options._replace(max_epochs=2))
    (_, outcome), seconds, peak = bench.timed(lambda: by_library(epochs))
    floor = products(given)
    floor()
    floor_seconds = bench.timed(floor)[1] / given.steps
    # The first epoch may compile.
    step = float(outcome.history["seconds"].iloc[-1]) / given.steps
    return {
        "case": name, "seconds": seconds, "peak MB": peak, "ms a step": 1000 * step,
        "ms of products": 1000 * floor_seconds, "step / products": step / floor_seconds,
    }  # fmt: skip


def fit_row(bench: Bench, name: str, model: Any, rows: tuple[Any, Any, Any], target: float) -> Row:
    """Fit for all epochs; on a CPU, where compiling takes longer than a small fit, it is not compiled."""
    model.set_params(compile=bench.cuda)
    _, seconds, peak = bench.timed(lambda: model.fit(*rows))
    epochs = bench.sizes["epochs"]
    return {"case": f"{name}, {epochs} epochs compiled", "seconds": seconds, "target s": target, "peak MB": peak}


def mirflickr(bench: Bench) -> Iterator[Row]:
    """Yield steps of MIRFlickr's shape, as they are, in bf16 and compiled by both modes, and whole fits."""
    rows = bench.rows("mirflickr")
    place = str(bench.device)
    for cls, target in ((L2GCN, 15.0), (DAGNN, 12.0)):
        name = f"MIRFlickr, {cls.__name__}, batches of 100"
        given = setting(bench.model(cls, pretrain_text=False), rows, place)
        yield step_row(bench, name, given)
        yield step_row(bench, f"{name}, bf16", given._replace(options=given.options._replace(precision="bf16")))
        # On a CPU compiling takes longer than all of this; tests do it there.
        for mode in ("default", "reduce-overhead") if bench.cuda else ():
            options = given.options._replace(compile=mode)
            yield step_row(bench, f"{name}, compiled ({mode})", given._replace(options=options))
        yield fit_row(bench, name, bench.model(cls), rows, target)


def nuswide(bench: Bench) -> Iterator[Row]:
    """Yield steps of NUS-WIDE's shape and a whole fit."""
    rows = bench.rows("nuswide")
    name = "NUS-WIDE, DAGNN, batches of 1,024"
    common = {"batch_size": min(1024, len(rows[0]))}
    given = setting(bench.model(DAGNN, "nuswide", pretrain_text=False, **common), rows, str(bench.device))
    yield step_row(bench, name, given)
    yield step_row(bench, f"{name}, bf16", given._replace(options=given.options._replace(precision="bf16")))
    del given
    yield fit_row(bench, name, bench.model(DAGNN, "nuswide", **common), rows, 60.0)


def evaluation(bench: Bench) -> Iterator[Row]:
    """Yield mAP of embeddings that are on the device; tensors go to the public measures as they are."""
    generator = torch.Generator().manual_seed(0)
    queries = bench.sizes["queries"]
    gallery = bench.sizes["gallery"]
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
    """Yield how far embeddings, gradients and fits on the device are from those on the CPU; nothing is dropped."""
    image, text, Y = bench.rows("mirflickr")
    rows = image[:1000], text[:1000], Y[:1000]
    options = {"max_epochs": 2, "pretrain_text": False, "dropout": 0.0, "input_dropout": 0.0}
    where = f"{bench.device} against the CPU"
    given = setting(bench.model(DAGNN, **options), rows)
    network = given.learner.network.eval()
    there = copy.deepcopy(network).to(bench.device)
    found, seconds, peak = bench.timed(lambda: encode_rows(there, "image", image[:500]))
    far = _far(found, encode_rows(network, "image", image[:500]))
    yield {"case": f"embeddings, {where}", "seconds": seconds, "peak MB": peak, "difference": far}
    found, seconds, peak = bench.timed(lambda: _gradients(given, bench.device))
    far = _far(found, _gradients(given, torch.device("cpu")))
    yield {"case": f"gradients of a step, {where}", "seconds": seconds, "peak MB": peak, "difference": far}
    expected = bench.model(DAGNN, **options | {"device": "cpu"}).fit(*rows).encode_image(image[:500])
    for compiled in (False, True) if bench.cuda else (False,):
        model = bench.model(DAGNN, **options, compile=compiled)
        fitted, seconds, peak = bench.timed(lambda model=model: model.fit(*rows))
        far = _far(fitted.encode_image(image[:500]), expected)
        name = f"a fit of 2 epochs{', compiled' if compiled else ''}, {where}"
        yield {"case": name, "seconds": seconds, "peak MB": peak, "difference": far}


def _gradients(given: Setting, device: torch.device) -> Any:
    """Return all gradients of the first batch, on the CPU."""
    network = given.copied().network.to(device).train()
    index = torch.arange(min(100, len(given.dataset)))
    batch = Batch(*(part.to(device) for part in given.dataset.rows(index)))
    given.losses_of(network)(batch)[0].backward()
    flat = [parameter.grad.ravel() for parameter in network.parameters() if parameter.grad is not None]
    return torch.cat(flat).cpu().numpy()


def _far(found: Any, expected: Any) -> float:
    """Return the largest difference, relative to the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def streaming(bench: Bench) -> Iterator[Row]:
    """Yield epochs whose views stay on disk and in main memory, beside those whose views are on the device."""
    image, text, Y = bench.rows("mirflickr")
    epochs = min(4, bench.sizes["epochs"])
    model = bench.model(DAGNN, pretrain_text=False)
    embedded = []
    with tempfile.TemporaryDirectory() as folder:
        stored = np.memmap(Path(folder) / "image", dtype=np.float32, mode="w+", shape=image.shape)
        stored[:] = image
        for name, view, resident in (("resident", image, True), ("streamed from disk", stored, False)):
            given = setting(model, (view, text, Y), str(bench.device), resident)
            given = given._replace(options=given.options._replace(max_epochs=epochs))
            (network, _), seconds, peak = bench.timed(lambda given=given: by_library(given))
            embedded.append(encode_rows(network.eval(), "text", text[:500]))
            yield {"case": f"MIRFlickr, {epochs} epochs, {name}", "seconds": seconds, "peak MB": peak,
                   "difference": float(np.abs(embedded[-1] - embedded[0]).max())}  # fmt: skip
        del stored


CASES = {f.__name__: f for f in (encoders, equality, evaluation, fine_grained, methods, mirflickr, nuswide, streaming)}


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
    device = torch.cuda.get_device_name(bench.device) if bench.cuda else "CPU"
    report = _report(arguments.json, {"device": device, "torch": torch.__version__, "small": arguments.small})
    for name in arguments.case:
        if name in report["cases"]:
            continue
        rows = []
        for row in CASES[name](bench):
            print(json.dumps(row), file=sys.stderr, flush=True)
            rows.append(row)
        report["cases"][name] = rows
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    found = [row for name in arguments.case for row in report["cases"][name]]
    print(f"{device}, torch {torch.__version__}\n")
    print(markdown([{key: _shown(value) for key, value in row.items()} for row in found]))
    slow = any(row["seconds"] > row["target s"] for row in found if row.get("target s"))
    large = any(row["peak MB"] > row.get("memory target MB", np.inf) for row in found if row.get("peak MB"))
    return int((slow or large) and not arguments.small)


def _report(file: Path | None, head: Row) -> Row:
    """Return the report to add to: that of an earlier run on the same device, if the file holds one."""
    if file is not None and file.exists():
        earlier = json.loads(file.read_text(encoding="utf-8"))
        if {name: earlier.get(name) for name in head} == head:
            return earlier
    return {**head, "date": f"{datetime.date.today()}", "cases": {}}


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
