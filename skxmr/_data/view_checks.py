"""Checks of views: almost every input error of the package is worded here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import singledispatch
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import scipy.sparse as sp
from numpy.lib.array_utils import byte_bounds

from skxmr._data.finite import check_finite
from skxmr._data.kinds import (
    AnyArray,
    Chunked,
    Frame,
    Matrix,
    Sparse,
    View,
    column_names,
    is_mapped,
    memory_map,
    n_rows,
)
from skxmr._data.masks import check_unmasked
from skxmr._data.partial import PartialRows, refuse_missing
from skxmr._data.repeated import IndexedRows, expand
from skxmr._data.sparse import canonical
from skxmr._data.tensors import Tensor, asarray

if TYPE_CHECKING:
    import pandas as pd

# What float() and numpy make numbers of, although it is none.
_NO_NUMBERS = (str, bytes, np.datetime64, np.timedelta64)
WRAP_HINT = "wrap the views: Pairs(image, text)"
_INDEX_HINT = " If an image has several texts, say which image each text is about: Pairs(image, text, image_index=...)."


def check_same_rows(**views: View) -> int:
    """Return the common number of rows of the given arguments (None is skipped)."""
    rows = {name: n_rows(view, name) for name, view in views.items() if view is not None}
    first, n = next(iter(rows.items()))
    for name, m in rows.items():
        if m != n:
            several = name == "text" and m > n and not isinstance(views[first], IndexedRows)
            found = f"{name} has {m} rows but {first} has {n}"
            raise ValueError(f"{found}; row i of both must describe the same item.{_INDEX_HINT if several else ''}")
    check_same_index(**views)
    return n


def check_same_index(**views: object) -> None:
    """Refuse pandas arguments with different indexes, because rows are matched by position."""
    frames = {name: view for name, view in views.items() if isinstance(view, Frame)}
    first = next(iter(frames), "")
    for name, frame in frames.items():
        if not frame.index.equals(frames[first].index):
            raise ValueError(
                f"the indexes of {first} and {name} differ, and rows are matched by position; align them "
                f"({name}.loc[{first}.index]) or drop them (.reset_index(drop=True))."
            )


def check_same_columns(**frames: object) -> None:
    """Refuse data frames whose columns have other names, or the same names in another order."""
    named = {name: names for name, frame in frames.items() if (names := column_names(frame)) is not None}
    first = next(iter(named), "")
    for name, columns in named.items():
        if columns != named[first]:
            raise ValueError(
                f"the columns of {first}, {named[first][:3]} ..., and of {name}, {columns[:3]} ..., differ, and they "
                f"are matched by position; bring them into one order ({name}[{first}.columns]), or pass arrays."
            )


def check_frames(**frames: object) -> None:
    """Refuse data frames whose row names or column names differ, because both are matched by position."""
    check_same_index(**frames)
    check_same_columns(**frames)


def check_row_names(index: pd.Index | None, **others: object) -> None:
    """Refuse pandas arguments whose index differs from that of the views."""
    for name, other in others.items():
        if index is not None and isinstance(other, Frame) and not other.index.equals(index):
            raise ValueError(
                f"the index of {name} differs from that of the views, and rows are matched by position; align it "
                "(.loc[views.index]) or drop both (.reset_index(drop=True))."
            )


def check_view(
    view: View,
    name: str,
    *,
    width: int | None = None,
    columns: Sequence[str] | None = None,
    min_rows: int = 1,
    min_width: int = 1,
    half_maps: bool = False,
    finite: bool = True,
) -> Matrix:
    """Return one modality as a finite float matrix (n, d), dense or CSR, of float32 or float64.

    float32 stays so, float16 becomes float32, and all else float64. With `half_maps` a mapped array of float16 stays
    one, for callers that make float32 of a few rows at a time. With `finite=False` the values are not looked at, for
    callers that read them all anyway and then call `check_finite` where something is wrong.

    What the user passed is never modified, and copied only when its type has to change. `width` and `columns` are the
    number and names of the columns seen in fit.
    """
    view = expand(view)
    _check_columns(view, name, columns)
    matrix = as_matrix(view, name)
    if matrix.ndim != 2:
        _check_equal_lengths(matrix, name)
        raw = matrix.dtype.kind in "OUST"
        hint = extractor_hint(name) if raw else "Reshape your data, a single row with .reshape(1, -1)."
        raise ValueError(f"{name} must be 2-D (rows, features) but has shape {matrix.shape}. {hint}")
    n, d = matrix.shape
    if n < min_rows:
        raise ValueError(f"{name} has {n} sample{'s' * (n != 1)} (n_samples={n}); at least {min_rows} are needed.")
    if d < min_width:
        raise ValueError(f"{name} has 0 feature(s) (shape={matrix.shape}) while a minimum of {min_width} is required.")
    if width is not None and d != width:
        raise ValueError(
            f"{name} has {d} features but {width} were seen in fit; "
            "pass the features the model was fitted on, and do not swap the modalities."
        )
    check_mapped(matrix, name)
    if not (half_maps and matrix.dtype == np.float16 and is_mapped(matrix)):
        matrix = _as_float(matrix, name)
    if finite:
        check_finite(matrix, name)
    return matrix


def check_mapped(matrix: AnyArray | sp.csr_array, name: str) -> None:
    """Refuse a memory map whose file has become too short: reading beyond its end would kill the process."""
    mapped = memory_map(matrix)
    file = getattr(mapped, "filename", None)
    # A file that was removed stays readable while it is mapped.
    if mapped is None or file is None or not os.path.exists(file):
        return
    needed = mapped.offset + byte_bounds(matrix)[1] - byte_bounds(mapped)[0]
    found = os.path.getsize(file)
    if found < needed:
        raise ValueError(
            f"{name} is a memory map of the first {needed} bytes of {os.path.basename(file)!r}, which has only {found} "
            "now: the file was cut off after it was mapped. Write it anew and map it again."
        )


def _check_columns(view: object, name: str, columns: Sequence[str] | None) -> None:
    seen = column_names(view)
    if columns is None or seen is None or seen == list(columns):
        return
    unknown = [column for column in seen if column not in columns] or "the same columns in another order"
    raise ValueError(f"the columns of {name} must be those seen in fit, in that order; got {unknown}.")


@singledispatch
def as_matrix(view: View, name: str) -> AnyArray | sp.csr_array:
    """Return a view as an array or CSR matrix, whatever it holds."""
    check_unmasked(view, name)
    try:
        return asarray(view, name)
    except ValueError as error:
        _check_equal_lengths(view, name)
        raise ValueError(f"{name} must be a numeric matrix, but its rows differ in length.") from error


as_matrix.register(Sparse, lambda view, name: canonical(view, name))


@as_matrix.register(Frame)
def _frame_matrix(frame: Frame, name: str) -> AnyArray:
    values = frame.to_numpy()
    if values.dtype == object and frame.ndim == 2:
        _refuse_dates(frame, name)
    # Nullable numbers of pandas: a missing value becomes NaN, and is refused as such.
    if values.dtype == object and not _holds_no_numbers(values):
        with suppress(TypeError, ValueError, OverflowError):
            values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    # Frames are stored by columns; stored by rows, their products equal those of arrays bit by bit.
    return np.ascontiguousarray(values)


def _refuse_dates(frame: Frame, name: str) -> None:
    """Refuse columns of dates and durations, which numpy would turn into their nanoseconds."""
    dates = [column for column, dtype in frame.dtypes.items() if getattr(dtype, "kind", "") in "mM"]
    if dates:
        raise ValueError(
            f"{name} has columns of dates or durations, {dates[:3]}, which are not numbers; drop them, or make "
            "features of them, such as the year."
        )


@as_matrix.register(Chunked)
def _refuse_chunks(view: Chunked, name: str) -> NoReturn:
    raise TypeError(
        f"{name} is a dask array and is not loaded unasked; fit of the methods in closed form on covariances, "
        f"such as CCA, MLCCA and SemanticMatching, reads it by chunks. Else load it, {name}.compute(), or encode by "
        f"{name}.map_blocks(model.encode_{name}, ...)."
    )


@as_matrix.register(PartialRows)
def _refuse_missing(view: PartialRows, name: str) -> NoReturn:
    refuse_missing(view, name, "what was asked for")


@as_matrix.register(tuple)
def _refuse_tuple(view: tuple[object, ...], name: str) -> NoReturn:
    raise TypeError(f"{name} is a tuple of length {len(view)}; {WRAP_HINT}.")


def _check_equal_lengths(rows: View, name: str) -> None:
    """Refuse rows of numbers that differ in length."""
    if not isinstance(rows, (list, np.ndarray)) or getattr(rows, "ndim", 1) != 1:
        return
    if not all(isinstance(row, (list, tuple, np.ndarray, Tensor)) and getattr(row, "ndim", 1) for row in rows):
        return
    # Lists of words are raw texts.
    if any(isinstance(value, str) for row in rows for value in row):
        return
    sizes = [len(row) for row in rows]
    odd = next((i for i, size in enumerate(sizes) if size != sizes[0]), 0)
    if odd:
        raise ValueError(
            f"the rows of {name} differ in length: row 0 has {sizes[0]} values, but row {odd} has {sizes[odd]}."
        )


def _as_float(matrix: AnyArray | sp.csr_array, name: str) -> Matrix:
    if matrix.dtype in (np.float32, np.float64):
        return matrix
    if matrix.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} holds complex numbers.")
    if matrix.dtype.kind not in "biufO" or _holds_no_numbers(matrix):
        # scikit-learn reads strings of digits as numbers; they are more often ids, or captions that are numbers. Dates
        # and durations of numpy would become counts of their unit.
        hint = f"{extractor_hint(name)} If they are numbers, convert them: .astype(float)."
        raise ValueError(f"{name} holds {matrix.dtype} values, not numbers. {hint}")
    try:
        return matrix.astype(np.float32 if matrix.dtype == np.float16 else np.float64)
    except (TypeError, ValueError) as error:
        message = f"{name} holds {matrix.dtype} values, not numbers ({error}). {extractor_hint(name)}"
        raise type(error)(message) from error
    except OverflowError as error:
        raise ValueError(f"{name} holds an integer beyond the largest number of 64 bits; scale or drop it.") from error


def _holds_no_numbers(matrix: AnyArray | sp.csr_array) -> bool:
    values = matrix if isinstance(matrix, np.ndarray) else matrix.data
    return values.dtype.kind == "O" and any(isinstance(value, _NO_NUMBERS) for value in values.flat)


def extractor_hint(name: str) -> str:
    """Say how raw items become features."""
    return f"Put an extractor in front of the model, e.g. PerModality({name}=TfidfVectorizer()) for captions."


def check_chunks(view: View, name: str, *, width: int | None = None) -> View:
    """Return a dask array (n, d) whose chunks are whole rows; values are checked when they are read."""
    if isinstance(view, IndexedRows):
        raise TypeError(f"{name} has an image_index, which dask arrays do not support; repeat rows or load the text.")
    if not isinstance(view, Chunked):
        raise TypeError(
            f"{name} is a {type(view).__name__}, but the other view is a dask array; make both dask arrays, "
            "e.g. by dask.array.from_array."
        )
    if view.ndim != 2 or view.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be a 2-D dask array of real numbers, but has shape {view.shape}, {view.dtype}.")
    if view.shape[0] < 2 or view.shape[1] < 1:
        raise ValueError(f"{name} has shape {view.shape}; at least 2 rows and 1 feature are needed.")
    if width is not None and view.shape[1] != width:
        raise ValueError(f"{name} has {view.shape[1]} features but {width} were seen in fit.")
    # Filters leave empty chunks.
    rows = tuple(size for size in view.chunks[0] if size != 0)
    return view.rechunk({0: rows, 1: -1})
