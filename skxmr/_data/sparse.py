"""Sparse matrices in the one form that other code relies on."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import Sparse

SparseKind = TypeVar("SparseKind", bound=Sparse)


def canonical(matrix: Sparse, name: str) -> sp.csr_array:
    """Return a sparse matrix as CSR with sorted column numbers and at most one entry per place.

    scikit-learn and others take this form for granted. A bag of words that was made with one entry per token, as
    scipy's documentation shows, is of another form: entries of one place must then be added up. What the caller passed
    is not modified, and nothing is copied if it is in this form already.
    """
    if matrix.ndim != 2:
        raise ValueError(f"{name} must be 2-D (rows, columns), but is a sparse array of shape {matrix.shape}.")
    if matrix.format == "coo":
        # The conversion adds up entries of one place.
        matrix = _with_room(matrix)
    csr = sp.csr_array(matrix)
    if csr.has_canonical_format:
        return csr
    csr = _with_room(csr.copy())
    csr.sum_duplicates()
    return csr


def _with_room(matrix: SparseKind) -> SparseKind:
    """Return integers in 64 bits: 300 tokens of int8 would count 44."""
    return matrix.astype(np.int64, copy=False) if matrix.dtype.kind in "iu" else matrix
