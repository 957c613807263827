"""The labels of the nearest rows that were learned from, as embeddings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from skxmr._data.kinds import FloatArray
from skxmr._linalg.exactness import Array
from skxmr.methods._marginal_graphs import distances_between, mean_square


class Voters(NamedTuple):
    """Images and, below them, texts of the same items as `rows` (2m, k), and the items' `labels` (m, c) of length 1."""

    rows: Array
    labels: Array

    def votes(self, Z: FloatArray, k: int) -> Array:
        """Return the mean label vectors (n, c) of the k nearest rows, weighted by ``1 / (1 + exp(distance))``.

        Rows that are as near as the last of these count as well, so that the order of the rows does not matter.
        """
        unit = mean_square(self.rows)
        k = min(k, len(self.rows))
        found = np.zeros((len(Z), self.labels.shape[1]))
        for place, squares in distances_between(np.asarray(Z, np.float64), self.rows, unit):
            last = np.partition(squares, k - 1, axis=1)[:, k - 1 : k]
            i, j = (squares <= last).nonzero()
            weights = 1 / (1 + np.exp(np.sqrt(squares[i, j] * unit)))
            near = sp.csr_array((weights, (i, j % len(self.labels))), shape=(len(squares), len(self.labels)))
            found[place : place + len(squares)] = (near @ self.labels) / near.sum(axis=1)[:, None]
        return found


def voters(image: FloatArray, text: FloatArray, Y: sp.csr_array) -> Voters:
    """Return the images and texts of rows with labels Y (n, c), each of which has at least one."""
    return Voters(np.vstack([image, text]).astype(np.float64), Y.toarray() / np.sqrt(Y.sum(axis=1))[:, None])


def of_unit_length(votes: Array, column: int) -> Array:
    """Return votes (n, c) of at most length 1 beside two columns, of which one brings each row to length 1.

    If it is another column for images than for texts, the cosine of both is the product of their votes.
    """
    missing = np.zeros((len(votes), 2))
    missing[:, column] = np.sqrt(np.maximum(1 - (votes**2).sum(axis=1), 0))
    return np.hstack([votes, missing])
