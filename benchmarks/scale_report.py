"""The tables of docs/scaling.md that scale.py measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common import markdown

Row = Mapping[str, Any]


def report(rows: Mapping[str, Row]) -> str:
    """Return the tables, and on which processor and when their cases ran."""
    parts = [markdown(list(_work(rows))), markdown(list(_questions(rows)))]
    machines = sorted({row["machine"] for row in rows.values()})
    days = sorted({row["date"] for row in rows.values()})
    period = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return "\n\n".join(part for part in parts if part) + f"\n\nOne thread on {'; '.join(machines)}; {period}."


def _work(rows: Mapping[str, Row]) -> Iterator[dict[str, object]]:
    """Yield the lines of what is done once."""
    for name, row in rows.items():
        if name.startswith("training,") and "limit MB" in row:
            yield _line("an epoch of `DSCMR` on mapped views", row, row["file MB"], row["seconds"], row["peak MB"])
        if name.startswith("Parquet"):
            yield _line("a column of Parquet made a memory map", row, row["file MB"], row["seconds"], row["peak MB"])
        if name.startswith("chunks"):
            what = f"`{row['method']}` by two workers of {row['memory of a worker']}"
            yield _line(what, row, row["file MB"], row["seconds"], row["peak MB of a worker"])
        if name.startswith("index") and "add seconds" in row:
            yield _line("an index filled in parts", row, row["file MB"], row["add seconds"], row["add peak MB"])
            yield _line("that index saved", row, row["file MB"], row["save seconds"], row["save peak MB"])
        if name.startswith("index") and "open seconds" in row:
            yield _line("that index opened", row, "", row["open seconds"], row["open peak MB"])


def _line(what: str, row: Row, size: object, seconds: float, peak: float) -> dict[str, object]:
    on_disk = f"{size:,.0f}" if isinstance(size, float) else size
    difference = f"{row['difference']:.0e}" if "difference" in row else ""
    return {
        "what": what, "rows": f"{row['rows']:,}", "MB on disk": on_disk, "seconds": f"{seconds:.3g}",
        "MB of memory": f"{peak:,.0f}", "differs from memory by": difference,
    }  # fmt: skip


def _questions(rows: Mapping[str, Row]) -> Iterator[dict[str, object]]:
    """Yield the lines of searches in an opened index."""
    for name, row in rows.items():
        if not name.startswith("index") or "open seconds" not in row:
            continue
        items = f"{row['rows']:,}"
        first = {"seconds": row["first query seconds"], "peak MB": row["first query peak MB"]}
        yield _asked(items, "the first one, which reads and checks the file", first)
        for key in row:
            if key.endswith(" seconds") and key[0].isdigit():
                what = key.removesuffix(" seconds")
                found = {"seconds": row[key], "peak MB": row[f"{what} peak MB"]}
                number, _, condition = what.partition(", ")
                words = "1 query" if number == "1" else f"{number} queries"
                yield _asked(items, f"{words}{f', `where` allows {condition}' if condition else ''}", found)


def _asked(items: str, what: str, found: Mapping[str, float]) -> dict[str, object]:
    return {
        "items": items, "search": what, "seconds": f"{found['seconds']:.3g}", "MB of memory": f"{found['peak MB']:,.0f}"
    }  # fmt: skip
