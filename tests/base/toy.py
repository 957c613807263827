"""A method of hashing: signs of random projections, the same for both views where their features are the same."""

from typing import ClassVar

import numpy as np

from skxmr import HashingRetriever


class RandomCodes(HashingRetriever):
    """Codes of 13 bits, so that the last byte has room."""

    n_bits: int = 13
    seed: int = 0
    _parameter_constraints: ClassVar[dict] = {}

    def _fit(self, pairs, labels):
        self.n_bits_ = self.n_bits
        self.means_ = {}
        self.projections_ = {}
        for name in ("image", "text"):
            X = getattr(pairs, name)
            self.means_[name] = np.asarray(X.mean(axis=0)).ravel()
            draw = np.random.default_rng(self.seed)
            self.projections_[name] = draw.standard_normal((X.shape[1], self.n_bits))

    def _values(self, X, name):
        W = self.projections_[name]
        return X @ W - self.means_[name] @ W
