"""Labels in every form users have them, binarised once."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from functools import singledispatch
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import AnyArray, Frame, LabelsLike, Sparse


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
    return _encode_rows(labels if isinstance(labels, (list, tuple)) else np.asarray(labels))


encode_labels.register(Labels, lambda labels: labels)


@encode_labels.register(Sparse)
def _encode_matrix(labels: AnyArray | sp.csr_array) -> Labels:
    return Labels(_binary(labels), np.arange(labels.shape[1]), named=False)


@encode_labels.register(Frame)
def _encode_frame(labels: Frame) -> Labels:
    if labels.ndim == 1:
        return _encode_rows(labels.to_numpy())
    if not labels.columns.is_unique:
        twice = labels.columns[labels.columns.duplicated()][0]
        raise ValueError(f"labels has columns of the same name: {twice!r}.")
    return Labels(_binary(labels.to_numpy()), np.asarray(labels.columns))


def _encode_rows(rows: AnyArray | Sequence[Collection[object]]) -> Labels:
    """Encode an array, list or tuple of rows."""
    if isinstance(rows, np.ndarray) and rows.ndim == 0:
        raise ValueError(f"labels is the single value {rows.item()!r}; one row of labels per item is needed.")
    if len(rows) == 0:
        raise ValueError("labels is empty; one row of labels per item is needed.")
    if isinstance(rows, np.ndarray) and rows.ndim > 1 and _all_numbers(rows):
        return _encode_matrix(rows)
    if any(_is_collection(row) for row in rows):
        return _encode_tags(rows)
    return _encode_ids(np.asarray(rows))


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


def _is_collection(row: object) -> bool:
    return np.iterable(row) and not isinstance(row, (str, bytes))


def _all_numbers(rows: AnyArray) -> bool:
    if rows.dtype.kind == "O":
        return all(isinstance(value, (int, float, np.number)) for value in rows.flat)
    return rows.dtype.kind in "biuf"


def _binary(matrix: AnyArray | sp.csr_array) -> sp.csr_array:
    if matrix.ndim != 2 or matrix.shape[0] == 0 or matrix.shape[1] == 0:
        raise ValueError(f"labels has shape {matrix.shape}; at least one row and one label are needed.")
    try:
        out = sp.csr_array(matrix.astype(np.float64))
    except (TypeError, ValueError) as error:
        wanted = "a 0/1 column per label, or a list of tags per row"
        raise ValueError(f"labels is a table with values that are not numbers; pass {wanted}.") from error
    out.sum_duplicates()
    out.eliminate_zeros()
    odd = np.unique(out.data[out.data != 1])
    if len(odd):
        hint = " Pass class ids as a 1-D array: labels.ravel()." if matrix.shape[1] == 1 else ""
        raise ValueError(f"labels must be multi-hot, i.e. hold only 0 and 1, but holds {odd[:3].tolist()}.{hint}")
    return out


def _encode_tags(rows: AnyArray | Sequence[Collection[object]]) -> Labels:
    from sklearn.preprocessing import MultiLabelBinarizer

    for i, row in enumerate(rows):
        if not _is_collection(row):
            raise ValueError(f"labels mixes lists of tags with single values; row {i} is {row!r}.")
    try:
        values = {tag for row in rows for tag in row}
        binarizer = MultiLabelBinarizer(sparse_output=True).fit(rows)
    except TypeError as error:
        raise ValueError(f"labels holds tags of different types or nested lists ({error}); use strings.") from error
    widths = {len(row) for row in rows}
    if len(widths) == 1 and max(widths) > 1 and values <= {0, 1, "0", "1"}:
        raise ValueError(
            "labels is a list of equally long lists of 0 and 1, which may be multi-hot rows or tag numbers; "
            "pass a numeric array for multi-hot rows (np.asarray(labels, dtype=int)), or name the tags."
        )
    if len(binarizer.classes_) == 0:
        raise ValueError("labels has no tag in any row; at least one label is needed.")
    return Labels(sp.csr_array(binarizer.transform(rows), dtype=np.float64), np.asarray(binarizer.classes_))


def _encode_ids(ids: AnyArray) -> Labels:
    import pandas as pd

    if ids.ndim != 1:
        raise ValueError(f"labels has shape {ids.shape}; pass (n, c) multi-hot rows, n class ids or n lists of tags.")
    missing = int(pd.isna(ids).sum())
    if missing:
        raise ValueError(f"labels has {missing} missing values; drop those rows.")
    fractional = ids.dtype.kind == "f" and not (np.isfinite(ids) & (ids == np.round(ids))).all()
    if fractional or ids.dtype.kind == "c":
        raise ValueError("labels holds fractional, infinite or complex numbers; class ids are integers or strings.")
    try:
        names, columns = np.unique(ids, return_inverse=True)
    except TypeError as error:
        raise ValueError("labels mixes class ids of different types; use strings for all of them.") from error
    n = len(ids)
    return Labels(sp.csr_array((np.ones(n), (np.arange(n), columns)), shape=(n, len(names))), names)
