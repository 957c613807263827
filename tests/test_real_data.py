"""Figures on the research sets, at fixed settings near those that benchmarks/reproduce.py chose on training rows."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, KFold

from skxmr import CCA, DSCMR, MLCCA, SemanticMatching
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


@pytest.mark.slow
@pytest.mark.parametrize("load", [load_wikipedia, load_corel5k_tags])
@pytest.mark.parametrize("n", [60, 100])
def test_few_rows_cost_a_deep_method_nothing_by_default(data_home, load, n):
    """The defaults are no worse than holding out a tenth, and not behind a tuned SemanticMatching."""
    pairs, labels = load("train", data_home=data_home, return_X_y=True)
    test, test_labels = load("test", data_home=data_home, return_X_y=True)
    found = []
    for seed in (0, 1, 2):
        rows = np.random.default_rng(seed).choice(len(pairs), n, replace=False)
        folds = KFold(3, shuffle=True, random_state=seed)
        grid = {"ridge": [0.03, 0.1, 0.3, 1.0, 3.0, 10.0]}
        tuned = GridSearchCV(SemanticMatching(), grid, scoring=RetrievalScores(), refit="map", cv=folds)
        models = [DSCMR(random_state=seed), DSCMR(validation_fraction=0.1, random_state=seed), tuned]
        with warnings.catch_warnings():
            # Of few validation rows, and of the rank of few rows.
            warnings.simplefilter("ignore")
            fits = [model.fit(pairs[rows], labels[rows]) for model in models]
        found.append([RetrievalScores()(model, test, test_labels)["map"] for model in fits])
    default, chosen_by_few, baseline = np.mean(found, axis=0)
    assert default > chosen_by_few - 0.005 and default > baseline - 0.01
