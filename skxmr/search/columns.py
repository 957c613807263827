"""Column: the values of one column of metadata, one per item, of one type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from skxmr._data.kinds import AnyArray, BoolArray, IndexArray
from skxmr.search.growing import Growing

# What one item may have in a column.
Value: TypeAlias = bool | int | float | str | None

# How the values of each type are kept, and what stands where an item has none.
_DTYPES = {"bool": np.int8, "int": np.int64, "float": np.float64, "str": np.int32}
_MISSING = {"bool": -1, "int": np.iinfo(np.int64).min, "float": np.nan, "str": -1}
# Which integers are values; the smallest one of 64 bits stands for a missing value.
INTEGERS = "integers lie between -(2**63) + 1 and 2**63 - 1"
_TYPES = {"bool": bool, "int": int, "float": float, "str": str}


class Words:
    """Distinct strings and their numbers. It only grows, so that all versions of a column share it."""

    def __init__(self, words: Sequence[str] = ()) -> None:
        self.words = list(words)
        self.numbers = {word: i for i, word in enumerate(self.words)}

    def number(self, word: str) -> int:
        """Return the number of a string, a new one if need be."""
        found = self.numbers.get(word)
        if found is None:
            found = len(self.words)
            self.words.append(word)
            self.numbers[word] = found
        return found


class Column(NamedTuple):
    """Values of one type, some of which may be missing; strings are kept as numbers of words."""

    kind: str
    values: Growing
    words: Words

    @classmethod
    def empty(cls, kind: str, n: int = 0) -> Column:
        """Return a column in which all items have no value."""
        return cls(kind, Growing(np.full(n, _MISSING[kind], _DTYPES[kind])), Words())

    def extended(self, values: Sequence[Value]) -> Column:
        """Return this column with the checked values of more items."""
        return self._replace(values=self.values.extended(self._coded(values)))

    def replaced(self, rows: IndexArray, values: Sequence[Value]) -> Column:
        """Return this column with other values in some rows."""
        changed = self.values.rows.copy()
        changed[rows] = self._coded(values)
        return self._replace(values=Growing(changed))

    def taken(self, rows: IndexArray) -> Column:
        """Return a column of some rows only, with the words that they use."""
        codes = self.values.rows[rows]
        if self.kind != "str":
            return self._replace(values=Growing(codes))
        return Column.empty("str").extended(self._decoded(codes))

    def as_kind(self, kind: str) -> Column:
        """Return this column as one of another type: integers among floats become floats."""
        if kind == self.kind:
            return self
        return Column.empty(kind).extended(self._decoded(self.values.rows))

    def at(self, rows: IndexArray) -> list[Value]:
        """Return the values of some rows, None where one has none."""
        return self._decoded(self.values.rows[rows])

    def equal_to(self, wanted: Sequence[Value]) -> BoolArray:
        """Tell in which rows one of several values stands; None is no value."""
        values = self.values.rows
        found = self.is_missing() if None in wanted else np.zeros(len(values), bool)
        codes = [code for value in wanted if value is not None for code in self._codes_equal_to(value)]
        for code in codes[:4]:
            found |= values == code
        if codes[4:]:
            found |= np.isin(values, codes[4:])
        return found

    def between(self, low: Value, high: Value) -> BoolArray:
        """Tell which values lie between two, both included; None is no bound."""
        if self.kind == "str":
            words = self.words.words
            inside = [(low is None or word >= low) and (high is None or word <= high) for word in words]  # type: ignore[operator]
            # The last entry is for items without value, whose number is -1.
            return np.array([*inside, False])[self.values.rows]
        values = self.values.rows
        found = ~self.is_missing()
        if low is not None:
            found &= values >= self._as_bound(low, math.inf)
        if high is not None:
            found &= values <= self._as_bound(high, -math.inf)
        return found

    def is_missing(self) -> BoolArray:
        """Tell which items have no value."""
        values = self.values.rows
        return np.isnan(values) if self.kind == "float" else values == _MISSING[self.kind]

    def _as_bound(self, value: Any, inside: float) -> int | float:
        """Return a bound as a number of this type, the next one towards `inside`: numpy compares both as floats."""
        if self.kind == "int":
            return value if not math.isfinite(value) else math.ceil(value) if inside > 0 else math.floor(value)
        bound = float(value)
        is_outside = bound < value if inside > 0 else bound > value
        return math.nextafter(bound, inside) if is_outside else bound

    def _codes_equal_to(self, value: Value) -> list[Any]:
        """Return what stands for a value: nothing if no item has it."""
        if isinstance(value, str):
            number = self.words.numbers.get(value)
            return [] if number is None else [number]
        if self.kind == "int" and isinstance(value, float):
            # The smallest integer of 64 bits stands where an item has no value.
            return [int(value)] if value.is_integer() and abs(value) < 2**63 else []
        if self.kind == "float" and isinstance(value, int):
            return [float(value)] if float(value) == value else []
        return [value]

    def _coded(self, values: Sequence[Value]) -> AnyArray:
        missing = _MISSING[self.kind]
        if self.kind == "str":
            numbers = [missing if value is None else self.words.number(str(value)) for value in values]
            return np.array(numbers, np.int32)
        return np.array([missing if value is None else value for value in values], _DTYPES[self.kind])

    def _decoded(self, codes: AnyArray) -> list[Value]:
        listed = codes.tolist()
        if self.kind == "str":
            return [None if code < 0 else self.words.words[code] for code in listed]
        if self.kind == "float":
            return [None if code != code else code for code in listed]
        missing = _MISSING[self.kind]
        make = _TYPES[self.kind]
        return [None if code == missing else make(code) for code in listed]


class Values(NamedTuple):
    """Checked values of one column: their type, None if all are missing, and one value per item."""

    kind: str | None
    values: list[Value]


def checked_values(values: Sequence[Any], name: str) -> Values:
    """Return values as Python's own types, and which type they have; refuse mixed and other ones."""
    kinds: dict[str, int] = {}
    out: list[Value] = []
    for i, value in enumerate(values):
        found, plain = _plain(value)
        if found is None and isinstance(plain, (int, np.integer)):
            raise TypeError(
                f"metadata[{name!r}] holds {odd_integer(plain)} in row {i}; write such numbers as strings, because "
                f"{INTEGERS}."
            )
        if found is None and plain is not None:
            raise TypeError(
                f"metadata[{name!r}] holds a {type(value).__name__} in row {i}; a value is a number, a string, True, "
                "False or None. Write dates as strings such as '2024-05-01', and lists as one string."
            )
        if found is not None:
            kinds.setdefault(found, i)
        out.append(plain)
    if set(kinds) == {"int", "float"}:
        kinds = {"float": 0}
    if len(kinds) > 1:
        (first, i), (second, j) = list(kinds.items())[:2]
        raise TypeError(
            f"metadata[{name!r}] holds values of several types, {first} in row {i} and {second} in row {j}; one type "
            "per column is needed."
        )
    return Values(next(iter(kinds), None), out)


