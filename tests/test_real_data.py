"""Figures on the research sets, at fixed settings near those that benchmarks/reproduce.py chose on training rows."""

import pytest

from skxmr import CCA, MLCCA, SemanticMatching
from skxmr.datasets import load_corel5k_tags, load_mirflickr_tags, load_wikipedia
from skxmr.metrics import RetrievalScores


@pytest.mark.parametrize(
    ("load", "retriever", "i2t", "t2i"),
    [
        (load_wikipedia, CCA(9, ridge=0.25), 0.262, 0.212),
        (load_wikipedia, MLCCA(9, ridge=0.25, correlation_power=0.5), 0.272, 0.214),
        (load_corel5k_tags, MLCCA(48, ridge=0.5, weights="dot"), 0.408, 0.420),
        (load_corel5k_tags, SemanticMatching(), 0.412, 0.430),
        (load_mirflickr_tags, MLCCA(24), 0.660, 0.660),
    ],
)
def test_fixed_settings_reach_the_figures(data_home, load, retriever, i2t, t2i):
    train, y_train = load("train", data_home=data_home, return_X_y=True)
    test, y_test = load("test", data_home=data_home, return_X_y=True)
    found = RetrievalScores()(retriever.fit(train, y_train), test, y_test)
    assert found["i2t_map"] >= i2t and found["t2i_map"] >= t2i
