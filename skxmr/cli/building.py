"""Estimators from tables of a file of a run: a name, and parameters."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skxmr.cli.command import RunError, nearest
from skxmr.cli.names import known_class

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

# A path that begins so starts at the folder of the file, and any other string is taken as it is.
_HERE = "./"
# What these name is imported when a model is saved or opened.
_IMPORTED = ("factory", "factory_params")
# TOML has no word for it.
_NONE = "None"


def built(table: object, where: str, folder: Path) -> BaseEstimator:
    """Return the estimator that a table describes.

    Parameters
    ----------
    table : dict
        Its ``name``, and its parameters.
    where : str
        The place in the file, for errors.
    folder : Path
        Where paths that begin with ``./`` start.

    Returns
    -------
    estimator
    """
    if not isinstance(table, dict):
        raise RunError(f"{where} is {table!r}, but a table with a name is wanted, such as {{ name = 'MLCCA' }}.")
    if "name" not in table:
        raise RunError(f"{where} has no name; add a line such as name = 'MLCCA'.")
    cls = known_class(table["name"], where)
    known = inspect.signature(cls).parameters
    params = {}
    for name, value in table.items():
        if name == "name":
            continue
        if name not in known:
            raise RunError(f"{where}: {cls.__name__} has no parameter {name!r}{nearest(name, known)}")
        if name in _IMPORTED:
            raise RunError(f"{where}: {name} runs code of others, which a file of a run may not name; use Python.")
        params[name] = parameter(value, known[name].default, f"{where}.{name}", folder)
    try:
        estimator: BaseEstimator = cls(**params)
    except (TypeError, ValueError) as error:
        raise RunError(f"{where}: {error}") from error
    return estimator


def parameter(value: object, default: object, where: str, folder: Path) -> Any:
    """Return the value of a parameter; a list becomes a tuple where that is what the parameter holds by default."""
    if isinstance(value, dict):
        return built(value, where, folder)
    if isinstance(value, list):
        items = [parameter(item, None, f"{where}[{i}]", folder) for i, item in enumerate(value)]
        named = len(items) == 2 and isinstance(items[0], str) and hasattr(items[1], "get_params")
        return tuple(items) if isinstance(default, tuple) or named else items
    if isinstance(value, str):
        if value == _NONE:
            return None
        return str(folder / value) if value.startswith(_HERE) else value
    return value
