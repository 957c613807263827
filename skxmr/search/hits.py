"""Hits: what a search found, by query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from skxmr._data.kinds import AnyArray, FloatArray, IndexArray, View, take
from skxmr._data.unicode import is_unicode
from skxmr.search.ids import order_of
from skxmr.search.table import Table
from skxmr.search.thumbnails import thumbnail

if TYPE_CHECKING:
    import pandas as pd

# Queries and hits that are shown in a notebook.
_SHOWN_QUERIES = 10
_SHOWN_HITS = 10


class ColumnsOfHits(Mapping[str, Sequence[object]]):
    """The metadata of rows of a table, each column read when it is asked for; the row -1 has no values."""

    def __init__(self, table: Table, rows: IndexArray) -> None:
        self._table = table
        self._rows = rows

    def __getitem__(self, name: str) -> Sequence[object]:
        if name.startswith("_"):
            raise KeyError(name)
        found = self._table.columns[name].at(np.maximum(self._rows, 0))
        return [value if row >= 0 else None for value, row in zip(found, self._rows.tolist(), strict=True)]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._table.columns if not name.startswith("_"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Hits:
    """The items that a search found for every query, best first.

    Where fewer than k items remain, the last places of a row have the score -inf and the id -1, or None among strings.

    Parameters
    ----------
    scores : ndarray of shape (n_queries, k), float32
        Cosines of the unit vectors; larger means closer.
    ids : ndarray of shape (n_queries, k)
        Ids of the items: int64, or strings as objects.
    metadata : mapping of str to sequence, or None
        For each column the values of all places, row after row, None where an item has none.

    Attributes
    ----------
    shape : tuple of int
        ``(n_queries, k)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import Hits
    >>> hits = Hits(np.array([[0.9, -np.inf]]), np.array([[7, -1]]), {"item": ["a cat", None]})
    >>> hits.to_frame().to_dict("records")
    [{'query': 0, 'rank': 1, 'id': 7, 'score': 0.9, 'item': 'a cat'}]
    """

    def __init__(
        self, scores: FloatArray, ids: AnyArray, metadata: Mapping[str, Sequence[object]] | None = None
    ) -> None:
        self.scores = scores
        self.ids = ids
        self.metadata = {} if metadata is None else metadata
        # By id, for those that are images in memory: the view that holds the image, and its row.
        self._pictures: Mapping[object, tuple[View, int]] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of queries and of places."""
        n, k = self.scores.shape
        return n, k

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, query: int) -> Hits:
        """Return the hits of one query, as `Hits` of one row."""
        if not -len(self) <= query < len(self):
            raise IndexError(f"query {query} is out of range for {len(self)} queries.")
        row = query % len(self)
        k = self.scores.shape[1]
        some = slice(row * k, (row + 1) * k)
        metadata = {name: values[some] for name, values in self.metadata.items()}
        return Hits(self.scores[row : row + 1], self.ids[row : row + 1], metadata).with_pictures(self._pictures)

    def with_pictures(self, pictures: Mapping[object, tuple[View, int]]) -> Hits:
        """Show images that are in memory.

        Parameters
        ----------
        pictures : mapping
            By id the array that holds the image, and its row.

        Returns
        -------
        self
        """
        self._pictures = pictures
        return self

    def reranked(self, scores: FloatArray, k: int) -> Hits:
        """Order the hits by other scores, and equal ones by id.

        Parameters
        ----------
        scores : ndarray of shape (n_queries, n_places)
            One score for every place of these hits, -inf where there is no item.
        k : int
            Number of places that are kept.

        Returns
        -------
        Hits
            With these scores.
        """
        n, width = self.shape
        kept = min(k, width)
        # Places without an item come last whatever stands in for their id.
        ids = np.array([("" if value is None else value) for value in self.ids.ravel().tolist()], self.ids.dtype)
        order = np.lexsort((order_of(ids).reshape(n, width), -scores))[:, :kept]
        flat = (order + np.arange(n)[:, None] * width).ravel().tolist()
        metadata = {name: [values[i] for i in flat] for name, values in self.metadata.items()}
        ordered = Hits(np.take_along_axis(scores, order, 1), np.take_along_axis(self.ids, order, 1), metadata)
        return ordered.with_pictures(self._pictures)

    def to_frame(self) -> pd.DataFrame:
        """Return one line per hit; places without an item are left out.

        Returns
        -------
        DataFrame
            ``query`` (its number), ``rank`` (from 1), ``id``, ``score`` and the columns of the metadata. Integers and
            truth values stay such where some are missing, as "Int64" and "boolean".
        """
        import pandas as pd

        query, place = np.nonzero(self.scores > -np.inf)
        columns: dict[str, object] = {"query": query, "rank": place + 1}
        columns |= {"id": _series(self.ids[query, place].tolist()), "score": self.scores[query, place]}
        flat = (query * self.scores.shape[1] + place).tolist()
        columns |= {name: _series([values[i] for i in flat]) for name, values in self.metadata.items()}
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        n, k = self.shape
        found = int((self.scores > -np.inf).sum())
        return f"Hits({n} quer{'y' if n == 1 else 'ies'}, k={k}, {found} hits)"

    def _repr_html_(self) -> str:
        n, k = self.shape
        rows = ""
        for query in range(min(n, _SHOWN_QUERIES)):
            cells = "".join(self._cell(query, place) for place in range(min(k, _SHOWN_HITS)))
            rows += f"<tr><td>{query}</td>{cells}</tr>"
        return f"<table><caption>{escape(repr(self))}</caption>{rows}</table>"

    def _cell(self, query: int, place: int) -> str:
        score = self.scores[query, place]
        if score == -np.inf:
            return "<td></td>"
        name = self.ids[query, place]
        item = self.metadata["item"][query * self.shape[1] + place] if "item" in self.metadata else None
        image = take(*self._pictures[name]) if name in self._pictures else item
        shown = thumbnail(image) or escape(str("" if item is None else item)[:160])
        return f"<td>{shown}<br>{escape(str(name))}<br>{score:.3f}</td>"


def _series(values: list[object]) -> object:
    """Return values as a frame takes them, where it would take them for others or refuse them."""
    import pandas as pd

    kinds = {type(value) for value in values}
    if kinds in ({int, type(None)}, {bool, type(None)}):
        return pd.array(values, dtype="Int64" if int in kinds else "boolean")
    if str in kinds and not all(is_unicode(value) for value in values if isinstance(value, str)):
        return pd.Series(values, dtype=object)
    return values
