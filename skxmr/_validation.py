"""Checks of what users pass in: every input error of the package is worded here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray

from skxmr._repeated import Repeated

FloatArray = NDArray[np.floating[Any]]
MODALITIES = ("image", "text")
WRAP_HINT = "wrap the views: Pairs(image, text)"


def is_frame(view: object) -> bool:
    """Tell a pandas object from an array without importing pandas."""
    return hasattr(view, "iloc")


def is_chunked(view: object) -> bool:
    """Tell a dask array without importing dask."""
    return type(view).__module__.startswith("dask.array")


def check_same_rows(**views: Any) -> int:
    """Return the common number of rows of the given arguments (None is skipped)."""
    rows = {name: n_rows(view) for name, view in views.items() if view is not None}
    (first, n), *others = rows.items()
    for name, m in others:
        if m != n:
            raise ValueError(f"{name} has {m} rows but {first} has {n}; row i of both must describe the same item.")
    check_same_index(**views)
    return n


def check_same_index(**views: Any) -> None:
    """Refuse pandas arguments whose indexes contradict one another: rows are matched by position."""
    frames = {name: view for name, view in views.items() if is_frame(view)}
    if len(frames) < 2:
        return
    (first, reference), *others = frames.items()
    for name, frame in others:
        if not frame.index.equals(reference.index):
            raise ValueError(
                f"the indexes of {first} and {name} differ, and rows are matched by position; align them "
                f"({name}.loc[{first}.index]) or drop them (.reset_index(drop=True))."
            )


def n_rows(view: Any) -> int:
    """Count the rows of an array, sparse matrix, frame or sequence."""
    shape = getattr(view, "shape", None)
    if shape:
        if is_chunked(view) and np.isnan(shape[0]):
            raise ValueError("a dask array has chunks of unknown length; call its compute_chunk_sizes() first.")
        return int(shape[0])
    rows = view if hasattr(view, "__len__") else np.asarray(view)
    if getattr(rows, "ndim", 1) == 0:
        raise TypeError(f"a {type(view).__name__} is not a sequence of rows; pass a list or an array.")
    return len(rows)


def check_view(
    view: Any,
    name: str,
    *,
    width: int | None = None,
    columns: Sequence[str] | None = None,
    min_rows: int = 1,
    min_width: int = 1,
) -> FloatArray | sp.csr_array:
    """Return one modality as a finite float matrix, dense or CSR.

    Parameters
    ----------
    view : array-like, sparse matrix or DataFrame of shape (n, d)
        What the user passed. It is never modified, and copied only when its type has to change.
    name : {"image", "text"}
        How the view is called in messages.
    width : int or None
        The number of columns seen while fitting.
    columns : sequence of str or None
        The column names seen while fitting a DataFrame.
    min_rows, min_width : int
        The smallest acceptable numbers of rows and columns.

    Returns
    -------
    ndarray or csr_array of shape (n, d)
        float32 stays float32, everything else becomes float64.
    """
    view = view.expanded() if isinstance(view, Repeated) else view
    _check_columns(view, name, columns)
    matrix = _as_matrix(view, name)
    if matrix.ndim != 2:
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
    matrix = _as_float(matrix, name)
    _check_finite(matrix, name)
    return matrix


def memory_map(array: Any) -> np.memmap[Any, Any] | None:
    """Return the whole memory map that an array looks into, if it does."""
    found = None
    while isinstance(array, np.ndarray):
        found = array if isinstance(array, np.memmap) else found
        array = array.base
    return found


def check_mapped(matrix: Any, name: str) -> None:
    """Refuse a map of a file that was cut off since: reading beyond its end would kill the process."""
    mapped = memory_map(matrix)
    file = getattr(mapped, "filename", None)
    if mapped is None or file is None or not os.path.exists(file):  # a removed file stays readable while it is mapped
        return
    end = byte_bounds(matrix)[1] - byte_bounds(mapped)[0]
    needed, found = mapped.offset + end, os.path.getsize(file)
    if found < needed:
        raise ValueError(
            f"{name} is a memory map of the first {needed} bytes of {os.path.basename(file)!r}, which has only {found} "
            "now: the file was cut off after it was mapped. Write it anew and map it again."
        )


def column_names(view: Any) -> list[str] | None:
    """Return the column names of a DataFrame whose columns are all strings, else None."""
    view = view.view if isinstance(view, Repeated) else view
    names = list(view.columns) if hasattr(view, "columns") else []
    return names if names and all(isinstance(name, str) for name in names) else None


def _check_columns(view: Any, name: str, columns: Sequence[str] | None) -> None:
    seen = column_names(view)
    if columns is None or seen is None or seen == list(columns):
        return
    unknown = [c for c in seen if c not in columns] or "the same columns in another order"
    raise ValueError(f"the columns of {name} must be those seen in fit, in that order; got {unknown}.")


def _as_matrix(view: Any, name: str) -> Any:
    if hasattr(view, "image") and hasattr(view, "label_graph"):
        raise TypeError(f"{name} is a Pairs; pass one modality, e.g. pairs.{name}.")
    if sp.issparse(view):
        return sp.csr_array(view)
    if is_frame(view):
        return _frame_values(view)
    if is_chunked(view):
        raise TypeError(
            f"{name} is a dask array and is not loaded unasked; fit of CCA, PLS, MLCCA and SemanticMatching reads it "
            f"by chunks. Else load it, {name}.compute(), or encode by {name}.map_blocks(model.encode_{name}, ...)."
        )
    if isinstance(view, np.ma.MaskedArray) and np.ma.is_masked(view):
        raise ValueError(f"{name} is an array with masked values; fill or drop them.")
    if isinstance(view, tuple):
        raise TypeError(f"{name} is a tuple of length {len(view)}; {WRAP_HINT}.")
    try:
        return np.asarray(view)
    except ValueError as error:
        raise ValueError(f"{name} must be a numeric matrix, but its rows differ in length.") from error


def _frame_values(frame: Any) -> Any:
    values = frame.to_numpy()
    if values.dtype == object:  # nullable numbers: a missing value becomes NaN, and is refused as such
        with contextlib.suppress(TypeError, ValueError):
            values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.ascontiguousarray(values)  # frames store columns; in row order they equal arrays bit by bit


def _as_float(matrix: Any, name: str) -> FloatArray | sp.csr_array:
    if matrix.dtype in (np.float32, np.float64):
        return matrix
    if matrix.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} holds complex numbers.")
    if matrix.dtype.kind in "biuf":
        return matrix.astype(np.float64)
    try:
        if matrix.dtype.kind in "OUST":
            return matrix.astype(np.float64)
    except (TypeError, ValueError) as error:
        message = f"{name} holds {matrix.dtype} values, not numbers ({error}). {extractor_hint(name)}"
        raise type(error)(message) from error
    raise ValueError(f"{name} holds {matrix.dtype} values, not numbers.")


def extractor_hint(name: str) -> str:
    """Say how raw items become features."""
    return f"Put an extractor in front of the model, e.g. PerModality({name}=TfidfVectorizer()) for captions."


def _check_finite(matrix: Any, name: str) -> None:
    values = matrix.data if sp.issparse(matrix) else matrix
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):  # one bad value makes the sum bad, and a sum is a quarter of the time
            return
    step = max(1, 2**20 // max(1, values[:1].size))  # in blocks, so that the mask stays small
    bad = sum(int((~np.isfinite(values[a : a + step])).sum()) for a in range(0, len(values), step))
    if bad:
        hint = f", e.g. PerModality({name}=SimpleImputer())" if name in MODALITIES else ""
        raise ValueError(f"{name} contains {bad} NaN or infinite values; impute or drop them{hint}.")


def check_k(k: Any, n_gallery: int | None = None, *, optional: bool = True, name: str = "k") -> None:
    """Refuse a cut-off rank that is no positive integer, or larger than the gallery; None means all of it."""
    if k is None and optional:
        return
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"{name} must be a positive integer{' or None' * optional}; got {k!r}.")
    if n_gallery is not None and k > n_gallery:
        raise ValueError(f"k={k} is larger than the gallery ({n_gallery} items); choose a smaller cut-off.")


def check_choice(value: object, name: str, choices: Iterable[str]) -> None:
    """Refuse a string option that is not among the known ones."""
    if value not in (known := tuple(choices)):
        raise ValueError(f"{name} must be one of {list(known)}; got {value!r}.")


def check_n_components(n_components: int | None, limit: int) -> int:
    """Return the number of components to compute; None means as many as there are."""
    if n_components is None:
        return limit
    if n_components > limit:
        raise ValueError(
            f"n_components={n_components} is more than the {limit} that min(rows - 1, image features, "
            "text features) allows; use None for all of them."
        )
    return n_components
