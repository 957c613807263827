"""Embeddings of both modalities, or of labels, in two dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skxmr._data.arguments import as_pairs, need_both
from skxmr._data.kinds import LabelsLike, Seed, View
from skxmr._data.option_checks import check_choice
from skxmr._docstrings import documented_like
from skxmr.inspection.asking.learned import learned_part
from skxmr.inspection.asking.runs import name_of
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.display import Display
from skxmr.inspection.displays.flat import METHODS, flattened, groups_of, without_overlap
from skxmr.inspection.drawing.axes import SMALL, named_legend, need_matplotlib
from skxmr.inspection.drawing.words import PLAIN, written
from skxmr.metrics._asking import embedded, need_retriever, unwrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

_MARKS = "os^Dv*PX"
_KINDS = ("image", "text", "label")
_AXES = {"pca": "principal component", "tsne": "t-SNE dimension"}


@dataclass(kw_only=True, eq=False, repr=False)
class EmbeddingDisplay(Display):
    """Images and texts in the common space, or the classifiers of labels, brought to two dimensions.

    Vectors are scaled to unit length first, because cosines compare them. Marks of images are filled and those of texts
    open; a group of rows, such as those of a label, has a mark and a colour.

    Parameters
    ----------
    points : dict of str to array-like of shape (n, 2)
        The points of ``"image"``, ``"text"`` or ``"label"``.
    groups : sequence of length n, or None, default=None
        The group of each row of images and texts; None for a row of no group, which is drawn in grey.
    names : sequence of str, or None, default=None
        What stands beside the points of labels.
    method : {"pca", "tsne"}, default="pca"
        How they were brought to two dimensions.

    Attributes
    ----------
    scatter_ : list of PathCollection
        The marks.

    Examples
    --------
    >>> from skxmr import MLCCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.inspection import EmbeddingDisplay
    >>> pairs, labels = make_multilabel_pairs(80, random_state=0)
    >>> display = EmbeddingDisplay.from_estimator(MLCCA().fit(pairs, labels), pairs, labels)
    >>> display.points["image"].shape
    (80, 2)
    """

    points: Mapping[str, ArrayLike]
    groups: Sequence[object] | None = None
    names: Sequence[object] | None = None
    method: str = "pca"

    @classmethod
    @documented_like(CurveDisplay.from_estimator)
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: View = None,
        y: View | LabelsLike = None,
        labels: LabelsLike = None,
        *,
        method: str = "pca",
        n_groups: int = 6,
        max_points: int = 1000,
        random_state: Seed = 0,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Embed rows with a fitted model and draw them, or without rows the classifiers of its labels.

        Parameters
        ----------
        estimator : retriever that embeds, or a pipeline or search around one
            Fitted.
        X : Pairs, array-like of shape (n, d_image), or None, default=None
            Both views, or the images. None draws the classifiers of the labels, as `DAGNN` and others learn them.
        labels : multi-hot (n, c), class ids (n,), n lists of tags, or None
            Labels of the rows. A row is in the group of its most frequent label.
        method : {"pca", "tsne"}, default="pca"
            Principal components, or t-SNE, which keeps neighbours together and no distances.
        n_groups : int, default=6
            Labels that have a mark of their own, the most frequent ones; at most 8.
        max_points : int, default=1000
            Of more rows, this number is drawn at random.
        random_state : int, RandomState or None, default=0
            Seed of these rows and of t-SNE.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        called = name_of(estimator) if name is None else name
        if X is None:
            model = learned_part(
                estimator, ["classifiers_"], cls.__name__, "DAGNN, ALGCN, IGNN and L2GCN; or pass rows"
            )
            points = flattened({"label": model.classifiers_}, method, random_state)
            return cls(points=points, names=list(model.classes_), method=method, name=called).plot(ax)
        need_retriever(estimator, "estimator")
        if not hasattr(estimator, "transform"):
            # A search without a fitted model is refused here.
            unwrapped(estimator)
            raise TypeError(
                f"{called} compares pair by pair and makes no embeddings, so it has no common space to draw."
            )
        pairs, given = as_pairs(X, y, labels)
        need_both(pairs.image, pairs.text, "EmbeddingDisplay")
        found = embedded(estimator, pairs)
        return cls.from_embeddings(
            np.asarray(found.image),
            found.text,
            given,
            method=method,
            n_groups=n_groups,
            max_points=max_points,
            random_state=random_state,
            name=called,
            ax=ax,
        )

    @classmethod
    @documented_like(from_estimator)
    def from_embeddings(
        cls,
        image: ArrayLike | None = None,
        text: ArrayLike | None = None,
        labels: LabelsLike = None,
        *,
        method: str = "pca",
        n_groups: int = 6,
        max_points: int = 1000,
        random_state: Seed = 0,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw embeddings that are given.

        Parameters
        ----------
        image, text : array-like of shape (n, d), or None, default=None
            Embeddings of both modalities, or of one of them.
        name : str or None, default=None
            What the picture calls the method.
        """
        need_matplotlib(f"{cls.__name__}.from_embeddings")
        views = {kind: view for kind, view in (("image", image), ("text", text)) if view is not None}
        groups, rows = groups_of(views, labels, n_groups, max_points, random_state)
        points = flattened({kind: np.asarray(view)[rows] for kind, view in views.items()}, method, random_state)
        return cls(points=points, groups=groups, method=method, name=name).plot(ax)

    @documented_like(Display.plot)
    def plot(self, ax: Axes | None = None, *, name: str | None = None) -> Self:
        """Draw the points."""
        check_choice(self.method, "method", METHODS)
        if not self.points:
            raise ValueError("points is empty; pass the points of 'image', 'text' or 'label'.")
        points = {kind: np.asarray(own, dtype=np.float64) for kind, own in self.points.items()}
        for kind, own in points.items():
            check_choice(kind, "each key of points", _KINDS)
            if own.ndim != 2 or own.shape[1] != 2 or not np.isfinite(own).all():
                raise ValueError(f"points of {kind!r} have the shape {own.shape}; finite numbers (n, 2) are wanted.")
        self._draw_on(ax, (6, 5)).margins(0.08)
        self.scatter_: list[PathCollection] = []
        for kind, own in points.items():
            self._scatter(kind, own)
        if self.names is not None and "label" in points:
            self._name_points(points["label"])
        axis = _AXES[self.method]
        self.ax_.set(xlabel=f"first {axis}", ylabel=f"second {axis}", xticks=[], yticks=[])
        self._write_title(name)
        if list(points) != ["label"]:
            named_legend(self.ax_, fontsize=SMALL, loc="center left", bbox_to_anchor=(1, 0.5))
        return self

    def _scatter(self, kind: str, points: Any) -> None:
        """Draw the points of one kind, group by group."""
        groups = None if kind == "label" else self.groups
        given: list[object] = [""] * len(points) if groups is None else list(groups)
        if len(given) != len(points):
            raise ValueError(f"groups has {len(given)} rows but there are {len(points)} points of {kind!r}.")
        # What is in no group comes last.
        order = sorted(set(given), key=lambda group: (group is None, str(group)))
        places = np.array([order.index(group) for group in given])
        for i, group in enumerate(order):
            own = points[places == i]
            colour = "0.6" if group is None else f"C{i}"
            marks: dict[str, Any] = {"facecolors": "none" if kind == "text" else colour, "edgecolors": colour}
            found = self.ax_.scatter(own[:, 0], own[:, 1], s=22, marker=_MARKS[i % len(_MARKS)], linewidths=1, **marks)
            # A long name would leave the points no room.
            title = "other labels" if group is None else written(group, 24)
            found.set_label(kind if groups is None else f"{title}, {kind}")
            self.scatter_.append(found)

    def _name_points(self, points: Any) -> None:
        """Write the names of labels beside their points, where they do not cover others; say how many do not fit."""
        names = [written(name, 24) for name in self.names or []]
        if len(names) != len(points):
            raise ValueError(f"names has {len(names)} entries but there are {len(points)} points of labels.")
        # The limits of the axes are settled only when they are asked for.
        self.ax_.autoscale_view()
        points_per_pixel = 72 / self.ax_.figure.dpi
        places = self.ax_.transData.transform(points) * points_per_pixel
        widths = np.array([0.6 * SMALL * len(name) for name in names])
        # At the right edge a name stands left of its point.
        turned = places[:, 0] + widths > self.ax_.bbox.x1 * points_per_pixel
        places[turned, 0] -= widths[turned]
        free = without_overlap(places, widths, 1.3 * SMALL)
        for i in free:
            across, side = (-4, "right") if turned[i] else (4, "left")
            text = {"textcoords": "offset points", "fontsize": SMALL, "ha": side, **PLAIN}
            self.ax_.annotate(names[i], points[i], (across, 3), **text)
        if len(free) < len(names):
            said = f"{len(names) - len(free)} of {len(names)} names have no room"
            self.ax_.text(0.99, 0.01, said, ha="right", fontsize=SMALL, alpha=0.7, transform=self.ax_.transAxes)
