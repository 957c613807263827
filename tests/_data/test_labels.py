import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skxmr._data.labels import encode_labels

Y = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1]])
TAGS = [["a", "c"], ["b"], [], ["c", "a", "b"]]
OBJECTS = np.empty(4, dtype=object)
OBJECTS[:] = [set(tags) for tags in TAGS]


@pytest.mark.parametrize(
    "labels",
    [
        Y,
        Y.astype(bool),
        Y.astype(float),
        sp.csr_array(Y),
        sp.coo_matrix(Y),
        pd.DataFrame(Y),
        TAGS,
        OBJECTS,
        pd.Series(TAGS),
        tuple(TAGS),
        [tuple(tags) for tags in TAGS],
        [np.array(tags) for tags in TAGS],
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_every_form_means_the_same(labels):
    matrix, names, _ = encode_labels(labels)
    assert_array_equal(matrix.toarray(), Y)
    assert matrix.dtype == np.float64 and len(names) == 3


def test_names_are_kept():
    assert encode_labels(TAGS).names.tolist() == ["a", "b", "c"]
    assert encode_labels(pd.DataFrame(Y, columns=["sky", "sea", "cat"])).names.tolist() == ["sky", "sea", "cat"]
    assert encode_labels(Y).names.tolist() == [0, 1, 2] and not encode_labels(Y).named


@pytest.mark.parametrize("ids", [[7, 3, 7, 5], np.array([7, 3, 7, 5]), pd.Series([7.0, 3, 7, 5]), list("zxzy")])
def test_class_ids(ids):
    matrix, names, _ = encode_labels(ids)
    assert_array_equal(matrix.toarray(), [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert list(names) == sorted(set(ids))


def test_other_collections_and_objects():
    assert_array_equal(encode_labels([pd.Index(tags) for tags in TAGS]).matrix.toarray(), Y)
    assert_array_equal(encode_labels(Y.astype(object)).matrix.toarray(), Y)
    assert encode_labels([[0], [1], [0]]).names.tolist() == [0, 1]  # one tag per row is no multi-hot row


def test_explicit_zeros_of_a_sparse_matrix_are_no_labels():
    stored = sp.csr_array((np.array([1.0, 0.0]), ([0, 1], [0, 1])), shape=(2, 2))
    assert encode_labels(stored).matrix.nnz == 1
    assert stored.nnz == 2


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (Y * 2, "must be multi-hot"),
        (Y - 0.5, "must be multi-hot"),
        (Y * np.nan, "must be multi-hot"),
        (sp.csr_array(Y * 3), "must be multi-hot"),
        (np.array([[3], [1]]), "labels.ravel"),
        (np.zeros((3, 0)), "at least one row and one label"),
        (np.zeros((2, 2, 2)), "labels has shape .2, 2, 2."),
        ([], "labels is empty"),
        (3, "single value 3"),
        ([0.5, 1.5], "labels holds 0.5, a float; labels are strings or whole numbers"),
        ([1.0, np.nan], "missing"),
        (["a", None], r"missing values among its class ids.*\[\] is a row without labels"),
        (["a", ""], "labels holds the empty string ''"),
        ([["a"], ["b", " "]], r"row 1 of labels holds the empty string ' '.*\[\] is a row without tags"),
        (["a".split(";"), "".split(";")], "row 1 of labels holds the empty string"),
        ([["a"], {"b": 1}], "single values or dicts; row 1"),
        ([b"a", b"b"], "b'a', a bytes"),
        (["a", b"\x80"], r"b'\\x80', a bytes"),
        (["a", 3], "different types"),
        ([["a"], [b"b"]], "row 1 of labels holds b'b'"),
        (np.array(["2020-01-01", "2020-01-02"], "M8[D]"), "a date; labels are strings or whole numbers"),
        ([["a"], [np.datetime64("2020-01-01")]], "row 1 of labels holds"),
        ([[1.0], [np.nan, 1.0]], "row 1 of labels holds nan"),
        ([["a"], [None]], "row 1 of labels holds None"),
        ([["a"], [1j]], "row 1 of labels holds 1j"),
        (np.ma.masked_equal(np.array([1, 2, 1]), 2), "masked values"),
        ([np.ma.masked, np.ma.masked], "masked values"),
        ([np.ma.masked, "a"], "masked values"),
        ([["a"], [np.timedelta64(1, "s")]], "row 1 of labels holds .*, a timedelta64"),
        (np.array([[0, 1], [1, 0]]).astype("M8[s]"), "labels holds .*, a datetime64"),
        (sp.csr_array(Y + 0j), r"not numbers \(values of complex128\)"),
        (pd.DataFrame(Y + 0j), r"not numbers \(values of complex128\)"),
        (pd.DataFrame(Y).apply(pd.to_datetime), r"not numbers \(values of datetime64"),
        (pd.DataFrame(Y).apply(pd.to_timedelta), r"not numbers \(values of timedelta64"),
        (pd.DataFrame({"a": ["x", "y"]}).to_records(index=False), r"records with the fields \('a',\)"),
        (pd.DataFrame({"id": [3, 1]}), r"labels\.iloc\[:, 0\]"),
        (pd.DataFrame({"id": ["x", "y"]}), r"labels\.iloc\[:, 0\]"),
        (pd.get_dummies(pd.Series(["a", ""])), "a column of labels holds the empty string ''"),
        (pd.get_dummies(pd.Series(["a", None]), dummy_na=True), "a column of labels holds nan"),
        (pd.DataFrame([[1, 0], [0, 1]], columns=[b"a", b"b"]), "a column of labels holds b'a'"),
        (pd.DataFrame([[1, 0], [0, 1]], columns=pd.date_range("2020", periods=2)), "a column of labels holds"),
        (np.ma.masked_equal(Y, 1), "masked values"),
        (np.array(["a", 3], dtype=object), "different types"),
        ([["a"], [3]], "different types"),
        ([["a"], "b"], "mixes lists of tags with single values"),
        ([[1, 0], [0, 1]], "may be multi-hot rows or tag numbers"),
        ([[], []], "no tag in any row"),
        (np.where(Y, "1", "0"), "may be multi-hot rows or tag numbers"),
        (sp.csr_array((np.ones(3), [0, 0, 1], [0, 2, 3]), shape=(2, 2)), "holds only|multi-hot"),
        (pd.Series(["a", None], dtype="string"), "missing"),
        ([1j, 2], r"labels holds 1j, a complex"),
        ([1.0, np.inf], "labels holds inf"),
        ([[["a"]], [["b"]]], r"row 0 of labels holds \['a'\], a list"),
        (pd.DataFrame({"a": ["x", "y"]}), "not numbers"),
        (pd.DataFrame({"a": [1, None]}, dtype="Int64"), "not numbers|must be multi-hot"),
        (pd.DataFrame([[1, 0], [0, 1]], columns=["a", "a"]), "columns of the same name: 'a'"),
    ],
    ids=str,
)
def test_bad_labels_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        encode_labels(labels)


def test_a_dict_is_no_rows():
    with pytest.raises(TypeError, match="labels is a dict"):
        encode_labels({"a": [1, 0], "b": [0, 1]})


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
def test_a_missing_value_in_place_of_tags_is_a_row_without_labels(missing):
    rows = [*TAGS[:2], missing, TAGS[3]]
    for labels in (rows, pd.Series(rows)):
        assert_array_equal(encode_labels(labels).matrix.toarray(), Y)


def test_arrays_with_an_unused_mask_are_read():
    assert_array_equal(encode_labels(np.ma.masked_array(Y)).matrix.toarray(), Y)


@pytest.mark.parametrize("column", [np.array([[1], [0], [1]]), sp.csr_array([[1], [0], [1]])], ids=["array", "csr"])
def test_a_column_of_zeros_and_ones_is_one_label_with_a_warning(column):
    with pytest.warns(UserWarning, match=r"shape \(3, 1\).*labels.ravel\(\)"):
        labels = encode_labels(column)
    assert_array_equal(labels.matrix.toarray(), [[1], [0], [1]])


def test_a_named_column_needs_no_warning():
    assert encode_labels(pd.DataFrame({"cat": [1, 0, 1]})).names.tolist() == ["cat"]


@pytest.mark.parametrize("separator", [";", "|", ","])
def test_tags_in_one_string_are_warned_of(separator):
    rows = [f"sea{separator}sky", f"sea{separator}dog{separator}sky", "dog"]
    with pytest.warns(UserWarning, match=rf"split them: \[row.split\('[{separator}]'\)"):
        encode_labels(rows)


@pytest.mark.parametrize(
    "labels",
    [
        [["sea;sky"], ["sea;dog;sky"], ["dog"]],
        np.array([["sea;sky"], ["sea;dog;sky"]]),
        pd.Series(["sea;sky", "sea;dog;sky", "dog"], dtype="category"),
        pd.Series(["sea;sky", "sea;dog;sky", "dog"], dtype="string"),
        pd.get_dummies(pd.Series(["sea;sky", "sea;dog;sky", "dog"])),
    ],
    ids=["tags", "column", "category", "string", "dummies"],
)
def test_tags_in_one_string_are_warned_of_in_every_form(labels):
    with pytest.warns(UserWarning, match=r"most values of labels contain ';'.*split them") as caught:
        encode_labels(labels)
    assert len(caught) == 1


def test_a_column_that_is_named_by_a_number_is_warned_of():
    with pytest.warns(UserWarning, match=r"shape \(3, 1\).*labels\.iloc\[:, 0\]"):
        labels = encode_labels(pd.DataFrame([1, 0, 1]))
    assert_array_equal(labels.matrix.toarray(), [[1], [0], [1]])


def test_columns_of_several_levels_are_labels():
    names = [("animal", "cat"), ("animal", "dog")]
    frame = pd.DataFrame([[1, 0], [1, 1]], columns=pd.MultiIndex.from_tuples(names))
    assert encode_labels(frame).names.tolist() == names


def test_class_names_with_a_comma_here_and_there_are_no_tags():
    assert len(encode_labels(["Paris, Texas", "Rome", "Oslo", "Rome"]).names) == 3


def test_generators_are_read_once():
    rows = [(tag for tag in tags) for tags in TAGS]
    assert_array_equal(encode_labels(rows).matrix.toarray(), Y)


def test_sparse_labels_of_the_user_are_neither_copied_without_need_nor_changed():
    tidy = sp.csr_array(Y.astype(np.int8))
    assert np.shares_memory(encode_labels(tidy).matrix.indices, tidy.indices)
    for dtype in (np.int8, np.float64):
        # Twice the same entry, an entry of 0, and columns that are out of order.
        untidy = sp.csr_array((np.array([1, 0, 1], dtype), np.array([2, 1, 0]), np.array([0, 3, 3])), shape=(2, 3))
        before = untidy.indices.copy(), untidy.data.copy()
        assert_array_equal(encode_labels(untidy).matrix.toarray(), [[1, 0, 1], [0, 0, 0]])
        assert_array_equal(untidy.indices, before[0])
        assert_array_equal(untidy.data, before[1])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64])
@pytest.mark.parametrize("form", [sp.coo_array, sp.coo_matrix])
def test_an_entry_that_is_given_twice_is_no_label(dtype, form):
    """The type of the values does not decide what their sum is, in which 256 of them may vanish."""
    for times in (2, 256):
        labels = form((np.ones(times + 1, dtype), ([*[0] * times, 1], [*[1] * times, 0])), shape=(2, 3))
        with pytest.raises(ValueError, match=rf"labels must be multi-hot, .* but holds \[{times}\.0\]"):
            encode_labels(labels)


def test_dense_labels_are_never_a_dense_matrix_of_float64():
    Y = np.zeros((40_000, 50), np.uint8)
    Y[:, ::25] = 1
    tracemalloc.start()
    encode_labels(Y)
    assert tracemalloc.get_traced_memory()[1] < 2 * Y.nbytes + 80 * np.count_nonzero(Y) / 2
    tracemalloc.stop()
