"""Explanation: why a model finds an image and a text similar."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from skxmr._data.option_checks import check_choice, check_k
from skxmr.inspection.explaining.bars import bars_of, draw
from skxmr.inspection.explaining.text import lines_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PARTS = ("features", "labels", "pairs", "methods")


class Explanation:
    """Why a model finds a query and an item similar: what :func:`explain` returns.

    Parameters
    ----------
    method : str
        The name of the method.
    modalities : tuple of two str
        ``"image"`` or ``"text"``, for the query and for the item.
    similarity : float
        Their similarity.
    tables : mapping of str to DataFrame or None
        ``"features"``, ``"labels"``, ``"pairs"`` and ``"methods"``; None where a method has none. See `to_frame`.
    path : sequence of labels, default=()
        A shortest path in the label graph from a label of the query to one of the item.
    in_graph : bool, default=False
        Whether the model has a label graph.

    Attributes
    ----------
    text : str
        The explanation in lines to be printed.
    ax_ : matplotlib Axes
        What `plot` has drawn on.
    figure_ : matplotlib Figure
        The figure of these axes.

    Examples
    --------
    >>> from skxmr import CCA
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> from skxmr.inspection import explain
    >>> pairs, labels = make_multilabel_pairs(random_state=0)
    >>> explain(CCA(4).fit(pairs), pairs.image[0], pairs.text[0])
    Explanation(CCA: similarity 0.875 of an image and a text)
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        method: str,
        modalities: tuple[str, str],
        similarity: float,
        tables: Mapping[str, pd.DataFrame | None],
        path: Sequence[Hashable] = (),
        in_graph: bool = False,
    ) -> None:
        self.method = method
        self.modalities = modalities
        self.similarity = similarity
        self.tables = {name: table for name, table in tables.items() if table is not None}
        self.path = list(path)
        self.in_graph = in_graph

    @property
    def text(self) -> str:
        """The explanation in lines to be printed."""
        return "\n".join(lines_of(self))

    @property
    def headline(self) -> str:
        """The method, the similarity, and what was compared, in one line."""
        query, item = (f"{'an image' if name == 'image' else 'a text'}" for name in self.modalities)
        return f"{self.method}: similarity {self.similarity:.3f} of {query} and {item}"

    def to_frame(self, part: str | None = None) -> pd.DataFrame:
        """Return one part of the explanation as a table.

        Parameters
        ----------
        part : {"features", "labels", "pairs", "methods"} or None, default=None
            Which part; None takes the first of them that there is.

        Returns
        -------
        DataFrame
            For features one line each: ``side`` (``"query"`` or ``"item"``), ``modality``, ``feature``, ``value``,
            ``average`` (of the fitted rows), ``contribution``, and ``absent``, which tells zeros of sparse rows, such
            as the words that a text does not have. The contributions of the query add up to the similarity, and so do
            those of the item. For labels: ``label``, the scores and whether each side has the label; of
            :class:`skxmr.SemanticMatching` also a ``contribution``, and these add up to the similarity. For pairs:
            ``region``, ``word``, ``place`` (of the word in its text), ``attention`` and ``cosine``, the strongest
            first. For methods, where the similarity is a mean of several: ``method``, ``weight``, ``similarity`` and
            ``contribution``, which is their product.

        Raises
        ------
        ValueError
            If there is no such part.
        """
        if part is not None:
            check_choice(part, "part", PARTS)
        found = [self.tables[name] for name in PARTS if name in self.tables and part in (None, name)]
        if not found:
            there = " and ".join(repr(name) for name in self.tables) or "none"
            raise ValueError(
                f"the explanation by {self.method} has no {part or 'tables'}; its parts are: {there}. Features come "
                "with linear methods, labels with methods that score labels or where labels are given, and pairs with "
                "methods that compare regions with words."
            )
        return found[0].copy()

    def plot(self, ax: Axes | None = None, *, n_largest: int = 8) -> Self:
        """Draw what adds most to the similarity as bars, and what takes most away from it.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a new figure.
        n_largest : int, default=8
            Number of features of each side, of labels or of pairs.

        Returns
        -------
        self
            With `ax_` and `figure_`.
        """
        check_k(n_largest, optional=False, name="n_largest")
        self.ax_ = draw(bars_of(self, n_largest), self.headline, ax)
        self.figure_ = self.ax_.figure  # type: ignore[assignment]
        return self

    def __repr__(self) -> str:
        return f"Explanation({self.headline})"
