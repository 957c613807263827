"""Whatever comes through the doors of views, labels and scores is read rightly, or refused by the argument's name."""

import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skxmr._data.labels import encode_labels
from skxmr._data.view_checks import check_view
from skxmr.metrics import average_precision
from tests.drawn import drawn

bounded = drawn(100)

SCALARS = st.one_of(
    st.text(max_size=3),
    st.integers(-3, 3),
    st.floats(width=32),
    st.booleans(),
    st.none(),
    st.binary(max_size=2),
    st.complex_numbers(max_magnitude=3),
    st.dates(),
    st.just(pd.NA),
    st.just(np.datetime64("2020-01-01")),
)
ROWS = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.sets(st.text(max_size=2), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
ARRAYS = hnp.arrays(
    st.one_of(
        hnp.floating_dtypes(endianness="="),
        hnp.integer_dtypes(),
        hnp.boolean_dtypes(),
        hnp.unicode_string_dtypes(max_len=2),
        hnp.complex_number_dtypes(),
        hnp.datetime64_dtypes(),
    ),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
CONTAINERS = st.sampled_from([lambda X: X, pd.DataFrame, sp.csr_array, sp.coo_array, list, pd.Series])


def held(values, container):
    """Return values in a container, or as they are where it cannot hold them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return container(values)
    except (TypeError, ValueError, AttributeError, pd.errors.OutOfBoundsDatetime):
        return values


def outcome(call, *names):
    """Return what a call gives, or None where it is refused by a sentence about the argument."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except (ValueError, TypeError) as error:
            assert any(name in str(error) for name in names), f"{type(error).__name__}: {error}"
            return None


@bounded
@given(st.one_of(st.lists(ROWS, max_size=5), ARRAYS), CONTAINERS)
def test_labels_are_binary_and_named_or_refused(values, container):
    labels = outcome(lambda: encode_labels(held(values, container)), "labels")
    if labels is None:
        return
    n, c = labels.matrix.shape
    assert (n, c) == (len(values), len(labels.names)) and n > 0 and c > 0
    assert labels.matrix.has_canonical_format and set(labels.matrix.data) <= {1.0}
    names = labels.names.tolist()
    assert len(set(names)) == c and all(name == name and name != "" and name is not None for name in names)


@bounded
@given(st.one_of(ARRAYS, st.lists(ROWS, max_size=4)), CONTAINERS)
def test_views_are_finite_matrices_or_refused(values, container):
    view = held(values, container)
    matrix = outcome(lambda: check_view(view, "image"), "image")
    if matrix is None:
        return
    assert matrix.ndim == 2 and matrix.dtype in (np.float32, np.float64)
    dense = matrix.toarray() if sp.issparse(matrix) else matrix
    assert np.isfinite(dense).all()
    given_values = view.toarray() if sp.issparse(view) else np.asarray(view)
    assert given_values.dtype.kind in "biufO"
    np.testing.assert_array_equal(dense, given_values.astype(dense.dtype))


@bounded
@given(ARRAYS, ARRAYS, CONTAINERS)
def test_precisions_are_shares_or_the_matrices_are_refused(scores, relevance, container):
    found = outcome(
        lambda: average_precision(held(scores, container), held(relevance, container)), "scores", "relevance"
    )
    if found is not None:
        assert found.shape == scores.shape[:1]
        assert all(np.isnan(value) or 0 <= value <= 1 for value in found)
