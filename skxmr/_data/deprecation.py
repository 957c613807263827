"""Old names that still work for one release, with a warning that gives the new one."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from skxmr._data.warn import warn


def moved(old: str, new: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module that has moved.

    Parameters
    ----------
    old, new : str
        Full names of the modules.
    """

    def getattr_of_module(name: str) -> Any:
        # Import machinery and test collectors ask for names with two underscores; these are no use of the old path.
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        found = getattr(import_module(new), name)
        message = f"{old} has moved to {new} and will be removed in 0.3; import {name} from there."
        warn(message, DeprecationWarning)
        return found

    return getattr_of_module
