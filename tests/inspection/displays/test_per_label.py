"""Average precision label by label."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxmr import CCA, MLCCA
from skxmr.inspection import PerLabelDisplay
from skxmr.metrics import map_per_class


def names_of(display):
    return [text.get_text() for text in display.ax_.get_yticklabels()]


def test_labels_stand_best_first_with_their_support(ranked):
    tags = [["sky", "sea"], ["sky"], ["$x_1$"], ["_b"], ["sea"], ["שלום 🦄"]]
    display = PerLabelDisplay.from_predictions(*ranked, tags, name="mine")
    wanted = map_per_class(*ranked, tags)
    best_first = sorted((name for name in wanted if not np.isnan(wanted[name])), key=lambda name: -wanted[name])
    assert display.labels_ == [*best_first, "שלום 🦄"]
    assert_allclose(display.line_.get_xdata()[:-1], [wanted[name] for name in best_first])
    assert names_of(display)[-1] == "שלום :unicorn face: (1)" and "sky (2)" in names_of(display)
    assert not display.ax_.get_yticklabels()[0].get_parse_math()
    display.figure_.canvas.draw()


def test_a_second_method_on_the_same_axes_has_the_rows_of_the_first(small):
    pairs, labels = small
    tags = [[f"tag {j}" for j in np.flatnonzero(row)] for row in labels]
    shown = {"direction": "image_to_text", "n_labels": 4}
    first = PerLabelDisplay.from_estimator(MLCCA().fit(pairs, labels), pairs, tags, **shown)
    second = PerLabelDisplay.from_estimator(CCA(2).fit(pairs), pairs, tags, **shown, ax=first.ax_)
    alone = PerLabelDisplay.from_estimator(CCA(2).fit(pairs), pairs, tags, direction="image_to_text")
    assert second.labels_ == first.labels_ and names_of(second) == names_of(first)
    value = dict(zip(alone.labels_, alone.line_.get_xdata(), strict=True))
    assert_allclose(second.line_.get_xdata(), [value[label] for label in first.labels_ if label is not None])
    assert first.line_.get_marker() != second.line_.get_marker()
    fewer = PerLabelDisplay(labels=["tag 0"], average_precision=[0.5], support=[3])
    with pytest.raises(ValueError, match=r"ax shows average precision of the label 'tag .', which this display lacks"):
        fewer.plot(first.ax_)
    first.ax_.clear()
    assert fewer.plot(first.ax_).labels_ == ["tag 0"]
    with pytest.raises(TypeError, match="ax"):
        fewer.plot(np.array([first.ax_]))


def test_both_directions_and_folds(fitted):
    model, pairs, labels = fitted
    display = PerLabelDisplay.from_estimator([model, model], pairs, labels)
    assert [line.get_marker() for line in display.line_] == ["o", "s"]
    assert sorted(display.support) == sorted(labels.sum(axis=0))
    cv = {"estimator": [model, model], "indices": {"test": [np.arange(20), np.arange(20, 40)]}}
    folds = PerLabelDisplay.from_cv_results(cv, pairs, labels)
    assert sorted(folds.support) == sorted(labels.sum(axis=0))
    assert folds.average_precision["image_to_text"].shape == (2, 8)


def test_of_many_labels_the_best_and_the_worst_are_shown():
    values = np.linspace(1, 0, 10_000)
    display = PerLabelDisplay(labels=range(10_000), average_precision=values, support=np.ones(10_000)).plot(n_labels=6)
    assert display.labels_ == [0, 1, 2, None, 9997, 9998, 9999]
    assert names_of(display)[3] == "… 9,994 labels between"
    assert display.figure_.get_size_inches()[1] < 4


def test_what_has_no_value_is_refused(fitted, ranked):
    _, pairs, _ = fitted
    with pytest.raises(ValueError, match="there are 2 labels, but average_precision has the shape"):
        PerLabelDisplay(labels=["a", "b"], average_precision=[0.1], support=[1, 1]).plot()
    with pytest.raises(ValueError, match="no label has a value"):
        PerLabelDisplay(labels=["a"], average_precision=[np.nan], support=[1]).plot()
    with pytest.raises(ValueError, match="no query has a relevant item"):
        PerLabelDisplay.from_predictions([[0.1, 0.2]], [[0, 0]], ["a"])
    with pytest.raises(ValueError, match="labels has 2 rows but there are 6 queries"):
        PerLabelDisplay.from_predictions(*ranked, ["a", "b"])
    with pytest.raises(ValueError, match="needs the labels of the queries"):
        PerLabelDisplay.from_estimator(CCA(4).fit(pairs), pairs)
