"""Label graphs as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skxmr._data.kinds import FittedGraph, Float64Array, IndexArray
from skxmr._data.option_checks import check_choice, check_k
from skxmr._docstrings import documented_like
from skxmr.inspection.asking.learned import given_graph, learned_part
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.display import Display
from skxmr.inspection.drawing.axes import SMALL, named_ticks, need_matplotlib, panels
from skxmr.inspection.drawing.network import draw_network
from skxmr.inspection.drawing.words import PLAIN, written
from skxmr.metrics._asking import need_retriever, unwrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WANTED = "DAGNN, ALGCN, IGNN, L2GCN, or a pipeline with a LabelGraph step"


@dataclass(kw_only=True, eq=False, repr=False)
class LabelGraphDisplay(Display):
    """Which labels are connected: a heat map, or a network with the names of the labels.

    Beside the graph that a method was given stands the one that it learned (:class:`skxmr.ALGCN`,
    :class:`skxmr.IGNN`). The row of a heat map receives from the column, and so does the head of an arrow from its
    tail. Of more labels than fit on a page the most connected ones are shown.

    Parameters
    ----------
    labels : sequence of length c
        Names of the labels.
    graphs : dict of str to array or sparse matrix of shape (c, c)
        The graphs by their titles.

    Attributes
    ----------
    axes_ : ndarray of Axes
        One per graph.
    labels_ : list
        The names of the labels that are shown.
    images_ : list of AxesImage
        The heat maps; empty for a network.

    Examples
    --------
    >>> from skxmr import LabelGraph
    >>> from skxmr.inspection import LabelGraphDisplay
    >>> graph = LabelGraph(tau=0.5).fit(None, [["sky", "sea"], ["sky"], ["cat"]])
    >>> LabelGraphDisplay.from_estimator(graph).labels_
    ['cat', 'sea', 'sky']
    """

    labels: Sequence[object]
    graphs: Mapping[str, ArrayLike | sp.sparray]

    @classmethod
    @documented_like(CurveDisplay.from_estimator)
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        kind: str = "heatmap",
        n_labels: int = 40,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the graph of a fitted model, and the one that it learned if it did.

        Parameters
        ----------
        estimator : LabelGraph, retriever with a label graph, or a pipeline or search around one
            Fitted.
        kind : {"heatmap", "network"}, default="heatmap"
            A matrix of grey cells, or names with arrows between them.
        n_labels : int, default=40
            The largest number of labels that are shown.
        name : str or None, default=None
            The title.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        labels, graphs = _graphs_of(estimator, cls.__name__)
        return cls(labels=labels, graphs=graphs, name=name).plot(ax, kind=kind, n_labels=n_labels)

    @documented_like(from_estimator)
    @documented_like(Display.plot)
    def plot(
        self, ax: Axes | None = None, *, name: str | None = None, kind: str = "heatmap", n_labels: int = 40
    ) -> Self:
        """Draw the graphs side by side."""
        check_choice(kind, "kind", ("heatmap", "network"))
        check_k(n_labels, optional=False, name="n_labels")
        if not isinstance(self.graphs, Mapping):
            raise TypeError(f"graphs is a {type(self.graphs).__name__}; pass a dict of graphs by their titles.")
        if len(self.labels) == 0:
            raise ValueError("labels is empty, so there is nothing to draw; pass at least one name.")
        matrices = {title: self._checked(graph, title) for title, graph in self.graphs.items()}
        shown = _most_connected(list(matrices.values()), n_labels)
        self.labels_: list[object] = [self.labels[i] for i in shown]
        parts = {title: matrix[shown][:, shown].toarray() for title, matrix in matrices.items()}
        side = 3 + 0.16 * len(shown) if kind == "heatmap" else 5.5
        outer = self._draw_on(ax, (side * len(parts) + 1, side))
        self.axes_: NDArray[Any] = (
            panels(outer, len(parts), gap=0.25)[0] if len(parts) > 1 else np.array([outer], dtype=object)
        )
        self.images_: list[Any] = []
        names = [written(label, 24) for label in self.labels_]
        for own, (title, part) in zip(self.axes_, parts.items(), strict=True):
            if kind == "heatmap":
                self._heat_map(own, part, names)
            else:
                draw_network(own, part, names, list(parts.values()))
            left_out = len(self.labels) - len(shown)
            note = f" ({len(shown)} of {len(self.labels):,} labels)" if left_out else ""
            own.set_title(written(title + note, 60), fontsize=10, **PLAIN)
        self._write_title(name, pad=24 if len(parts) > 1 else None)
        return self

    def _heat_map(self, ax: Axes, part: Float64Array, names: list[str]) -> None:
        """Draw one matrix; what a label keeps of itself would outshine the rest and is left out."""
        from matplotlib import colormaps

        cells = part.copy()
        np.fill_diagonal(cells, np.nan)
        shades = colormaps["Greys"].with_extremes(bad="0.92")
        image = ax.imshow(cells, cmap=shades, vmin=0, vmax=np.nanmax(cells) if (cells > 0).any() else 1)
        self.images_.append(image)
        named_ticks(ax, "x", range(len(names)), names)
        # The graphs beside the first one have the same rows.
        named_ticks(ax, "y", range(len(names)), names if ax is self.axes_[0] else [""] * len(names))
        bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.03, 0, 0.03, 1)))
        bar.ax.tick_params(labelsize=SMALL)

    def _checked(self, graph: ArrayLike | sp.sparray, title: str) -> sp.csr_array:
        """Return a finite graph of the labels as CSR."""
        matrix: sp.csr_array = sp.csr_array(graph, dtype=np.float64)
        c = len(self.labels)
        if matrix.shape != (c, c) or not np.isfinite(matrix.data).all():
            raise ValueError(
                f"the graph {title!r} has the shape {matrix.shape}, but there are {c} labels; it must be ({c}, {c}), "
                "without NaN and infinite values."
            )
        return matrix


def _most_connected(graphs: list[sp.csr_array], n: int) -> IndexArray:
    """Return the labels whose edges to others weigh most, in the order of the labels."""
    if not graphs:
        raise ValueError("graphs is empty; pass at least one, by its title.")
    weights = np.zeros(graphs[0].shape[0])
    for graph in graphs:
        between = abs(graph)
        between.setdiag(0)
        weights += np.asarray(between.sum(axis=0)).ravel() + np.asarray(between.sum(axis=1)).ravel()
    return np.sort(np.argsort(-weights, kind="stable")[:n])


def _graphs_of(estimator: BaseEstimator, who: str) -> tuple[list[object], dict[str, Any]]:
    """Return the names of the labels, and the given and the learned graph of a model."""
    if _is_graph(estimator):
        check_is_fitted(estimator)
        return list(estimator.classes_), {"label graph": estimator.matrix_}
    need_retriever(estimator, "estimator")
    steps = [step for pipeline in unwrapped(estimator)[0] for _, step in pipeline.steps if _is_graph(step)]
    try:
        model = learned_part(estimator, ["network_"], who, _WANTED)
    except TypeError:
        if steps:
            return _graphs_of(steps[-1], who)
        raise
    given = given_graph(model)
    if given is None:
        raise TypeError(f"{type(model).__name__} has no label graph; pass {_WANTED}.")
    graphs = {"given": given}
    for attribute in ("adaptive_matrix_", "learned_graph_"):
        if hasattr(model, attribute):
            graphs["learned"] = getattr(model, attribute).to_numpy()
    return list(model.classes_), graphs


def _is_graph(step: BaseEstimator | FittedGraph) -> bool:
    return hasattr(step, "to_frame") and hasattr(step, "kind")
