"""An explanation in lines to be printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skxmr.inspection.drawing.words import and_more, one_line
from skxmr.inspection.explaining.contributions import SIDES
from skxmr.inspection.explaining.largest import largest

if TYPE_CHECKING:
    import pandas as pd

    from skxmr.inspection.explaining.explanation import Explanation

# Features of each side, labels and pairs that are listed.
_LISTED = 6


def lines_of(explanation: Explanation) -> list[str]:
    """Return the lines of an explanation, the similarity first."""
    lines = [f"{explanation.headline}."]
    tables = explanation.tables
    if "methods" in tables:
        lines += _of_methods(tables["methods"])
    if "features" in tables:
        lines += _of_features(tables["features"], explanation)
        if not tables["features"]["contribution"].any():
            lines.append("One of the two is mapped to the origin, whose similarity with everything is 0.")
    if "labels" in tables:
        lines += _of_labels(tables["labels"])
        lines += _of_path(explanation)
    if "pairs" in tables:
        lines += _of_pairs(tables["pairs"])
    if not tables:
        lines.append(
            f"{explanation.method} is not linear and scores no labels, so that nothing more can be said of it."
        )
    return lines


def _of_methods(table: pd.DataFrame) -> list[str]:
    lines = ["What the methods add, their weight times their similarity:"]
    for method, weight, similarity, adds in table.itertuples(index=False):
        lines.append(f"  {adds:+.3f}  {one_line(method)} ({weight:.2f} x {similarity:.3f})")
    return lines


def _of_features(table: pd.DataFrame, explanation: Explanation) -> list[str]:
    lines = []
    for side, modality in zip(SIDES, explanation.modalities, strict=True):
        own = table[table["side"] == side]
        if own.empty:
            continue
        lines.append(f"What the features of the {side} ({modality}) add, {own['contribution'].sum():+.3f} together:")
        for line in largest(own, _LISTED):
            value = "" if line.value is None else f" = {line.value:.3g}"
            lines.append(f"  {line.contribution:+.3f}  {one_line(line.name)}{value}")
    return lines


def _of_labels(table: pd.DataFrame) -> list[str]:
    shared = table.loc[table["shared"], "label"].tolist()
    lines = [f"Labels of both: {_listed(shared)}."]
    for side in SIDES:
        own = table.loc[table[f"in_{side}"] & ~table["shared"], "label"].tolist()
        lines.append(f"Labels of the {side} alone: {_listed(own)}.")
    if "query_score" in table:
        lines += _of_scores(_best(table))
    return lines


def _of_scores(best: pd.DataFrame) -> list[str]:
    """Return the scores of some labels, and what they add where the similarity is a sum over the labels."""
    adds = "contribution" in best
    lines = [f"Scores of labels, of the query and of the item{', and what they add' * adds}:"]
    for _, label in best.iterrows():
        added = f"  {label['contribution']:+.3f}" if adds else ""
        lines.append(f"  {label['query_score']:+.3f}  {label['item_score']:+.3f}{added}  {one_line(label['label'])}")
    return lines


def _best(table: pd.DataFrame) -> pd.DataFrame:
    """Return the labels that say most: those that add most where this is known, else those that score best in both."""
    scores = table["contribution"].abs() if "contribution" in table else table["query_score"] + table["item_score"]
    return table.loc[scores.sort_values(ascending=False, kind="stable").index[:_LISTED]]


def _of_path(explanation: Explanation) -> list[str]:
    if not explanation.in_graph:
        return []
    if not explanation.path:
        return ["The label graph has no path between labels of the two."]
    if len(explanation.path) == 1:
        return []
    return ["Path in the label graph: " + " - ".join(one_line(name) for name in explanation.path) + "."]


def _of_pairs(table: pd.DataFrame) -> list[str]:
    lines = ["Regions and words with most attention:"]
    for region, word, attention in table.head(_LISTED)[["region", "word", "attention"]].itertuples(index=False):
        lines.append(f"  {attention:.3f}  region {region} and {one_line(word)!r}")
    return lines


def _listed(names: list[object]) -> str:
    if not names:
        return "none"
    return and_more([one_line(name) for name in names[:_LISTED]], len(names))
