"""Whatever is passed to an index is taken as it is, or refused by its name, and then nothing changes."""

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import example, given
from hypothesis import strategies as st

from skxmr import RetrievalIndex
from tests.drawn import drawn
from tests.search.plain import LARGEST, MODEL, VALUES, WIDTH, holds

# What somebody may pass by mistake where ids, columns, conditions or numbers are wanted.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**6 + 1, 2**31, LARGEST, 2**63, 10**400, -(2**63)]),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.fractions(),
    st.decimals(allow_nan=False),
    st.just(Fraction(1, 3)),
    st.complex_numbers(),
    st.dates(),
    st.sampled_from([pd.NA, pd.NaT, pd.Timestamp("2020"), np.datetime64("NaT"), np.float32(2), np.uint64(2**64 - 1)]),
    st.sampled_from([np.array(3), np.array("a"), np.str_("a"), np.bool_(True), object(), len, int, ...]),
)
SEVERAL = st.one_of(
    st.lists(ODD, max_size=4),
    st.tuples(ODD, ODD),
    st.lists(st.integers(0, 9), min_size=2, max_size=2),
    st.sets(st.integers(0, 9), max_size=3),
    st.frozensets(st.text(max_size=2), max_size=3),
    st.dictionaries(st.one_of(st.text(max_size=2), st.integers(0, 9)), ODD, max_size=3),
)
ODD_VALUES = st.one_of(
    ODD,
    SEVERAL,
    st.lists(SEVERAL, max_size=3),
    SEVERAL.map(lambda values: held(values, pd.Series)),
    SEVERAL.map(lambda values: held(values, np.array)),
    st.lists(st.integers(0, 9), min_size=2, max_size=2).map(lambda values: pd.Series(values, index=[7, 7])),
    st.lists(st.sampled_from("ab"), min_size=2, max_size=2).map(pd.Categorical),
    st.lists(st.integers(0, 9), min_size=2, max_size=2).map(pd.Index),
    st.just(sp.csr_array(np.eye(2))),
    st.builds(np.ma.masked_array, st.just([1, 2]), st.just([True, False])),
    st.builds(iter, st.lists(st.integers(0, 9), max_size=3)),
)
NAMES = st.one_of(st.sampled_from(["n", "tag", "flag", "x", "modality", "item", "id", "_size", "", "\ud800"]), ODD)
TABLES = st.one_of(
    st.dictionaries(NAMES.filter(lambda name: name.__hash__ is not None), ODD_VALUES, max_size=2),
    st.lists(st.sampled_from(["n", "tag", "new"]), min_size=1, max_size=3).map(
        lambda names: pd.DataFrame(np.zeros((2, len(names))), columns=names)
    ),
)


