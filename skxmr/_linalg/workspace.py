"""The workspace of BLAS: memory that it takes at its first call and keeps for as long as the process lives."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.linalg import blas

from skxmr._data.room import need_room

# The OpenBLAS in the wheels of numpy and the one in those of scipy take 32 MB each; the rest is for what comes between.
_BYTES = 80 * 2**20


@cache
def hold_workspace() -> None:
    """Let BLAS take its workspace, once per process, and raise a MemoryError where there is no room for it.

    Where the system refuses the memory, OpenBLAS up to 0.3.30 asks again for ever, which nobody can tell from a long
    fit, and later versions end the process (OpenBLAS issue 5289). Once a process has the workspace, it is not asked
    for again. A process whose BLAS has it already, but which has less room left, is refused as well, because nothing
    tells whether it has.
    """
    need_room(_BYTES, "the workspace of linear algebra", "run fewer processes or threads")
    # Products of a matrix with itself: those of very small matrices need no workspace.
    A = np.ones((64, 64))
    blas.dsyrk(1.0, A)
    np.matmul(A, A.T)
