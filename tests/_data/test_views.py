"""Views of every kind go through the same functions, which choose by type."""

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skxmr import LabelGraph, Pairs, Regions, Sentences
from skxmr._data.kinds import Chunked, Frame, Sparse, take
from skxmr._data.repeated import IndexedRows, distinct, expand
from skxmr._data.view_checks import check_view
from skxmr._data.views import describe, stack

ARRAY = np.arange(12.0).reshape(4, 3)
VIEWS = {
    "array": (ARRAY, "(4, 3) float64"),
    "csr_array": (sp.csr_array(ARRAY), "(4, 3) csr float64"),
    "csr_matrix": (sp.csr_matrix(ARRAY), "(4, 3) csr float64"),
    "frame": (pd.DataFrame(ARRAY), "(4, 3) frame"),
    "column": (pd.Series(list("abcd")), "(4,) frame"),
    "chunks": (da.from_array(ARRAY, chunks=(2, 3)), "(4, 3) float64"),
    "regions": (Regions(ARRAY[:, None]), "Regions(4 images, up to 1 regions of 3 features)"),
    "sentences": (Sentences(["a", "b", "c d", "e"]), "Sentences(4 texts, 5 words)"),
    "indexed": (IndexedRows(ARRAY[:2], np.array([0, 0, 1, 1])), "4 rows of (2, 3) float64"),
}


def values(view):
    """Return the content of a view as nested lists."""
    view = expand(view)
    if isinstance(view, Regions):
        view = view.features
    for convert in ("toarray", "to_numpy", "compute"):
        if hasattr(view, convert):
            view = getattr(view, convert)()
    return np.asarray(view).tolist()


@pytest.mark.parametrize(("view", "described"), VIEWS.values(), ids=VIEWS)
def test_rows_are_taken_stacked_and_described(view, described):
    assert describe(view) == described
    assert values(take(view, [2, 0])) == [values(view)[2], values(view)[0]]
    assert values(take(view, slice(1, 3))) == values(view)[1:3]
    assert values(stack([view, take(view, slice(0, 2))], "image")) == values(view) + values(view)[:2]


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "indexed"])
def test_rows_that_share_nothing_stay_as_they_are(name):
    view, _ = VIEWS[name]
    assert expand(view) is view
    rows, index = distinct(view)
    assert rows is view and index is None


def test_rows_by_index_are_expanded_and_made_distinct():
    view, _ = VIEWS["indexed"]
    rows, index = distinct(view[1:3])
    assert rows is view.view and index.tolist() == [0, 1]
    assert expand(view).tolist() == ARRAY[[0, 0, 1, 1]].tolist()


@pytest.mark.parametrize("first", VIEWS)
@pytest.mark.parametrize("second", VIEWS)
def test_different_kinds_are_not_stacked(first, second):
    kinds = [("array", "chunks"), ("csr_array", "csr_matrix"), ("frame", "column"), ("regions",), ("sentences",)]
    alike = any(first in kind and second in kind for kind in kinds)
    if alike or "indexed" in (first, second):
        return
    with pytest.raises(ValueError, match="image is of different kinds in the parts"):
        stack([VIEWS[first][0], VIEWS[second][0]], "image")


def test_a_missing_view_is_missing_everywhere():
    assert take(None, [0]) is None and stack([None, None], "text") is None
    with pytest.raises(ValueError, match="text is missing in some of the parts"):
        stack([None, ARRAY], "text")


def test_kinds_are_recognised_by_what_they_can_do():
    assert isinstance(pd.Series([1]), Frame) and not isinstance(ARRAY, (Frame, Sparse, Chunked))
    assert isinstance(sp.coo_matrix(ARRAY), Sparse) and isinstance(sp.csc_array(ARRAY), Sparse)
    assert isinstance(VIEWS["chunks"][0], Chunked)


DATES = pd.DataFrame({"size": [1.0, 2.0, 3.0], "day": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])})


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (DATES, r"image has columns of dates or durations, \['day'\]"),
        (DATES[["day"]], "image holds datetime64"),
        (DATES.assign(day=DATES.day - DATES.day[0]), r"dates or durations, \['day'\]"),
        (np.array([["1.5", "2"], ["3", "4"]]), r"image holds <U3 values, not numbers.*astype\(float\)"),
        (np.array([["1.5", 2], [3, 4]], dtype=object), "image holds object values, not numbers"),
        (pd.DataFrame({"a": ["1", "2"], "b": [1, 2]}), "image holds object values, not numbers"),
        (np.ma.masked_equal(np.eye(2), 1), "image is an array with masked values"),
    ],
    ids=str,
)
def test_what_would_silently_become_numbers_is_refused(view, message):
    with pytest.raises(ValueError, match=message):
        check_view(view, "image")


def test_masked_index_and_label_graphs_of_other_kinds_are_refused():
    with pytest.raises(ValueError, match="image_index is an array with masked values"):
        Pairs(ARRAY, ["a", "b"], image_index=np.ma.masked_equal([0, 1], 1))
    for graph in ("cooccurrence", np.eye(3), LabelGraph()):
        with pytest.raises(TypeError, match=r"label_graph is .*pass a fitted LabelGraph"):
            Pairs(ARRAY, label_graph=graph)


@pytest.mark.parametrize("value", [np.datetime64("2020-01-01"), np.timedelta64(3, "s")], ids=["date", "duration"])
def test_dates_among_objects_are_no_numbers(value):
    with pytest.raises(ValueError, match="image holds object values, not numbers"):
        check_view(np.array([[value], [value]], dtype=object), "image")


@pytest.mark.parametrize("container", [np.asarray, pd.Series], ids=lambda container: container.__name__)
def test_rows_that_are_arrays_without_axes_have_no_length(container):
    """Old versions of pandas make such rows of a text."""
    rows = np.empty(2, dtype=object)
    for i, text in enumerate(("a dog", "a cat")):
        rows[i] = np.array(text)
    with pytest.raises(ValueError, match="image must be 2-D"):
        check_view(container(rows), "image")
