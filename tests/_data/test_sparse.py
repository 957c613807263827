"""Bags of words with one entry per token, as scipy's documentation builds them, are read as what they mean."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, DSCMR, Pairs, PerModality, SemanticMatching
from skxmr._data.sparse import canonical
from skxmr.metrics import SharedLabels, cross_modal_map

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(30, size=1600)
BAG = sp.csr_array((np.ones(1600, np.float32), TOKENS, np.arange(0, 1601, 20)), shape=(80, 30))
IMAGE = RNG.normal(size=(80, 6)).astype(np.float32)
LABELS = RNG.integers(3, size=80)


def test_entries_of_one_place_are_added_up_and_the_callers_matrix_stays():
    data, indices, indptr = BAG.data.copy(), BAG.indices.copy(), BAG.indptr.copy()
    found = canonical(BAG, "text")
    assert found.has_canonical_format and not sp.csr_array(BAG, copy=True).has_canonical_format
    assert_array_equal(found.toarray(), BAG.toarray())
    for now, before in ((BAG.data, data), (BAG.indices, indices), (BAG.indptr, indptr)):
        assert_array_equal(now, before)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array, sp.coo_array], ids=lambda kind: kind.__name__)
def test_counts_of_small_integers_do_not_overflow(dtype, kind):
    """A token that occurs 70,000 times has as many entries of 1."""
    places = (np.zeros(70_000, int), np.repeat([1, 2], 35_000))
    tokens = sp.coo_array((np.ones(70_000, dtype), places), shape=(1, 3))
    if kind is not sp.coo_array:
        tokens = kind((tokens.data, tokens.coords[1], [0, 70_000]), shape=(1, 3))
    assert_array_equal(canonical(tokens, "text").toarray(), [[0, 35_000, 35_000]])


def test_what_is_canonical_is_not_copied():
    matrix = canonical(BAG, "text")
    assert np.shares_memory(canonical(matrix, "text").data, matrix.data)
    assert np.shares_memory(Pairs(IMAGE, matrix).text.data, matrix.data)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "model",
    [
        CCA(3),
        SemanticMatching(),
        DSCMR(8, hidden=16, max_epochs=2, random_state=0),
        make_pipeline(PerModality(text=StandardScaler(with_mean=False)), SemanticMatching()),
    ],
    ids=["CCA", "SemanticMatching", "DSCMR", "a scaler before it"],
)
def test_models_learn_the_same_from_either_form(model, kind):
    exact = canonical(BAG, "text")
    found = model.fit(Pairs(IMAGE, kind(BAG)), LABELS)
    embedded = found.transform(Pairs(text=kind(BAG))).text
    expected = model.fit(Pairs(IMAGE, exact), LABELS).transform(Pairs(text=exact)).text
    assert_array_equal(embedded, expected)


def test_measures_read_either_form():
    exact = canonical(BAG, "text")
    wanted = cross_modal_map(exact[:40], exact[40:], LABELS[:40])
    assert cross_modal_map(BAG[:40], BAG[40:], LABELS[:40]) == wanted


def test_a_label_that_is_stored_twice_is_refused():
    twice = sp.csr_array((np.ones(3), [0, 0, 1], [0, 2, 3]), shape=(2, 2))
    with pytest.raises(ValueError, match="must be multi-hot"):
        SharedLabels(twice)
