"""The vocabulary of views: names for their types, how many rows they have, and how rows are taken from them."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Collection, Sequence, Sized
from functools import singledispatch
from os import PathLike
from types import NoneType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

# Arrays by what they hold; AnyArray is one whose dtype is known only at run time.
AnyArray: TypeAlias = NDArray[Any]
FloatArray: TypeAlias = NDArray[np.floating[Any]]
Float64Array: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
IndexArray: TypeAlias = NDArray[np.intp]
BoolArray: TypeAlias = NDArray[np.bool_]
# Packed bits of shape (n, n_bytes). The first bit is the highest one of the first byte.
Codes: TypeAlias = NDArray[np.uint8]
# What retrievers make of a view: vectors, or codes.
Embeddings: TypeAlias = NDArray[np.floating[Any] | np.uint8]

# A checked view of shape (n, d), float32 or float64, dense or CSR.
Matrix: TypeAlias = FloatArray | sp.csr_array

# One modality as users hold it: an array, a sparse matrix, a pandas or dask object, a list, `Regions`, `Sentences` or
# `IndexedRows`. These share no base class, so the type checker accepts anything here, and functions such as `take`
# choose by the type that comes.
View: TypeAlias = Any

# What picks rows of a view.
RowKey: TypeAlias = slice | int | AnyArray

FilePath: TypeAlias = str | PathLike[str]
Seed: TypeAlias = int | np.random.RandomState | None

MODALITIES = ("image", "text")


class FittedGraph(Protocol):
    """A fitted `LabelGraph` as other rooms see it: the matrix (c, c) and the names (c,) of its labels."""

    matrix_: Matrix
    classes_: AnyArray


# A sparse matrix or array of scipy.
Sparse: TypeAlias = sp.sparray | sp.spmatrix


# The bases are abstract for their `__subclasshook__` only.
class Frame(ABC):
    """A pandas DataFrame or Series, recognised by its `iloc` without importing pandas."""

    ndim: int
    index: pd.Index
    columns: pd.Index
    dtypes: pd.Series[Any]
    to_numpy: Callable[..., AnyArray]

    @classmethod
    def __subclasshook__(cls, kind: type) -> bool:
        return hasattr(kind, "iloc")


class Chunked(ABC):
    """A dask array, recognised by the name of its module without importing dask."""

    shape: tuple[int, ...]
    ndim: int
    dtype: np.dtype[Any]
    chunks: tuple[tuple[int, ...], ...]
    compute: Callable[[], AnyArray]
    rechunk: Callable[..., Chunked]
    to_delayed: Callable[[], AnyArray]

    @classmethod
    def __subclasshook__(cls, kind: type) -> bool:
        return kind.__module__.startswith("dask.array")


# Labels as users hold them: multi-hot rows, class ids, or the tags of every row; see `encode_labels`.
LabelsLike: TypeAlias = ArrayLike | Sequence[Collection[object]] | Sparse | Frame | None


def n_rows(view: object, name: str) -> int:
    """Count the rows of an array, sparse matrix, frame or sequence, which errors call by its name."""
    shape = getattr(view, "shape", None)
    if shape:
        if isinstance(view, Chunked) and np.isnan(shape[0]):
            raise ValueError(f"{name} is a dask array with chunks of unknown length; call compute_chunk_sizes() first.")
        return int(shape[0])
    rows = view if isinstance(view, Sized) else np.asarray(view)
    if getattr(rows, "ndim", 1) == 0:
        raise TypeError(f"{name}, a {type(view).__name__}, is not a sequence of rows; pass a list or an array.")
    return len(rows)


@singledispatch
def take(view: View, rows: RowKey) -> View:
    """Return some rows of a view, or None of a view that is missing."""
    return view[rows]


take.register(NoneType, lambda view, rows: None)
take.register(Frame, lambda view, rows: view.iloc[rows])


def column_names(view: object) -> list[str] | None:
    """Return the column names of a DataFrame whose columns are all strings, else None."""
    names = list(getattr(view, "columns", ()))
    return names if names and all(isinstance(name, str) for name in names) else None


def memory_map(array: object) -> np.memmap[Any, Any] | None:
    """Return the memory-mapped file that an array is part of, or None."""
    found = None
    while isinstance(array, np.ndarray):
        # A copy of a map keeps the class, but lies in main memory.
        if isinstance(array, np.memmap) and getattr(array, "_mmap", None) is not None:
            found = array
        array = array.base
    return found


def is_mapped(array: object) -> bool:
    """Tell whether an array may lie in a file, so that it is read in parts: a memory map, or one that is read-only.

    What pyarrow makes of a file that it maps is an ordinary array that cannot be written.
    """
    return memory_map(array) is not None or (isinstance(array, np.ndarray) and not array.flags.writeable)
