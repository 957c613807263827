"""The results of a search over two of its parameters."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skxmr import MLCCA
from skxmr.inspection import PrecisionScopeDisplay, SearchSurfaceDisplay

TAUS = [0.4, 0.2, 0.4, 0.2]
PS = [1.0, 1.0, 0.5, 0.5]


def results(**more):
    return {
        "param_m__tau": np.ma.array(TAUS),
        "param_m__p": np.ma.array(PS),
        "mean_test_score": [0.4, 0.3, 0.2, 0.1],
    } | more


def test_cells_are_the_mean_scores_in_the_order_of_the_values():
    display = SearchSurfaceDisplay.from_cv_results(results())
    assert (display.x, display.y) == ([0.2, 0.4], [0.5, 1.0])
    assert_allclose(display.scores, [[0.1, 0.2], [0.3, 0.4]])
    assert_allclose(display.image_.get_array(), display.scores)
    assert [text.get_text() for text in display.ax_.texts] == ["0.100", "0.200", "0.300", "0.400"]
    assert display.ax_.patches[0].get_xy() == (0.5, 0.5), "the best cell is framed"
    turned = SearchSurfaceDisplay.from_cv_results(results(), parameters=["param_m__p", "m__tau"])
    assert_allclose(turned.scores, np.transpose(display.scores))
    assert display.ax_.get_xlabel() == "m__tau"


def test_further_parameters_show_the_best_and_several_scores_are_named():
    twice = {name: np.ma.concatenate([column, column]) for name, column in results().items()}
    twice["param_kind"] = np.array(["a"] * 4 + ["b"] * 4, dtype=object)
    twice["mean_test_map"] = np.append(twice.pop("mean_test_score"), [0, 0, 0, 0.9])
    twice["mean_test_i2t_map"] = np.arange(8.0)
    twice = {name: column[:8] for name, column in twice.items()}
    with pytest.raises(ValueError, match=r"3 parameters vary, \['m__tau', 'm__p', 'kind'\]; name two"):
        SearchSurfaceDisplay.from_cv_results(twice)
    twice["mean_test_map"] = np.array([0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0.9])
    display = SearchSurfaceDisplay.from_cv_results(twice, parameters=["m__tau", "m__p"])
    assert_allclose(display.scores, [[0.9, 0.2], [0.3, 0.4]])
    assert display.score_name == "map, best over kind"
    kinds = SearchSurfaceDisplay.from_cv_results(twice, parameters=["kind", "m__p"], score="i2t_map")
    assert kinds.x == ["a", "b"] and kinds.score_name.startswith("i2t_map")
    with pytest.raises(ValueError, match="score='t2i_map' must name one"):
        SearchSurfaceDisplay.from_cv_results(twice, parameters=["kind", "m__p"], score="t2i_map")
    with pytest.raises(ValueError, match="parameters must be two of"):
        SearchSurfaceDisplay.from_cv_results(twice, parameters=["kind", "tau"])


def test_failed_fits_have_no_score():
    display = SearchSurfaceDisplay.from_cv_results(results(mean_test_score=[0.4, np.nan, 0.2, 0.1]))
    assert len(display.ax_.texts) == 3 and len(display.ax_.lines) == 2, "the cell is crossed out"
    display.figure_.canvas.draw()
    with pytest.raises(ValueError, match="every score is NaN"):
        SearchSurfaceDisplay.from_cv_results(results(mean_test_score=[np.nan] * 4))


def test_candidates_without_a_value_are_left_out_and_estimators_are_named():
    missing = np.ma.array(TAUS, mask=[0, 0, 0, 1])
    display = SearchSurfaceDisplay.from_cv_results(results(param_m__tau=missing))
    assert np.isnan(display.scores[0, 0]) and not np.isnan(display.scores[1, 0])
    steps = np.array([StandardScaler(), None, StandardScaler(), None], dtype=object)
    named = SearchSurfaceDisplay.from_cv_results(results(param_m__tau=steps))
    assert [text.get_text() for text in named.ax_.get_xticklabels()] == ["StandardScaler()", "None"]


def test_a_surface_in_three_dimensions():
    display = SearchSurfaceDisplay.from_cv_results(results(), kind="surface", name="$t$")
    assert display.image_ is None and display.ax_.name == "3d"
    _, flat = plt.subplots()
    with pytest.raises(ValueError, match="needs '3d' axes"):
        display.plot(flat, kind="surface")
    with pytest.raises(ValueError, match="needs numbers along both axes"):
        SearchSurfaceDisplay(x=["a", "b"], y=[1, 2], scores=np.eye(2), x_name="x", y_name="y").plot(kind="surface")
    with pytest.raises(ValueError, match=r"scores has the shape \(2, 2\), but \(1, 2\) is wanted"):
        SearchSurfaceDisplay(x=["a", "b"], y=[1], scores=np.eye(2), x_name="x", y_name="y").plot()


def test_long_fractions_have_as_many_digits_as_tell_them_apart():
    values = [0.1 + 0.2, 0.0031622776601683794, 123456.789, 0.5, 1e-05]
    display = SearchSurfaceDisplay(x=values, y=[0.12345678, 0.12345999], scores=np.ones((2, 5)), x_name="a", y_name="b")
    ax = display.plot().ax_
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.3", "0.00316", "1.23e+05", "0.5", "1e-05"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0.123457", "0.12346"]


def test_a_data_frame_of_the_results_is_drawn_as_they_are():
    values = np.ma.array([0.1, 1.0, 0.1, 1.0, 0], mask=[0, 0, 0, 0, 1])
    found = {"param_a": values, "param_b": np.ma.array([2.0, 2, 3, 3, 4]), "mean_test_score": [0.1, 0.2, 0.3, 0.4, 0.5]}
    for form in (found, pd.DataFrame({name: np.ma.filled(column, np.nan) for name, column in found.items()})):
        assert SearchSurfaceDisplay.from_cv_results(form).scores.tolist() == [[0.1, 0.2], [0.3, 0.4]]


def test_what_are_no_results_of_a_search_over_two_parameters_is_refused():
    with pytest.raises(TypeError, match="cv_results is a GridSearchCV; pass the cv_results_ of a fitted search"):
        SearchSurfaceDisplay.from_cv_results(GridSearchCV(MLCCA(), {}))
    with pytest.raises(TypeError, match="cv_results is a list; pass what cross_validate returns"):
        PrecisionScopeDisplay.from_cv_results([], None)
    with pytest.raises(ValueError, match="cv_results has no mean scores"):
        SearchSurfaceDisplay.from_cv_results({"test_score": [1.0]})
    with pytest.raises(ValueError, match=r"has the parameters \['a'\], but two are drawn"):
        SearchSurfaceDisplay.from_cv_results({"param_a": np.ma.array([1, 2]), "mean_test_score": [0.1, 0.2]})
