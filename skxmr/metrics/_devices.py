"""Detects torch tensors without importing torch.

Tensors on the CPU are evaluated as arrays. On CUDA, average precisions are computed where the tensors are, by
`_tensors`, the only module of the measures that imports torch; the other measures fetch their scores block by block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Rows = TypeVar("Rows")


def is_tensor(matrix: object) -> TypeGuard[Tensor]:
    """Tell a torch tensor from everything else."""
    return type(matrix).__module__.partition(".")[0] == "torch"


def on_device(matrix: object) -> TypeGuard[Tensor]:
    """Tell whether this is a tensor that should be evaluated where it is: on CUDA."""
    return is_tensor(matrix) and matrix.device.type == "cuda"


def as_host(matrix: Rows) -> Rows | NDArray[np.generic]:
    """Return a tensor as an array, without a copy where it is on the CPU; return everything else unchanged."""
    if not is_tensor(matrix):
        return matrix
    tensor = matrix.detach().cpu()
    # numpy has no bfloat16.
    if tensor.is_floating_point() and tensor.element_size() < 4:
        tensor = tensor.float()
    return tensor.numpy()
