"""Views of every kind: how a `Pairs` holds, stacks and shows them.

Each function chooses by the type of the view, so that other modules need not ask for types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from functools import singledispatch
from html import escape
from types import NoneType

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from skxmr._data.kinds import AnyArray, Chunked, Frame, IndexArray, RowKey, Sparse, View, take
from skxmr._data.masks import check_unmasked
from skxmr._data.partial import PartialRows, checked_missing, missing_rows, present_rows
from skxmr._data.regions import Regions, stacked_regions
from skxmr._data.repeated import IndexedRows, expand
from skxmr._data.sentences import Sentences, stacked_sentences
from skxmr._data.sparse import canonical
from skxmr._data.tensors import asarray, without_tensors


@singledispatch
def as_view(view: View, name: str) -> View:
    """Return a view as a `Pairs` holds it: lists become arrays, sparse matrices CSR."""
    # Tensors and other objects that numpy can read.
    if hasattr(view, "__array__"):
        return _as_rows(asarray(view, name), name)
    if isinstance(view, (str, bytes, Set, Mapping)) or not hasattr(view, "__len__"):
        raise TypeError(f"{name} is a {type(view).__name__}; pass an array, sparse matrix, DataFrame or list.")
    return _from_list(list(without_tensors(check_unmasked(view, name), name)))


@as_view.register(np.ndarray)
def _as_rows(array: AnyArray, name: str) -> AnyArray:
    if array.ndim == 0:
        raise ValueError(f"{name} is a single value; pass one row per item.")
    # Transformers would read what lies under a mask.
    return check_unmasked(array, name)


as_view.register(Sparse, lambda view, name: canonical(view, name))
for _kind in (NoneType, Frame, Chunked, IndexedRows, PartialRows, Regions, Sentences):
    as_view.register(_kind, lambda view, name: view)


def _from_list(rows: list[object]) -> AnyArray:
    """Return a numeric array where the rows are alike, else an array of objects."""
    # Rows of different lengths, such as lists of tokens, are raw items.
    with suppress(ValueError):
        if rows and all(isinstance(row, (int, float, list, tuple, np.ndarray, np.number)) for row in rows):
            array = np.asarray(rows)
            # Images of several types, such as bytes and floats from 0 to 1, must not be converted to one type.
            if array.dtype.kind in "biufc" and (array.ndim < 3 or len({np.asarray(row).dtype for row in rows}) == 1):
                return array
    out = np.empty(len(rows), dtype=object)
    # Item by item: a slice assignment would unpack equally long lists.
    for i, row in enumerate(rows):
        out[i] = row
    return out


def with_index(image: View, image_index: ArrayLike, missing: ArrayLike | None = None) -> IndexedRows:
    """Return images as rows by index, after checking that the index names them; missing rows name any."""
    # A copy, so that what was checked cannot change.
    index = np.array(asarray(image_index, "image_index"))
    if missing is not None and index.ndim == 1:
        gone = checked_missing(missing, "image_missing", len(index))
        index[gone] = index[~gone].max(initial=0)
    if index.shape == (0,):
        index = index.astype(np.intp)
    if image is None:
        raise ValueError("image_index is given, but image is missing; pass the distinct images as image.")
    if isinstance(image, (IndexedRows, Chunked)):
        what = "is lazy" if isinstance(image, Chunked) else "has an index already"
        raise ValueError(f"image_index is given, but image {what}; pass the distinct images as image.")
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise ValueError(f"image_index must be integers of shape (n,); got {index.dtype} of shape {index.shape}.")
    n = image.shape[0]
    if len(index) and not (0 <= index.min() and index.max() < n):
        raise ValueError(f"image_index names images {index.min()} to {index.max()}, but image has rows 0 to {n - 1}.")
    return IndexedRows(image, index.astype(np.intp, copy=False))


def without_missing(view: View, missing: ArrayLike | None, name: str) -> View:
    """Return a view of n rows without those that are missing, but with their places."""
    if missing is None:
        return view
    if view is None or isinstance(view, (Chunked, PartialRows)):
        what = "is missing as a whole" if view is None else "has missing rows already"
        what = "is lazy" if isinstance(view, Chunked) else what
        raise ValueError(f"{name}_missing is given, but {name} {what}; pass it with the rows of the view in memory.")
    mask = checked_missing(missing, f"{name}_missing", view.shape[0])
    if not mask.any():
        return view
    present = take(view, np.flatnonzero(~mask))
    # What stood for the missing rows of a list may have kept the others from becoming a matrix.
    if isinstance(present, np.ndarray) and present.dtype == object and present.ndim == 1:
        present = _from_list(list(present))
    return PartialRows(present, mask)


def check_one_view_each(image: View, text: View) -> None:
    """Refuse rows of two views that have neither an image nor a text."""
    if not isinstance(image, PartialRows) or not isinstance(text, PartialRows):
        return
    neither = np.flatnonzero(image.missing & text.missing)
    if len(neither):
        raise ValueError(f"{len(neither)} rows have neither image nor text, such as row {neither[0]}; leave them out.")


def stack(views: Sequence[View], name: str) -> View:
    """Stack views of one kind row-wise."""
    missing = [view is None for view in views]
    if all(missing):
        return None
    if any(missing):
        raise ValueError(
            f"{name} is missing in some of the parts but not in all. To keep their rows as rows without {name}, pass "
            "mark_missing=True."
        )
    if any(isinstance(view, PartialRows) for view in views):
        rows = [present_rows(view) for view in views]
        gaps = [missing_rows(view, view.shape[0]) for view in views]
        return PartialRows(stack(rows, name), np.concatenate(gaps))
    if any(isinstance(view, IndexedRows) for view in views):
        return _stacked_by_index(views, name)
    # Views are of one kind where the same function stacks them.
    if len({_stacked.dispatch(type(view)) for view in views}) > 1:
        raise ValueError(f"{name} is of different kinds in the parts: {sorted({type(v).__name__ for v in views})}.")
    # Images may have different numbers of regions.
    shapes = sorted({view.shape[2:] if isinstance(view, Regions) else view.shape[1:] for view in views})
    if len(shapes) > 1:
        raise ValueError(f"rows of {name} have the shapes {shapes} in the parts; all parts need the same features.")
    return _stacked(views[0], views, name)


@singledispatch
def _stacked(first: View, views: Sequence[View], name: str) -> View:
    return np.concatenate(views)


_stacked.register(Sparse, lambda first, views, name: sp.vstack(views, format="csr"))
_stacked.register(Regions, lambda first, views, name: stacked_regions(views))
_stacked.register(Sentences, lambda first, views, name: stacked_sentences(views))


@_stacked.register(Frame)
def _stacked_frames(first: Frame, views: Sequence[Frame], name: str) -> View:
    if first.ndim == 2 and any(list(view.columns) != list(first.columns) for view in views):
        raise ValueError(f"the columns of {name} differ between the parts.")
    import pandas as pd

    return pd.concat(views)


def _stacked_by_index(views: Sequence[View], name: str) -> IndexedRows:
    """Stack views of which some are rows by index; what several of them index is held once."""
    parts = [view if isinstance(view, IndexedRows) else IndexedRows(view, np.arange(view.shape[0])) for view in views]
    # The parts that index each array. A part without an index has an array of its own.
    sources: dict[object, list[int]] = {}
    for i, view in enumerate(views):
        source = id(view.view) if isinstance(view, IndexedRows) else ("own", i)
        sources.setdefault(source, []).append(i)
    if len(sources) == 1:
        return IndexedRows(parts[0].view, np.concatenate([part.index for part in parts]))
    indices: dict[int, IndexArray] = {}
    images: list[View] = []
    n_images = 0
    for members in sources.values():
        joined = IndexedRows(parts[members[0]].view, np.concatenate([parts[i].index for i in members]))
        used, position = joined.distinct()
        ends = np.cumsum([len(parts[i]) for i in members])
        for i, own in zip(members, np.split(position, ends[:-1]), strict=True):
            indices[i] = own + n_images
        images.append(used)
        n_images += used.shape[0]
    return IndexedRows(stack(images, name), np.concatenate([indices[i] for i in range(len(parts))]))


def row_key(key: RowKey | Sequence[int], n: int) -> RowKey:
    """Return a key that keeps the row axis of every view: a single row is a slice."""
    if isinstance(key, slice):
        return key
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        if not -n <= key < n:
            raise IndexError(f"row {key} is out of range for {n} rows.")
        return slice(int(key), int(key) + 1 or None)
    rows = asarray(key, "the key")
    if rows.size == 0 and rows.dtype.kind != "b":
        return rows.astype(np.intp)
    if rows.ndim != 1 or rows.dtype.kind not in "biu":
        raise IndexError(
            f"a Pairs is indexed by row numbers or by one True or False per row; got {rows.dtype} of shape "
            f"{rows.shape}."
        )
    if rows.dtype.kind == "b" and len(rows) != n:
        raise IndexError(f"a mask of {len(rows)} values cannot pick from {n} rows.")
    return rows


@singledispatch
def describe(view: View) -> str:
    """Return shape and kind of a view, as the repr of a `Pairs` shows them."""
    return f"{view.shape} {view.dtype}"


describe.register(PartialRows, lambda view: f"{describe(view.present)} for {len(view.rows)} of {len(view)} rows")
describe.register(IndexedRows, lambda view: f"{len(view)} rows of {describe(view.view)}")
describe.register(Sparse, lambda view: f"{view.shape} csr {view.dtype}")
describe.register(Frame, lambda view: f"{view.shape} frame")
describe.register(Regions, repr)
describe.register(Sentences, repr)


def html_table(caption: str, views: Mapping[str, View], first: Sequence[Mapping[str, View]]) -> str:
    """Return views by name as an HTML table of their first rows, of which each comes as views of one row."""
    head = "".join(f"<th>{name} {escape(describe(view))}</th>" for name, view in views.items())
    rows = ""
    for i, row in enumerate(first):
        rows += f"<tr><td>{i}</td>{''.join(_cell(view) for view in row.values())}</tr>"
    return f"<table><caption>{escape(caption)}</caption><tr><th>row</th>{head}</tr>{rows}</table>"


def _cell(view: View) -> str:
    """Return the first row of a view as a cell of an HTML table."""
    if isinstance(view, PartialRows):
        return "<td>missing</td>"
    row = _first_row(expand(view))
    shown = np.array2string(row, precision=3, threshold=6, edgeitems=3) if isinstance(row, np.ndarray) else str(row)
    return f"<td>{escape(shown[:160])}</td>"


@singledispatch
def _first_row(view: View) -> object:
    return view[0]


_first_row.register(Sparse, lambda view: view.toarray()[0])
_first_row.register(Frame, lambda view: view.to_numpy()[0])
_first_row.register(Sentences, lambda view: view[0] if view.readable else repr(view))


def item_key(item: object) -> object:
    """Return what is equal for equal raw items, such as strings, lists of tokens and images as arrays."""
    if isinstance(item, np.ndarray):
        return item.shape, item.tobytes()
    return tuple(item) if isinstance(item, list) else item
