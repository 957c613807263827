"""Checks of options: numbers of items or components, and strings with a fixed list of values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, wraps
from inspect import signature
from typing import ParamSpec, TypeVar

import numpy as np

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def check_k(k: object, n_gallery: int | None = None, *, optional: bool = True, name: str = "k") -> None:
    """Refuse a cut-off rank that is not a positive integer, or is larger than the gallery; None means all of it."""
    if k is None and optional:
        return
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"{name} must be a positive integer{' or None' * optional}; got {k!r}.")
    if n_gallery is not None and k > n_gallery:
        raise ValueError(f"k={k} is larger than the gallery ({n_gallery} items); choose a smaller cut-off.")


def check_choice(value: object, name: str, choices: Iterable[str]) -> None:
    """Refuse an option that is not among the known ones."""
    known = tuple(choices)
    if value not in known:
        raise ValueError(f"{name} must be one of {list(known)}; got {value!r}.")


def check_flag(value: object, name: str) -> None:
    """Refuse what is neither True nor False; other values would count as True in silence."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False; got {value!r}.")


def check_n_jobs(n_jobs: object) -> None:
    """Refuse a number of threads that is no integer, or 0."""
    if n_jobs is None:
        return
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, (int, np.integer)) or n_jobs == 0:
        raise ValueError(f"n_jobs must be an integer other than 0, or None; got {n_jobs!r}.")


def flags_checked(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a function check its arguments that are annotated as bool, and `n_jobs`, before it does anything."""
    arguments = signature(function).parameters.values()
    checks: list[tuple[int, str, Callable[[object], None]]] = []
    for place, argument in enumerate(arguments):
        if argument.name == "n_jobs":
            checks.append((place, argument.name, check_n_jobs))
        elif argument.annotation in ("bool", bool):
            checks.append((place, argument.name, partial(check_flag, name=argument.name)))

    @wraps(function)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for place, name, check in checks:
            if name in kwargs:
                check(kwargs[name])
            elif place < len(args):
                check(args[place])
        return function(*args, **kwargs)

    return checked
