"""The tables of protocols.py, and the figures of ACMR's Table 2 that they look for.

python benchmarks/protocols.py --docs
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from common import ROOT, markdown, recorded, write_between
from protocols import DISTANCES, FEATURES, FILE, MAPS, MEANS, SPLITS

# Wikipedia's shallow features, image→text and text→image: [wang2017], Table 2.
TABLE_2 = {
    "CCA": (0.255, 0.185),
    "CCA-3V": (0.275, 0.224),
    "LCFS": (0.279, 0.214),
    "JFSSL": (0.306, 0.228),
    "JRL": (0.344, 0.277),
    "Multimodal DBN": (0.149, 0.150),
    "Bimodal-AE": (0.236, 0.208),
    "Corr-AE": (0.280, 0.242),
    "ACMR": (0.366, 0.277),
}
OURS = {"CCA": "CCA", "CCA-3V": "CCA3V", "LCFS": "LCFS", "JFSSL": "JFSSL", "JRL": "JRL", "ACMR": "ACMR"}
LINEAR = "CCA", "CCA-3V", "LCFS"
KNOWN = "true classes as texts"
NEAR = 0.005


class Protocol(NamedTuple):
    """How a method is measured."""

    split: str
    features: str
    distance: str
    cut: str
    mean: str


class Cell(NamedTuple):
    """Both mAPs of a method with its parameters under a protocol."""

    protocol: Protocol
    method: str
    parameters: str
    pair: tuple[float, float]

    def off(self, published: tuple[float, float]) -> float:
        """Return the larger of the two distances from a published pair, to three decimals, as papers print them."""
        return round(max(abs(ours - theirs) for ours, theirs in zip(self.pair, published, strict=True)), 4)


def cells(lines: list[dict[str, Any]]) -> Iterator[Cell]:
    """Yield the cells of recorded lines."""
    ways = list(itertools.product(DISTANCES, MAPS, MEANS))
    for line in lines:
        found = iter(line["found"])
        for way in ways:
            protocol = Protocol(line["split"], line["features"], *way)
            yield Cell(protocol, line["method"], line["parameters"], (next(found), next(found)))


def written(pair: tuple[float, float]) -> str:
    """Return two mAPs as the pages write them."""
    return f"{pair[0]:.3f} / {pair[1]:.3f}"


def closest_table(lines: list[dict[str, Any]]) -> str:
    """Return, for every published pair, the cell that comes closest: of the same method where it is here, or of any."""
    every = [cell for cell in cells(lines) if cell.method != KNOWN]
    rows: list[dict[str, object]] = []
    for name, published in TABLE_2.items():
        own = [cell for cell in every if cell.method == OURS.get(name)]
        for some, wanted in ((own, OURS.get(name)), (every, "all methods")):
            if not some:
                continue
            best = min(some, key=lambda cell: cell.off(published))
            near = sum(cell.off(published) <= NEAR for cell in some)
            row: dict[str, object] = {"published": f"{name} {written(published)}", "searched": wanted}
            row |= {"closest": written(best.pair), "off by": f"{best.off(published):.3f}"}
            row |= {"method": f"{best.method}, {best.parameters}", **best.protocol._asdict()}
            rows.append(row | {"within .005": f"{near:,} of {len(some):,}"})
    return markdown(rows)


def together(every: list[Cell]) -> dict[Protocol, dict[str, Cell]]:
    """Return the closest cells of the linear methods, each with parameters of its own, under every protocol."""
    found: dict[Protocol, dict[str, Cell]] = {}
    for name in LINEAR:
        for cell in every:
            if cell.method == OURS[name]:
                best = found.setdefault(cell.protocol, {})
                if name not in best or cell.off(TABLE_2[name]) < best[name].off(TABLE_2[name]):
                    best[name] = cell
    return {protocol: best for protocol, best in found.items() if len(best) == len(LINEAR)}


def together_table(lines: list[dict[str, Any]], shown: int = 3) -> str:
    """Return the protocols that come closest to all linear methods at once, per split, and the one of these pages."""
    found = together(list(cells(lines)))

    def worst(protocol: Protocol) -> float:
        return max(cell.off(TABLE_2[name]) for name, cell in found[protocol].items())

    rows: list[dict[str, object]] = []
    for split in SPLITS:
        of_split = sorted((protocol for protocol in found if protocol.split == split), key=worst)
        usual = Protocol(split, FEATURES[0], DISTANCES[0], MAPS[0], MEANS[0])
        for protocol in [*of_split[:shown], usual]:
            row: dict[str, object] = dict(protocol._asdict())
            for name in LINEAR:
                row[f"{name} {written(TABLE_2[name])}"] = written(found[protocol][name].pair)
            rows.append(row | {"off by": f"{worst(protocol):.3f}"})
    return markdown(rows)


def strongest_table(lines: list[dict[str, Any]]) -> str:
    """Return the highest mean of both mAPs of each kind of method, per cut-off, on features as they are."""
    every = [cell for cell in cells(lines) if cell.protocol.features == FEATURES[0] and cell.protocol.mean == MEANS[0]]
    rows: list[dict[str, object]] = []
    for kind, split in itertools.product(("SemanticMatching", "JRL", "ACMR", "two classifiers", KNOWN), SPLITS):
        row: dict[str, object] = {"method": kind, "split": split}
        for cut in MAPS:
            some = [cell for cell in every if (cell.method, cell.protocol[0], cell.protocol.cut) == (kind, split, cut)]
            if some:
                best = max(some, key=lambda cell: sum(cell.pair))
                row[f"mAP, {cut}"] = f"{written(best.pair)} ({best.parameters}, {best.protocol.distance})"
        if len(row) > 2:
            rows.append(row)
    return markdown(rows)


TABLES = {
    "protocols_closest": closest_table,
    "protocols_together": together_table,
    "protocols_strongest": strongest_table,
}


def write() -> None:
    """Put the tables into docs/results.md."""
    lines = recorded(FILE)
    for name, table in TABLES.items():
        write_between(ROOT / "docs" / "results.md", table(lines), name)


if __name__ == "__main__":
    for made in TABLES.values():
        print(made(recorded(FILE)), end="\n\n")
