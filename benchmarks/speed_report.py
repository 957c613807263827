"""Tables of what speed.py measured: on the screen, in docs/performance.md and in the README."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from common import RESULTS, ROOT, markdown, write_between

# The README's comparisons: what, the case and one side of it, how the side is called, and what is said of it.
_TIMES = "takes {slower:.1f} times as long"
_FASTER = "is {faster:.0f} times faster"
_CCA = "CCA 23,000 x 4,096 x 500 (CSR), 200 components"
_MAP = "mAP {} x 23,000, d = 1,024, 24 labels"
README = [
    ("`CCA`, 23,000 rows, 4,096 and 500 features (CSR)", _CCA, "products", "the products of the covariances", _TIMES),
    ("the same", _CCA, "cca_zoo", "cca_zoo", "is {faster:.1f} times faster, in {memory:.2f} of the memory"),
    (
        "`PLS`, the same rows, time per component",
        "PLS 23,000 x 4,096 x 500 (CSR), seconds per component",
        "PLSCanonical, 1 component",
        "scikit-learn's `PLSCanonical`",
        _FASTER,
    ),
    (
        "exact mAP of 2,000 queries x 23,000 items",
        _MAP.format("2,000"),
        "product, relevance, np.sort",
        "one product, relevance and one sort",
        _TIMES,
    ),
    ("the same", _MAP.format("2,000"), "vectorised loop over queries", "a vectorised loop over queries", _FASTER),
    ("exact mAP of 256 queries x 23,000 items", _MAP.format("256"), "torchmetrics", "torchmetrics", _FASTER),
    ("the same", _MAP.format("256"), "pytrec_eval", "pytrec_eval", _FASTER),
    (
        "`RACG`, pairs of 36 regions with 8 to 20 words",
        "RACG, 20 images x 100 sentences, d = 1,024",
        "matrix products",
        "its matrix products",
        _TIMES,
    ),
    (
        "a training step of `DAGNN` with 100 rows, skorch included",
        "DAGNN, batches of 100",
        "plain loop",
        "the same network in a plain loop",
        _TIMES,
    ),
    ("the same", "DAGNN, batches of 100", "matrix products", "its matrix products", _TIMES),
]


def readme_table(measured: dict[str, Any]) -> str:
    """Return the README's comparisons, all on one thread."""
    rows = []
    for what, case, side, name, said in README:
        slower, memory = compared(measured, case, side)
        result = said.format(slower=slower, faster=1 / slower, memory=memory)
        rows.append({"what": what, "compared with": name, "result": result})
    return markdown(rows)


def compared(measured: dict[str, Any], case: str, side: str) -> tuple[float, float]:
    """Return the time and the memory of the library divided by those of a side, on one thread."""
    rows = {row["side"]: row for row in measured["rows"] if row["case"] == case and row["threads"] == 1}
    ours = next(iter(rows.values()))
    return rows[side]["ratio"], ours["peak_mb"] / max(rows[side]["peak_mb"], 1e-9)


def report(measured: dict[str, Any]) -> str:
    """Return every side of every case, and the rates of the machine, as Markdown."""
    rates = [
        {"table, threads": name} | {rate: f"{value:.1f}" for rate, value in found.items()}
        for name, found in measured["rates"].items()
    ]
    return "\n\n".join([*(_table(measured, name) for name in _tables(measured)), markdown(rates), _versions(measured)])


def write_docs(measured: dict[str, Any]) -> None:
    """Write the page and the JSON file behind it; tables that were not measured this time keep their figures."""
    file = RESULTS / "speed.json"
    if file.exists():
        measured = merged(json.loads(file.read_text(encoding="utf-8")), measured)
    (RESULTS / "speed.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    write_between(ROOT / "docs" / "performance.md", report(measured))
    write_between(ROOT / "README.md", readme_table(measured), "fast")


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return all tables of two files in the order of the old one, those that both have from the new one."""
    anew = set(_tables(new))
    rates = {key: value for key, value in old["rates"].items() if key.split(",")[0] not in anew}
    rows = [row for row in old["rows"] if row["table"] not in anew]
    order = _tables({"rows": old["rows"] + new["rows"]})
    rows = sorted(rows + new["rows"], key=lambda row: order.index(row["table"]))
    return new | {"rates": rates | new["rates"], "rows": rows}


def _tables(measured: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(row["table"] for row in measured["rows"]))


def _table(measured: dict[str, Any], table: str) -> str:
    rows = [row for row in measured["rows"] if row["table"] == table]
    return f"### {table.capitalize()}\n\n" + markdown([_line(row) for row in rows])


def _line(row: dict[str, Any]) -> dict[str, object]:
    seconds = np.array(row["seconds"])
    unit = f"{row['clock']}, {row['threads']} thread" + "s" * (row["threads"] > 1)
    return {
        "case": row["case"],
        "side": row["side"],
        "seconds": f"{np.median(seconds):.4g} ({seconds.min():.4g} to {seconds.max():.4g}) {unit}",
        "extra MB": f"{row['peak_mb']:.0f}",
        "skxmr / side": f"{row['ratio']:.3g}",
        "target": "; ".join(
            f"{target['what']} {target['bound']:g}: {target['value']:.3g}{'' if target['holds'] else ' **missed**'}"
            for target in row["targets"]
        ),
    }


def _versions(measured: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
    return f"Processor: {measured['machine']}. Versions: {versions}."
