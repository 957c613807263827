"""Labels as a network: names, and arrows between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skxmr._data.kinds import Float64Array
from skxmr.inspection.drawing.axes import SMALL, inches
from skxmr.inspection.drawing.words import PLAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Arrows that are drawn at most, per label; a learned graph may connect all labels.
_PER_LABEL = 2
# The share of the axes that is left free on each side.
_MARGIN = 0.12


def draw_network(ax: Axes, part: Float64Array, names: list[str], all_parts: list[Float64Array]) -> None:
    """Draw the strongest edges of a graph (c, c), from the column to the row, and the names of connected labels.

    The places come of all graphs (c, c) that are shown together, so that these can be compared.
    """
    try:
        import networkx as nx
    except ImportError as error:
        raise ImportError(f"kind='network' needs networkx ({error}): pip install 'skxmr[plot]'.") from error

    whole = nx.DiGraph()
    for other in all_parts:
        whole.add_edges_from(_strongest(other))
    places = nx.spring_layout(whole.to_undirected(), seed=0, k=3.5 / max(1, len(whole)) ** 0.5, iterations=200)
    places = _apart(places, names, inches(ax))
    edges = _strongest(part)
    ax.set_axis_off()
    if edges:
        strength = np.array([part[i, j] for j, i in edges])
        widths = 0.5 + 2.5 * strength / strength.max()
        graph = nx.DiGraph(edges)
        nx.draw_networkx_edges(
            graph, places, edgelist=edges, width=widths, edge_color="0.45", arrowsize=9, node_size=500, ax=ax,
            connectionstyle="arc3,rad=0.08", hide_ticks=False,
        )  # fmt: skip
    connected = {label for edge in edges for label in edge}
    for label in connected:
        x, y = places[label]
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "0.3", "linewidth": 0.8}
        # The box is light in every style.
        ax.text(
            x, y, names[label], color="black", ha="center", va="center", fontsize=SMALL, bbox=box, zorder=4, **PLAIN
        )
    alone = len(names) - len(connected)
    if alone:
        note = f"{alone:,} label{'s' * (alone > 1)} without such arrows"
        ax.text(0.5, -0.02, note, ha="center", va="top", fontsize=SMALL, transform=ax.transAxes)
    ax.margins(_MARGIN)


def _apart(places: dict[int, Float64Array], names: list[str], size: tuple[float, float]) -> dict[int, Float64Array]:
    """Return the places of labels on axes of a size in inches, moved up or down where names would cover one another."""
    if len(places) < 2:
        return places
    x, y = np.array(list(places.values())).T
    inch = np.ptp([x, y], axis=1) * (1 + 2 * _MARGIN) / size
    # Letters are about .62 of their size wide; a box adds some room around a name, and lines are 2 sizes apart.
    wide = inch[0] * np.array([0.62 * len(names[label]) + 1 for label in places]) * SMALL / 72
    high = inch[1] * 2 * SMALL / 72
    side_by_side = np.abs(np.subtract.outer(x, x)) < np.add.outer(wide, wide) / 2
    np.fill_diagonal(side_by_side, False)
    # A name may be moved onto the next one, which is then moved, too.
    for _ in range(100):
        gap = np.subtract.outer(y, y)
        lacks = np.where(side_by_side, high - np.abs(gap), 0).clip(0)
        if lacks.max() < 0.01 * high:
            break
        y = y + (np.sign(gap) * lacks).sum(axis=1) / 2
    return dict(zip(places, np.column_stack([x, y]), strict=True))


def _strongest(part: Float64Array) -> list[tuple[int, int]]:
    """Return the strongest edges between different labels, each as (from, to)."""
    weights = part.copy()
    np.fill_diagonal(weights, 0)
    order = np.argsort(-weights, axis=None, kind="stable")[: _PER_LABEL * len(part)]
    to, source = np.unravel_index(order, weights.shape)
    return [(int(j), int(i)) for i, j in zip(to, source, strict=True) if weights[i, j] > 0]
