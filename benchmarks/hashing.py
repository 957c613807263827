"""mAP of codes of 16, 32 and 64 bits by their Hamming distance, for every method of hashing.

Methods have their default parameters, which were chosen on held-out fifths of the training rows, or are those of the
authors. The measures average over all orders of equal distances.

    python benchmarks/hashing.py            # measure what is missing, and write the table of docs/hashing.md
    python benchmarks/hashing.py --only-table
"""

from __future__ import annotations

import argparse
import inspect
import warnings
from typing import Any

import numpy as np
from common import RESULTS, ROOT, append, fingerprint, fit_seconds, markdown, mean_and_spread, recorded, write_between
from tasks import standard

import skxmr
from skxmr.metrics import RetrievalScores
from skxmr.testing import all_retrievers

FILE = RESULTS / "hashing.jsonl"
SETS = ("wikipedia", "corel5k_tags")
BITS = (16, 32, 64)
SEEDS = 3
METHODS = [cls.__name__ for cls in all_retrievers() if issubclass(cls, skxmr.HashingRetriever)]


def model_of(method: str, n_bits: int, seed: int) -> Any:
    """Return an unfitted method of hashing."""
    cls = getattr(skxmr, method)
    seeded = "random_state" in inspect.signature(cls).parameters
    return cls(n_bits, **({"random_state": seed} if seeded else {}))


def seeds_of(method: str) -> range:
    """Return the seeds of a method: one where nothing is drawn."""
    return range(SEEDS if "random_state" in inspect.signature(getattr(skxmr, method)).parameters else 1)


def measured(name: str, method: str, n_bits: int, seed: int) -> dict[str, Any]:
    """Fit a method on the training rows, and score the test rows."""
    rows = standard(name, seed)
    model = model_of(method, n_bits, seed)
    with warnings.catch_warnings():
        # What they say of bits is in the table.
        warnings.simplefilter("ignore")
        seconds = fit_seconds(model, rows.train, rows.y_train)
    scores = RetrievalScores()(model, rows.test, rows.y_test)
    return {"n_bits": model.n_bits_, "seconds": round(seconds, 2), **scores}


def measure() -> None:
    """Measure every fit that is not in the file."""
    done = {(record["set"], record["id"]) for record in recorded(FILE)}
    for name in SETS:
        for method in METHODS:
            for n_bits in BITS:
                for seed in seeds_of(method):
                    key = fingerprint(model_of(method, n_bits, seed), method)
                    if (name, key) in done:
                        continue
                    about = {"set": name, "id": key, "method": method, "asked": n_bits, "seed": seed}
                    append(FILE, about | measured(name, method, n_bits, seed))


def table() -> str:
    """Return a line per set and method: image to text / text to image at each number of bits."""
    records = {(record["set"], record["id"]): record for record in recorded(FILE)}
    lines = []
    for name in SETS:
        for method in METHODS:
            line: dict[str, object] = {"set": name, "method": f"`{method}`"}
            for n_bits in BITS:
                keys = [(name, fingerprint(model_of(method, n_bits, seed), method)) for seed in seeds_of(method)]
                found = [records[key] for key in keys if key in records]
                line[f"{n_bits} bits"] = cell(found, n_bits)
            if any(line[f"{n_bits} bits"] for n_bits in BITS):
                lines.append(line)
    return markdown(lines)


def cell(found: list[dict[str, Any]], n_bits: int) -> str:
    """Return the two mAPs of some seeds, and how many bits there were if these are fewer."""
    if not found:
        return ""
    if found[0]["n_bits"] < n_bits:
        return f"{found[0]['n_bits']} bits only: {found[0]['i2t_map']:.3f} / {found[0]['t2i_map']:.3f}"
    both = [[record[key] for record in found] for key in ("i2t_map", "t2i_map")]
    if len(found) == 1:
        return " / ".join(f"{np.mean(values):.3f}" for values in both)
    return " / ".join(mean_and_spread(values) for values in both)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only-table", action="store_true", help="measure nothing")
    if not parser.parse_args().only_table:
        measure()
    write_between(ROOT / "docs" / "hashing.md", table())