def held(values, container):
    """Return values in a container, or as they are where it cannot hold them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return container(values if isinstance(values, (tuple, dict)) else list(values))
    except (TypeError, ValueError, OverflowError, AttributeError):
        return values


def filled():
    index = RetrievalIndex(MODEL)
    columns = {"n": [1, None, 3], "tag": ["a", "b", None], "flag": [True, None, False], "x": [0.5, None, 2.0]}
    index.add(image=np.eye(3, WIDTH), ids=[0, 1, 5], metadata=columns)
    return index


def answers(index):
    hits = index.search(image=np.eye(3, WIDTH), k=20)
    return index.ids.tolist(), hits.scores.tolist(), hits.ids.tolist(), {k: list(v) for k, v in hits.metadata.items()}


def refused(call, *names):
    """Return whether a call is refused by a sentence about an argument; nothing else may come of it."""
    try:
        call()
    except (TypeError, ValueError, FileNotFoundError) as error:
        assert any(name in str(error) for name in names), f"{type(error).__name__}: {error}"
        return True
    return False


@drawn(40)
@given(st.sampled_from(["add", "replace", "update", "remove", "among"]), ODD_VALUES)
@example("add", np.array(3))
@example("add", np.ma.masked_array([8, 9], [True, False]))
@example("remove", np.ma.masked_array([0, 1], [True, False]))
@example("add", {9, 8})
@example("update", {0, 1})
@example("add", [LARGEST - 1, LARGEST])
def test_odd_ids_are_taken_as_they_are_or_refused(way, ids):
    index = filled()
    before = answers(index)
    rows = np.ones((2, WIDTH))
    # An iterator is used up by the first who reads it.
    listed = list(ids) if hasattr(ids, "__next__") else ids
    calls = {
        "add": lambda: index.add(image=rows, ids=listed),
        "replace": lambda: index.add(image=rows, ids=listed, replace=True),
        "update": lambda: index.update(listed, image=rows),
        "remove": lambda: index.remove(listed),
        "among": lambda: index.search(image=rows, among=listed),
    }
    if refused(calls[way], "among" if way == "among" else "ids"):
        assert answers(index) == before
    elif way in ("add", "replace", "update") and listed is not None:
        assert index.ids.tolist()[-2:] == [int(value) for value in listed]


@drawn(50)
@given(st.sampled_from(["add", "update"]), st.one_of(ODD_VALUES, TABLES))
@example("add", {"n": np.array(3)})
@example("add", {"n": sp.csr_array(np.eye(2))})
@example("add", pd.DataFrame([[1, 2], [3, 4]], columns=["new", "new"]))
def test_odd_metadata_are_values_of_one_type_or_refused(way, metadata):
    index = filled()
    before = answers(index)
    rows = np.ones((2, WIDTH))
    calls = {
        "add": lambda: index.add(image=rows, ids=[8, 9], metadata=metadata),
        "update": lambda: index.update([0, 5], image=rows, metadata=metadata),
    }
    if refused(calls[way], "metadata"):
        assert answers(index) == before
        return
    columns = dict(metadata) if metadata is not None else {}
    hits = index.search(image=rows[:1], k=10, among=index.ids[-2:])
    order = np.argsort(hits.ids[0, :2])
    for name, values in columns.items():
        found = [hits.metadata[name][i] for i in order] if name in hits.metadata else [None, None]
        wanted = [None if pd.isna(value) else value for value in list(values)]
        assert found == wanted or found == [None if value is None else float(value) for value in wanted]


@drawn(50)
@given(st.one_of(ODD_VALUES, TABLES))
@example({"n": np.array(3)})
@example({"n": 10**400})
def test_odd_conditions_are_met_or_refused(where):
    index = filled()
    before = answers(index)
    refused(lambda: index.search(image=np.ones((1, WIDTH)), where=where), "where")
    assert answers(index) == before


NUMBERS = st.one_of(VALUES["int"], VALUES["float"], st.integers(2**53 - 2, 2**53 + 2), st.just(float(2**63)))


@drawn(40)
@given(
    st.sampled_from([int, float]),
    st.lists(NUMBERS, min_size=1, max_size=6),
    st.one_of(NUMBERS, st.lists(NUMBERS, max_size=6), st.tuples(NUMBERS, NUMBERS)),
)
@example(int, [2**53 + 1], (None, 2.0**53))
@example(int, [LARGEST], float(2**63))
@example(int, [LARGEST, 1], [0, 2, 3, 4, float(2**63), -1])
@example(float, [2.0**53], 2**53 + 1)
@example(float, [2.0**53], (2**53 + 1, None))
def test_numbers_are_compared_as_numbers(kind, values, where):
    """Integers beyond 2**53 have no float of their own, and must not become that of another one."""
    values = [value for value in map(kind_or_none(kind), values) if value is not None] or [kind(1)]
    index = RetrievalIndex(MODEL)
    index.add(image=np.ones((len(values), WIDTH)), metadata={"n": values})
    found = index.search(image=np.ones((1, WIDTH)), k=len(values), where={"n": where}).ids[0]
    assert [i for i in found.tolist() if i >= 0] == [i for i, value in enumerate(values) if holds(value, where)]


def test_ids_are_not_counted_beyond_64_bits():
    index = filled()
    index.add(image=np.ones((1, WIDTH)), ids=[LARGEST - 1])
    assert index.add(image=np.ones((1, WIDTH))).tolist() == [LARGEST]
    with pytest.raises(ValueError, match=f"the ids of the index reach {LARGEST}, so that new ones .* pass ids="):
        index.add(image=np.ones((1, WIDTH)))
    assert len(index) == 5


def test_integers_of_more_than_64_bits_are_called_so():
    index = filled()
    with pytest.raises(TypeError, match=r"metadata\['n'\] holds an integer of more than 64 bits in row 1; write such"):
        index.add(image=np.ones((2, WIDTH)), metadata={"n": [1, 2**63]})
    with pytest.raises(TypeError, match=r"where\['n'\] holds an integer of more than 64 bits"):
        index.search(image=np.ones((1, WIDTH)), where={"n": 2**63})

    with pytest.raises(TypeError, match=r"where\['n'\] holds an integer of more than 64 bits; integers lie between"):
        index.search(image=np.ones((1, WIDTH)), where={"n": np.uint64(2**64 - 1)})


@pytest.mark.parametrize("least", [-(2**63), np.int64(-(2**63))])
def test_the_least_integer_of_64_bits_is_refused_as_what_it_is(least):
    index = filled()
    ends = r"integers lie between -\(2\*\*63\) \+ 1 and 2\*\*63 - 1"
    with pytest.raises(TypeError, match=rf"metadata\['n'\] holds the integer -\(2\*\*63\) in row 1; .*{ends}"):
        index.add(image=np.ones((2, WIDTH)), metadata={"n": [1, least]})
    with pytest.raises(TypeError, match=rf"where\['n'\] holds the integer -\(2\*\*63\); {ends}"):
        index.search(image=np.ones((1, WIDTH)), where={"n": least})
    index.add(image=np.ones((2, WIDTH)), metadata={"n": [-(2**63) + 1, 2**63 - 1]})


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_of_ids_has_no_order_that_rows_could_have(kind):
    index = filled()
    for change in (index.add, index.update):
        with pytest.raises(TypeError, match="ids is a set, whose order is not that of the rows; pass a list"):
            change(ids=kind([0, 1]), image=np.ones((2, WIDTH)))
    index.remove(kind([0, 1]))


@pytest.mark.parametrize("options", ["float16", "", ["dtype"], 3])
def test_options_are_a_dict(options):
    with pytest.raises(TypeError, match=rf"options is a {type(options).__name__}; pass a dict such as"):
        RetrievalIndex(MODEL, options=options)


def test_no_number_stands_for_a_missing_one():
    index = filled()
    for wanted in (-float(2**63), [1.5, -float(2**63)], (-float(2**63), -5)):
        assert (index.search(image=np.ones((1, WIDTH)), where={"n": wanted}).ids == -1).all()


def kind_or_none(kind):
    """Return what makes a number one of a kind, or None where an integer would have more than 64 bits."""
    if kind is float:
        return float
    return lambda value: int(value) if abs(value) <= LARGEST and value == int(value) else None


@drawn(25)
@given(st.sampled_from(["k", "weight"]), ODD_VALUES)
@example("k", 10**12)
@example("k", 10**400)
@example("weight", Fraction(1, 3))
def test_odd_numbers_are_taken_or_refused(name, value):
    index = filled()
    view = np.ones((1, WIDTH))
    found = []
    if not refused(lambda: found.append(index.search(image=view, text=["a"], **{name: value})), name):
        assert found[0].shape == (1, value if name == "k" else 10)


@drawn(50)
@given(st.sampled_from(["add", "update", "search"]), st.sampled_from(["image", "text", "both"]), ODD_VALUES)
@example("add", "image", pd.DataFrame([[10**400, 1.0, 0.0, 0.0]], dtype=object))
@example("add", "image", [[10**400, 1.0, 0.0, 0.0]])
def test_odd_views_are_rows_or_refused(way, name, view):
    index = filled()
    before = answers(index)
    views = {"image": view, "text": view} if name == "both" else {name: view}
    calls = {
        "add": lambda: index.add(**views),
        "update": lambda: index.update([0, 5], **views),
        "search": lambda: index.search(**views),
    }
    if refused(calls[way], "image", "text", "ids") or way == "search":
        assert answers(index) == before
    else:
        assert answers(index) != before
