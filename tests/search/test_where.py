"""Conditions on metadata: the same as a loop over the items, whatever the column holds."""

import numpy as np
import pandas as pd
import pytest

TABLE = {
    "year": [1999, 2000, None, 2010, 2000, -5],
    "price": [1.5, float("nan"), 3.0, 2.25, 1.5, None],
    "tag": ["sea", "sky", None, "sea", "Sea", ""],
    "done": [True, False, None, True, False, False],
}


def holds(value, wanted):
    """Tell what a condition means."""
    if value is not None and value != value:
        value = None
    if isinstance(wanted, tuple):
        low, high = wanted
        return value is not None and (low is None or value >= low) and (high is None or value <= high)
    return value in (wanted if isinstance(wanted, list) else [wanted])


@pytest.mark.parametrize(
    "where",
    [
        {"year": 2000},
        {"year": 2000.0},
        {"year": 2000.5},
        {"year": np.int32(1999)},
        {"year": [1999, 2010, 5]},
        {"year": [1999, 2010, 5, -5, 3, 2000, 7]},
        {"year": []},
        {"year": None},
        {"year": [None, 1999]},
        {"year": (2000, 2010)},
        {"year": (None, 2000)},
        {"year": (1999.5, None)},
        {"year": (None, None)},
        {"price": 1.5},
        {"price": 3},
        {"price": (1.5, 2.25)},
        {"price": None},
        {"tag": "sea"},
        {"tag": "fish"},
        {"tag": ["sea", "Sea", ""]},
        {"tag": ("Sea", "sea")},
        {"tag": None},
        {"done": True},
        {"done": [False, None]},
        {"year": 2000, "tag": ["Sea", "x"], "done": False},
        {"modality": "image", "year": (0, None)},
    ],
)
def test_conditions_mean_the_same_as_a_loop(empty, vectors, where):
    index = empty()
    index.add(image=vectors(6), metadata=TABLE)
    rows = [
        dict(zip(TABLE, values, strict=True)) | {"modality": "image"} for values in zip(*TABLE.values(), strict=True)
    ]
    wanted = [i for i, row in enumerate(rows) if all(holds(row[name], value) for name, value in where.items())]
    found = index.search(text=vectors(1), k=6, where=where).ids[0]
    assert sorted(found[found >= 0].tolist()) == wanted


def test_columns_may_come_later_and_be_missing(empty, vectors):
    index = empty()
    index.add(image=vectors(2), ids=["a", "b"])
    index.add(text=vectors(2, seed=1), ids=["c", "d"], metadata=pd.DataFrame({"n": [1, 2], "s": ["x", None]}))
    index.add(text=vectors(1, seed=2), ids=["e"], metadata={"n": [2.5]})
    frame = index.search(image=vectors(1), k=5).to_frame().set_index("id").sort_index()
    assert frame["modality"].tolist() == ["image", "image", "text", "text", "text"]
    assert frame["n"].fillna(-1).tolist() == [-1, -1, 1, 2, 2.5]
    assert [value if isinstance(value, str) else None for value in frame["s"]] == [None, None, "x", None, None]
    index.update(["c"], text=vectors(1, seed=3), metadata={"s": ["y"]})
    frame = index.search(image=vectors(1), k=5).to_frame().set_index("id")
    assert frame.loc["c", "n"] == 1 and frame.loc["c", "s"] == "y"
    index.compact()
    frame = index.search(image=vectors(1), k=5).to_frame().set_index("id")
    assert frame.loc["c", "n"] == 1 and frame.loc["c", "s"] == "y"


def test_numbers_and_truth_values_stay_such_where_some_are_missing(empty, vectors):
    index = empty()
    large = 2**60 + 1
    index.add(image=vectors(2), metadata={"photo": [large, None], "sharp": [None, True], "share": [None, 0.5]})
    frame = index.search(image=vectors(1), k=2).to_frame().set_index("id")
    assert frame.loc[0, "photo"] == large and frame.loc[1, "sharp"] is np.True_
    assert frame["photo"].isna().tolist() == [False, True] and frame.dtypes[["photo", "sharp"]].tolist() == [
        pd.Int64Dtype(),
        pd.BooleanDtype(),
    ]
    assert frame["share"].dtype == float
    # Of files of others, and in JSON, may come what is no text.
    index.add(text=vectors(1), ids=[5], metadata={"name": ["half \ud800"]})
    assert index.search(image=vectors(1), k=3).to_frame().set_index("id").loc[5, "name"] == "half \ud800"


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ({"yaer": 1}, ValueError, "where names the column 'yaer', which no item has; did you mean 'year'"),
        ({"zzz": 1}, ValueError, "which no item has; there are"),
        ({"_size": 1}, ValueError, "which no item has"),
        ("year > 3", TypeError, "where is a str; pass a dict"),
        ({"year": (1, 2, 3)}, ValueError, r"is a tuple of length 3; a range is \(low, high\)"),
        ({"year": "2000"}, TypeError, "holds '2000', a str, but the column holds int values"),
        ({"tag": 3}, TypeError, "holds 3, a int, but the column holds str values"),
        ({"year": True}, TypeError, "holds True, a bool, but the column holds int values"),
        ({"done": 1}, TypeError, "holds 1, a int, but the column holds bool values"),
        ({"done": (False, True)}, TypeError, "is a range of truth values"),
        ({"price": float("nan")}, ValueError, "holds NaN, which equals nothing"),
        ({"year": {"a": 1}}, TypeError, "holds a dict; a value is a number"),
    ],
)
def test_conditions_that_mean_nothing_are_refused(empty, vectors, where, error, message):
    index = empty()
    index.add(image=vectors(6), metadata=TABLE)
    with pytest.raises(error, match=message):
        index.search(image=vectors(1), where=where)
