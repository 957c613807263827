"""The matrices that measures take, queries by gallery: their type, their checks and their rows.

They are sliced by rows, so the same function serves an array, a product that is computed on demand and a retriever that
compares pair by pair. Torch tensors on the CPU are evaluated as arrays. On CUDA, average precisions are computed where
the tensors are, by `_tensors`, the only module of the measures that imports torch; the other measures fetch their
scores block by block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, DTypeLike, NDArray

from skxmr._data.kinds import AnyArray, BoolArray, Float64Array, FloatArray
from skxmr._data.masks import check_unmasked
from skxmr._data.sparse import canonical
from skxmr._data.tensors import Tensor as TorchTensor
from skxmr._data.tensors import as_array, asarray
from skxmr._docstrings import completed
from skxmr.metrics._keys import all_finite

if TYPE_CHECKING:
    from torch import Tensor

Rows = TypeVar("Rows")
# Booleans, or gains in float64.
Relevance: TypeAlias = AnyArray


class BlockedMatrix(Protocol):
    """A matrix of shape (n queries, m gallery items) whose rows may be computed only when they are sliced."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The numbers of queries and of gallery items."""

    @property
    def T(self) -> BlockedMatrix:
        """The same with the roles exchanged."""

    def __getitem__(self, rows: slice, /) -> ArrayLike:
        """Compute some rows."""


class LazyMatrix(ABC):
    """Base of the matrices of this package (n, m), whose rows are computed when they are sliced.

    Attributes
    ----------
    shape : tuple of int
        ``(n, m)``.
    T : matrix of shape (m, n)
        The same with the roles exchanged.
    """

    shape: tuple[int, int]

    def __init_subclass__(cls) -> None:
        cls.__doc__ = completed(cls)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> AnyArray:
        return np.asarray(as_host(self[:]), dtype)

    # An array, or a tensor if the embeddings are tensors on CUDA.
    def __getitem__(self, key: Any) -> Any:
        """Compute some rows or entries, which are picked as those of an array are."""
        if isinstance(key, slice):
            return self._rows(key)
        picked, *columns = _without_ellipsis(key if isinstance(key, tuple) else (key,))
        # True is no row number, but a mask of no axis.
        if isinstance(picked, (int, np.integer)) and not isinstance(picked, bool):
            row = range(len(self))[picked]
            picked = 0
            block = self._rows(slice(row, row + 1))
        elif isinstance(picked, slice):
            block = self._rows(picked)
            picked = slice(None)
        else:
            numbers = np.arange(len(self))[np.asarray(picked)]
            distinct, picked = np.unique(numbers, return_inverse=True)
            # The first row is there for keys that pick none.
            blocks = [self._rows(slice(row, row + 1)) for row in (0, *distinct.tolist())]
            block = np.concatenate(blocks)[1:]
            picked = picked.reshape(numbers.shape)
        return block[(picked, *columns)]

    @abstractmethod
    def _rows(self, rows: slice) -> Any:
        """Compute the rows of a slice, (b, m)."""


def _without_ellipsis(key: tuple[Any, ...]) -> list[Any]:
    """Return a key of rows, or of rows and columns, with all rows or all columns in place of ``...``."""
    if not key:
        return [slice(None)]
    parts: list[Any] = []
    for part in key:
        if part is Ellipsis:
            parts += [slice(None)] * (3 - len(key))
        else:
            parts.append(part)
    return parts


MatrixLike: TypeAlias = ArrayLike | BlockedMatrix


def as_matrix(matrix: MatrixLike, name: str) -> BlockedMatrix:
    """Return what can be sliced by rows unchanged, sparse matrices as CSR and everything else as an array."""
    if sp.issparse(matrix):
        return canonical(matrix, name)
    check_unmasked(matrix, name)
    if _sliceable(matrix):
        return matrix
    try:
        return asarray(matrix, name)
    except ValueError as error:
        raise ValueError(f"{name} must be a matrix (queries, gallery), but its rows differ in length.") from error


