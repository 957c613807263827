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
    """Return the ``__getattr__`` of a module that has moved; `old` and `new` are full names."""

    def getattr_of_module(name: str) -> object:
        # Python and test collectors ask for names with two underscores. These must not warn.
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        found = getattr(import_module(new), name)
        warn(f"{old} has moved to {new} and will be removed in 0.3; import {name} from there.", DeprecationWarning)
        return found

    return getattr_of_module


class OldParameters(NamedTuple):
    """Names and values of an estimator's parameters that have changed, and that still work for one release.

    `names` has the new name for every old one. For every parameter whose values have changed, by its new name, `values`
    has the new value for every old one.
    """

    names: Mapping[str, str] = MappingProxyType({})
    values: Mapping[str, Mapping[Any, Any]] = MappingProxyType({})

    def translated(self, estimator: type[Estimator], given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters given to a class under their new names and with their new values, and warn of old ones.

        A parameter of the class itself that has an old name is left alone. Giving one parameter by both its names is a
        TypeError.
        """
        known = estimator._get_param_names() if self.names else []
        translated = {}
        for given_name, given_value in given.items():
            name = given_name if given_name in known else self.names.get(given_name, given_name)
            if name != given_name and name in given:
                who = estimator.__name__
                raise TypeError(f"{who} got both {given_name} and {name}; {given_name} is the old name, leave it out.")
            value = self._current(name, given_value)
            if name != given_name or value is not given_value:
                _warn_of(f"{given_name}={given_value!r}", f"{name}={value!r}", estimator.__name__)
            translated[name] = value
        return translated

    def _current(self, name: str, value: Any) -> Any:
        """Return the new value of a parameter in place of an old one."""
        return self.values.get(name, {}).get(value, value) if isinstance(value, Hashable) else value


def renamed(old: str, new: str) -> property:
    """Return the attribute by which the old name of a parameter still reads and sets the new one."""

    def read(estimator: Estimator) -> Any:
        _warn_of(old, new, type(estimator).__name__)
        return getattr(estimator, new)

    def write(estimator: Estimator, value: Any) -> None:
        _warn_of(old, new, type(estimator).__name__)
        setattr(estimator, new, value)

    return property(read, write, doc=f"The old name of `{new}`.")


def _warn_of(old: str, new: str, who: str) -> None:
    warn(f"{old} of {who} is now written {new}; the old form will be removed in 0.3.", FutureWarning)
