"""CVH: its eigenproblem as loops over pairs of items, and CCA as its special case."""

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import CCA, CVH, Pairs
from tests.problems import correlated


def centred(pairs):
    return pairs.image - pairs.image.mean(axis=0), pairs.text - pairs.text.mean(axis=0)


def affinities(Y):
    """Cosines of label vectors, entry by entry."""
    n = len(Y)
    W = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            lengths = np.sqrt(sum(Y[i]) * sum(Y[j]))
            W[i, j] = sum(Y[i] * Y[j]) / lengths if lengths else 0.0
    return W


def sum_of_distances(X, T, W, a, b):
    """Half the weighted sum of squared distances of the values of all items, within each view and both ways across."""
    total = 0.0
    for i in range(len(X)):
        for j in range(len(X)):
            within = (X[i] @ a - X[j] @ a) ** 2 + (T[i] @ b - T[j] @ b) ** 2
            across = (X[i] @ a - T[j] @ b) ** 2 + (X[j] @ a - T[i] @ b) ** 2
            total += W[i, j] * (within + across / 2)
    return total


def length(X, T, a, b):
    """What is constrained to 1."""
    return (sum((X @ a) ** 2) + sum((T @ b) ** 2)) / (len(X) - 1)


@pytest.fixture
def few():
    pairs = correlated(n=14, d1=3, d2=4)
    Y = (np.random.default_rng(0).random((14, 3)) < 0.5).astype(int)
    return pairs, Y


def test_bits_are_signs_of_the_least_distant_directions(few):
    """The eigenvalue of each is the sum of distances in the paper's objective; no other direction has a smaller sum."""
    pairs, Y = few
    X, T = centred(pairs)
    W = affinities(Y)
    fitted = CVH(3, affinity="labels", ridge=0.0).fit(pairs, Y)
    A = fitted.image_projection_
    B = fitted.text_projection_
    scale = W.sum() * 13 / 14
    for k in range(3):
        assert_allclose(length(X, T, A[:, k], B[:, k]), 1, rtol=1e-9)
        assert_allclose(sum_of_distances(X, T, W, A[:, k], B[:, k]) / scale, fitted.eigenvalues_[k], rtol=1e-9)
    rng = np.random.default_rng(1)
    for _ in range(20):
        a = A[:, 0] + 0.1 * rng.normal(size=3)
        b = B[:, 0] + 0.1 * rng.normal(size=4)
        found = sum_of_distances(X, T, W, a, b) / length(X, T, a, b) / scale
        assert found > fitted.eigenvalues_[0]
    bits = np.unpackbits(fitted.encode_image(pairs), axis=1, count=3)
    assert_array_equal(bits, X @ A > 0)


def test_all_eigenvalues_are_those_of_the_laplacian(few):
    pairs, Y = few
    X, T = centred(pairs)
    W = affinities(Y)
    D = np.diag(W.sum(axis=1))
    L = D - W
    M = np.block([[X.T @ (2 * L + D) @ X, -X.T @ W @ T], [-T.T @ W @ X, T.T @ (2 * L + D) @ T]])
    N = scipy.linalg.block_diag(X.T @ X, T.T @ T) / 13
    expected = scipy.linalg.eigh(M / (W.sum() * 13 / 14), N)[0]
    fitted = CVH(3, affinity="labels", ridge=0.0).fit(pairs, Y)
    assert_allclose(fitted.eigenvalues_, expected[:3], rtol=1e-9)


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_one_text_per_image_gives_cca_thresholded(ridge):
    pairs = correlated(n=200)
    fitted = CVH(None, ridge=ridge).fit(pairs)
    cca = CCA(ridge=ridge, correlation_power=0.0).fit(pairs)
    assert fitted.n_bits_ == cca.n_components_
    assert_allclose(fitted.eigenvalues_, 1 - cca.correlations_, atol=1e-12)
    for of_cca, codes in (
        (cca.encode_image(pairs), fitted.encode_image(pairs)),
        (cca.encode_text(pairs), fitted.encode_text(pairs)),
    ):
        assert_array_equal(codes, np.packbits(of_cca > 0, axis=1))


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_a_label_of_its_own_for_every_row_gives_pairs(ridge):
    pairs = correlated(n=60)
    of_labels = CVH(4, affinity="labels", ridge=ridge).fit(pairs, np.arange(60))
    of_pairs = CVH(4, ridge=ridge).fit(pairs)
    assert_allclose(of_labels.eigenvalues_, of_pairs.eigenvalues_, atol=1e-10)
    assert_array_equal(of_labels.encode_text(pairs), of_pairs.encode_text(pairs))


@pytest.mark.parametrize("affinity", ["pairs", "labels"])
def test_the_order_of_rows_and_their_place_change_nothing(small, affinity):
    pairs, labels = small
    expected = CVH(8, affinity=affinity).fit(pairs, labels)
    order = np.random.default_rng(0).permutation(len(pairs))
    moved = Pairs(pairs.image[order] + 5, pairs.text[order] - 3)
    found = CVH(8, affinity=affinity).fit(moved, labels[order])
    assert_allclose(found.eigenvalues_, expected.eigenvalues_, atol=1e-9)
    assert_array_equal(found.encode_image(moved), expected.encode_image(pairs)[order])


def test_few_rows_of_many_features(small):
    """The views are then solved in coordinates of the space of the rows, with the same answer."""
    rng = np.random.default_rng(0)
    pairs = Pairs(rng.normal(size=(20, 45)), rng.normal(size=(20, 50)))
    labels = rng.integers(0, 5, 20)
    fitted = CVH(4, affinity="labels", ridge=0.5).fit(pairs, labels)
    padded = Pairs(np.vstack([pairs.image] * 3), np.vstack([pairs.text] * 3))
    # With every row three times there are more rows than half the features, and nothing else changes but n - 1.
    repeated = CVH(4, affinity="labels", ridge=0.5).fit(padded, np.tile(labels, 3))
    assert_array_equal(fitted.encode_image(pairs), repeated.encode_image(pairs))


def test_fewer_bits_than_asked_for_are_announced(small):
    pairs, labels = small
    with pytest.warns(UserWarning, match="CVH makes 20 of 32 bits"):
        assert CVH().fit(pairs, labels).n_bits_ == 20


def test_labels_that_are_asked_for_must_come(small):
    pairs, _ = small
    with pytest.raises(ValueError, match=r"affinity='labels'.*pass labels"):
        CVH(affinity="labels").fit(pairs)
