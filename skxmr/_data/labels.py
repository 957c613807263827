"""Labels in every form users have them, binarised once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import singledispatch
from numbers import Integral, Real
from typing import NamedTuple, NoReturn, TypeGuard

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import AnyArray, Frame, LabelsLike, Sparse
from skxmr._data.tensors import asarray, without_tensors
from skxmr._data.warn import warn


class Labels(NamedTuple):
    """Binary labels with one row per item: `matrix` (n, c) CSR of 0.0 / 1.0 and the `names` (c,) of its columns.

    `named` is False if the names are only the column numbers of a multi-hot array.
    """

    matrix: sp.csr_array
    names: AnyArray
    named: bool = True


@singledispatch
def encode_labels(labels: LabelsLike) -> Labels:
    """Binarise labels.

    Parameters
    ----------
    labels : multi-hot (n, c) array, CSR or DataFrame; (n,) class ids; or n collections of tags
        A 2-D numeric array holds 0 and 1 only. A 1-D array, Series or list of scalars holds one class id per row.
        A list, Series or object array of lists, tuples or sets holds the tags of each row; a row may have no tags.

    Returns
    -------
    Labels
        The columns keep their order for multi-hot input and are sorted otherwise.
    """
    if isinstance(labels, (list, tuple)):
        return _encode_rows(without_tensors(labels, "labels"))
    return _encode_rows(asarray(labels, "labels"))


encode_labels.register(Labels, lambda labels: labels)


@encode_labels.register(np.ma.MaskedArray)
def _encode_unmasked(labels: AnyArray) -> Labels:
    if np.ma.is_masked(labels):
        raise ValueError("labels is an array with masked values; fill or drop them.")
    return encode_labels(np.asarray(labels))


@encode_labels.register(Mapping)
def _refuse_mapping(labels: Mapping[object, object]) -> NoReturn:
    raise TypeError("labels is a dict; pass one row of labels per item: a table, class ids, or lists of tags.")


@encode_labels.register(Sparse)
def _encode_matrix(labels: AnyArray | sp.csr_array) -> Labels:
    matrix = _binary(labels, "labels.ravel()")
    if matrix.shape[1] == 1:
        _warn_of_one_column(matrix, "labels.ravel()")
    return Labels(matrix, np.arange(matrix.shape[1]), named=False)


@encode_labels.register(Frame)
def _encode_frame(labels: Frame) -> Labels:
    if labels.ndim == 1:
        return _encode_rows(labels.to_numpy())
    if not labels.columns.is_unique:
        twice = labels.columns[labels.columns.duplicated()][0]
        raise ValueError(f"labels has columns of the same name: {twice!r}.")
    names = np.asarray(labels.columns)
    matrix = _binary(labels.to_numpy(), "labels.iloc[:, 0]")
    for name in labels.columns.tolist():
        # Columns of several levels have tuples as names.
        if not isinstance(name, tuple):
            _check_name(name, "a column of labels", "drop that column, or name it as the label")
    if matrix.shape[1] == 1 and not isinstance(names[0], str):
        _warn_of_one_column(matrix, "labels.iloc[:, 0]")
    _warn_of_joined_tags(names)
    return Labels(matrix, names)


def _encode_rows(rows: AnyArray | Sequence[object]) -> Labels:
    """Encode an array, list or tuple of rows."""
    if isinstance(rows, np.ndarray) and rows.ndim == 0:
        raise ValueError(f"labels is the single value {rows.item()!r}; one row of labels per item is needed.")
    if len(rows) == 0:
        raise ValueError("labels is empty; one row of labels per item is needed.")
    if isinstance(rows, np.ndarray) and rows.ndim > 1 and _all_numbers(rows):
        return _encode_matrix(rows)
    if isinstance(rows, np.ndarray) and rows.dtype.names:
        raise ValueError(f"labels is an array of records with the fields {rows.dtype.names}; pass one of them.")
    if any(_is_collection(row) for row in rows):
        return _encode_tags(rows)
    return _encode_ids(rows if isinstance(rows, np.ndarray) else _as_ids(rows))


def need_labels(labels: Labels) -> Labels:
    """Refuse labels of which no row has any."""
    if labels.matrix.nnz == 0:
        n, c = labels.matrix.shape
        raise ValueError(
            f"labels has no label in any row: all {c} columns of its {n} rows hold 0; one label is needed."
        )
    return labels


def aligned(labels: Labels, names: AnyArray, named: bool) -> Labels:
    """Return labels of more rows, with the columns that the first rows had."""
    if labels.named != named or (not named and len(labels.names) != len(names)):
        raise ValueError(
            f"labels has {len(labels.names)} {'named' if labels.named else 'unnamed'} columns, but the first part had "
            f"{len(names)} {'named' if named else 'unnamed'} ones; pass labels of one form in all parts."
        )
    position = {name: column for column, name in enumerate(names.tolist())}
    own = labels.names.tolist()
    unknown = [name for name in own if name not in position]
    if unknown:
        raise ValueError(
            f"labels holds {unknown[:3]}, which the first part did not; "
            "pass multi-hot labels with a column for every label, or a first part that shows all of them."
        )
    return Labels(in_columns(labels, position), names, named)


def in_columns(labels: Labels, position: dict[Hashable, int]) -> sp.csr_array:
    """Return the matrix of labels with each column at the position of its name; other columns are 0."""
    coo = labels.matrix.tocoo()
    columns = np.array([position[name] for name in labels.names.tolist()])[coo.coords[1]]
    return sp.csr_array((coo.data, (coo.coords[0], columns)), shape=(coo.shape[0], len(position)))


def _is_collection(row: object) -> TypeGuard[Iterable[object]]:
    return np.iterable(row) and not isinstance(row, (str, bytes))


def _all_numbers(rows: AnyArray) -> bool:
    if rows.dtype.kind == "O":
        return all(isinstance(value, (int, float, np.number)) for value in rows.flat)
    return rows.dtype.kind in "biuf"


def _binary(matrix: AnyArray | sp.csr_array, column: str) -> sp.csr_array:
    """Return a matrix of 0 and 1 as CSR; `column` is how its only column becomes class ids."""
    if matrix.ndim != 2 or matrix.shape[0] == 0 or matrix.shape[1] == 0:
        raise ValueError(f"labels has shape {matrix.shape}; at least one row and one label are needed.")
    try:
        # Numpy would make numbers of dates, and of complex numbers their real part.
        if matrix.dtype.kind not in "biufO":
            raise TypeError(f"values of {matrix.dtype}")
        # Scipy has no sparse matrices of objects and of float16, and adds up entries of one place in the type of the
        # others: twice True is True. Dense ones become sparse first, because one of float64 may be eight times as large
        # as what the user holds.
        first = matrix.dtype in (object, np.float16) or getattr(matrix, "format", "csr") != "csr"
        numbers = matrix.astype(np.float64) if first else matrix
        out = sp.csr_array(numbers, dtype=np.float64)
    except (TypeError, ValueError) as error:
        wanted = "a 0/1 column per label, or a list of tags per row"
        raise ValueError(
            f"labels is a table with values that are not numbers ({error}); pass {wanted}"
            f"{f', or class ids as {column}' if matrix.shape[1] == 1 else ''}."
        ) from error
    # A CSR matrix of the user's shares its arrays with this one, and is not changed.
    if not (out.has_canonical_format and out.data.all()):
        out = out.copy()
        out.sum_duplicates()
        out.eliminate_zeros()
    odd = np.unique(out.data[out.data != 1])
    if len(odd):
        hint = f" Pass class ids in one dimension: {column}." if matrix.shape[1] == 1 else ""
        raise ValueError(f"labels must be multi-hot, i.e. hold only 0 and 1, but holds {odd[:3].tolist()}.{hint}")
    return out


def _encode_tags(rows: AnyArray | Sequence[object]) -> Labels:
    from sklearn.preprocessing import MultiLabelBinarizer

    tags = [_tags_of(row, i) for i, row in enumerate(rows)]
    try:
        binarizer = MultiLabelBinarizer(sparse_output=True).fit(tags)
    except TypeError as error:
        raise ValueError(f"labels holds tags of different types ({error}); use strings for all of them.") from error
    names = np.asarray(binarizer.classes_)
    widths = {len(row) for row in tags}
    if len(widths) == 1 and max(widths) > 1 and set(names.tolist()) <= {0, 1, "0", "1"}:
        raise ValueError(
            "labels is a list of equally long lists of 0 and 1, which may be multi-hot rows or tag numbers; "
            "pass a numeric array for multi-hot rows (np.asarray(labels, dtype=int)), or name the tags."
        )
    if len(names) == 0:
        raise ValueError("labels has no tag in any row; at least one label is needed.")
    _warn_of_joined_tags([tag for row in tags for tag in row])
    return Labels(sp.csr_array(binarizer.transform(tags), dtype=np.float64), names)


def _as_ids(rows: Sequence[object]) -> AnyArray:
    """Return an array of class ids; different types stay as they are, because numpy makes strings of numbers."""
    if any(row is np.ma.masked for row in rows):
        raise ValueError("labels is a list with masked values; fill or drop them.")
    # Single values that were tensors are arrays without an axis.
    rows = [row.item() if isinstance(row, np.ndarray) and row.ndim == 0 else row for row in rows]
    if all(isinstance(row, str) for row in rows) or all(isinstance(row, (Real, np.bool_)) for row in rows):
        return np.asarray(rows)
    ids = np.empty(len(rows), object)
    ids[:] = rows
    return ids


def _encode_ids(ids: AnyArray) -> Labels:
    import pandas as pd

    if ids.ndim != 1:
        raise ValueError(f"labels has shape {ids.shape}; pass (n, c) multi-hot rows, n class ids or n lists of tags.")
    missing = int(pd.isna(ids).sum())
    if missing:
        raise ValueError(
            f"labels has {missing} missing values among its class ids; drop those rows, or pass lists of tags, "
            "in which [] is a row without labels."
        )
    kept = ids.tolist() if ids.dtype.kind in "OSVcmM" else np.unique(ids).tolist()
    for name in kept:
        _check_name(name, "labels", "drop those rows, or pass lists of tags, in which [] is a row without labels")
    try:
        names, columns = np.unique(ids, return_inverse=True)
    except TypeError as error:
        raise ValueError("labels mixes class ids of different types; use strings for all of them.") from error
    if ids.dtype.kind in "OSU":
        _warn_of_joined_tags(ids.tolist())
    n = len(ids)
    return Labels(sp.csr_array((np.ones(n), (np.arange(n), columns)), shape=(n, len(names))), names)


def _tags_of(row: object, i: int) -> tuple[object, ...]:
    """Return the checked tags of row i; None, NaN and pandas' NA in place of a row stand for no tags."""
    import pandas as pd

    if isinstance(row, Mapping) or not _is_collection(row):
        if pd.isna(row) is True:
            return ()
        raise ValueError(f"labels mixes lists of tags with single values or dicts; row {i} is {row!r}.")
    tags: tuple[object, ...] = tuple(row)
    for tag in tags:
        _check_name(tag, f"row {i} of labels", "[] is a row without tags")
    return tags


