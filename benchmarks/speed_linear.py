"""Closed-form methods beside their peers and beside the products of the covariances."""

from __future__ import annotations

import atexit
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from measure import Sides, case
from sklearn import cross_decomposition

from skxmr import CCA, MLCCA, PLS, Pairs, SemanticMatching

_SMALL = (2000, 128, 10)
_MIDDLE = (5000, 512, 512)
_LARGE = (23_000, 4096, 500)


def views(n: int, d1: int, d2: int, sparse: bool = False) -> tuple[Any, Any]:
    """Return two views of 20 common factors, float32; sparse texts are tags, 2.4 % ones, in CSR."""
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((n, 20), dtype=np.float32)

    def view(d: int) -> Any:
        W = rng.standard_normal((20, d), dtype=np.float32) / math.sqrt(20)
        return Z @ W + rng.standard_normal((n, d), dtype=np.float32)

    X = np.maximum(view(d1), 0)
    T = view(d2)
    return X, sp.csr_array((T > 2.8).astype(np.float32)) if sparse else T


def labels_of(n: int, c: int = 24) -> Any:
    """Return multi-hot labels (n, c), 15 % ones."""
    return (np.random.default_rng(1).uniform(size=(n, c)) < 0.15).astype(np.int8)


def products(X: Any, T: Any) -> list[Any]:
    """Return the three products that covariances need, by the data's own kind."""
    return [X.T @ X, T.T @ T, (T.T @ X) if sp.issparse(T) else (X.T @ T)]


def cca_zoo(X: Any, T: Any, k: int) -> Any:
    """Fit cca_zoo's CCA."""
    import cca_zoo.linear as peer

    return peer.CCA(n_components=k).fit([X, T.toarray() if sp.issparse(T) else T])


@case("CCA 2,000 x 128 x 10, 10 components", at_least={"scikit-learn": 60}, repeat=9)
def cca_small() -> Sides:
    """Return sides of a small problem, where validation counts."""
    X, T = views(*_SMALL)
    return {
        "skxmr": lambda: CCA(10).fit(X, T),
        "products": lambda: products(X, T),
        "cca_zoo": lambda: cca_zoo(X, T, 10),
        "scikit-learn": lambda: cross_decomposition.CCA(10, max_iter=500).fit(X, T),
    }


@case("CCA 5,000 x 512 x 512, 64 components", at_least={"cca_zoo": 3.5, "scikit-learn, 4 components": 100}, repeat=3)
def cca_middle() -> Sides:
    """Return sides of a middling problem; scikit-learn's is asked for 4 components only."""
    X, T = views(*_MIDDLE)
    return {
        "skxmr": lambda: CCA(64).fit(X, T),
        "products": lambda: products(X, T),
        "cca_zoo": lambda: cca_zoo(X, T, 64),
        "scikit-learn, 4 components": lambda: cross_decomposition.CCA(4).fit(X, T),
    }


@case(
    "CCA 23,000 x 4,096 x 500 (CSR), 200 components",
    at_most={"products": 1.6}, at_least={"cca_zoo": 5}, memory_at_most={"cca_zoo": 0.25}, repeat=3, threads=(1, 2),
)  # fmt: skip
def cca_large() -> Sides:
    """Return sides of MIRFlickr's shape."""
    X, T = views(*_LARGE, sparse=True)
    return {
        "skxmr": lambda: CCA(200).fit(X, T),
        "products": lambda: products(X, T),
        "cca_zoo": lambda: cca_zoo(X, T, 200),
    }


@case(
    "CCA 23,000 x 4,096 x 500 (CSR), read from a memory map", at_most={"in memory": 1.2}, repeat=3
)  # fmt: skip
def cca_mapped() -> Sides:
    """Return the fit of a file that is read in blocks; what is mapped and read counts as memory until it is needed."""
    X, T = views(*_LARGE, sparse=True)
    file = Path(tempfile.mkdtemp()) / "image.npy"
    atexit.register(shutil.rmtree, file.parent)
    np.save(file, X)
    mapped = np.load(file, mmap_mode="r")
    return {
        "skxmr": lambda: CCA(200).fit(mapped, T),
        "in memory": lambda: CCA(200).fit(X, T),
    }


@case(
    "PLS 23,000 x 4,096 x 500 (CSR), seconds per component",
    at_least={"PLSCanonical, 1 component": 50}, repeat=1, units={"skxmr, 200 components": 200},
)  # fmt: skip
def pls_large() -> Sides:
    """Return fits of 200 components and, by scikit-learn, of one."""
    X, T = views(*_LARGE, sparse=True)
    dense = T.toarray()
    return {
        "skxmr, 200 components": lambda: PLS(200).fit(X, T),
        "PLSCanonical, 1 component": lambda: cross_decomposition.PLSCanonical(1).fit(X, dense),
    }


@case("MLCCA, dot products, 23,000 x 4,096 x 500 (CSR)", at_most={"CCA": 1.5}, repeat=3)
def mlcca_large() -> Sides:
    """Return ml-CCA and CCA of the same rows."""
    X, T = views(*_LARGE, sparse=True)
    Y = labels_of(len(X))
    return {
        "skxmr": lambda: MLCCA(24, weights="dot").fit(X, T, Y),
        "CCA": lambda: CCA(200).fit(X, T),
    }


@case("SemanticMatching 23,000 x 4,096 x 500 (CSR)", at_most={"CCA": 1.0}, repeat=3)
def semantic_large() -> Sides:
    """Return ridge regressions of both views, CCA of the same rows, and what the thresholds of tags cost."""
    X, T = views(*_LARGE, sparse=True)
    pairs = Pairs(X, T)
    Y = labels_of(len(X))
    return {
        "skxmr": lambda: SemanticMatching(tag_folds=None).fit(pairs, Y),
        "CCA": lambda: CCA(200).fit(X, T),
        "with thresholds of tags": lambda: SemanticMatching().fit(pairs, Y),
    }
