"""Ids of items: all integers or all strings, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from skxmr._data.kinds import AnyArray, Frame
from skxmr._data.masks import check_unmasked
from skxmr._data.unicode import is_unicode

Id: TypeAlias = int | str
# Ids as users hold them: a list, an array, a column of a frame, a range.
IdsLike: TypeAlias = Iterable[Any] | AnyArray

# Ids are kept in 64 bits.
LARGEST = 2**63 - 1
# How many ids an error names.
_NAMED = 3


def checked_ids(ids: IdsLike, name: str = "ids") -> list[Id]:
    """Return ids as Python's own integers or strings; refuse other types, mixed ones, negative numbers and repeats."""
    if isinstance(ids, (str, bytes)) or not (hasattr(ids, "__len__") or hasattr(ids, "__iter__")):
        raise TypeError(f"{name} is a {type(ids).__name__}; pass a list, a single one as [{ids!r}].")
    if getattr(ids, "ndim", 1) != 1:
        raise ValueError(f"{name} has the shape {getattr(ids, 'shape', ())}; one id per item is needed.")
    check_unmasked(ids, name)
    listed = (ids.to_numpy() if isinstance(ids, Frame) else np.asarray(ids)).tolist() if hasattr(ids, "dtype") else ids
    out: list[Id] = []
    for i, value in enumerate(listed):
        if isinstance(value, str):
            out.append(_written(value, f"{name} holds {value!r} in row {i}"))
        elif isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 0 <= value <= LARGEST:
            out.append(int(value))
        else:
            raise TypeError(
                f"{name} holds {value!r}, a {type(value).__name__}, in row {i}; ids are strings, or integers from 0."
            )
    if len({type(value) for value in out}) > 1:
        raise TypeError(f"{name} holds integers and strings; make all of them strings: [str(i) for i in ids].")
    _check_distinct(out, name)
    return out


def ids_of_rows(ids: IdsLike) -> list[Id]:
    """Return the checked ids of rows, one per row; refuse a set, which has no order."""
    if isinstance(ids, (set, frozenset)):
        raise TypeError("ids is a set, whose order is not that of the rows; pass a list, one id per row.")
    return checked_ids(ids)


def _written(value: str, where: str) -> str:
    """Return an id that can be written; the name of a file may hold bytes that are no letters in UTF-8."""
    if not is_unicode(value):
        raise ValueError(
            f"{where}, which is no text in Unicode, so that no table, page or shell could name it; rename the file, or "
            "pass ids= of other strings."
        )
    return str(value)


def _check_distinct(ids: list[Id], name: str) -> None:
    if len(set(ids)) == len(ids):
        return
    seen: dict[Id, int] = {}
    for i, value in enumerate(ids):
        if value in seen:
            raise ValueError(
                f"{name} holds {value!r} twice, in the rows {seen[value]} and {i}; an item has one id of its own."
            )
        seen[value] = i


def check_one_per_row(ids: list[Id], n: int, name: str) -> None:
    """Refuse more or fewer ids than rows."""
    if len(ids) != n:
        raise ValueError(f"ids has {len(ids)} entries but {name} has {n} rows; one id per row is needed.")


def named(ids: Sequence[Id]) -> str:
    """Return the first ids of a list, as an error shows them."""
    shown = ", ".join(repr(value) for value in ids[:_NAMED])
    return shown if len(ids) <= _NAMED else f"{shown} and {len(ids) - _NAMED} more"


def as_array(ids: Sequence[Id]) -> AnyArray:
    """Return ids as an array, of int64 or of objects."""
    if ids and isinstance(ids[0], str):
        out = np.empty(len(ids), object)
        out[:] = ids
        return out
    return np.array(ids, np.int64)


def order_of(ids: AnyArray) -> AnyArray:
    """Return numbers that are in the order of ids: smaller numbers first, strings by their characters."""
    if ids.dtype != object:
        return ids
    return np.unique(ids, return_inverse=True)[1].reshape(-1)
