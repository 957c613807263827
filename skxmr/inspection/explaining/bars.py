"""An explanation as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from skxmr.inspection.drawing.axes import drawing_axes, named_ticks, open_frame
from skxmr.inspection.drawing.words import PLAIN, written
from skxmr.inspection.explaining.contributions import SIDES
from skxmr.inspection.explaining.largest import largest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skxmr.inspection.explaining.explanation import Explanation

# By group: the colour, and the hatch that tells it from the other in grey as well.
_STYLES = (("#2f6db5", ""), ("#f0b45a", "///"))
# Inches per bar, and for everything around the bars.
_BAR = 0.24
_AROUND = 1.3


class Bar(NamedTuple):
    """A named value of one of two groups."""

    name: str
    value: float
    group: int


class Bars(NamedTuple):
    """Bars from top to bottom, what the groups are called, and what the values are."""

    bars: list[Bar]
    groups: list[str]
    axis: str


def bars_of(explanation: Explanation, n: int) -> Bars:
    """Return the bars of the first part that an explanation has."""
    tables = explanation.tables
    if "features" in tables:
        return _of_features(explanation, n)
    if "pairs" in tables:
        head = tables["pairs"].head(n)
        bars = [
            Bar(f"region {region}, {word}", float(attention), 0)
            for region, word, attention in head[["region", "word", "attention"]].itertuples(index=False)
        ]
        return Bars(bars, [], "attention")
    if "labels" in tables:
        return _of_labels(explanation, n)
    if "methods" not in tables:
        raise ValueError(
            f"there is nothing to draw: {explanation.method} is not linear and scores no labels; the similarity is "
            f"{explanation.similarity:.3f}."
        )
    adds = tables["methods"].head(n)[["method", "contribution"]].itertuples(index=False)
    return Bars([Bar(str(method), float(value), 0) for method, value in adds], [], "what it adds to the similarity")


def _of_features(explanation: Explanation, n: int) -> Bars:
    table = explanation.tables["features"]
    bars = []
    groups = []
    for group, (side, modality) in enumerate(zip(SIDES, explanation.modalities, strict=True)):
        own = table[table["side"] == side]
        groups.append(f"{side} ({modality})" if len(own) else "")
        bars += [Bar(line.name, line.contribution, group) for line in largest(own, n)] if len(own) else []
    return Bars(bars, groups, "what it adds to the similarity")


def _of_labels(explanation: Explanation, n: int) -> Bars:
    table = explanation.tables["labels"]
    groups = [f"{side} ({modality})" for side, modality in zip(SIDES, explanation.modalities, strict=True)]
    bars = []
    if "query_score" in table:
        both = table["query_score"] + table["item_score"]
        for place in both.sort_values(ascending=False, kind="stable").index[:n]:
            for group, side in enumerate(SIDES):
                bars.append(Bar(str(table.at[place, "label"]), float(table.at[place, f"{side}_score"]), group))
        return Bars(bars, groups, "score of the label")
    for label, query, item in table[["label", "in_query", "in_item"]].head(n).itertuples(index=False):
        bars += [Bar(str(label), float(query), 0), Bar(str(label), float(item), 1)]
    return Bars(bars, groups, "whether it has the label")


def draw(bars: Bars, title: str, ax: Axes | None) -> Axes:
    """Draw bars from top to bottom; names are written as they are, without formulas."""
    ax = drawing_axes(ax, "Explanation.plot", (6.4, _AROUND + _BAR * max(len(bars.bars), 3)))
    places = _places(bars.bars)
    ink = ax.spines["left"].get_edgecolor()
    for group, (colour, hatch) in enumerate(_STYLES):
        own = [(place, bar.value) for place, bar in zip(places, bars.bars, strict=True) if bar.group == group]
        if own:
            ax.barh(
                [place for place, _ in own],
                [value for _, value in own],
                color=colour,
                hatch=hatch,
                edgecolor=ink,
                linewidth=0.6,
                label=bars.groups[group] if bars.groups else None,
            )
    named_ticks(ax, "y", places, [bar.name for bar in bars.bars], 34)
    ax.set_ylim(max(places, default=0) + 0.7, -0.7)
    ax.axvline(0, color=ink, linewidth=0.8)
    ax.set_xlabel(bars.axis)
    ax.set_title(written(title, 70), fontsize=10, pad=24 if bars.groups else 6).update(PLAIN)
    open_frame(ax)
    if bars.groups:
        ax.legend(frameon=False, fontsize=9, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.2)
    return ax


def _places(bars: list[Bar]) -> list[float]:
    """Return where bars stand; there is a gap where another name follows another group."""
    places: list[float] = []
    place = 0.0
    for i, bar in enumerate(bars):
        if i:
            before = bars[i - 1]
            place += 1.5 if bar.group != before.group and bar.name != before.name else 1.0
        places.append(place)
    return places
