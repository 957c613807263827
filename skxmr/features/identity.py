"""What a network or a transform is, as a key that is equal wherever these are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from enum import Enum
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType

import numpy as np
import torch
from torch import Tensor, nn

from skxmr._data.tensors import asarray

_PLAIN = (bool, int, float, complex, str, bytes, type(None), PurePath, torch.dtype, torch.Size)


class UnknownContentError(TypeError):
    """A thing whose content cannot be told."""


def identity(*things: object) -> str:
    """Return a key of the content of things: of their classes, their settings and their numbers, but not of their code.

    Functions and classes are known by their names, so a lambda and whatever is defined in ``__main__`` is refused by an
    `UnknownContentError`, and so is an object that cannot be pickled.
    """
    writer = _Writer()
    writer.add(things)
    return writer.digest.hexdigest()


class _Writer:
    """Writes things into a digest, each with its kind, so that different things write different bytes."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        # Things that were written already, by their addresses; they are kept, so that no address is used twice.
        self._seen: dict[int, tuple[int, object]] = {}

    def add(self, thing: object) -> None:
        """Write a thing and all that belongs to it."""
        if isinstance(thing, Enum):
            self._word("enum", _name_of(type(thing)), thing.name)
        elif isinstance(thing, _PLAIN):
            self._word(type(thing).__name__, repr(thing))
        elif isinstance(thing, torch.device):
            # The same network on another device is the same network.
            self._word("device")
        elif isinstance(thing, (Tensor, np.ndarray, np.generic)):
            self._numbers(thing)
        elif isinstance(thing, (FunctionType, BuiltinFunctionType, type)):
            self._word("name", _name_of(thing))
        elif id(thing) in self._seen:
            self._word("again", str(self._seen[id(thing)][0]))
        else:
            self._seen[id(thing)] = (len(self._seen), thing)
            self._parts(thing)

    def _parts(self, thing: object) -> None:
        parts: Iterable[object]
        if isinstance(thing, Mapping):
            parts = [part for item in thing.items() for part in item]
        elif isinstance(thing, Set):
            parts = sorted(thing, key=repr)
        elif isinstance(thing, (tuple, list)):
            parts = thing
        else:
            parts = _pickled_parts(thing)
        self._word("parts", _name_of(type(thing)))
        for part in parts:
            self.add(part)
        self._word("end")

    def _numbers(self, values: Tensor | np.ndarray | np.generic) -> None:
        array = asarray(values, "a weight")
        if array.dtype.hasobject:
            raise UnknownContentError("an array of Python objects")
        self._word("numbers", array.dtype.str, str(array.shape))
        self.digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")

    def _word(self, *words: str) -> None:
        for word in words:
            encoded = word.encode("utf-8", "surrogatepass")
            self.digest.update(len(encoded).to_bytes(8, "little") + encoded)


def _pickled_parts(thing: object) -> list[object]:
    """Return what a pickle would hold of an object."""
    try:
        reduced = thing.__reduce_ex__(4)
    except Exception as error:
        # Objects of compiled code raise many kinds of errors.
        raise UnknownContentError(f"a {type(thing).__module__}.{type(thing).__qualname__}") from error
    if isinstance(reduced, str):
        return [reduced]
    function, arguments, state, *items = (*reduced, None)[: max(3, len(reduced))]
    if isinstance(thing, nn.Module) and isinstance(state, dict):
        # A network is always evaluated, whichever mode it was left in.
        state = {name: value for name, value in state.items() if name != "training"}
    return [function, arguments, state, *(list(part) for part in items if part is not None)]


def _name_of(thing: FunctionType | BuiltinFunctionType | type) -> str:
    name = f"{thing.__module__}.{thing.__qualname__}"
    if thing.__module__ == "__main__" or "<" in thing.__qualname__:
        raise UnknownContentError(f"{name}, whose name does not tell its content")
    return name
