"""Scikit-learn's own Displays and callbacks take the scorers of this package."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import LearningCurveDisplay, ValidationCurveDisplay, cross_validate

from skxmr import DAGNN, MLCCA
from skxmr.metrics import RecallScores, RetrievalScorer, RetrievalScores


@pytest.fixture(autouse=True)
def closed_figures():
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("scoring", "name"),
    [
        (RetrievalScores(), "Mean average precision"),
        (RetrievalScorer("precision", "image_to_text", k=5), "Precision at 5, image to text"),
        (RecallScores([1, 5]), "Mean recall"),
    ],
)
def test_validation_and_learning_curves(small, scoring, name):
    pairs, labels = small
    options = {"cv": 2, "scoring": scoring, "error_score": "raise"}
    display = ValidationCurveDisplay.from_estimator(
        MLCCA(4), pairs, labels, param_name="ridge", param_range=[0.1, 1.0], **options
    )
    assert display.ax_.get_ylabel() == name and display.test_scores.shape == (2, 2)
    curve = LearningCurveDisplay.from_estimator(MLCCA(4), pairs, labels, train_sizes=[0.5, 1.0], **options)
    folds = cross_validate(MLCCA(4), pairs, labels, **options)
    chosen = next(key for key in ("test_map", "test_mr", "test_score") if key in folds)
    assert_allclose(curve.test_scores[1], folds[chosen])


def test_a_monitor_of_scikit_learn(small):
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    monitor = callback.ScoringMonitor(scoring=RetrievalScorer())
    model = DAGNN(8, hidden=8, width=8, max_epochs=1, device="cpu", random_state=0).set_callbacks(monitor)
    score = RetrievalScorer()(model.fit(*small), *small)
    logged = monitor.get_logs().data_as_pandas["score"]
    assert len(logged) == 2 and np.isclose(logged, score).any() and isinstance(score, float)
