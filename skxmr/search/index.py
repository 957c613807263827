"""RetrievalIndex: a collection of items in which images and texts are found."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.kinds import AnyArray, IndexArray, View
from skxmr._data.option_checks import check_k
from skxmr.search.allowed import allowed_rows
from skxmr.search.backend import Backend
from skxmr.search.backends import check_options, new_backend
from skxmr.search.candidates import Candidates, best
from skxmr.search.changes import Change, adding, check_there, updating
from skxmr.search.encoding import check_model, check_width, unit_vectors
from skxmr.search.files import open_index, save_index
from skxmr.search.hits import ColumnsOfHits, Hits
from skxmr.search.ids import Id, IdsLike, as_array, checked_ids
from skxmr.search.items import items_of
from skxmr.search.metadata import checked_metadata
from skxmr.search.queries import query_vectors
from skxmr.search.table import Table

# Vectors that are copied together where an index is rewritten.
_COPIED = 16_384


class State(NamedTuple):
    """What a search reads: the table and the vectors of one moment."""

    table: Table
    backend: Backend | None


class RetrievalIndex:
    """A searchable collection of images and texts, over a fitted model that embeds them.

    Items are images or texts; a query of either finds both. Their vectors are the unit embeddings of the model, and the
    score is the cosine. Equal scores are ordered by id, so that a query has the same hits alone, among others, after
    changes and after reloading. Searches may run in several threads while another one adds or removes items: each
    search sees the collection as it was at one moment.

    Every item has the columns ``modality`` (``"image"`` or ``"text"``) and, if it is a caption or a file, ``item``: the
    caption or the path.

    Parameters
    ----------
    model : fitted retriever that embeds, or a pipeline or search around one
        It takes the items and the queries as they are given.
    backend : {"exact"}, default="exact"
        What holds the vectors. ``"exact"`` compares a query with all of them.
    options : dict or None, default=None
        Options of the backend.

    Examples
    --------
    >>> from skxmr import CCA, RetrievalIndex
    >>> from skxmr.datasets import make_multilabel_pairs
    >>> pairs, labels = make_multilabel_pairs(200, random_state=0)
    >>> index = RetrievalIndex(CCA(4).fit(pairs))
    >>> ids = index.add(image=pairs.image[:100], metadata={"place": ["north", "south"] * 50})
    >>> hits = index.search(text=pairs.text[:3], k=5, where={"place": "north"})
    >>> hits.ids.shape, hits.to_frame().columns.tolist()
    ((3, 5), ['query', 'rank', 'id', 'score', 'modality', 'place'])
    """

    def __init__(self, model: BaseEstimator, backend: str = "exact", options: Mapping[str, Any] | None = None) -> None:
        check_model(model)
        check_options(backend, options or {})
        self.model = model
        self.backend = backend
        self.options = dict(options or {})
        self._state = State(Table.empty(), None)
        self._known: dict[Id, int] | None = {}
        self._pictures: dict[object, tuple[View, int]] = {}
        self._saved: str | None = None
        # Held by whoever changes the index, for as long as it takes to encode what comes.
        self._writing = threading.RLock()
        # Held for moments, in which the state and the ids are read or exchanged together.
        self._exchanging = threading.RLock()

    def add(self, image: View = None, text: View = None, ids: IdsLike | None = None, metadata: Any = None) -> AnyArray:
        """Add images or texts. Either all of them are added or, after an error, none.

        Parameters
        ----------
        image : images of m rows, path of a folder, or None
            As the model takes them; give either them or the texts. Of a folder all image files are added, also those in
            folders within it. A file that was added before is left out if its size, its time and its metadata
            are as they were, and replaces the old one if they are not.
        text : texts of m rows, or None
            As the model takes them.
        ids : sequence of m int or of m str, or None
            Each once, and integers from 0. None counts on; files have their paths as ids, those of a folder from there.
        metadata : mapping of str to sequence, DataFrame, or None
            Columns with a number, string, truth value or None per item.

        Returns
        -------
        ndarray
            The ids of what was added or replaced.
        """
        items = items_of(image, text, ids, folders=True)
        columns = checked_metadata(metadata, len(items))
        with self._writing:
            return self._write(adding(self._state.table, self._rows_by_id(), items, columns))

    def update(self, ids: IdsLike, image: View = None, text: View = None, metadata: Any = None) -> None:
        """Replace items. Columns of metadata that are not given keep their values.

        Parameters
        ----------
        ids : sequence of m int or of m str
            Those of the items, which must be in the index.
        image : images of m rows, or None
            As the model takes them; give either them or the texts.
        text : texts of m rows, or None
            As the model takes them.
        metadata : mapping of str to sequence, DataFrame, or None
            New values of some columns.
        """
        checked = checked_ids(ids)
        items = items_of(image, text, checked)
        columns = checked_metadata(metadata, len(items))
        with self._writing:
            self._write(updating(self._state.table, self._rows_by_id(), checked, items, columns))

    def remove(self, ids: IdsLike) -> None:
        """Remove items. They are marked as removed; `compact` gives back their memory.

        Parameters
        ----------
        ids : sequence of int or of str
            Those of the items, which must be in the index.
        """
        checked = checked_ids(ids)
        with self._writing:
            check_there(self._rows_by_id(), checked, "ids")
            rows = np.array([self._rows_by_id()[value] for value in checked], np.intp)
            table, backend = self._state
            if backend is not None and len(rows):
                self._publish(State(table.without(rows), backend.remove(rows)), dict.fromkeys(checked))

    def compact(self) -> None:
        """Rewrite the vectors without those of removed items, which gives back their memory."""
        with self._writing:
            table, old = self._state
            rows = np.flatnonzero(table.living())
            if old is None or len(rows) == len(table):
                return
            backend = new_backend(self.backend, old.width, self.options)
            for start in range(0, len(rows), _COPIED):
                some = rows[start : start + _COPIED]
                backend = backend.add(old.take(some), table.values_at(some))
            with self._exchanging:
                self._state = State(table.compacted(), backend)
                self._known = None

    def search(
        self,
        image: View = None,
        text: View = None,
        *,
        weight: float = 0.5,
        k: int = 10,
        among: IdsLike | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> Hits:
        """Find the k items nearest to every query.

        Parameters
        ----------
        image : images of n rows, or None
            Queries as the model takes them.
        text : texts of n rows, or None
            Queries as the model takes them. If both are given, row i of the two is one query.
        weight : float, default=0.5
            Share of the image in a query of both, from 0 to 1.
        k : int, default=10
            Number of hits per query. Where fewer items remain, a row ends with the score -inf.
        among : sequence of ids, or None
            Only these items are searched.
        where : dict or None
            Only items with such metadata are searched: for each column a value, a list of values, or a range
            ``(low, high)`` that includes both; None as a bound is no bound, and None as a value finds items without
            one. All columns must fit.

        Returns
        -------
        Hits
            ``scores`` and ``ids``, both of shape (n, k).
        """
        check_k(k, optional=False)
        queries = query_vectors(self.model, image, text, weight)
        with self._exchanging:
            table, backend = self._state
            rows = None if among is None else self._rows_of(among)
        if backend is None or table.n_alive == 0:
            raise ValueError("the index is empty; add items first: index.add(image=...) or index.add(text=...).")
        check_width(queries, backend.width)
        allowed = allowed_rows(table, rows, where)
        if allowed.n_allowed == 0:
            found = Candidates.none()
        else:
            found = backend.search(queries, min(k, allowed.n_allowed), allowed)
        scores, at = best(found, len(queries), k, table.ids.rows)
        hits = Hits(scores, table.ids_at(at), ColumnsOfHits(table, at.ravel()))
        return hits.with_pictures(self._pictures)

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Save the index as a folder, with the model; removed items are left out.

        Parameters
        ----------
        path : path
            The folder. If the saving fails, what was there stays as it was.
        overwrite : bool, default=False
            Whether to replace another index, or one that somebody has saved since this one was opened or saved.
        """
        with self._writing:
            self._saved = save_index(path, self.model, self.backend, self.options, self._state, self._saved, overwrite)

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, model: BaseEstimator | None = None, trusted: Sequence[Any] = ()
    ) -> Self:
        """Open a saved index. Vectors stay in the file and are read when a search needs them.

        Parameters
        ----------
        path : path
            The folder.
        model : fitted retriever or None
            In place of the model in the folder.
        trusted : sequence of str or type, default=()
            Names of types that the model may hold besides those of the library; see :func:`skxmr.load`.

        Returns
        -------
        RetrievalIndex
        """
        opened = open_index(path, model, trusted)
        index = cls(opened.model, opened.backend_name, opened.options)
        index._state = State(opened.table, opened.backend)
        index._known = None
        index._saved = opened.token
        return index

    @property
    def ids(self) -> AnyArray:
        """Ids of all items, in the order in which they were added."""
        table = self._state.table
        return table.ids.rows[table.living()]

    def __len__(self) -> int:
        return self._state.table.n_alive

    def __contains__(self, value: object) -> bool:
        with self._exchanging:
            return value in self._rows_by_id()

    def __iter__(self) -> Iterator[Id]:
        return iter(self.ids.tolist())

    def __repr__(self) -> str:
        return f"RetrievalIndex({self.model!r}, backend={self.backend!r}) with {len(self)} items"

    def __sklearn_clone__(self) -> Self:
        # An index is no estimator: a retriever that asks it keeps it.
        return self

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: value for name, value in vars(self).items() if name not in ("_writing", "_exchanging")}
        return kept | {"_pictures": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._writing = threading.RLock()
        self._exchanging = threading.RLock()

    def _write(self, change: Change) -> AnyArray:
        """Encode rows, and exchange the state for one with them; an error on the way leaves it as it was."""
        if not change.ids:
            return as_array(change.ids)
        table, backend = self._state
        # The types of columns are checked before the rows are encoded, which may take hours.
        table.kinds_with(change.columns)
        vectors = unit_vectors(self.model, change.items.view, change.items.name)
        if backend is None:
            backend = new_backend(self.backend, vectors.shape[1], self.options)
        check_width(vectors, backend.width)
        first = len(table)
        if len(change.replaced):
            table = table.without(change.replaced)
            backend = backend.remove(change.replaced)
        table = table.extended(change.ids, change.columns)
        backend = backend.add(vectors, {name: values.values for name, values in change.columns.items()})
        rows = range(first, first + len(change.ids))
        self._publish(State(table, backend), dict(zip(change.ids, rows, strict=True)))
        if change.items.pictures():
            self._pictures |= {value: (change.items.view, i) for i, value in enumerate(change.ids)}
        return as_array(change.ids)

    def _publish(self, state: State, changed: Mapping[Id, int | None]) -> None:
        """Exchange the state, and with it the rows of some ids; None is for ids that are gone."""
        with self._exchanging:
            known = self._rows_by_id()
            for value, row in changed.items():
                self._pictures.pop(value, None)
                if row is None:
                    del known[value]
                else:
                    known[value] = row
            self._state = state

    def _rows_by_id(self) -> dict[Id, int]:
        """Return the row of every id, which is put together when it is first needed."""
        with self._exchanging:
            if self._known is None:
                table = self._state.table
                rows = np.flatnonzero(table.living())
                self._known = dict(zip(table.ids.rows[rows].tolist(), rows.tolist(), strict=True))
            return self._known

    def _rows_of(self, among: IdsLike) -> IndexArray:
        ids = checked_ids(among, "among")
        known = self._rows_by_id()
        check_there(known, ids, "among")
        return np.array([known[value] for value in ids], np.intp)
