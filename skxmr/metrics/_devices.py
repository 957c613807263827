"""Tensors at the door of the measures, told by their type's home so that arrays never cause an import of torch."""

from __future__ import annotations

from typing import Any


def is_tensor(matrix: object) -> bool:
    """Tell a torch tensor from everything else."""
    return type(matrix).__module__.partition(".")[0] == "torch"


def on_device(matrix: Any) -> bool:
    """Tell whether this is a tensor whose evaluation should stay where it is: on CUDA."""
    return is_tensor(matrix) and matrix.device.type == "cuda"


def as_host(matrix: Any) -> Any:
    """Return a tensor as an array, without a copy where it is on the CPU; leave everything else."""
    if not is_tensor(matrix):
        return matrix
    matrix = matrix.detach().cpu()
    return (matrix.float() if matrix.is_floating_point() and matrix.element_size() < 4 else matrix).numpy()
