"""Hamming distances as scores: exact, and measures that average over all orders of their many ties."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skxmr.metrics import (
    SharedLabels,
    Similarity,
    _code_scores,
    _similarity,
    average_precision,
    cross_modal_map,
    mean_average_precision,
)
from skxmr.metrics._code_similarity import CodeSimilarity
from tests import reference


def codes(n, n_bits, seed=0):
    return np.packbits(np.random.default_rng(seed).random((n, n_bits)) < 0.5, axis=1)


def distances(a, b):
    """Count the bits in which two codes differ, byte by byte."""
    return [[sum((int(x) ^ int(y)).bit_count() for x, y in zip(u, v, strict=True)) for v in b] for u in a]


@pytest.mark.parametrize("n_bits", [5, 16, 64, 100])
def test_scores_are_negative_distances(n_bits, monkeypatch):
    monkeypatch.setattr(_code_scores, "_ITEMS", 4)
    a = codes(6, n_bits)
    b = codes(9, n_bits, 1)
    scores = Similarity(a, b, "hamming")
    expected = -np.array(distances(a, b), np.float32)
    assert scores[:].dtype == np.float32
    assert_array_equal(scores[:], expected)
    assert_array_equal(scores.T[2:5], expected.T[2:5])
    assert not np.signbit(Similarity(a, a, "hamming")[0, 0])
    assert_allclose(CodeSimilarity(a, b, n_bits)[:], 1 + 2 * expected / n_bits, atol=1e-6)
    assert_array_equal(CodeSimilarity(a, b, n_bits).T[:], CodeSimilarity(a, b, n_bits)[:].T)


def test_measures_average_over_all_orders_of_equal_distances():
    """Seven items at distances 0 to 3 tie in groups; the loop walks every order of them."""
    a = codes(5, 3)
    b = codes(7, 3, 1)
    relevance = np.random.default_rng(2).random((5, 7)) < 0.4
    relevance[:, 0] = True
    expected = [
        reference.expected_average_precision([-d for d in row], relevance[i]) for i, row in enumerate(distances(a, b))
    ]
    for scores in (Similarity(a, b, "hamming"), CodeSimilarity(a, b, 3)):
        assert_allclose(average_precision(scores, relevance), expected, rtol=1e-12)
    # Any one order of ties would give another value.
    assert len({float(d) for d in distances(a, b)[0]}) < 7


def test_distances_rank_as_cosines_of_signs():
    a = codes(40, 24)
    b = codes(40, 24, 1)
    labels = np.random.default_rng(3).integers(0, 4, 40)
    signs = [np.unpackbits(view, axis=1) * 2.0 - 1 for view in (a, b)]
    # Products of signs are whole numbers, so that their ties are exact.
    of_signs = cross_modal_map(*signs, labels, metric="inner")
    found = cross_modal_map(a, b, labels, metric="hamming")
    assert found == pytest.approx(of_signs, rel=1e-12)
    relevance = SharedLabels(labels)
    assert mean_average_precision(CodeSimilarity(a, b, 24), relevance) == pytest.approx(found["i2t_map"], rel=1e-12)


def test_tensors_on_the_cpu_are_taken():
    a = codes(4, 20)
    b = codes(3, 20, 1)
    assert_array_equal(Similarity(torch.from_numpy(a), b, "hamming")[:], Similarity(a, b, "hamming")[:])


def test_tensors_on_cuda_are_refused(monkeypatch):
    monkeypatch.setattr(_similarity, "on_device", lambda view: isinstance(view, torch.Tensor))
    with pytest.raises(TypeError, match=r"gallery is a tensor on cpu.*pass gallery.cpu\(\)"):
        Similarity(codes(4, 20), torch.from_numpy(codes(3, 20)), "hamming")


def test_what_cannot_be_compared_is_named():
    with pytest.raises(ValueError, match="gallery holds float64 values"):
        Similarity(codes(4, 16), np.zeros((3, 2)), "hamming")
    with pytest.raises(ValueError, match="query has 2 bytes but gallery has 3"):
        Similarity(codes(4, 16), codes(3, 20), "hamming")
    with pytest.raises(ValueError, match="image holds int64 values"):
        cross_modal_map(np.ones((2, 2), int), codes(2, 16), metric="hamming")
