"""What a model finds, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skxmr._data.arguments import as_pairs
from skxmr._data.kinds import IndexArray, LabelsLike, View, n_rows
from skxmr._data.option_checks import check_choice, check_flag, check_k
from skxmr._docstrings import documented_like
from skxmr.inspection.asking.runs import name_of, runs_of_estimators, runs_of_predictions, shown_rows
from skxmr.inspection.displays.curves import CurveDisplay
from skxmr.inspection.displays.display import Display
from skxmr.inspection.drawing.axes import SMALL, need_matplotlib
from skxmr.inspection.drawing.items import Item, checked_view, pictures_of, shown_items
from skxmr.inspection.drawing.strip import Strip, legend_line, size_of
from skxmr.inspection.drawing.words import wrapped
from skxmr.metrics._matrices import MatrixLike, as_matrix, check_matrices, relevance_rows, score_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

# Queries that are shown where nobody chooses them, and inches per side of a picture.
_N_QUERIES = 4
_INCHES = 1.05


@dataclass(kw_only=True, eq=False, repr=False)
class RetrievalDisplay(Display):
    """Queries and what comes first for them: pictures of images, and words of texts.

    A relevant result has a full frame and a tick, another one a dashed frame and a cross, so that they are told apart
    without colours.

    Parameters
    ----------
    queries : list of n items
        A string is words; a path (`pathlib.Path`), an array or a PIL image is a picture.
    results : list of n lists of items
        What was found for each query, best first.
    scores : list of n lists of float, or None, default=None
        How well each result fits.
    relevant : list of n lists of bool, or None, default=None
        Whether each result is relevant.

    Attributes
    ----------
    frames_ : list of Rectangle
        The frames around the results, where these are pictures.
    texts_ : list of Text
        Everything that is written.

    Examples
    --------
    >>> from skxmr.inspection import RetrievalDisplay
    >>> scores, relevance = [[0.9, 0.5, 0.1]], [[1, 0, 1]]
    >>> found = ["a boat", "a car", "a ship"]
    >>> display = RetrievalDisplay.from_predictions(scores, relevance, query_items=["sea"], gallery_items=found, k=2)
    >>> display.results, display.relevant
    ([['a boat', 'a car']], [[True, False]])
    """

    queries: Sequence[Item]
    results: Sequence[Sequence[Item]]
    scores: Sequence[Sequence[float]] | None = None
    relevant: Sequence[Sequence[bool]] | None = None

    @classmethod
    @documented_like(CurveDisplay.from_estimator)
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: View,
        y: View | LabelsLike = None,
        labels: LabelsLike = None,
        *,
        queries: ArrayLike | None = None,
        direction: str = "text_to_image",
        k: int = 6,
        images: View = None,
        texts: View = None,
        exclude_self: bool = False,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Search with a fitted model and draw what comes first.

        Parameters
        ----------
        estimator : retriever, or a pipeline or search around one
            Fitted.
        queries : array-like of int, or None, default=None
            Which rows ask; None takes the first four. Where several texts share an image and images ask, these are the
            numbers of the distinct images.
        direction : {"text_to_image", "image_to_text"}, default="text_to_image"
            Which modality queries the other.
        k : int, default=6
            Number of results per query; a smaller gallery has fewer.
        images : array-like of n pictures, or None, default=None
            Paths, arrays or PIL images of the rows; None takes the images of `X` if these are pictures.
        texts : sequence of n texts, or None, default=None
            Words of the rows; None takes the texts of `X` if these are words.
        exclude_self : bool, default=False
            Leave out what belongs to the query: the same row, and rows of the same image or group.
        """
        need_matplotlib(f"{cls.__name__}.from_estimator")
        check_choice(direction, "direction", ("text_to_image", "image_to_text"))
        check_flag(exclude_self, "exclude_self")
        ((run,),) = runs_of_estimators([estimator], X, y, labels, direction).values()
        pairs, _ = as_pairs(X, y, labels)
        shown = _shown_views(pairs, images, texts)
        groups_of = {modality: pairs.groups[own] for modality, own in shown_rows(pairs).items()}
        asks, answers = ("text", "image") if direction == "text_to_image" else ("image", "text")
        rows = _checked_rows(queries, run.scores.shape[0])
        own = np.equal.outer(groups_of[asks][rows], groups_of[answers]) if exclude_self else None
        best, scores, relevant = _first(run.scores, run.relevance, rows, k, own)
        return cls(
            queries=shown_items(shown[asks], asks, rows),
            results=[shown_items(shown[answers], answers, row) for row in best],
            scores=scores,
            relevant=relevant,
            name=name_of(estimator) if name is None else name,
        ).plot(ax)

    @classmethod
    @documented_like(from_estimator)
    @documented_like(CurveDisplay.from_predictions)
    def from_predictions(
        cls,
        scores: MatrixLike,
        relevance: MatrixLike | None = None,
        *,
        query_items: View,
        gallery_items: View,
        queries: ArrayLike | None = None,
        k: int = 6,
        exclude_self: bool = False,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw what comes first by given scores.

        Parameters
        ----------
        scores : matrix of shape (n, m)
            Larger means closer.
        relevance : boolean matrix of shape (n, m), or None, default=None
            Which items are relevant; None if this is not known.
        query_items : sequence of n items
            A string is words; a path (`pathlib.Path`), an array or a PIL image is a picture.
        gallery_items : sequence of m items
            The same kinds.
        queries : array-like of int, or None, default=None
            Which rows ask; None takes the first four.
        exclude_self : bool, default=False
            Leave gallery item i out of the results of query i, because they are the same thing.
        """
        need_matplotlib(f"{cls.__name__}.from_predictions")
        check_flag(exclude_self, "exclude_self")
        S = as_matrix(scores, "scores")
        R = None
        if relevance is not None:
            ((run,),) = runs_of_predictions(scores, relevance).values()
            R = run.relevance
        n, m = check_matrices(S, S if R is None else R, exclude_self)
        rows = _checked_rows(queries, n)
        asking = checked_view(query_items, "query_items", {n})
        gallery = checked_view(gallery_items, "gallery_items", {m})
        own = np.equal.outer(rows, np.arange(m)) if exclude_self else None
        best, found, relevant = _first(S, R, rows, k, own)
        return cls(
            queries=[asking[row] for row in rows],
            results=[[gallery[item] for item in row] for row in best],
            scores=found,
            relevant=relevant,
            name=name,
        ).plot(ax)

    @documented_like(Display.plot)
    def plot(self, ax: Axes | None = None, *, name: str | None = None) -> Self:
        """Draw a row per query: the query, and then its results from left to right, or from top to bottom if words."""
        self._check()
        need_matplotlib(f"{type(self).__name__}.plot")
        # Before anything is drawn, because a file may be missing.
        asking = pictures_of(self.queries)
        found = [pictures_of(row) for row in self.results]
        pictures = any(not isinstance(item, str) for row in found for item in row)
        k = max(map(len, found))
        width, height = size_of(len(found), k, pictures)
        axes = self._draw_on(ax, (_INCHES * width, _INCHES * height + 0.6))
        strip = Strip(axes, len(found), k, pictures)
        for i, (query, row) in enumerate(zip(asking, found, strict=True)):
            strip.query(i, query)
            for rank, item in enumerate(row):
                score = None if self.scores is None else float(self.scores[i][rank])
                right = None if self.relevant is None else bool(self.relevant[i][rank])
                strip.result(i, rank, item, score, right)
        self.frames_: list[Rectangle] = strip.frames
        self._write_title(name)
        said = wrapped(legend_line(self.relevant, pictures), int(width * strip.letters), 2)
        axes.text(0, height, said, fontsize=SMALL, va="top", alpha=0.8)
        self.texts_ = list(axes.texts)
        return self

    def _check(self) -> None:
        lengths = [len(row) for row in self.results]
        if not lengths or len(self.queries) != len(lengths) or min(lengths) == 0:
            raise ValueError(
                f"there are {len(self.queries)} queries and {len(lengths)} lists of results; at least one query is "
                "needed, with at least one result each."
            )
        for name, values in (("scores", self.scores), ("relevant", self.relevant)):
            if values is not None and [len(row) for row in values] != lengths:
                raise ValueError(f"{name} must have one value per result: lists of {lengths} values.")


def _shown_views(pairs: Any, images: View, texts: View) -> dict[str, View]:
    """Return what is shown of the distinct images and of the texts."""
    own, _ = pairs.distinct_images()
    if images is not None:
        n_distinct = n_rows(own, "image")
        images = checked_view(images, "images", {n_distinct, len(pairs)})
        if n_rows(images, "images") != n_distinct:
            images = images[shown_rows(pairs)["image"]]
    texts = pairs.text if texts is None else checked_view(texts, "texts", {len(pairs)})
    return {"image": own if images is None else images, "text": texts}


def _checked_rows(queries: ArrayLike | None, n: int) -> IndexArray:
    """Return the numbers of the queries that are shown."""
    if queries is None:
        return np.arange(min(n, _N_QUERIES))
    rows = np.atleast_1d(np.asarray(queries))
    if rows.ndim != 1 or len(rows) == 0 or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        raise ValueError(f"queries must be row numbers from 0 to {n - 1}, at least one; got {queries!r}.")
    return rows.astype(np.intp)


def _first(
    scores: Any, relevance: Any, rows: IndexArray, k: int, own: Any
) -> tuple[list[IndexArray], list[list[float]], list[list[bool]] | None]:
    """Return the first k items of some queries, their scores, and whether they are relevant.

    Items with equal scores keep their order. `own` (len(rows), m) says which items are left out.
    """
    check_k(k, optional=False)
    best = []
    found = []
    relevant = []
    for i, row in enumerate(rows.tolist()):
        values = score_rows(scores, slice(row, row + 1))[0]
        order = np.argsort(-values, kind="stable")
        if own is not None:
            order = order[~own[i][order]]
        if len(order) == 0:
            raise ValueError(f"nothing is left for query {row} once its own items are left out.")
        best.append(order[:k])
        found.append(values[order[:k]].tolist())
        if relevance is not None:
            relevant.append(relevance_rows(relevance, slice(row, row + 1))[0][order[:k]].tolist())
    return best, found, relevant if relevance is not None else None