def _sliceable(matrix: MatrixLike) -> TypeGuard[BlockedMatrix]:
    """Tell arrays, tensors and blocked matrices from lists, numbers and frames, whose `[]` selects columns."""
    return hasattr(matrix, "shape") and not hasattr(matrix, "iloc")


def check_matrices(scores: BlockedMatrix, relevance: BlockedMatrix, exclude_self: bool) -> tuple[int, int]:
    """Return (n, m) after checking that both matrices have that shape."""
    for name, matrix in (("scores", scores), ("relevance", relevance)):
        if len(matrix.shape) != 2:
            raise ValueError(f"{name} must be 2-D (queries, gallery); got shape {tuple(matrix.shape)}.")
    if tuple(scores.shape) != tuple(relevance.shape):
        raise ValueError(
            f"scores has shape {tuple(scores.shape)} but relevance has {tuple(relevance.shape)}; "
            "both must be (queries, gallery)."
        )
    n, m = scores.shape
    if n == 0 or m == 0:
        raise ValueError(f"scores has shape {(n, m)}; at least one query and one gallery item are needed.")
    if exclude_self and (n != m or m < 2):
        raise ValueError(f"exclude_self needs a gallery that is the queries, two or more; got shape {(n, m)}.")
    return n, m


def score_rows(scores: BlockedMatrix, rows: slice) -> FloatArray:
    """Return checked scores of some queries, as an array in main memory."""
    S = unchecked_scores(scores, rows)
    check_scores(S)
    return S


def unchecked_scores(scores: BlockedMatrix, rows: slice) -> FloatArray:
    """Return scores of some queries that may not be finite, as an array of floats in main memory."""
    S = _dense(scores[rows])
    if S.dtype not in (np.float32, np.float64):
        if S.dtype.kind not in "biuf":
            raise ValueError(f"scores must be real numbers; got dtype {S.dtype}.")
        S = S.astype(np.float64)
    return S


def check_scores(S: FloatArray) -> None:
    """Refuse scores that are not finite."""
    if not all_finite(S):
        raise ValueError("scores contains NaN or infinite values; a ranking needs finite scores.")


def relevance_rows(relevance: BlockedMatrix, rows: slice) -> BoolArray:
    """Return checked relevance to some queries, as an array in main memory."""
    R = _dense(relevance[rows])
    if R.dtype != np.bool_ and not np.isin(R, (0, 1)).all():
        raise ValueError("relevance must hold only 0 and 1 (or booleans); graded gains are for ndcg_at_k.")
    return R.astype(np.bool_)


def gain_rows(relevance: BlockedMatrix, rows: slice) -> Float64Array:
    """Return checked gains of all items for some queries, as an array in main memory."""
    R = _dense(relevance[rows])
    if R.dtype.kind not in "biuf" or not (np.isfinite(R).all() and (R >= 0).all()):
        raise ValueError("relevance must hold finite gains of 0 or more.")
    return R.astype(np.float64)


def _dense(rows: ArrayLike) -> Relevance:
    array = as_host(rows)
    return array.toarray() if hasattr(array, "toarray") else np.asarray(array)


def is_tensor(matrix: object) -> TypeGuard[Tensor]:
    """Tell a torch tensor from everything else, without importing torch."""
    return isinstance(matrix, TorchTensor)


def on_device(matrix: object) -> TypeGuard[Tensor]:
    """Tell whether this is a tensor that should be evaluated where it is: on CUDA."""
    return is_tensor(matrix) and matrix.device.type == "cuda"


def as_host(matrix: Rows) -> Rows | NDArray[np.generic]:
    """Return a tensor as an array, without a copy where it is on the CPU; return everything else unchanged."""
    return as_array(matrix, "a matrix") if isinstance(matrix, TorchTensor) else matrix
