"""The search of a run: grids of parameters, and folds that keep every label and every group in place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from skxmr.cli.building import parameter
from skxmr.cli.command import RunError, nearest
from skxmr.cli.factories import ARGUMENTS, FACTORY
from skxmr.cli.pipelines import FEATURES, MODEL, check_values
from skxmr.cli.run_file import Run

if TYPE_CHECKING:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline

Grid = dict[str, list[Any]]


def search_of(pipeline: Pipeline, run: Run, with_labels: bool) -> GridSearchCV:
    """Return the search that a run describes around its pipeline."""
    from sklearn.model_selection import GridSearchCV, GroupKFold

    from skxmr.metrics import RetrievalScores
    from skxmr.model_selection import MultilabelStratifiedKFold

    asked = run.section("search")
    found = asked.get("grid", [])
    grids = [_grid(pipeline, grid, run) for grid in (found if isinstance(found, list) else [found])]
    if not grids:
        raise RunError("[search] has no grid; write one under [search.grid], such as 'model.ridge' = [0.5, 1.0].")
    _check_candidates(pipeline, grids)
    if asked.get("cv", 2) < 2:
        raise RunError(f"[search] cv is {asked['cv']}, but the number of folds is wanted, 2 or more.")
    folds = MultilabelStratifiedKFold if with_labels else GroupKFold
    cv = folds(asked.get("cv", 3), shuffle=True, random_state=asked.get("random_state", 0))
    return GridSearchCV(
        pipeline,
        grids,
        scoring=RetrievalScores(),
        refit="map",
        cv=cv,
        n_jobs=asked.get("n_jobs"),
        error_score="raise",
    )


def n_candidates(search: GridSearchCV) -> int:
    """Return how many settings a search compares."""
    return sum(math.prod(len(values) for values in grid.values()) for grid in search.param_grid)


def _grid(pipeline: Pipeline, grid: object, run: Run) -> Grid:
    """Return a grid in scikit-learn's terms; models come first, because parameters belong to them."""
    if not isinstance(grid, dict):
        raise RunError(f"a grid of [search] is {grid!r}, but a table of lists is wanted.")
    flat = dict(_flat(grid))
    out: Grid = {}
    candidates = [pipeline]
    for key in sorted(flat, key=lambda key: key.count(".")):
        where = f"[search.grid] {key}"
        values = flat[key]
        if not isinstance(values, list) or not values:
            raise RunError(f"{where} is {values!r}, but a list of values is wanted.")
        name = _parameter_name(key)
        if name.rpartition("__")[2] in (FACTORY, ARGUMENTS):
            raise RunError(f"{where} runs code of others, which is not searched; write it under [image] or [text].")
        out[name] = [parameter(value, _current(candidates, name, where), where, run) for value in values]
        if name == MODEL:
            candidates = [_with(pipeline, {name: model}) for model in out[name]]
    return out


def _flat(grid: dict[str, Any], before: str = "") -> list[tuple[str, object]]:
    """Return the keys of a grid; ``model.ridge`` without quotes is a table within a table in TOML."""
    found: list[tuple[str, object]] = []
    for key, value in grid.items():
        found += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(f"{before}{key}", value)]
    return found


def _parameter_name(key: str) -> str:
    name = key.replace(".", "__")
    return f"{FEATURES}__{name}" if name.partition("__")[0] in ("image", "text") else name


def _current(candidates: list[Pipeline], name: str, where: str) -> object:
    """Return what the parameter is now, after checking that every candidate has it."""
    value: object = None
    for pipeline in candidates:
        params = pipeline.get_params()
        if name not in params:
            prefix = f"{FEATURES}__"
            known = [other.removeprefix(prefix).replace("__", ".") for other in params]
            raise RunError(f"{where} is no parameter{nearest(name.removeprefix(prefix).replace('__', '.'), known)}")
        value = params[name]
    return value


def _with(pipeline: Pipeline, params: dict[str, Any]) -> Pipeline:
    from sklearn.base import clone

    changed: Pipeline = clone(pipeline).set_params(**params)
    return changed


def _check_candidates(pipeline: Pipeline, grids: list[Grid]) -> None:
    from sklearn.model_selection import ParameterGrid

    for params in ParameterGrid(grids):
        check_values(_with(pipeline, params))
