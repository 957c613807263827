"""Stored: what stands in a saved model in place of an object that skops cannot keep."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import scipy.stats

from skxmr._data.kinds import AnyArray
from skxmr.persistence._trust import Trust

# Kinds of columns of which an array and the name of the dtype are all there is to know.
_SIMPLE = "biufcmMO"
# Returns an object with everything stored in it restored.
Restore: TypeAlias = Callable[[Any], Any]


class Stored(ABC):
    """What stands in a saved model in place of an object that skops cannot keep."""

    @abstractmethod
    def restored(self, trust: Trust, restore: Restore) -> Any:
        """Return the object.

        Parameters
        ----------
        trust : Trust
            The names that may be imported.
        restore : callable
            Restores what the object consists of.
        """


class StoredPath(Stored):
    """A path."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def restored(self, trust: Trust, restore: Restore) -> Path:
        return Path(self.path)


class StoredDistribution(Stored):
    """A distribution of scipy.stats with its parameters, as random searches take them.

    scipy would run text as code that it finds in the attributes of such an object.
    """

    def __init__(self, distribution: Any) -> None:
        self.name = distribution.dist.name
        if type(getattr(scipy.stats, self.name, None)) is not type(distribution.dist):
            raise TypeError(f"the distribution {self.name!r} is none of scipy.stats, so it cannot be saved.")
        self.args = distribution.args
        self.kwds = distribution.kwds

    def restored(self, trust: Trust, restore: Restore) -> Any:
        distribution = getattr(scipy.stats, self.name, None)
        if not isinstance(distribution, (scipy.stats.rv_continuous, scipy.stats.rv_discrete)):
            raise ValueError(f"{self.name!r} is no distribution of scipy.stats")
        return distribution(*self.args, **self.kwds)


class StoredIndex(Stored):
    """The names of the rows or columns of a table."""

    def __init__(self, index: pd.Index) -> None:
        if isinstance(index, pd.MultiIndex):
            raise TypeError("a table whose index has several levels cannot be saved; give it an index of one level.")
        self.values, self.dtype = _column(index, "its index")
        self.name = index.name
        # A range is written as such: its dtype alone does not tell it from other integers.
        self.range = (index.start, index.stop, index.step) if isinstance(index, pd.RangeIndex) else None

    def restored(self, trust: Trust, restore: Restore) -> pd.Index:
        if self.range is not None:
            return pd.RangeIndex(*self.range, name=self.name)
        return pd.Index(pd.array(self.values, dtype=self.dtype), dtype=self.dtype, name=self.name)


class StoredTable(Stored):
    """A data frame, or a series as a frame of one column."""

    def __init__(self, table: pd.DataFrame | pd.Series[Any]) -> None:
        self.is_series = isinstance(table, pd.Series)
        frame = table.to_frame() if isinstance(table, pd.Series) else table
        self.index = StoredIndex(frame.index)
        self.columns = StoredIndex(frame.columns)
        self.values: list[AnyArray] = []
        self.dtypes: list[str] = []
        for place, name in enumerate(frame.columns):
            values, dtype = _column(frame.iloc[:, place], f"its column {name!r}")
            self.values.append(values)
            self.dtypes.append(dtype)

    def restored(self, trust: Trust, restore: Restore) -> pd.DataFrame | pd.Series[Any]:
        index = self.index.restored(trust, restore)
        series = {}
        for place, (values, dtype) in enumerate(zip(self.values, self.dtypes, strict=True)):
            series[place] = pd.Series(pd.array(values, dtype=dtype), index=index, dtype=dtype)
        frame = pd.DataFrame(series, index=index)
        frame.columns = self.columns.restored(trust, restore)
        return frame.iloc[:, 0] if self.is_series else frame


def _column(values: pd.Series[Any] | pd.Index, what: str) -> tuple[AnyArray, str]:
    """Return an array without types of pandas, and the name of the dtype that makes the same column of it."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in _SIMPLE:
        return values.to_numpy(), str(dtype)
    if isinstance(dtype, pd.StringDtype):
        return np.asarray(values, dtype=object), str(dtype)
    raise TypeError(f"a table cannot be saved because {what} is of dtype {dtype}; turn it into numbers or strings.")
