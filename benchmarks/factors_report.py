"""The tables of factors.py, and which changes helped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from common import markdown

# A change of the mean over the sets that counts, and how many of a starting point are joined in pairs.
ENOUGH = 0.005
MOST = 3
# In place of a table without rows.
NOTHING = "Not measured yet."
# Where a cell does not exist.
NONE = "no cell"
Record = dict[str, Any]
Changes = tuple[tuple[str, str], ...]
# The mean mAP of both directions, by set, changes and seed.
Scores = dict[tuple[str, Changes, int], float]


def scores(records: Sequence[Record], start: str) -> Scores:
    """Return what was measured from a starting point."""
    found = {}
    for record in records:
        if record["start"] == start:
            changes = tuple((factor, level) for factor, level in record["changes"])
            found[record["set"], changes, record["seed"]] = (record["i2t"] + record["t2i"]) / 2
    return found


def gains(found: Scores) -> dict[Changes, dict[str, list[float]]]:
    """Return by changes and set how much higher than the starting point of the same seed the mAP is."""
    out: dict[Changes, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (name, changes, seed), value in found.items():
        if changes and (name, (), seed) in found:
            out[changes][name].append(value - found[name, (), seed])
    return out


def moved(records: Sequence[Record], start: str) -> list[tuple[str, str]]:
    """Return the best changes of factors that raised the mean over the sets by enough, the best ones first."""
    best: dict[str, tuple[float, str]] = {}
    for changes, by_set in gains(scores(records, start)).items():
        if len(changes) == 1:
            mean = float(np.mean([np.mean(values) for values in by_set.values()]))
            factor, level = changes[0]
            best[factor] = max(best.get(factor, (ENOUGH, "")), (mean, level))
    ordered = sorted(best, key=lambda factor: best[factor], reverse=True)
    return [(factor, best[factor][1]) for factor in ordered if best[factor][1]][:MOST]


def page(
    records: Sequence[Record],
    factors: Mapping[str, Sequence[str]],
    starts: Mapping[str, Mapping[str, str]],
    sets: Sequence[str],
) -> dict[str, str]:
    """Return a table per starting point and one of pairs, by the name of their place on the page."""
    found = {
        f"factors-{start}": table(scores(records, start), factors, levels, sets) for start, levels in starts.items()
    }
    return found | {"factors-pairs": pairs_table(records, list(starts), sets)}


def table(found: Scores, factors: Mapping[str, Sequence[str]], levels: Mapping[str, str], sets: Sequence[str]) -> str:
    """Return the mAP of the starting point, and what every other level of a factor changes, by set."""
    rows: list[dict[str, object]] = [{"factor": "starting point", "level": ""} | _start_cells(found, sets)]
    by_changes = gains(found)
    for factor, own in factors.items():
        for level in own:
            if level == levels[factor]:
                rows.append({"factor": factor, "level": f"{level} (start)"} | dict.fromkeys([*sets, "mean"], ""))
            else:
                by_set = by_changes.get(((factor, level),), {})
                rows.append({"factor": factor, "level": level} | _gain_cells(by_set, sets, factor))
    return markdown(rows)


def pairs_table(records: Sequence[Record], starts: Sequence[str], sets: Sequence[str]) -> str:
    """Return what two changes together gain, and how much more than the better one of both alone."""
    rows: list[dict[str, object]] = []
    for start in starts:
        by_changes = gains(scores(records, start))
        for changes, by_set in by_changes.items():
            if len(changes) == 2:
                both = " and ".join(f"{factor}: {level}" for factor, level in changes)
                text = "text" if any(factor == "text" for factor, _ in changes) else ""
                rows.append({"start": start, "changes": both} | _gain_cells(by_set, sets, text))
    return markdown(rows) if rows else NOTHING


def _start_cells(found: Scores, sets: Sequence[str]) -> dict[str, object]:
    cells: dict[str, object] = {}
    for name in sets:
        values = [value for (own, changes, _), value in found.items() if own == name and not changes]
        cells[name] = shown(values, "{:.3f}")
    return cells | {"mean": ""}


def _gain_cells(by_set: Mapping[str, Sequence[float]], sets: Sequence[str], factor: str) -> dict[str, object]:
    cells: dict[str, object] = {}
    for name in sets:
        missing = NONE if factor == "text" and name not in ("clipart", "icons") else ""
        cells[name] = shown(by_set[name], "{:+.3f}") if by_set.get(name) else missing
    means = [np.mean(values) for values in by_set.values()]
    return cells | {"mean": f"{np.mean(means):+.3f}" if means else ""}


def shown(values: Sequence[float], form: str) -> str:
    """Return the mean, and the standard deviation over the seeds where there are several; nothing without values."""
    if not values:
        return ""
    mean = form.format(np.mean(values))
    return f"{mean} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else mean
