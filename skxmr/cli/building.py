"""Estimators from tables of a file of a run: a name, and parameters."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from skxmr.cli.command import RunError, nearest
from skxmr.cli.factories import made_by_factory
from skxmr.cli.names import known_class
from skxmr.cli.run_file import Run, placed

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

# TOML has no word for it.
_NONE = "None"


def built(table: object, where: str, run: Run, is_part: bool = False) -> BaseEstimator:
    """Return the estimator that a table describes.

    Parameters
    ----------
    table : dict
        Its ``name``, and its parameters.
    where : str
        The place in the file, for errors.
    run : Run
        Whose file it is.
    is_part : bool, default=False
        Whether it is the value of a parameter, which need not be an estimator.

    Returns
    -------
    estimator
    """
    if not isinstance(table, dict):
        raise RunError(f"{where} is {table!r}, but a table with a name is wanted, such as {{ name = 'MLCCA' }}.")
    if "name" not in table:
        raise RunError(f"{where} has no name; add a line such as name = 'MLCCA'.")
    cls = known_class(table["name"], where, is_part)
    known = inspect.signature(cls).parameters
    params = made_by_factory(table, cls, where, run)
    for name, value in table.items():
        if name == "name" or name in params:
            continue
        if name not in known:
            raise RunError(f"{where}: {cls.__name__} has no parameter {name!r}{nearest(name, known)}")
        params[name] = parameter(value, known[name].default, f"{where}.{name}", run)
    try:
        estimator: BaseEstimator = cls(**params)
    except (TypeError, ValueError) as error:
        raise RunError(f"{where}: {error}") from error
    return estimator


def parameter(value: object, default: object, where: str, run: Run) -> Any:
    """Return the value of a parameter; a list becomes a tuple where that is what the parameter holds by default."""
    if isinstance(value, dict):
        return built(value, where, run, is_part=True)
    if isinstance(value, list):
        items = [parameter(item, None, f"{where}[{i}]", run) for i, item in enumerate(value)]
        named = len(items) == 2 and isinstance(items[0], str) and hasattr(items[1], "get_params")
        return tuple(items) if isinstance(default, tuple) or named else items
    if isinstance(value, str):
        return None if value == _NONE else placed(value, run.folder)
    return value
