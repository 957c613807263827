"""Names of features: those that both views had in fit, and those of the columns that come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skxmr._data.kinds import AnyArray, View


class SeesNames:
    """Base of estimators of pairs that remember the names of the columns of data frames.

    `feature_names_in_` is a dict of arrays with an entry per view that had names. As in scikit-learn, it is missing
    where none had.
    """

    feature_names_in_: dict[str, AnyArray]

    def _remember_names(self, columns: Mapping[str, Sequence[str] | None]) -> None:
        named = {name: as_names(seen) for name, seen in columns.items() if seen is not None}
        if named:
            self.feature_names_in_ = named
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_


def as_names(names: Sequence[str]) -> AnyArray:
    """Return names as scikit-learn has them, an array of Python strings."""
    return np.array(list(names), dtype=object)


def n_columns(view: View) -> int:
    """Count the columns of a matrix; captions, regions and images are one each."""
    shape: tuple[int, ...] = getattr(view, "shape", ())
    return int(shape[1]) if len(shape) == 2 else 1


def with_prefix(names: Mapping[str, AnyArray]) -> AnyArray:
    """Return the names of both views in one array, each with its view in front as in a ColumnTransformer."""
    return as_names([f"{view}__{name}" for view, own in names.items() for name in own])
