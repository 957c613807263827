"""RetrievalIndex: a collection of items in which images and texts are found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Self

from sklearn.base import BaseEstimator

from skxmr._data.kinds import AnyArray, View
from skxmr._data.option_checks import check_k
from skxmr.search.allowed import allowed_rows
from skxmr.search.backends import checked_options
from skxmr.search.changes import Change, adding, updating
from skxmr.search.collection import Collection, State
from skxmr.search.encoding import backend_for, check_model, check_width, vectors_of
from skxmr.search.files import open_index, save_index
from skxmr.search.hits import ColumnsOfHits, Hits
from skxmr.search.ids import Id, IdsLike, as_array, checked_ids, ids_of_rows
from skxmr.search.items import items_of
from skxmr.search.lookup import nearest
from skxmr.search.metadata import checked_metadata
from skxmr.search.queries import query_vectors
from skxmr.search.recall import recall

# Places of hits that are made even where fewer items are there; many more would not fit into the memory.
_MOST = 1_000_000


class RetrievalIndex:
    """A searchable collection of images and texts, over a fitted model that embeds them.

    Items are images or texts; a query of either finds both. Their vectors are the unit embeddings of the model, and the
    score is the cosine. A method of hashing makes codes instead, whose score is 1 less twice the share of bits that
    differ: the cosine of the bits as signs. Equal scores are ordered by id, so that a query has the same hits alone,
    among others, after changes and after reloading. Searches may run in several threads while another one adds or
    removes items: each search sees the collection as it was at one moment.

    Every item has the columns ``modality`` (``"image"`` or ``"text"``) and, if it is a caption or a file, ``item``: the
    caption or the path.

    Parameters
    ----------
    model : fitted retriever that embeds, or a pipeline or search around one
        It takes the items and the queries as they are given.
    backend : {"exact", "binary", "faiss", "lancedb", "qdrant"}, default="exact"
        What holds the vectors. ``"exact"`` compares a query with all of them, which ``options={"dtype": "float16"}``
        keeps in half the space and asks several times as slowly; ``"binary"`` only their signs, as bits,
        by Hamming distance; the codes of a method of hashing are held by it, also where ``"exact"`` is asked for, which
        for them is the same. ``"faiss"`` (extra ``ann``) is exact with ``options={"kind": "flat"}``, its default, and
        approximate, but quicker, with inverted lists, ``{"kind": "ivf", "n_lists": None, "n_probes": 32}``, or with a
        graph, ``{"kind": "hnsw", "ef": 64}``: larger `n_probes` and `ef` find more and take longer; see `recall`.
        ``"lancedb"`` (extra of this name) keeps vectors in a table on disk. ``"qdrant"`` (extra of this name) keeps
        them in a server, ``{"url": "http://localhost:6333"}``, or without `url` in this process, for trials.
    options : dict or None, default=None
        Options of the backend, which are saved with the index.

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
        self.model = model
        self.options = checked_options(options)
        self.backend = backend_for(model, backend, self.options)
        self._items = Collection(self.backend, self.options)
        self._saved: str | None = None

    def add(
        self,
        image: View = None,
        text: View = None,
        ids: IdsLike | None = None,
        metadata: Any = None,
        *,
        replace: bool = False,
    ) -> AnyArray:
        """Add images or texts. Either all of them are added or, after an error, none.

        Where only the vectors that were replaced cannot be deleted, all are added, and an OSError says so.

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
        replace : bool, default=False
            Whether items take the place of those that have their ids already. Files, and texts that are strings, are
            left out if nothing about them has changed. Without it such ids are an error, unless they are those of the
            same files.

        Returns
        -------
        ndarray
            The ids of what was added or replaced.
        """
        items = items_of(image, text, ids, folders=True)
        columns = checked_metadata(metadata, len(items))
        with self._items.writing:
            return self._write(adding(self._items.state.table, self._items.known(), items, columns, replace))

    def update(self, ids: IdsLike, image: View = None, text: View = None, metadata: Any = None) -> None:
        """Replace items. Columns of metadata that are not given keep their values. Errors are those of `add`.

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
        checked = ids_of_rows(ids)
        items = items_of(image, text, checked)
        columns = checked_metadata(metadata, len(items))
        with self._items.writing:
            self._write(updating(self._items.state.table, self._items.known(), checked, items, columns))

    def remove(self, ids: IdsLike) -> None:
        """Remove items. They are marked as removed; `compact` gives back their memory.

        After an error none is removed, except where an OSError says that only their vectors could not be deleted.

        Parameters
        ----------
        ids : sequence of int or of str
            Those of the items, which must be in the index.
        """
        self._items.remove(checked_ids(ids))

    def compact(self) -> None:
        """Rewrite the vectors without those of removed items, which gives back their memory."""
        self._items.compact()

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
            Share of the image in a query of both, from 0 to 1. Codes have no mean: for them a query is one of the two.
        k : int, default=10
            Number of hits per query, at most that of the items, or a million if they are fewer. Where fewer items
            remain, a row ends with the score -inf.
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
        return self._nearest(query_vectors(self.model, image, text, weight), k, among, where)

    def _nearest(
        self, queries: AnyArray, k: int, among: IdsLike | None = None, where: Mapping[str, Any] | None = None
    ) -> Hits:
        """Find the k items nearest to every query, which is a vector."""
        table, backend, rows = self._items.read(None if among is None else checked_ids(among, "among"))
        check_width(queries, backend.width)
        if k > max(table.n_alive, _MOST):
            raise ValueError(f"k is {k}, but the index has {table.n_alive} items; ask for no more than these.")
        allowed = allowed_rows(table, rows, where)
        scores, at = nearest(backend, table, queries, k, allowed)
        hits = Hits(scores, table.ids_at(at), ColumnsOfHits(table, at.ravel()))
        return hits.with_pictures(self._items.pictures)

    def recall(self, image: View = None, text: View = None, k: int = 10) -> float:
        """Measure how much of what an exact search finds this index finds.

        Parameters
        ----------
        image : images of n rows, or None
            Queries as the model takes them; give either them or the texts.
        text : texts of n rows, or None
            Queries as the model takes them.
        k : int, default=10
            Number of hits per query.

        Returns
        -------
        float
            From 0 to 1: 1 for backends that are exact.
        """
        check_k(k, optional=False)
        queries = query_vectors(self.model, image, text, 0.5)
        table, backend, _ = self._items.read(None)
        return recall(backend, table, queries, k)

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Save the index as a folder, with the model; removed items are left out.

        Parameters
        ----------
        path : path
            The folder. If the saving fails, what was there stays as it was.
        overwrite : bool, default=False
            Whether to replace another index, or one that somebody has saved since this one was opened or saved.
        """
        with self._items.writing:
            state = self._items.state
            self._saved = save_index(path, self.model, self.backend, self.options, state, self._saved, overwrite)

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
        if index.backend != opened.backend_name:
            raise ValueError(
                f"{str(path)!r} holds vectors, but the model makes codes, which cannot be compared with them; open the "
                "index with the model that it was built with, or build it again."
            )
        index._items.state = State(opened.table, opened.backend)
        index._saved = opened.token
        return index

    @property
    def ids(self) -> AnyArray:
        """Ids of all items, in the order in which they were added."""
        table = self._items.state.table
        return table.ids.rows[table.living()]

    def __len__(self) -> int:
        return self._items.state.table.n_alive

    def __contains__(self, value: object) -> bool:
        return value in self._items.known()

    def __iter__(self) -> Iterator[Id]:
        return iter(self.ids.tolist())

    def __repr__(self) -> str:
        return f"RetrievalIndex({self.model!r}, backend={self.backend!r}) with {len(self)} items"

    def __sklearn_clone__(self) -> Self:
        # An index is no estimator: a retriever that asks it keeps it.
        return self

    def _write(self, change: Change) -> AnyArray:
        """Encode the rows of a change and put them in."""
        if change.ids:
            # The types of columns are checked before the rows are encoded, which may take hours.
            self._items.state.table.kinds_with(change.columns)
            self._items.write(change, vectors_of(self.model, change.items.view, change.items.name))
        return as_array(change.ids)
