"""Tensors of torch as arrays, recognised without importing torch, because methods in closed form need none."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np

from skxmr._data.kinds import AnyArray
from skxmr._data.masks import check_unmasked


# The base is abstract for its `__subclasshook__` only.
class Tensor(ABC):
    """A tensor of torch."""

    layout: object
    dtype: object
    detach: Callable[[], Self]
    cpu: Callable[[], Self]
    float: Callable[[], Self]
    is_floating_point: Callable[[], bool]
    element_size: Callable[[], int]
    resolve_conj: Callable[[], Self]
    resolve_neg: Callable[[], Self]
    numpy: Callable[[], AnyArray]

    @classmethod
    def __subclasshook__(cls, kind: type) -> bool:
        return any(base.__name__ == "Tensor" and base.__module__ == "torch" for base in kind.__mro__)


def as_array(tensor: Tensor, name: str) -> AnyArray:
    """Return the values of a tensor on any device, with or without a gradient; floats of few bits become float32.

    The array shares the memory of a tensor on the CPU whose type numpy has.
    """
    if str(tensor.layout) != "torch.strided":
        raise TypeError(f"{name} is a tensor of layout {tensor.layout}; pass .to_dense() or a matrix of scipy.sparse.")
    try:
        values = tensor.detach().cpu().resolve_conj().resolve_neg()
        # Numpy has neither bfloat16 nor the types of 8 bits.
        if values.is_floating_point() and values.element_size() < 4:
            values = values.float()
        return values.numpy()
    except (RuntimeError, TypeError) as error:
        # Tensors without values, quantised and nested ones.
        reason = f"numpy cannot read its values ({str(error).splitlines()[0]})"
        raise TypeError(f"{name} is a tensor, but {reason}; pass an ordinary one.") from error


def asarray(values: object, name: str) -> AnyArray:
    """Return an array as numpy makes it, also of tensors of any kind and of lists of them; refuse masked values."""
    if isinstance(values, Tensor):
        return as_array(values, name)
    check_unmasked(values, name)
    return np.asarray(without_tensors(values, name) if isinstance(values, (list, tuple)) else values)


def without_tensors(rows: Sequence[object], name: str) -> Sequence[object]:
    """Return rows of which those that are tensors have become arrays; the same rows if none is."""
    if not any(isinstance(row, Tensor) for row in rows):
        return rows
    return [as_array(row, f"row {i} of {name}") if isinstance(row, Tensor) else row for i, row in enumerate(rows)]
