"""The page of a report: one file of HTML."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from skxmr.inspection.drawing.html_table import Column
from skxmr.inspection.drawing.words import arrowed
from skxmr.inspection.reporting.cells import bar, decimal, labels_cell, name, table, whole
from skxmr.inspection.reporting.items import Items, item_html
from skxmr.inspection.reporting.pictures import pictures
from skxmr.inspection.reporting.style import HEAD
from skxmr.metrics._scorers import DIRECTIONS

if TYPE_CHECKING:
    import pandas as pd

    from skxmr.inspection.reporting.reported import Report

# Lines of a table that are shown; `to_frame` has all of them.
_LINES = 30


def page(report: Report) -> str:
    """Return the whole page. Names are escaped, and signs that no file can hold are replaced."""
    parts = [
        ("Summary", _summary(report)),
        ("Precision among the first items", pictures(report)),
        ("Labels", _labels(report)),
        ("Hardest queries", _hardest(report)),
        ("Confused labels", _confusions(report)),
        ("Unanswerable queries", _unanswerable(report)),
        ("Tags", _tags(report)),
        ("The rows", _facts(report)),
    ]
    title = escape(f"{report.method}: retrieval report")
    body = "".join(f"<section><h2>{escape(heading)}</h2>{html}</section>\n" for heading, html in parts if html)
    text = f"{HEAD}<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def _summary(report: Report) -> str:
    frame = report.tables["summary"]
    k = int(frame["k"].max())
    columns = [
        Column("direction", lambda line: arrowed(line["direction"])),
        # What counts most stands first, because a phone shows the first columns.
        Column("mAP", lambda line: decimal(line["map"]), numeric=True),
        Column(f"precision at {k}", lambda line: decimal(line["precision_at_k"]), numeric=True),
        Column(f"hit at {k}", lambda line: decimal(line["hit_at_k"]), numeric=True),
        Column("median rank", lambda line: decimal(line["median_rank"], 1), numeric=True),
        Column("queries", lambda line: whole(line["queries"]), numeric=True),
        Column("without an answer", lambda line: whole(line["unanswerable"]), numeric=True),
    ]
    note = ""
    if (frame["unanswerable"] == frame["queries"]).all():
        note = "<p><strong>No query has a relevant item, so that nothing could be measured.</strong></p>"
    return note + table(frame, columns)


def _labels(report: Report) -> str:
    frame = report.tables.get("labels")
    if frame is None:
        return "<p>No labels were given: relevant is what belongs to the same row or image.</p>"
    columns = [
        Column("label", lambda line: name(line["label"])),
        Column("rows", lambda line: whole(line["rows"]), numeric=True),
    ]
    for direction in DIRECTIONS:
        columns.append(Column(f"mAP {arrowed(direction)}", partial(_bar_of, f"{direction}_map")))
    intro = _intro("The mean average precision of the queries with a label, the most frequent label first.")
    return intro + table(frame, columns, _LINES, 'to_frame("labels")')


def _bar_of(column: str, line: pd.Series[Any]) -> str:
    return bar(line[column])


def _item_of(items: Items, modality: str, column: str, labels: str, line: pd.Series[Any]) -> str:
    """Return a query or an item, and its labels where these are known."""
    shown = item_html(items, modality, int(line[column]))
    return f'{shown}<div class="labels">{labels_cell(line[labels])}</div>' if labels in line else shown


def _hardest(report: Report) -> str:
    frame = report.tables["hardest"]
    if frame.empty:
        return "<p>There are none, because no query has a relevant item.</p>"
    parts = [_intro("Queries that have an answer and are answered worst, and what came first instead.")]
    for direction in DIRECTIONS:
        own = frame[frame["direction"] == direction]
        query, _, item = direction.partition("_to_")
        columns = [
            Column("query", partial(_item_of, report.items, query, "row", "labels")),
            Column("came first", partial(_item_of, report.items, item, "first", "first_labels")),
            Column("average precision", lambda line: decimal(line["average_precision"]), numeric=True),
            Column("first right one", lambda line: decimal(line["first_rank"], 0), numeric=True),
        ]
        parts.append(f"<h3>{arrowed(direction)}</h3>{table(own, columns)}")
    return "".join(parts)


def _confusions(report: Report) -> str:
    frame = report.tables.get("confusions")
    if frame is None:
        return ""
    if frame.empty:
        return "<p>There are none: no wrong item is among the first ones.</p>"
    columns = [
        Column("queries with", lambda line: name(line["label"])),
        Column("find wrongly", lambda line: name(line["confused_with"])),
        Column("times", lambda line: whole(line["wrong"]), numeric=True),
        Column("share of their first places", lambda line: bar(line["share"])),
    ]
    k = int(report.tables["summary"]["k"].max())
    intro = _intro(f"Labels of wrong items among the first {k}; a wrong item shares no label with the query.")
    return intro + table(frame, columns, _LINES, 'to_frame("confusions")')


def _unanswerable(report: Report) -> str:
    frame = report.tables["unanswerable"]
    if frame.empty:
        return "<p>There are none: every query has a relevant item.</p>"
    columns = [
        Column("direction", lambda line: arrowed(line["direction"])),
        Column("row", lambda line: whole(line["row"]), numeric=True),
    ]
    if "labels" in frame:
        columns.append(Column("its labels", lambda line: labels_cell(line["labels"])))
    intro = _intro("Queries without a relevant item among all items; they are left out of all means.")
    return intro + table(frame, columns, _LINES, 'to_frame("unanswerable")')


def _tags(report: Report) -> str:
    frame = report.tables.get("tags")
    if frame is None:
        return ""
    columns = [
        Column("label", lambda line: name(line["label"])),
        Column("rows", lambda line: whole(line["rows"]), numeric=True),
        Column("named", lambda line: whole(line["named"]), numeric=True),
        Column("precision", lambda line: decimal(line["precision"], 2), numeric=True),
        Column("recall", lambda line: decimal(line["recall"], 2), numeric=True),
        Column("F1", lambda line: bar(line["f1"])),
        Column("threshold", lambda line: decimal(line["threshold"], 2), numeric=True),
        Column("best F1", lambda line: decimal(line["best_f1"], 2), numeric=True),
        Column("best threshold", lambda line: decimal(line["best_threshold"], 2), numeric=True),
    ]
    parts = [
        _intro(
            "Tags that the model gives to images alone and to texts alone. The best threshold of a label is the one "
            "with the largest F1 on these very rows."
        )
    ]
    for modality, own in frame.groupby("modality", sort=False):
        ordered = own.sort_values("rows", ascending=False, kind="stable")
        parts.append(f"<h3>{modality}s</h3><p>{_calibration(own)}</p>")
        parts.append(table(ordered, columns, _LINES, 'to_frame("tags")'))
    return "".join(parts)


def _calibration(tags: pd.DataFrame) -> str:
    """Say how good the thresholds of fit are, compared with the best ones."""
    occurring = tags[tags["rows"] > 0]
    best = f"the best thresholds for these rows give {decimal(occurring['best_f1'].mean())}"
    if tags["threshold"].isna().all():
        return f"Fit held out no rows and has set no thresholds; {best} as the mean F1 over the labels."
    f1 = occurring["f1"].fillna(0).mean() if len(occurring) else np.nan
    return (
        f"Mean F1 over the labels: {decimal(f1)} at the thresholds of fit; {best}. "
        f"{whole(tags['named'].sum())} tags are named, where the rows have {whole(tags['rows'].sum())}."
    )


def _facts(report: Report) -> str:
    columns = [
        Column("what", lambda line: escape(str(line["fact"]))),
        Column("value", lambda line: name(line["value"])),
    ]
    return table(report.tables["facts"], columns)


def _intro(text: str) -> str:
    return f"<p>{escape(text)}</p>"
