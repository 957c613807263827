"""Packing: a twin of a model in which everything is what skops can keep."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats._distn_infrastructure import rv_frozen
from sklearn.base import BaseEstimator
from sklearn.utils._metadata_requests import MetadataRequest, MethodMetadataRequest

from skxmr._data.kinds import AnyArray
from skxmr.persistence._stored import Stored, StoredDistribution, StoredIndex, StoredPath, StoredTable
from skxmr.persistence._trust import Trust, dotted

if TYPE_CHECKING:
    from torch import nn

_CALLBACKS = "callbacks are code of others with a state of its own; they are not saved, so set them again after load"
# Attributes of estimators that do not leave the process, and what the user is told.
NOT_SAVED = {
    # A folder of this machine, which has had its effect.
    "checkpoint": None,
    "callbacks": _CALLBACKS,
    "_skl_callbacks": _CALLBACKS,
    "memory": "a cache of a pipeline is read by pickle, which may run code; memory is saved as None, so set it again",
}
# What scikit-learn leaves of a fit with callbacks.
_OF_THE_FIT = ("_callback_fit_ctx", "_parent_callback_ctx", "_skl_callbacks", "_skl_callbacks_to_teardown")
_REQUESTS = (MetadataRequest, MethodMetadataRequest)
# Values that skops keeps as they are, and that hold no others.
_PLAIN = (str, bytes, int, float, complex, type(None), np.generic, type)


class Packing:
    """Makes a twin of a model in which everything is what skops can keep; the model itself stays as it is.

    Attributes
    ----------
    not_saved : set of str
        What the twin lacks, in sentences.
    named : set of str
        Classes of layers and factories that the twin names in strings, where skops does not see them.
    """

    def __init__(self) -> None:
        self.not_saved: set[str] = set()
        self.named: set[str] = set()
        # An object that is met twice has one twin. The object is kept, so that no other one gets its id.
        self._made: dict[int, tuple[object, object]] = {}
        self._under_way: set[int] = set()

    def pack(self, value: Any) -> Any:
        """Return the twin of an object, which is the object itself where nothing in it needs another form."""
        if isinstance(value, _PLAIN):
            return value
        key = id(value)
        if key in self._made:
            return self._made[key][1]
        if key in self._under_way:
            raise ValueError(f"a {type(value).__name__} of the model contains itself, which cannot be saved.")
        self._under_way.add(key)
        twin = self._twin(value)
        self._under_way.remove(key)
        self._made[key] = (value, twin)
        return twin

    def _twin(self, value: Any) -> Any:
        stored = self._stored(value)
        if stored is not None:
            return stored
        if type(value) in (list, set):
            return type(value)(self.pack(item) for item in value)
        if isinstance(value, tuple):
            items = [self.pack(item) for item in value]
            return type(value)._make(items) if hasattr(value, "_make") else tuple(items)
        if isinstance(value, dict):
            # A copy keeps the kind of the dict.
            twin = copy.copy(value)
            twin.update({key: self.pack(item) for key, item in value.items()})
            return twin
        if isinstance(value, np.ndarray):
            return self._array(value) if value.dtype == object else value
        return self._object(value) if is_open(value) else value

    def _stored(self, value: Any) -> Stored | None:
        """Return the stored form of what skops cannot keep, and None for everything else."""
        if isinstance(value, Path):
            return StoredPath(value)
        if isinstance(value, (pd.DataFrame, pd.Series)):
            return StoredTable(value)
        if isinstance(value, pd.Index):
            return StoredIndex(value)
        if isinstance(value, rv_frozen):
            return StoredDistribution(value)
        if type(value).__module__.startswith("spacy."):
            raise TypeError(
                "the model holds a loaded pipeline of spaCy, which cannot be saved. Name it in its place, or give its "
                "folder: model.set_params(parser='en_core_web_sm')."
            )
        # Nothing can be of torch while torch is not loaded.
        return self._of_torch(value) if "torch" in sys.modules else None

    def _of_torch(self, value: Any) -> Stored | None:
        from torch import Tensor, nn

        from skxmr.features.encoders import NamedEncoder
        from skxmr.persistence._network import StoredEncoder, StoredNetwork, StoredTensor

        if isinstance(value, Tensor):
            return StoredTensor(value)
        if isinstance(value, NamedEncoder):
            return StoredEncoder(value, self.pack)
        if isinstance(value, nn.Module):
            self.named.add(dotted(type(value)))
            return StoredNetwork(value, self.pack)
        return None

    def _array(self, value: AnyArray) -> AnyArray:
        twin = value.copy()
        # Of a masked array, the data.
        places = np.asarray(twin).reshape(-1)
        for place, item in enumerate(np.asarray(value).reshape(-1)):
            places[place] = self.pack(item)
        return twin

    def _object(self, value: Any) -> Any:
        """Return a copy of an estimator, or of another object of this library, with all attributes packed."""
        twin = object.__new__(type(value))
        for name, attribute in vars(value).items():
            if name in NOT_SAVED and attribute and isinstance(value, BaseEstimator):
                told = NOT_SAVED[name]
                self.not_saved.update([told] if told else [])
                attribute = None
            if name in _OF_THE_FIT:
                continue
            if name == "owner" and isinstance(value, _REQUESTS):
                # scikit-learn refers to the estimator here, which refers to this object, and shows its name.
                attribute = type(attribute).__name__
            vars(twin)[name] = self._foreign(value, name, attribute) or self.pack(attribute)
        return twin

    def _foreign(self, owner: Any, name: str, attribute: Any) -> Stored | None:
        """Return the stored form of a parameter that somebody else's code has made; refuse one without a factory."""
        if name in getattr(owner, "_stored_by_class", ()) and hasattr(attribute, "parameters"):
            from skxmr.persistence._network import StoredLearner

            return StoredLearner(attribute, self.pack)
        if name.startswith("_") or name.endswith("_") or not _is_foreign(owner, name, attribute):
            return None
        from skxmr.persistence._network import StoredFactory

        factory = getattr(owner, "factory", None)
        # The factory makes the parameters that the class lists, else any.
        makes_it = name in getattr(owner, "_made_by_factory", (name,))
        if factory is None or not makes_it:
            way = "Pass a function that can be imported."
            if makes_it:
                way = "Give the estimator factory='package.module:function' that makes it, and factory_params."
            raise TypeError(
                f"{type(owner).__name__}({name}=...) holds a {type(attribute).__name__}, whose code is not part of "
                f"skxmr or torch, so that it cannot be made again from arrays. {way}"
            )
        stored = StoredFactory(attribute, factory, getattr(owner, "factory_params", None) or {}, self.pack)
        self.named.add(stored.factory)
        return stored


def is_open(value: object) -> bool:
    """Tell whether the attributes of an object are looked at one by one: of estimators, and of objects of ours."""
    ours = type(value).__module__.startswith("skxmr.") and not callable(value)
    return isinstance(value, (BaseEstimator, *_REQUESTS)) or (
        ours and hasattr(value, "__dict__") and not isinstance(value, Stored)
    )


def _is_foreign(owner: Any, name: str, attribute: Any) -> bool:
    """Tell whether a parameter is a network with layers of others, or an object that its class says is made by them."""
    if "torch" in sys.modules:
        from torch import nn

        if isinstance(attribute, nn.Module):
            return _has_foreign_layers(attribute)
    declared = name in getattr(owner, "_made_by_factory", ())
    return declared and not isinstance(attribute, (str, Path, FunctionType, type(None)))


def _has_foreign_layers(network: nn.Module) -> bool:
    trust = Trust()
    return not all(trust.layer(dotted(type(layer))) for layer in network.modules())