def odd_integer(value: int | np.integer[Any]) -> str:
    """Return what an integer is called that no column holds."""
    return "the integer -(2**63)" if value == -(2**63) else "an integer of more than 64 bits"


def common_kind(old: str, new: str | None, name: str) -> str:
    """Return the type of a column to which values of another type are added."""
    if new is None or new == old:
        return old
    if {old, new} == {"int", "float"}:
        return "float"
    raise TypeError(
        f"metadata[{name!r}] holds {new} values, but those of the index are {old}; convert them, or use another name."
    )


def _plain(value: Any) -> tuple[str | None, Any]:
    """Return the type of a value and the value as Python's own; (None, value) where it is of no known type."""
    if value is None:
        return None, None
    if isinstance(value, (bool, np.bool_)):
        return "bool", bool(value)
    if isinstance(value, (int, np.integer)):
        number = int(value)
        # Beyond 64 bits, and the number that stands for a missing one.
        return ("int", number) if -(2**63) < number < 2**63 else (None, value)
    if isinstance(value, (float, np.floating)):
        return ("float", float(value)) if value == value else (None, None)
    if isinstance(value, str):
        return "str", str(value)
    # The missing value of pandas is neither true nor false.
    return None, None if type(value).__name__ in ("NAType", "NaTType") else value
