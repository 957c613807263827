"""Conditions: what `where` asks of the metadata of an item, the same on every backend."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from skxmr._data.kinds import BoolArray
from skxmr.search.columns import INTEGERS, Column, Value, checked_values, odd_integer


class Condition(NamedTuple):
    """One of these: the value is among some (`is_range` False), or between two."""

    column: str
    values: list[Value]
    is_range: bool

    def holds(self, column: Column) -> BoolArray:
        """Tell for which items it holds."""
        if self.is_range:
            return column.between(*self.values)
        return column.equal_to(self.values)


def parsed(where: object, columns: Mapping[str, Column]) -> list[Condition]:
    """Return the conditions of ``{column: value, list of values, or (low, high)}``, all of which must hold."""
    if where is None:
        return []
    if not isinstance(where, Mapping):
        raise TypeError(
            f"where is a {type(where).__name__}; pass a dict such as {{'year': (2000, 2010), 'tag': ['sea', 'sky']}}."
        )
    found = []
    for name, wanted in where.items():
        if name not in columns:
            raise ValueError(f"where names the column {name!r}, which no item has{_nearest(name, columns)}")
        condition = _condition(name, wanted)
        _check_types(condition, columns[name].kind)
        found.append(condition)
    return found


def _nearest(name: object, columns: Mapping[str, Column]) -> str:
    closest = get_close_matches(str(name), list(columns), n=1)
    return f"; did you mean {closest[0]!r}?" if closest else f"; there are {sorted(columns)}."


def _condition(name: str, wanted: Any) -> Condition:
    is_range = isinstance(wanted, tuple)
    if is_range and len(wanted) != 2:
        raise ValueError(
            f"where[{name!r}] is a tuple of length {len(wanted)}; a range is (low, high), where None is no bound, and "
            "several values are a list."
        )
    is_array = isinstance(wanted, np.ndarray) and wanted.ndim == 1
    several = is_range or is_array or isinstance(wanted, (list, set, frozenset))
    values = list(wanted) if several else [wanted]
    checked = [_checked(value, name) for value in values]
    if is_range and any(isinstance(value, bool) for value in checked):
        raise TypeError(f"where[{name!r}] is a range of truth values; pass True or False.")
    return Condition(name, checked, is_range)


def _checked(value: Any, name: str) -> Value:
    if isinstance(value, (float, np.floating)) and value != value:
        raise ValueError(f"where[{name!r}] holds NaN, which equals nothing; items without a value are found by None.")
    try:
        return checked_values([value], name).values[0]
    except TypeError as error:
        what = f"a {type(value).__name__}; a value is a number, a string, True, False or None"
        if isinstance(value, (int, np.integer)):
            what = f"{odd_integer(value)}; {INTEGERS}"
        raise TypeError(f"where[{name!r}] holds {what}.") from error


def _check_types(condition: Condition, kind: str) -> None:
    """Refuse values of another type than the column, because they would match nothing in silence."""
    wanted = (int, float) if kind in ("int", "float") else {"bool": bool, "str": str}[kind]
    for value in condition.values:
        fits = isinstance(value, wanted) and isinstance(value, bool) == (kind == "bool")
        if value is not None and not fits:
            raise TypeError(
                f"where[{condition.column!r}] holds {value!r}, a {type(value).__name__}, but the column holds {kind} "
                "values; pass such a value."
            )
