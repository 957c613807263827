"""Networks and encoders of others in the file of a run, made by functions that the user of the command trusts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skxmr.cli.command import RunError
from skxmr.cli.run_file import Run, placed

# The parameters of estimators that name a function and its arguments.
FACTORY = "factory"
ARGUMENTS = "factory_params"


def made_by_factory(table: Mapping[str, Any], cls: type[Any], where: str, run: Run) -> dict[str, Any]:
    """Return the parameters of an estimator that a factory in its table stands for, and the factory itself.

    Nothing is imported unless it is trusted by its name.
    """
    known = inspect.signature(cls).parameters
    if FACTORY not in known:
        return {}
    (parameter, *_) = cls._made_by_factory
    if not {FACTORY, ARGUMENTS} & table.keys():
        if known[parameter].default is not inspect.Parameter.empty:
            return {}
        raise RunError(
            f"{where}: the {parameter} of {cls.__name__} is an object, which a file cannot hold; name the function "
            "that makes it, as factory = 'package.module:function'."
        )
    factory = table.get(FACTORY)
    if not isinstance(factory, str):
        raise RunError(f"{where}: factory is {factory!r}, but a string is wanted, such as 'package.module:function'.")
    from skxmr.persistence._trust import Trust, dotted

    name = dotted(factory)
    if name not in Trust(run.trusted).names:
        raise RunError(
            f"{where}: factory runs code of others, that of {name}; if you know what it does, pass --trust {name}."
        )
    if parameter in table:
        raise RunError(f"{where} has a {parameter} and a factory, which makes it; leave one of them out.")
    arguments = table.get(ARGUMENTS, {})
    if not isinstance(arguments, dict):
        raise RunError(f"{where}: {ARGUMENTS} is {arguments!r}, but a table is wanted, such as {{ width = 4 }}.")
    given = _placed(arguments, run.folder)
    return {parameter: _made(factory, given, where), FACTORY: factory, ARGUMENTS: given or None}


def _made(factory: str, arguments: dict[str, Any], where: str) -> object:
    """Return what a trusted factory makes."""
    from skxmr.persistence._network import check_factory
    from skxmr.persistence._trust import dotted, found

    try:
        check_factory(factory, arguments)
        return found(dotted(factory))(**arguments)
    except Exception as error:
        # What code of others raises cannot be foreseen.
        raise RunError(f"{where}: nothing was made by {factory} ({type(error).__name__}: {error})") from error


def _placed(value: Any, folder: Path) -> Any:
    """Return arguments in which paths that begin with ``./`` start at the folder of the file."""
    if isinstance(value, dict):
        return {key: _placed(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, folder) for item in value]
    return placed(value, folder) if isinstance(value, str) else value
