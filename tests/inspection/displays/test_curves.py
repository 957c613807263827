"""Displays of curves: their points are those of the metrics, and runs are drawn as mean and band."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, MLCCA, PerModality, SemanticMatching, TwoStage
from skxmr.inspection import PrecisionRecallAtRankDisplay, PrecisionScopeDisplay, RecallAtKDisplay
from skxmr.metrics import hit_at_k, precision_at_k, recall_at_k

CURVES = (PrecisionRecallAtRankDisplay, PrecisionScopeDisplay, RecallAtKDisplay)
KS = [1, 2, 5, 9]
curves = pytest.mark.parametrize("cls", CURVES)


def test_points_are_the_measures_at_each_cut_off(ranked):
    scope = PrecisionScopeDisplay.from_predictions(*ranked, ks=KS)
    recall = RecallAtKDisplay.from_predictions(*ranked, ks=KS)
    both = PrecisionRecallAtRankDisplay.from_predictions(*ranked, ks=KS)
    precisions = [precision_at_k(*ranked, k) for k in KS]
    assert_allclose(scope.line_.get_ydata(), precisions)
    assert_allclose(recall.line_.get_ydata(), [hit_at_k(*ranked, k) for k in KS])
    assert_allclose(both.line_.get_ydata(), precisions)
    assert_allclose(both.line_.get_xdata(), [recall_at_k(*ranked, k) for k in KS])
    assert scope.line_.get_xdata().tolist() == recall.line_.get_xdata().tolist() == KS


@curves
def test_both_directions_of_a_model(cls, fitted):
    model, pairs, labels = fitted
    display = cls.from_estimator(model, pairs, labels)
    assert [line.get_label() for line in display.line_] == ["MLCCA, image→text", "MLCCA, text→image"]
    there, back = display.line_
    assert there.get_color() == back.get_color() and there.get_linestyle() != back.get_linestyle()
    assert display.band_ is None and display.figure_ is display.ax_.figure
    one = cls.from_estimator(model, pairs.image, pairs.text, labels, direction="text_to_image")
    assert_allclose(one.line_.get_ydata(), back.get_ydata())


@curves
def test_several_models_are_drawn_as_mean_and_band(cls, ranked):
    scores, relevance = ranked
    display = cls.from_predictions([scores, -scores], relevance, ks=KS, name="two seeds")
    single = [cls.from_predictions(S, [relevance], ks=KS).line_.get_ydata() for S in (scores, -scores)]
    assert_allclose(display.line_.get_ydata(), np.mean(single, axis=0))
    edges = display.band_.get_paths()[0].vertices[:, 1]
    wanted = np.mean(single, axis=0) + np.std(single, axis=0)
    assert_allclose(edges.max(), wanted.max())
    again = display.plot(name="another name", curve_kwargs={"color": "black"})
    assert again is display and display.line_.get_color() == "black"
    assert display.ax_.get_legend().get_texts()[0].get_text() == "another name"


@curves
def test_folds_are_drawn_of_the_rows_that_they_have_not_seen(cls, small):
    pairs, labels = small
    found = cross_validate(
        MLCCA(4), pairs, labels, cv=KFold(2), return_estimator=True, return_indices=True, error_score="raise"
    )
    display = cls.from_cv_results(found, pairs, labels, ks=[1, 5], direction="image_to_text")
    parts = [
        cls.from_estimator(model, pairs[rows], labels[rows], ks=[1, 5], direction="image_to_text").line_.get_ydata()
        for model, rows in zip(found["estimator"], found["indices"]["test"], strict=True)
    ]
    assert_allclose(display.line_.get_ydata(), np.mean(parts, axis=0))
    assert display.name == "MLCCA (mean of 2)"
    with pytest.raises(ValueError, match="no estimator and no indices; call cross_validate"):
        cls.from_cv_results({}, pairs, labels)


def test_pipelines_searches_and_combinations_are_asked_as_a_whole(small):
    pairs, labels = small
    pipeline = make_pipeline(PerModality(image=StandardScaler()), MLCCA(4)).fit(pairs, labels)
    search = GridSearchCV(MLCCA(4), {"ridge": [0.1, 1.0]}, cv=2).fit(pairs, labels)
    two = TwoStage(first=CCA(4), second=SemanticMatching(tag_folds=None), k=20).fit(pairs, labels)
    for model, name in ((pipeline, "MLCCA"), (search, "MLCCA"), (two, "TwoStage")):
        display = PrecisionScopeDisplay.from_estimator(model, pairs, labels, ks=[1, 5])
        assert display.name == name and len(display.line_) == 2


def test_methods_on_the_same_axes_differ_in_their_marks(ranked):
    _, ax = plt.subplots()
    first = RecallAtKDisplay.from_predictions(*ranked, ax=ax, name="_hidden $a$")
    second = RecallAtKDisplay.from_predictions(*ranked, ax=ax, name="b")
    assert first.ax_ is second.ax_ is ax
    assert first.line_.get_marker() != second.line_.get_marker()
    texts = ax.get_legend().get_texts()
    assert [text.get_text() for text in texts] == ["_hidden $a$", "b"] and not texts[0].get_parse_math()


@curves
def test_one_query_and_no_relevant_item(cls):
    display = cls.from_predictions([[0.3, 0.1]], [[0, 1]])
    assert display.line_.get_ydata()[-1] == (1 if cls is RecallAtKDisplay else 0.5)
    with pytest.raises(ValueError, match="no query has a relevant item"):
        cls.from_predictions([[0.3, 0.1]], [[0, 0]])
    with pytest.raises(ValueError, match="scores contains NaN"):
        cls.from_predictions([[np.nan, 0.1]], [[0, 1]])
    assert len(plt.get_fignums()) == 1, "nothing is drawn of what cannot be measured"


def test_what_is_no_axes_is_refused(ranked):
    _, several = plt.subplots(1, 2)
    polar = plt.figure().add_subplot(projection="polar")
    with pytest.raises(TypeError, match="ax is a ndarray; pass an Axes"):
        PrecisionScopeDisplay.from_predictions(*ranked, ax=several)
    with pytest.raises(ValueError, match=r"'polar', but PrecisionScopeDisplay\.plot needs 'rectilinear' axes"):
        PrecisionScopeDisplay.from_predictions(*ranked, ax=polar)
    several[0].remove()
    with pytest.raises(ValueError, match="removed from its figure"):
        PrecisionScopeDisplay.from_predictions(*ranked, ax=several[0])


def test_values_that_do_not_fit_together_are_refused(ranked):
    with pytest.raises(ValueError, match="one value per point"):
        PrecisionScopeDisplay(ks=[1, 2, 3], precision=[0.1, 0.2]).plot()
    with pytest.raises(ValueError, match="got \\['an array'\\] and \\['sideways'\\]"):
        PrecisionScopeDisplay(ks=[1], precision={"sideways": [0.1]}).plot()
    with pytest.raises(ValueError, match="NaN or infinite"):
        RecallAtKDisplay(ks=[1], recall=[np.nan]).plot()
    with pytest.raises(ValueError, match="2 matrices but relevance 3"):
        RecallAtKDisplay.from_predictions([ranked[0]] * 2, [ranked[1]] * 3)
    with pytest.raises(ValueError, match="direction must be one of"):
        PrecisionScopeDisplay.from_estimator(CCA(), [[1.0]], [[1.0]], direction="up")


def test_without_matplotlib_one_sentence_names_the_extra(ranked, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"from_predictions draws with matplotlib .*pip install 'skxmr\[plot\]'"):
        PrecisionScopeDisplay.from_predictions(*ranked)
    with pytest.raises(ImportError, match="plot draws with matplotlib"):
        PrecisionScopeDisplay(ks=[1], precision=[0.1]).plot()


def test_a_band_is_seen_as_a_whole():
    display = PrecisionScopeDisplay(ks=[1, 2], precision=[[0.9, 0.5], [0.1, 0.5]]).plot()
    assert display.ax_.get_ylim()[1] > 0.9


def test_axes_that_hold_a_line_without_points_are_drawn_on():
    ax = plt.subplots()[1]
    ax.plot([], [], label="for the legend")
    ax.plot([1, 2], [np.nan, 0.95])
    display = PrecisionScopeDisplay(ks=[1, 2], precision=[0.2, 0.1]).plot(ax)
    assert 0.95 < display.ax_.get_ylim()[1] < 1.05


def test_properties_of_lines_have_short_names_as_well():
    display = PrecisionScopeDisplay(ks=[1, 2], precision={"image_to_text": [0.2, 0.1], "text_to_image": [0.3, 0.2]})
    lines = display.plot(curve_kwargs={"c": "red", "ls": ":", "ms": 9}).line_
    assert [(line.get_color(), line.get_linestyle(), line.get_markersize()) for line in lines] == [("red", ":", 9)] * 2
    with pytest.raises(TypeError, match=r"curve_kwargs is a list; pass a dict .*\{'linewidth': 2\}"):
        display.plot(curve_kwargs=["red"])


def test_a_name_may_be_a_number(ranked):
    assert PrecisionScopeDisplay.from_predictions(*ranked, name=5).line_.get_label() == "5"
    assert RecallAtKDisplay.from_predictions(*ranked, name=0).line_.get_label() == "0"


def test_larger_letters_get_more_room():
    with plt.rc_context({"font.size": 20}):
        figure = PrecisionScopeDisplay(ks=[1, 2], precision=[0.2, 0.1]).plot().figure_
        figure.canvas.draw()
        whole = figure.get_window_extent()
        label = figure.axes[0].yaxis.label.get_window_extent()
        assert whole.y0 <= label.y0 and label.y1 <= whole.y1 and whole.x0 <= label.x0
