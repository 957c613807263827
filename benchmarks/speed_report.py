"""Tables of what speed.py measured: on the screen and in docs/performance.md."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from common import RESULTS, ROOT, markdown, write_between


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


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return all tables of two files, those that both have from the new one."""
    anew = set(_tables(new))
    rates = {key: value for key, value in old["rates"].items() if key.split(",")[0] not in anew}
    rows = [row for row in old["rows"] if row["table"] not in anew]
    return new | {"rates": rates | new["rates"], "rows": rows + new["rows"]}


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
