"""Unpacking: what stands in a loaded model in place of other objects is replaced by them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skxmr._data.paths import expanded
from skxmr._data.warn import warn
from skxmr.persistence._packing import NOT_SAVED, is_open
from skxmr.persistence._stored import Stored
from skxmr.persistence._trust import Trust


class Unpacking:
    """Restores a model that skops has loaded, in place.

    Parameters
    ----------
    trust : Trust
        The names that the model may hold.
    """

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        # The object is kept, so that no other one gets its id.
        self._done: dict[int, tuple[object, object]] = {}

    def unpack(self, value: Any) -> Any:
        """Return an object with everything that is stored in it restored."""
        key = id(value)
        if key not in self._done:
            self._done[key] = (value, value)
            self._done[key] = (value, self._restored(value))
        return self._done[key][1]

    def _restored(self, value: Any) -> Any:
        if isinstance(value, Stored):
            return value.restored(self.trust, self.unpack)
        if isinstance(value, dict):
            value.update({key: self.unpack(item) for key, item in value.items()})
        elif isinstance(value, list):
            value[:] = [self.unpack(item) for item in value]
        elif isinstance(value, tuple):
            items = [self.unpack(item) for item in value]
            return type(value)._make(items) if hasattr(value, "_make") else tuple(items)
        elif isinstance(value, set):
            return {self.unpack(item) for item in value}
        elif isinstance(value, np.ndarray) and value.dtype == object:
            places = np.asarray(value).reshape(-1)
            for place, item in enumerate(places.tolist()):
                places[place] = self.unpack(item)
        elif is_open(value):
            self._attributes(value)
        return value

    def _attributes(self, value: Any) -> None:
        for name, attribute in vars(value).items():
            vars(value)[name] = self.unpack(attribute)
        if isinstance(value, BaseEstimator):
            # Nobody is made to open pickles by a folder that was tampered with.
            vars(value).update({name: None for name in NOT_SAVED if vars(value).get(name)})
            _check_cache(value)


def _check_cache(features: BaseEstimator) -> None:
    """Let features be kept only in a folder that is there: none is made where the writer of a model had one."""
    cache = vars(features).get("cache")
    if "cache_key" not in vars(features) or not isinstance(cache, (str, os.PathLike)) or expanded(cache).is_dir():
        return
    warn(
        f"{type(features).__name__} had a cache in {str(cache)!r}, which is no folder here, and computes its features "
        "without one; set_params(cache=...) on it names another."
    )
    vars(features)["cache"] = None
