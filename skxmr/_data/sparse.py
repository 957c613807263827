"""Sparse matrices in the one form that other code relies on."""

from __future__ import annotations

import scipy.sparse as sp

from skxmr._data.kinds import Sparse


def canonical(matrix: Sparse, name: str) -> sp.csr_array:
    """Return a sparse matrix as CSR with sorted column numbers and at most one entry per place.

    scikit-learn and others take this form for granted. A bag of words that was made with one entry per token, as
    scipy's documentation shows, is of another form: entries of one place must then be added up. What the caller passed
    is not modified, and nothing is copied if it is in this form already.
    """
    if matrix.ndim != 2:
        raise ValueError(f"{name} must be 2-D (rows, columns), but is a sparse array of shape {matrix.shape}.")
    csr = sp.csr_array(matrix)
    if csr.has_canonical_format:
        return csr
    csr = csr.copy()
    csr.sum_duplicates()
    return csr
