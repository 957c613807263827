"""Old names that still work for one release, with a warning that gives the new name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from skxmr._data.warn import warn

if TYPE_CHECKING:
    from skxmr._data.estimator import Estimator


def moved(old: str, new: str) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a module that has moved.

    Parameters
    ----------
    old, new : str
        Full names of the modules.
    """

    def getattr_of_module(name: str) -> object:
        # Python and test collectors ask for names with two underscores. These must not warn.
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        found = getattr(import_module(new), name)
        message = f"{old} has moved to {new} and will be removed in 0.3; import {name} from there."
        warn(message, DeprecationWarning)
        return found

    return getattr_of_module


class OldParameters(NamedTuple):
    """Names and values of an estimator's parameters that have changed, and that still work for one release.

    Parameters
    ----------
    names : mapping
        For every old name the new one.
    values : mapping
        For every parameter whose values have changed, by its new name: for every old value the new one.
    """

    names: Mapping[str, str] = MappingProxyType({})
    values: Mapping[str, Mapping[Any, Any]] = MappingProxyType({})

    def translated(self, estimator: type[Estimator], given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the given parameters under their new names and with their new values.

        Parameters
        ----------
        estimator : type
            The class; a parameter of its own that has an old name is left alone.
        given : mapping
            Parameters by name, as in the constructor or in `set_params`.

        Returns
        -------
        dict

        Raises
        ------
        TypeError
            If a parameter is given by both its names.

        Warns
        -----
        FutureWarning
            For every old name or value, with what to write instead.
        """
        known = estimator._get_param_names() if self.names else []
        translated = {}
        for old, value in given.items():
            name = old if old in known else self.names.get(old, old)
            if name != old and name in given:
                raise TypeError(f"{estimator.__name__} got both {old} and {name}; {old} is the old name, leave it out.")
            changed = self.values.get(name, {})
            value = changed.get(value, value) if isinstance(value, Hashable) else value
            if name != old or value is not given[old]:
                _warn_of(f"{old}={given[old]!r}", f"{name}={value!r}", estimator.__name__)
            translated[name] = value
        return translated


def renamed(old: str, new: str) -> property:
    """Return the attribute of a parameter's old name.

    Parameters
    ----------
    old, new : str
        Names of the parameter.
    """

    def read(estimator: Estimator) -> Any:
        _warn_of(old, new, type(estimator).__name__)
        return getattr(estimator, new)

    def write(estimator: Estimator, value: Any) -> None:
        _warn_of(old, new, type(estimator).__name__)
        setattr(estimator, new, value)

    return property(read, write, doc=f"The old name of `{new}`.")


def _warn_of(old: str, new: str, who: str) -> None:
    warn(f"{old} of {who} is now written {new}; the old form will be removed in 0.3.", FutureWarning)
