"""Pairs: two aligned views of the same items that slice together."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Set
from html import escape
from typing import Any, TypeAlias

import joblib
import numpy as np
import scipy.sparse as sp

from skxmr._validation import MODALITIES, check_same_rows, is_chunked, is_frame

View: TypeAlias = Any  # ndarray, csr_array / csr_matrix, DataFrame or 1-D object array; sliced by rows only


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

    Attributes
    ----------
    shape : tuple of int
        ``(n,)``: only the row axis is shared.

    Raises
    ------
    ValueError
        If both views are missing, differ in length, or are DataFrames with different indexes.

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

    def __init__(self, image: Any = None, text: Any = None, label_graph: Any = None) -> None:
        if isinstance(image, Pairs) or isinstance(text, Pairs):
            raise TypeError("a view is itself a Pairs; pass its .image and .text.")
        if image is None and text is None:
            raise ValueError("image and text are both None; a Pairs holds at least one view.")
        self.image = _as_view(image, "image")
        self.text = _as_view(text, "text")
        self.label_graph = label_graph
        self.shape: tuple[int] = (check_same_rows(image=self.image, text=self.text),)

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
        image, text = (_take(getattr(self, name), rows) for name in MODALITIES)
        return Pairs(image, text, self.label_graph)

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
        return Pairs(
            self.image if image is ... else image,
            self.text if text is ... else text,
            self.label_graph if label_graph is ... else label_graph,
        )

    @classmethod
    def concatenate(cls, parts: Iterable[Pairs]) -> Pairs:
        """Stack several `Pairs` row-wise.

        Parameters
        ----------
        parts : iterable of Pairs
            They must have the same views, of the same kind and width, and carry the same label graph.

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
        return cls(**{name: _stack(view, name) for name, view in views.items()}, label_graph=parts[0].label_graph)

    def __repr__(self) -> str:
        views = [f"{name}={_describe(view)}" for name, view in self._views()]
        if self.label_graph is not None:
            views.append("label_graph=attached")
        return f"Pairs({', '.join(views)})"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name} {escape(_describe(view))}</th>" for name, view in self._views())
        shown = range(min(3, len(self)))
        rows = (f"<tr><td>{i}</td>{''.join(map(_cell, self[i]._views()))}</tr>" for i in shown)
        return f"<table><caption>{escape(repr(self))}</caption><tr><th>row</th>{head}</tr>{''.join(rows)}</table>"

    def _views(self) -> Iterator[tuple[str, View]]:
        return ((name, view) for name in MODALITIES if (view := getattr(self, name)) is not None)


def _as_view(view: Any, name: str) -> View:
    if view is None or is_frame(view) or is_chunked(view):
        return view
    if sp.issparse(view):
        return view.tocsr()
    if hasattr(view, "__array__"):  # arrays, memory maps, tensors
        array = view if isinstance(view, np.ndarray) else np.asarray(view)
        if array.ndim == 0:
            raise ValueError(f"{name} is a single value; pass one row per item.")
        return array
    if isinstance(view, (str, bytes, Set, Mapping)) or not hasattr(view, "__len__"):
        raise TypeError(f"{name} is a {type(view).__name__}; pass an array, sparse matrix, DataFrame or list.")
    return _from_list(list(view))


def _from_list(rows: list[Any]) -> View:
    if rows and all(isinstance(row, (int, float, list, tuple, np.ndarray, np.number)) for row in rows):
        try:
            array = np.asarray(rows)
            if array.dtype.kind in "biufc" and (array.ndim < 3 or len({np.asarray(row).dtype for row in rows}) == 1):
                return array  # images of several types, bytes and floats from 0 to 1, stay apart
        except ValueError:
            pass  # rows of different lengths: raw items, such as lists of tokens
    out = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):  # item by item: a slice assignment would unpack equally long lists
        out[i] = row
    return out


def _row_key(key: Any, n: int) -> Any:
    if isinstance(key, slice):
        return key
    if isinstance(key, (int, np.integer)):
        if not -n <= key < n:
            raise IndexError(f"row {key} is out of range for {n} rows.")
        return slice(int(key), int(key) + 1 or None)
    rows = np.asarray(key)
    return rows.astype(np.intp) if rows.size == 0 and rows.dtype.kind != "b" else rows


def _take(view: View, rows: Any) -> View:
    if view is None:
        return None
    return view.iloc[rows] if is_frame(view) else view[rows]


def _same_graph(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and joblib.hash(a) == joblib.hash(b))


def _stack(views: list[View], name: str) -> View:
    if all(view is None for view in views):
        return None
    if any(view is None for view in views):
        raise ValueError(f"{name} is missing in some of the parts but not in all.")
    if all(sp.issparse(view) for view in views):
        return sp.vstack(views, format="csr")
    if all(is_frame(view) for view in views):
        if any(list(view.columns) != list(views[0].columns) for view in views if view.ndim == 2):
            raise ValueError(f"the columns of {name} differ between the parts.")
        import pandas as pd

        return pd.concat(views)
    if any(sp.issparse(view) or is_frame(view) for view in views):
        raise ValueError(f"{name} is of different kinds in the parts: {sorted({type(v).__name__ for v in views})}.")
    return np.concatenate(views)


def _describe(view: View) -> str:
    if sp.issparse(view):
        return f"{view.shape} csr {view.dtype}"
    return f"{view.shape} frame" if is_frame(view) else f"{view.shape} {view.dtype}"


def _cell(named: tuple[str, View]) -> str:
    view = named[1]
    row = view.toarray()[0] if sp.issparse(view) else (view.to_numpy() if is_frame(view) else view)[0]
    shown = np.array2string(row, precision=3, threshold=6, edgeitems=3) if isinstance(row, np.ndarray) else str(row)
    return f"<td>{escape(shown[:160])}</td>"


def _warn_leak() -> None:
    warnings.warn(
        "this Pairs carries a label graph and is being split: the graph has seen the labels of the held-out rows. "
        "Put LabelGraph into the pipeline instead, or drop the graph with pairs.replace(label_graph=None).",
        UserWarning,
        stacklevel=4,
    )
