"""Figures are closed, and rankings that several tests draw."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from skxmr import MLCCA


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def ranked():
    """Scores (6, 9) and relevance (6, 9), in which the last query has no relevant item."""
    rng = np.random.default_rng(0)
    relevance = rng.random((6, 9)) < 0.4
    relevance[:, 0] = True
    relevance[5] = False
    return rng.normal(size=(6, 9)), relevance


@pytest.fixture
def fitted(small):
    """(model, pairs, labels) of which the model has seen the first 80 rows and the others are left."""
    pairs, labels = small
    return MLCCA(4).fit(pairs[:80], labels[:80]), pairs[80:], labels[80:]
