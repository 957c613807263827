"""The results of a search as a table over two of its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from skxmr._data.kinds import AnyArray, Float64Array
from skxmr.inspection.asking.runs import need_results


class SearchTable(NamedTuple):
    """Scores (b, a) over the values x (a,) and y (b,) of two parameters."""

    x: list[object]
    y: list[object]
    scores: Float64Array
    names: list[str]
    score_name: str


def table_of(cv_results: Mapping[str, Any], parameters: Sequence[str] | None, score: str | None) -> SearchTable:
    """Return the best mean score for each pair of values; NaN where there is none."""
    need_results(cv_results, "pass the cv_results_ of a fitted search, a dict or a data frame")
    column = _score_column(list(cv_results), score)
    means = np.asarray(cv_results[column], dtype=np.float64)
    names = _two(cv_results, parameters)
    values = [_column(cv_results, name) for name in names]
    tried = np.array([all(value is not None for value in pair) for pair in zip(*values, strict=True)])
    if not tried.any():
        raise ValueError(f"no candidate has values of both {names[0]} and {names[1]}.")
    axes = [_distinct([value for value, used in zip(own, tried, strict=True) if used]) for own in values]
    keys = [{_key(value): i for i, value in enumerate(own)} for own in axes]
    scores = np.full((len(axes[1]), len(axes[0])), np.nan)
    for i in np.flatnonzero(tried):
        cell = keys[1][_key(values[1][i])], keys[0][_key(values[0][i])]
        scores[cell] = np.fmax(scores[cell], means[i])
    others = [name for name in _varying(cv_results) if name not in names]
    said = column.removeprefix("mean_test_").replace("score", "mean score")
    best_of = f", best over {', '.join(others)}" if others else ""
    return SearchTable(axes[0], axes[1], scores, names, said + best_of)


def _score_column(columns: list[str], score: str | None) -> str:
    found = [name for name in columns if name.startswith("mean_test_")]
    if not found:
        raise ValueError("cv_results has no mean scores (mean_test_...); pass the cv_results_ of a fitted search.")
    if score is None:
        chosen = [name for name in ("mean_test_score", "mean_test_map", "mean_test_mr") if name in found]
        wanted = found if len(found) == 1 else chosen
    else:
        wanted = [name for name in found if name in (score, f"mean_test_{score}", f"mean_{score}")]
    if not wanted:
        raise ValueError(
            f"cv_results has the mean scores {[name.removeprefix('mean_test_') for name in found]}; score={score!r} "
            "must name one of them."
        )
    return wanted[0]


def _two(cv_results: Mapping[str, Any], parameters: Sequence[str] | None) -> list[str]:
    """Return the names of the two parameters along the axes."""
    there = [name.removeprefix("param_") for name in cv_results if name.startswith("param_")]
    if parameters is None:
        varying = _varying(cv_results)
        if len(there) < 2:
            raise ValueError(
                f"cv_results has the parameters {there}, but two are drawn; search over two, or draw one with "
                "scikit-learn's ValidationCurveDisplay."
            )
        if len(varying) != 2:
            raise ValueError(f"{len(varying)} parameters vary, {varying}; name two of them: parameters=[..., ...].")
        return varying
    names = [str(name).removeprefix("param_") for name in parameters]
    if isinstance(parameters, str) or len(names) != 2 or len(set(names)) != 2 or set(names) - set(there):
        raise ValueError(f"parameters must be two of {there}; got {parameters!r}.")
    return names


def _varying(cv_results: Mapping[str, Any]) -> list[str]:
    names = [name.removeprefix("param_") for name in cv_results if name.startswith("param_")]
    return [name for name in names if len({_key(value) for value in _column(cv_results, name)}) > 1]


def _column(cv_results: Mapping[str, Any], name: str) -> list[Any]:
    """Return the value of a parameter for every candidate, None where a candidate has none."""
    column = cv_results[f"param_{name}"]
    mask = np.broadcast_to(np.ma.getmaskarray(column), (len(column),))
    values: AnyArray = np.ma.getdata(column) if isinstance(column, np.ma.MaskedArray) else np.asarray(column)
    found = []
    for value, missing in zip(values, mask, strict=True):
        # A data frame has NaN where the results have a mask.
        absent = missing or (isinstance(value, float) and np.isnan(value))
        found.append(None if absent else ("None" if value is None else value))
    return found


def _key(value: object) -> object:
    """Return what is equal for equal values; estimators and arrays are told apart by what they look like."""
    return ("number", value) if _is_number(value) else str(value)


def _distinct(values: list[Any]) -> list[object]:
    """Return the distinct values: numbers in order, others as they come first."""
    found = list({_key(value): value for value in values}.values())
    return sorted(found) if all(_is_number(value) for value in found) else found


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))
