"""Closed forms on views with fewer rows than features, or with thousands of features on both sides."""

from __future__ import annotations

from measure import Sides, case
from sklearn import cross_decomposition
from speed_linear import cca_zoo, views

from skxmr import CCA, PLS


@case("CCA 118 x 1,000 x 1,000, 10 components", repeat=9)
def cca_few_rows() -> Sides:
    """Return fits of few rows of many features."""
    X, T = views(118, 1000, 1000)
    return {
        "skxmr": lambda: CCA(10).fit(X, T),
        "cca_zoo": lambda: cca_zoo(X, T, 10),
    }


@case("PLS 118 x 1,000 x 1,000, 2 components", at_least={"PLSCanonical": 3}, repeat=9)
def pls_few_rows() -> Sides:
    """Return fits of few rows of many features."""
    X, T = views(118, 1000, 1000)
    return {
        "skxmr": lambda: PLS(2).fit(X, T),
        "PLSCanonical": lambda: cross_decomposition.PLSCanonical(2).fit(X, T),
    }


@case("PLS 118 x 1,000 x 1,000, 64 components", at_least={"PLSCanonical": 3}, repeat=3)
def pls_few_rows_more() -> Sides:
    """Return the same with more components, of which each takes little."""
    X, T = views(118, 1000, 1000)
    return {
        "skxmr": lambda: PLS(64).fit(X, T),
        "PLSCanonical": lambda: cross_decomposition.PLSCanonical(64).fit(X, T),
    }


@case(
    "PLS 4,493 x 1,000 x 4,196, seconds per component",
    at_least={"PLSCanonical, 1 component": 50}, repeat=1, units={"skxmr, the default of 128 components": 128},
)  # fmt: skip
def pls_wide() -> Sides:
    """Return fits with as many components as there are by default and, by scikit-learn, of one."""
    X, T = views(4493, 1000, 4196)
    return {
        "skxmr, the default of 128 components": lambda: PLS().fit(X, T),
        "PLSCanonical, 1 component": lambda: cross_decomposition.PLSCanonical(1).fit(X, T),
    }
