"""Further columns of a table as a data frame, in which numbers are numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from skxmr._data.kinds import AnyArray

if TYPE_CHECKING:
    import pandas as pd

_ALL = "all"
# Zeros in front belong to codes, such as those of towns, which are no numbers.
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
# Whole numbers of so many digits fit into 64 bits; longer ones are identifiers, and stay strings.
_DIGITS = 18
_TRUTH = {"true": True, "false": False}
# How pandas calls what an array of objects holds, and the type for it: without and with missing values.
_TYPES = {
    "boolean": ("bool", "boolean"),
    "integer": ("int64", "Int64"),
    "floating": ("float64", "float64"),
    "mixed-integer-float": ("float64", "float64"),
}


def further_columns(metadata: object) -> list[str] | None:
    """Return the names of the columns that are asked for; None stands for all that have no other purpose."""
    if metadata is None or metadata == _ALL:
        return None if metadata else []
    if isinstance(metadata, str) or not isinstance(metadata, Sequence):
        raise TypeError(
            f"metadata is {metadata!r}; pass a list with names of columns, such as ['year'], or 'all' for all columns "
            "that have no other purpose."
        )
    for name in metadata:
        if not isinstance(name, str):
            raise TypeError(f"metadata holds {name!r}, a {type(name).__name__}; names of columns are strings.")
    return list(dict.fromkeys(metadata))


def frame_of(columns: Mapping[str, AnyArray], n: int, from_text: bool) -> pd.DataFrame:
    """Return columns of n objects as a frame; `from_text` says that they are strings which may stand for numbers."""
    import pandas as pd

    typed = {name: _typed(_parsed(values) if from_text else values) for name, values in columns.items()}
    return pd.DataFrame(typed, index=range(n))


def _parsed(texts: AnyArray) -> AnyArray:
    """Return what the strings of a column stand for, if all of them do; an empty one is a missing value."""
    out = np.array([(text or "").strip() or None for text in texts], dtype=object)
    held = [text for text in out if text is not None]
    read: Callable[[str], object] = str
    if all(text.lower() in _TRUTH for text in held):
        read = _truth
    elif all(_WHOLE.fullmatch(text) for text in held):
        read = int if max(map(len, held)) <= _DIGITS else str
    elif all(_NUMBER.fullmatch(text) and math.isfinite(float(text)) for text in held):
        # Beyond the largest number, such as 12e345, are identifiers.
        read = float
    for i, text in enumerate(out):
        if text is not None:
            out[i] = read(text)
    return out


def _truth(text: str) -> bool:
    return _TRUTH[text.lower()]


def _typed(values: AnyArray) -> pd.Series:
    """Return a column with the type that all its values share; None is a missing value."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind not in _TYPES:
        return pd.Series(values).infer_objects()
    without, with_missing = _TYPES[kind]
    is_missing = any(value is None for value in values)
    try:
        return pd.Series(values, dtype=with_missing if is_missing else without)
    except OverflowError:
        # Numbers of more than 64 bits stay what they are.
        return pd.Series(values)
