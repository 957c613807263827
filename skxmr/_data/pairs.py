"""Pairs: two aligned views of the same items that slice together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from skxmr._data.kinds import MODALITIES
from skxmr._data.repeated import IndexedRows
from skxmr._data.views import View, as_view, by_index, cell, common_rows, describe, stack, take
from skxmr._data.warn import warn


class Pairs:
    """Row-aligned image and text rows that slice together.

    Row i of both views describes the same item. Scikit-learn's splitters and searches take a `Pairs` as ``X``.
    Nothing is copied at construction, except lists, which become arrays.

    Parameters
    ----------
    image, text : array-like, sparse matrix, DataFrame or list of length n, or None
        The views. Numeric views have shape (n, d); raw captions or file names are lists or object arrays of length n.
        Sparse matrices are kept in CSR form, dask arrays as they are. One view may be missing.
    label_graph : LabelGraph or None
        A label graph that rides along unsliced; normally attached by a :class:`LabelGraph` step.
    image_index : array-like of int of shape (n,), or None
        With several texts an image: `image` holds each image once, and row j is text j with image ``image_index[j]``.
        Images are then neither copied nor sliced; slicing picks texts.

    Attributes
    ----------
    shape : tuple of int
        ``(n,)``: only the row axis is shared.
    groups : ndarray of shape (n,)
        Which rows share their image: what ``GroupKFold`` must not separate.

    Raises
    ------
    ValueError
        If both views are missing, differ in length, are DataFrames with different indexes, or `image_index` names rows
        that there are not.

    Examples
    --------
    >>> import numpy as np
    >>> from skxmr import Pairs
    >>> pairs = Pairs(np.zeros((3, 2)), ["a cat", "a dog", "two birds"])
    >>> pairs
    Pairs(image=(3, 2) float64, text=(3,) object)
    >>> pairs[[0, 2]].text.tolist()
    ['a cat', 'two birds']
    """

    def __init__(self, image: Any = None, text: Any = None, label_graph: Any = None, image_index: Any = None) -> None:
        if isinstance(image, Pairs) or isinstance(text, Pairs):
            raise TypeError("a view is itself a Pairs; pass its .image and .text.")
        if image is None and text is None:
            raise ValueError("image and text are both None; a Pairs holds at least one view.")
        self.image = as_view(image, "image")
        if image_index is not None:
            self.image = by_index(self.image, image_index)
        self.text = as_view(text, "text")
        self.label_graph = label_graph
        self._groups = self.image.index if isinstance(self.image, IndexedRows) else None
        self.shape: tuple[int] = (common_rows(self.image, self.text),)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Pairs:
        if isinstance(key, tuple):  # scikit-learn asks for X[rows, ...]
            if len(key) != 2 or key[1] is not Ellipsis:
                raise IndexError("a Pairs is indexed by rows only, as in pairs[rows].")
            key = key[0]
            if self.label_graph is not None:
                _warn_leak()
        rows = _row_key(key, len(self))
        image, text = (take(getattr(self, name), rows) for name in MODALITIES)
        return Pairs(image, text, self.label_graph)._grouped(None if self._groups is None else self._groups[rows])

    @property
    def groups(self) -> NDArray[np.intp]:
        """Which rows share their image."""
        return np.arange(len(self)) if self._groups is None else self._groups

    def _grouped(self, groups: NDArray[np.intp] | None) -> Pairs:
        """Remember which rows share their image, also where it was expanded or replaced."""
        own = self._groups
        if own is None or (groups is not None and len(np.unique(own)) == len(own)):  # of its own, nothing is shared
            self._groups = groups
        return self

    def distinct_images(self) -> tuple[View, NDArray[np.intp]]:
        """Return every image once, and which of them each row shows.

        Returns
        -------
        images : view of m rows
            Those that some row shows, in the order in which they were given.
        index : ndarray of shape (n,)
            Row j shows image ``index[j]``.

        Examples
        --------
        >>> import numpy as np
        >>> from skxmr import Pairs
        >>> pairs = Pairs(np.eye(3), ["a", "b", "c", "d"], image_index=[0, 0, 2, 1])
        >>> images, index = pairs[:3].distinct_images()
        >>> images.shape, index.tolist()
        ((2, 3), [0, 0, 1])
        """
        if isinstance(self.image, IndexedRows):
            return self.image.distinct()
        return self.image, np.arange(len(self))

    def __iter__(self) -> Iterator[Pairs]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            "a Pairs holds two views and is not an array; put per-view transformers in "
            "PerModality(image=..., text=...), or pass pairs.image or pairs.text."
        )

    def replace(self, *, image: Any = ..., text: Any = ..., label_graph: Any = ...) -> Pairs:
        """Return a copy with some parts exchanged.

        Parameters
        ----------
        image, text, label_graph : object
            The new parts; what is not given is kept.

        Returns
        -------
        Pairs
            The other parts are shared, not copied.

        Examples
        --------
        >>> from skxmr import Pairs
        >>> Pairs([[1.0], [2.0]], ["a", "b"]).replace(text=None)
        Pairs(image=(2, 1) float64)
        """
        new = Pairs(
            self.image if image is ... else image,
            self.text if text is ... else text,
            self.label_graph if label_graph is ... else label_graph,
        )
        return new._grouped(self._groups if len(new) == len(self) else None)

    @classmethod
    def concatenate(cls, parts: Iterable[Pairs]) -> Pairs:
        """Stack several `Pairs` row-wise.

        Parameters
        ----------
        parts : iterable of Pairs
            They must have the same views, of the same kind and width, and carry the same label graph. Images that are
            held once stay so; rows of different parts share an image where both index the same array.

        Returns
        -------
        Pairs
            Of length ``sum(map(len, parts))``.

        Raises
        ------
        ValueError
            If there are no parts, or if they differ in their views or label graphs.

        Examples
        --------
        >>> from skxmr import Pairs
        >>> a = Pairs([[1.0], [2.0]], ["a", "b"])
        >>> len(Pairs.concatenate([a, a[:1]]))
        3
        """
        parts = list(parts)
        if not parts:
            raise ValueError("parts is empty; at least one Pairs is needed.")
        if not all(_same_graph(part.label_graph, parts[0].label_graph) for part in parts):
            raise ValueError("the parts carry different label graphs; drop them with .replace(label_graph=None).")
        views = {name: [getattr(part, name) for part in parts] for name in MODALITIES}
        if any(part._groups is not None and not isinstance(part.image, IndexedRows) for part in parts):
            views["image"] = [view.expanded() if isinstance(view, IndexedRows) else view for view in views["image"]]
        whole = {name: stack(view, name) for name, view in views.items()}
        return cls(**whole, label_graph=parts[0].label_graph)._grouped(_stacked_groups(parts))

    def __repr__(self) -> str:
        views = [f"{name}={describe(view)}" for name, view in self._views()]
        if self.label_graph is not None:
            views.append("label_graph=attached")
        return f"Pairs({', '.join(views)})"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name} {escape(describe(view))}</th>" for name, view in self._views())
        shown = range(min(3, len(self)))
        rows = (f"<tr><td>{i}</td>{''.join(map(cell, self[i]._views()))}</tr>" for i in shown)
        return f"<table><caption>{escape(repr(self))}</caption><tr><th>row</th>{head}</tr>{''.join(rows)}</table>"

    def _views(self) -> Iterator[tuple[str, View]]:
        return ((name, view) for name in MODALITIES if (view := getattr(self, name)) is not None)


def _stacked_groups(parts: list[Pairs]) -> NDArray[np.intp] | None:
    """Return which rows share their image; those of different parts do where both index one array."""
    if all(part._groups is None for part in parts):
        return None
    sources: dict[Any, int] = {}
    named = []
    for i, part in enumerate(parts):
        source = ("indexed", id(part.image.view)) if isinstance(part.image, IndexedRows) else ("own", i)
        number = np.full(len(part), sources.setdefault(source, len(sources)))
        named.append(np.stack([number, part.groups], axis=1))
    return np.unique(np.concatenate(named), axis=0, return_inverse=True)[1].reshape(-1)


def _row_key(key: Any, n: int) -> Any:
    if isinstance(key, slice):
        return key
    if isinstance(key, (int, np.integer)):
        if not -n <= key < n:
            raise IndexError(f"row {key} is out of range for {n} rows.")
        return slice(int(key), int(key) + 1 or None)
    rows = np.asarray(key)
    return rows.astype(np.intp) if rows.size == 0 and rows.dtype.kind != "b" else rows


def _same_graph(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and joblib.hash(a) == joblib.hash(b))


def _warn_leak() -> None:
    warn(
        "this Pairs carries a label graph and is being split: the graph has seen the labels of the held-out rows. "
        "Put LabelGraph into the pipeline instead, or drop the graph with pairs.replace(label_graph=None).",
    )