def _check_name(name: object, where: str, way_out: str) -> None:
    """Refuse what cannot be the name of a label: strings that are not empty and whole numbers can."""
    if isinstance(name, str):
        if name.strip() == "":
            raise ValueError(
                f"{where} holds the empty string {name!r}, as ''.split(';') gives it; it is no label: {way_out}."
            )
        return
    whole = isinstance(name, (Integral, np.bool_)) or (isinstance(name, Real) and float(name).is_integer())
    # A duration of numpy counts as an integer.
    if not whole or isinstance(name, np.timedelta64):
        raise ValueError(
            f"{where} holds {name!r}, a {type(name).__name__}; labels are strings or whole numbers: {way_out}."
        )


def _warn_of_one_column(matrix: sp.csr_array, column: str) -> None:
    warn(
        f"labels has shape {matrix.shape} and holds 0 and 1, so it is read as one label that a row has or has not; "
        f"pass {column} if these are the ids of two classes."
    )


def _warn_of_joined_tags(names: Iterable[object]) -> None:
    """Warn if most names of labels, one per time it was given, look like several tags in one string."""
    strings = [name for name in names if isinstance(name, str)]
    for separator in ";|,\t":
        joined = [name for name in strings if separator in name.strip(separator)]
        if 2 * len(joined) > len(strings):
            warn(
                f"most values of labels contain {separator!r}, e.g. {joined[0]!r}, and each is read as one label; "
                f"if these are tags, split them: [row.split({separator!r}) for row in labels]."
            )
            return
