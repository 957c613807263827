"""What `compare` is given as one array (seeds, n) per direction and method: a value of each query in each run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skxmr._data.arguments import need_pairs
from skxmr._data.kinds import BoolArray, Float64Array, Frame, LabelsLike
from skxmr._data.pairs import Pairs
from skxmr._data.tensors import asarray
from skxmr._data.view_checks import check_same_columns, check_same_index
from skxmr._data.warn import warn
from skxmr.inspection.asking.runs import runs_of_model
from skxmr.metrics._scorers import DIRECTIONS, MEASURES

# One method as users pass it.
MethodLike: TypeAlias = BaseEstimator | list[BaseEstimator] | ArrayLike | Mapping[str, ArrayLike]
# The runs (seeds, n) of the methods, by name.
Runs: TypeAlias = dict[str, Float64Array]

# The name of the only direction where arrays come without one.
NO_DIRECTION = "queries"
# Intervals of fewer queries may be too narrow.
_FEW = 50


class Measure(NamedTuple):
    """How fitted models are measured: the rows, and what is computed of them."""

    pairs: Pairs | None
    labels: LabelsLike
    name: str
    k: int | None
    metric: str


def runs_by_direction(methods: Mapping[str, MethodLike], measure: Measure) -> dict[str, Runs]:
    """Return the runs of all methods for each direction, of the queries that have a relevant item."""
    _check_names(methods)
    _check_indexes(methods)
    found = {name: _of_method(method, f"methods[{name!r}]", measure) for name, method in methods.items()}
    first, directions = next((name, list(values)) for name, values in found.items())
    for name, values in found.items():
        if set(values) != set(directions):
            raise ValueError(
                f"methods[{name!r}] has values for {_listed(values)}, but methods[{first!r}] for "
                f"{_listed(directions)}; give all methods the same directions, each as "
                "{'image_to_text': values, 'text_to_image': values}."
            )
    return {
        direction: _answered({name: values[direction] for name, values in found.items()}, direction)
        for direction in directions
    }


def _check_names(methods: Mapping[str, MethodLike]) -> None:
    if not isinstance(methods, Mapping):
        raise TypeError(
            f"methods is a {type(methods).__name__}; pass a dict of names and fitted models or values per query, such "
            "as {'CCA': model}."
        )
    if not methods:
        raise ValueError("methods is empty; pass at least one method, such as {'CCA': model}.")
    for name in methods:
        if not isinstance(name, str) or not name.strip():
            raise TypeError(f"the names of methods must be strings that are not empty; got {name!r}.")


def _of_method(method: MethodLike, name: str, measure: Measure) -> Runs:
    """Return the runs (seeds, n) of a method by direction."""
    if _is_model(method):
        return _of_models([method], name, measure)
    if isinstance(method, (list, tuple)) and any(_is_model(model) for model in method):
        return _of_models(method, name, measure)
    if not isinstance(method, Mapping):
        return {NO_DIRECTION: _checked_runs(method, name)}
    unknown = [key for key in method if key not in DIRECTIONS]
    if unknown or not method:
        raise ValueError(f"the keys of {name} must be among {list(DIRECTIONS)}; got {list(method)}.")
    return {key: _checked_runs(method[key], f"{name}[{key!r}]") for key in DIRECTIONS if key in method}


def _is_model(method: object) -> bool:
    return hasattr(method, "fit") or hasattr(method, "similarity") or isinstance(method, type)


def _of_models(models: Iterable[BaseEstimator], name: str, measure: Measure) -> Runs:
    """Return the values of fitted models of one method, each a run of its own."""
    if measure.pairs is None:
        raise ValueError(
            f"{name} is a fitted model, which is measured on pairs; pass pairs, and labels if it needs them."
        )
    pairs = need_pairs(measure.pairs, "compare")
    runs: dict[str, list[Float64Array]] = {direction: [] for direction in DIRECTIONS}
    for model in models:
        try:
            for direction, run in runs_of_model(model, pairs, measure.labels, None, measure.metric).items():
                values = MEASURES[measure.name](run.scores, run.relevance, k=measure.k)
                runs[direction].append(np.asarray(values))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
    return {direction: np.stack(found) for direction, found in runs.items()}


def _checked_runs(values: ArrayLike, name: str) -> Float64Array:
    """Return given values as runs (seeds, n); nan is allowed here, and infinite values are not."""
    wanted = "pass one number per query, (n,), or one row per seed, (seeds, n)"
    found = _numbers(values, name, wanted)
    if found.ndim not in (1, 2) or 0 in found.shape:
        raise ValueError(f"{name} has shape {found.shape}; {wanted}.")
    if np.isinf(found).any():
        raise ValueError(
            f"{name} has an infinite value; pass finite ones, and nan for a query without a relevant item."
        )
    runs = np.atleast_2d(found)
    if len(runs) > runs.shape[1]:
        warn(f"{name} has {len(runs)} seeds but only {runs.shape[1]} queries; if its rows are queries, transpose it.")
    return runs


def _numbers(values: ArrayLike, name: str, wanted: str) -> Float64Array:
    """Return values as float64; refuse strings, complex numbers and whatever else numpy would convert in silence."""
    try:
        if isinstance(values, Frame):
            # Numbers of pandas that are missing become nan.
            return values.to_numpy(np.float64, na_value=np.nan)
        found = asarray(values, name)
        if found.dtype.kind in "biufO":
            return found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as numbers ({error}); {wanted}.") from error
    raise TypeError(f"{name} is a {type(values).__name__} of {found.dtype}; {wanted}.")


def _check_indexes(methods: Mapping[str, MethodLike]) -> None:
    """Refuse values of pandas whose queries are named differently, because they are matched by position."""
    for direction in (NO_DIRECTION, *DIRECTIONS):
        named: dict[str, object] = {}
        for name, method in methods.items():
            values = method.get(direction) if isinstance(method, Mapping) else method
            named[f"methods[{name!r}]"] = values
        check_same_index(**{name: values for name, values in named.items() if getattr(values, "ndim", 0) == 1})
        check_same_columns(**{name: values for name, values in named.items() if getattr(values, "ndim", 0) == 2})


def _answered(runs: Runs, direction: str) -> Runs:
    """Return the runs without the queries that have no relevant item, which are nan in all of them."""
    where = "" if direction == NO_DIRECTION else f" in {direction}"
    first = next(iter(runs))
    missing = np.isnan(runs[first][0])
    for name, values in runs.items():
        _check_same_queries(name, values, first, missing, where)
    n = int(np.sum(~missing))
    if n < 2:
        has = "no query has" if n == 0 else "only one query has"
        raise ValueError(
            f"{has} a value{where}, and intervals and tests need at least two; measure the methods on more queries "
            "that have a relevant item."
        )
    if n < _FEW:
        warn(f"there are only {n} queries{where}; intervals of fewer than {_FEW} may be too narrow, so measure more.")
    return {name: values[:, ~missing] for name, values in runs.items()}


def _check_same_queries(name: str, values: Float64Array, first: str, missing: BoolArray, where: str) -> None:
    """Refuse a method that has other queries than the first one."""
    if values.shape[1] != len(missing):
        raise ValueError(
            f"methods[{name!r}] has {values.shape[1]} queries{where}, but methods[{first!r}] has {len(missing)}; "
            "measure all methods on the same queries, in the same order."
        )
    other = np.isnan(values) != missing
    if other.any():
        query = int(np.flatnonzero(other.any(axis=0))[0])
        raise ValueError(
            f"query {query}{where} is nan in some runs of methods[{first!r}] and methods[{name!r}] and has a value in "
            "others; nan says that a query has no relevant item, and then it is nan in all runs."
        )


def _listed(directions: Iterable[str]) -> str:
    return " and ".join(directions)
