"""Views of every kind: arrays, sparse matrices, frames, raw items, sets of regions or words, and rows by index."""

from __future__ import annotations

from collections.abc import Mapping, Set
from html import escape
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import is_chunked, is_frame, n_rows
from skxmr._data.regions import Regions, stacked_regions
from skxmr._data.repeated import IndexedRows
from skxmr._data.sentences import Sentences, stacked_sentences
from skxmr._data.view_checks import check_same_rows

View: TypeAlias = (
    Any  # ndarray, csr_array / csr_matrix, DataFrame, 1-D object array, Regions or Sentences; sliced by rows only
)
SETS = (Regions, Sentences)


def as_view(view: Any, name: str) -> View:
    """Return a view as a `Pairs` holds it: lists become arrays, sparse matrices CSR."""
    if view is None or is_frame(view) or is_chunked(view) or isinstance(view, (IndexedRows, *SETS)):
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


def by_index(image: View, image_index: Any) -> IndexedRows:
    """Return the images of rows that name them."""
    index = np.array(image_index)  # a copy: what was checked stays so
    index = index.astype(np.intp) if index.shape == (0,) else index
    if image is None or isinstance(image, IndexedRows) or is_chunked(image):
        what = (
            "is missing" if image is None else "has an index already" if isinstance(image, IndexedRows) else "is lazy"
        )
        raise ValueError(f"image_index is given, but image {what}; pass the distinct images as image.")
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise ValueError(f"image_index must be integers of shape (n,); got {index.dtype} of shape {index.shape}.")
    n = image.shape[0]
    if len(index) and not (0 <= index.min() and index.max() < n):
        raise ValueError(f"image_index names images {index.min()} to {index.max()}, but image has rows 0 to {n - 1}.")
    return IndexedRows(image, index.astype(np.intp, copy=False))


def common_rows(image: View, text: View) -> int:
    """Return the number of rows of both views."""
    n, m = (0 if view is None else n_rows(view) for view in (image, text))
    if m > n and image is not None and not isinstance(image, IndexedRows):
        raise ValueError(
            f"text has {m} rows but image has {n}; row i of both must describe the same item. With several texts an "
            "image, say which image each is about: Pairs(image, text, image_index=...)."
        )
    return check_same_rows(image=image, text=text)


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


def take(view: View, rows: Any) -> View:
    """Return some rows of a view."""
    if view is None:
        return None
    return view.iloc[rows] if is_frame(view) else view[rows]


def stack(views: list[View], name: str) -> View:
    """Stack views of one kind row-wise."""
    if all(view is None for view in views):
        return None
    if any(view is None for view in views):
        raise ValueError(f"{name} is missing in some of the parts but not in all.")
    if any(isinstance(view, IndexedRows) for view in views):
        return _stacked_by_index(views, name)
    for kind, join in ((Regions, stacked_regions), (Sentences, stacked_sentences)):
        if all(isinstance(view, kind) for view in views):
            return join(views)
    if all(sp.issparse(view) for view in views):
        return sp.vstack(views, format="csr")
    if all(is_frame(view) for view in views):
        if any(list(view.columns) != list(views[0].columns) for view in views if view.ndim == 2):
            raise ValueError(f"the columns of {name} differ between the parts.")
        import pandas as pd

        return pd.concat(views)
    if any(sp.issparse(view) or is_frame(view) or isinstance(view, SETS) for view in views):
        raise ValueError(f"{name} is of different kinds in the parts: {sorted({type(v).__name__ for v in views})}.")
    return np.concatenate(views)


def _stacked_by_index(views: list[View], name: str) -> IndexedRows:
    """Stack views of which some are rows by index: what several of them index is held once, and only rows in use."""
    parts = [view if isinstance(view, IndexedRows) else IndexedRows(view, np.arange(view.shape[0])) for view in views]
    if all(isinstance(view, IndexedRows) and view.view is parts[0].view for view in views):
        return IndexedRows(parts[0].view, np.concatenate([part.index for part in parts]))
    sources: dict[Any, list[int]] = {}
    for i, view in enumerate(views):
        sources.setdefault(id(view.view) if isinstance(view, IndexedRows) else ("own", i), []).append(i)
    indices, images, start = [np.zeros(0, np.intp)] * len(parts), [], 0
    for own in sources.values():
        used, position = IndexedRows(parts[own[0]].view, np.concatenate([parts[i].index for i in own])).distinct()
        for i, index in zip(own, np.split(position, np.cumsum([len(parts[i]) for i in own])[:-1]), strict=True):
            indices[i] = index + start
        images.append(used)
        start += used.shape[0]
    return IndexedRows(stack(images, name), np.concatenate(indices))


def describe(view: View) -> str:
    """Return shape and kind."""
    if isinstance(view, IndexedRows):
        return f"{len(view)} rows of {describe(view.view)}"
    if isinstance(view, SETS):
        return repr(view)
    if sp.issparse(view):
        return f"{view.shape} csr {view.dtype}"
    return f"{view.shape} frame" if is_frame(view) else f"{view.shape} {view.dtype}"


def cell(named: tuple[str, View]) -> str:
    """Return the first row of a named view as a table cell."""
    view = named[1].expanded() if isinstance(named[1], IndexedRows) else named[1]
    if isinstance(view, Sentences) and not view.readable:
        return f"<td>{escape(repr(view))}</td>"
    row = view.toarray()[0] if sp.issparse(view) else (view.to_numpy() if is_frame(view) else view)[0]
    shown = np.array2string(row, precision=3, threshold=6, edgeitems=3) if isinstance(row, np.ndarray) else str(row)
    return f"<td>{escape(shown[:160])}</td>"
