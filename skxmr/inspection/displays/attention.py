"""Which words look at which regions, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skxmr._data.arguments import as_pairs, need_both
from skxmr._data.kinds import Float64Array, IndexArray, View
from skxmr._data.option_checks import check_choice, check_k
from skxmr._data.pairs import Pairs
from skxmr._data.regions import Regions
from skxmr._data.repeated import expand
from skxmr._docstrings import documented_like
from skxmr.inspection.asking.attention import attended
from skxmr.inspection.asking.learned import steps_and_part
from skxmr.inspection.asking.runs import name_of
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.display import Display
from skxmr.inspection.drawing.axes import SMALL, named_ticks, need_matplotlib, panels
from skxmr.inspection.drawing.items import Item, pictures_of
from skxmr.inspection.drawing.veil import draw_regions
from skxmr.inspection.drawing.words import PLAIN, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 4
_WANTED = "RACG or SCAN"


@dataclass(kw_only=True, eq=False, repr=False)
class AttentionDisplay(Display):
    """How much attention there is between the words of a text and the regions of an image.

    With boxes, the picture is shown once per word: the more attention a region has, the stronger its frame and the less
    it is veiled, and the region with the most is labelled. Otherwise a heat map shows words by regions.

    Parameters
    ----------
    attention : array-like of shape (w, r)
        Between each word and each region, 0 or more.
    words : sequence of length w
        The words.
    boxes : array-like of shape (r, 4), or None, default=None
        Left, top, right and bottom of each region in [0, 1].
    picture : path, array, PIL image or None, default=None
        The image; None shows the boxes alone.

    Attributes
    ----------
    axes_ : ndarray of Axes
        One per word that is shown, or one with the heat map.
    words_ : list of str
        The words that are shown.

    Examples
    --------
    >>> from skxmr.inspection import AttentionDisplay
    >>> display = AttentionDisplay(
    ...     attention=[[0.9, 0.1], [0.2, 0.8]], words=["cat", "dog"], boxes=[[0, 0, 0.5, 1], [0.5, 0, 1, 1]]
    ... ).plot()
    >>> display.words_
    ['cat', 'dog']
    """

    attention: ArrayLike
    words: Sequence[object]
    boxes: ArrayLike | None = None
    picture: Item = None

    @classmethod
    @documented_like(CurveDisplay.from_estimator)
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: View,
        y: View = None,
        *,
        row: int = 0,
        picture: Item = None,
        kind: str = "auto",
        n_words: int = 8,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Ask a fitted model about one pair and draw.

        Parameters
        ----------
        estimator : RACG, SCAN, or a pipeline, search or TwoStage around one
            Fitted.
        X : Pairs, or images of n rows
            Both views, or the images.
        y : texts of n rows, or None
            Needed unless `X` is a `Pairs`.
        row : int, default=0
            Which pair is shown.
        picture : path, array, PIL image or None, default=None
            The image; None shows the boxes alone.
        kind : {"auto", "boxes", "heatmap"}, default="auto"
            Boxes on the picture, or a heat map; ``"auto"`` takes boxes where there are any.
        n_words : int, default=8
            The largest number of words that are shown: those with the strongest attention.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        pairs, _ = as_pairs(X, y)
        need_both(pairs.image, pairs.text, cls.__name__)
        steps, model = steps_and_part(estimator, ["_sources"], cls.__name__, _WANTED)
        one = pairs[row]
        for step in steps:
            one = step.transform(one)
        found = attended(model, one.image, one.text)
        if found is None:
            raise TypeError(f"{type(model).__name__} has neither graphs nor attention; pass {_WANTED}.")
        return cls(
            attention=found.attention.T,
            words=found.words,
            boxes=_boxes_of(one),
            picture=picture,
            name=name_of(model) if name is None else name,
        ).plot(ax, kind=kind, n_words=n_words)

    @documented_like(from_estimator)
    @documented_like(Display.plot)
    def plot(self, ax: Axes | None = None, *, name: str | None = None, kind: str = "auto", n_words: int = 8) -> Self:
        """Draw the attention."""
        check_choice(kind, "kind", ("auto", "boxes", "heatmap"))
        check_k(n_words, optional=False, name="n_words")
        values = self._checked()
        if kind == "boxes" and self.boxes is None:
            raise ValueError("kind='boxes' needs boxes: pass Regions(features, boxes), or use kind='heatmap'.")
        need_matplotlib(f"{type(self).__name__}.plot")
        picture = None if self.picture is None else pictures_of([self.picture])[0]
        rows = np.sort(np.argsort(-values.max(axis=1), kind="stable")[:n_words])
        self.words_ = [str(self.words[i]) for i in rows]
        if kind == "heatmap" or self.boxes is None:
            self._heat_map(ax, values[rows])
        else:
            self._boxes(ax, values, rows, picture)
        self._write_title(name, pad=20)
        return self

    def _heat_map(self, ax: Axes | None, values: Float64Array) -> None:
        axes = self._draw_on(ax, (2.5 + 0.3 * values.shape[1], 1.5 + 0.28 * len(values)))
        self.axes_: NDArray[Any] = np.array([axes], dtype=object)
        image = axes.imshow(values, cmap="Greys", vmin=0, aspect="auto")
        named_ticks(axes, "y", range(len(self.words_)), self.words_)
        axes.set(xlabel="region", xticks=range(values.shape[1]))
        axes.figure.colorbar(image, ax=axes).ax.tick_params(labelsize=SMALL)

    def _boxes(self, ax: Axes | None, values: Float64Array, rows: IndexArray, picture: Any) -> None:
        n_columns = min(_COLUMNS, len(rows))
        n_rows = -(-len(rows) // n_columns)
        outer = self._draw_on(ax, (2.1 * n_columns, 2.3 * n_rows + 0.5))
        grid = panels(outer, n_columns, n_rows, gap=0.03).ravel()
        self.axes_ = grid[: len(rows)]
        boxes = np.asarray(self.boxes, dtype=np.float64)
        for own, row, word in zip(self.axes_, rows, self.words_, strict=True):
            draw_regions(own, values[row], boxes, picture)
            own.set_title(written(word, 20), fontsize=10, pad=3, **PLAIN)
        for unused in grid[len(rows) :]:
            unused.set_axis_off()

    def _checked(self) -> Float64Array:
        values = np.asarray(self.attention, dtype=np.float64)
        wanted = (len(self.words), values.shape[-1] if values.ndim else 0)
        if values.ndim != 2 or values.shape != wanted or values.size == 0 or not (values >= 0).all():
            raise ValueError(
                f"attention has the shape {values.shape} and there are {len(self.words)} words; numbers of 0 or more "
                "are wanted, of shape (words, regions)."
            )
        if self.boxes is not None and np.shape(self.boxes) != (values.shape[1], 4):
            raise ValueError(
                f"boxes has the shape {np.shape(self.boxes)}; ({values.shape[1]}, 4) is wanted, one per region."
            )
        return values


def _boxes_of(pair: Pairs) -> Float64Array | None:
    view = expand(pair.image)
    if not isinstance(view, Regions) or view.boxes is None:
        return None
    return view.boxes[0][view.mask[0]].astype(np.float64)
