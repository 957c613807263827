"""Pictures of a report, as data within its page."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from skxmr.inspection.drawing.axes import need_matplotlib, open_frame
from skxmr.inspection.drawing.words import arrowed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from skxmr.inspection.reporting.reported import Report

# By direction: its colour, line and mark.
_STYLES = {"image_to_text": ("#2f6db5", "-", "o"), "text_to_image": ("#b35a00", "--", "s")}
_BINS = np.linspace(0, 1, 11)


def pictures(report: Report) -> str:
    """Return the precision among the first items, and how average precisions are distributed, as HTML."""
    if report.tables["hardest"].empty:
        return ""
    need_matplotlib("Report.save")
    from matplotlib import style

    # The page has its own colours and sizes, whatever style the user has chosen.
    with style.context("default"):
        return _figure(
            _drawn(report, _draw_scopes),
            "Precision among the first items",
            "Mean share of relevant items among the first ones.",
        ) + _figure(
            _drawn(report, _draw_histogram),
            "Distribution of the average precision of queries",
            "How many queries are answered how well.",
        )


def _drawn(report: Report, draw: Callable[[Report, Axes], None]) -> Figure:
    # A figure of its own, which pyplot does not know, leaves open windows and the backend of the user alone.
    from matplotlib.figure import Figure

    # As wide as the screen of a phone, where letters are then as large as they are here.
    figure = Figure(figsize=(3.8, 2.6), dpi=200, layout="constrained")
    ax = figure.subplots()
    draw(report, ax)
    open_frame(ax)
    ax.legend(frameon=False, fontsize=9)
    return figure


def _draw_scopes(report: Report, ax: Axes) -> None:
    for direction, own in report.tables["scope"].groupby("direction", sort=False):
        colour, line, mark = _STYLES[direction]
        ax.plot(own["scope"], own["precision"], line, marker=mark, color=colour, label=arrowed(direction))
    ax.set_xscale("log")
    scopes = sorted(set(report.tables["scope"]["scope"]))
    ax.set_xticks(scopes, [str(scope) for scope in scopes])
    ax.minorticks_off()
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("number of first items")
    ax.set_ylabel("precision")


def _draw_histogram(report: Report, ax: Axes) -> None:
    answered = report.tables["queries"].dropna(subset=["average_precision"])
    hatches = ("", "///")
    for place, (direction, own) in enumerate(answered.groupby("direction", sort=False)):
        style: dict[str, Any] = {"color": _STYLES[direction][0], "hatch": hatches[place], "label": arrowed(direction)}
        counts, _ = np.histogram(own["average_precision"], bins=_BINS)
        lefts = _BINS[:-1] + 0.005 + 0.045 * place
        ax.bar(lefts, counts, 0.045, align="edge", edgecolor="#ffffff", **style)
    ax.set_xlabel("average precision")
    ax.set_ylabel("queries")


def _figure(figure: Figure, alt: str, caption: str) -> str:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">'
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>\n"
