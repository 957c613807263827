import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.cross_decomposition import PLSSVD
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxmr import CCA, CFA, PLS, Pairs, PerModality
from tests.problems import correlated


def centred(pairs):
    return pairs.image - pairs.image.mean(axis=0), pairs.text - pairs.text.mean(axis=0)


def distance(X, T, A, B):
    """The sum of squared differences of the projections, entry by entry."""
    total = 0.0
    for x, t in zip(X, T, strict=True):
        for k in range(A.shape[1]):
            total += (sum(x * A[:, k]) - sum(t * B[:, k])) ** 2
    return total


def covariance(X, T, a, b):
    """The covariance of two projections, row by row."""
    return sum(sum(x * a) * sum(t * b) for x, t in zip(X, T, strict=True)) / (len(X) - 1)


def whitened(pairs):
    """Views of uncorrelated features of unit variance."""
    views = []
    for view in centred(pairs):
        U = np.linalg.svd(view, full_matrices=False)[0]
        views.append(U * np.sqrt(len(U) - 1))
    return Pairs(*views)


def test_no_other_rotations_bring_the_views_nearer():
    pairs = correlated(n=40, d1=5, d2=5)
    X, T = centred(pairs)
    fitted = CFA().fit(pairs)
    A, B = fitted.image_projection_, fitted.text_projection_
    assert_allclose(A.T @ A, np.eye(5), atol=1e-12)
    assert_allclose(B.T @ B, np.eye(5), atol=1e-12)
    least = distance(X, T, A, B)
    # What square rotations leave: both energies less twice the nuclear norm of the cross-product.
    assert_allclose(least, (X**2).sum() + (T**2).sum() - 2 * 39 * fitted.covariances_.sum(), rtol=1e-10)
    rng = np.random.default_rng(0)
    for _ in range(20):
        near = np.linalg.qr(A + 0.1 * rng.normal(size=(5, 5)))[0]
        assert distance(X, T, near * np.sign(np.diag(near.T @ A)), B) > least


def test_projections_have_the_covariances_of_the_singular_values():
    pairs = correlated(n=40)
    X, T = centred(pairs)
    fitted = CFA().fit(pairs)
    for j in range(5):
        for k in range(5):
            found = covariance(X, T, fitted.image_projection_[:, j], fitted.text_projection_[:, k])
            assert_allclose(found, fitted.covariances_[j] if j == k else 0.0, atol=1e-9)
    assert (np.diff(fitted.covariances_) <= 0).all()


@pytest.mark.parametrize("scale", [False, True])
def test_it_is_scikit_learns_plssvd(scale):
    pairs = correlated()
    steps = [PerModality(StandardScaler(), StandardScaler())] if scale else []
    ours = make_pipeline(*steps, CFA(4)).fit(pairs).transform(pairs)
    a, b = PLSSVD(4, scale=scale).fit(pairs.image, pairs.text).transform(pairs.image, pairs.text)
    # scikit-learn divides by n - 1, StandardScaler by n.
    factor = np.sqrt(300 / 299) if scale else 1.0
    sign = np.sign((ours.image * a).sum(axis=0))
    assert_allclose(ours.image, factor * a * sign, atol=1e-8)
    assert_allclose(ours.text, factor * b * sign, atol=1e-8)


def test_the_first_component_is_that_of_pls():
    pairs = correlated()
    ours, pls = CFA(1).fit(pairs), PLS(1, scale=False).fit(pairs)
    assert_allclose(ours.image_projection_, pls.image_projection_, atol=1e-10)
    assert_allclose(ours.text_projection_, pls.text_projection_, atol=1e-10)
    assert_allclose(ours.covariances_, pls.covariances_, rtol=1e-12)


def test_further_components_are_not_those_of_pls():
    """PLS has uncorrelated projections, and here the directions are orthogonal."""
    pairs = correlated()
    ours, pls = CFA(3).fit(pairs), PLS(3, scale=False).fit(pairs)
    assert_allclose(ours.image_projection_.T @ ours.image_projection_, np.eye(3), atol=1e-12)
    lengths = pls.image_projection_.T @ pls.image_projection_
    assert abs(lengths - np.diag(np.diag(lengths))).max() > 1e-3
    for fitted, uncorrelated in ((ours, False), (pls, True)):
        between = np.corrcoef(fitted.encode_image(pairs), rowvar=False) - np.eye(3)
        assert (abs(between).max() < 1e-8) == uncorrelated


def test_on_whitened_views_it_is_pls_and_cca():
    pairs = whitened(correlated())
    ours = CFA(4).fit(pairs)
    for other in (PLS(4, scale=False), CCA(4, ridge=0, correlation_power=0)):
        found = other.fit(pairs)
        assert_allclose(ours.image_projection_, found.image_projection_, atol=1e-8)
        assert_allclose(ours.text_projection_, found.text_projection_, atol=1e-8)
    assert_allclose(ours.covariances_, found.correlations_, atol=1e-12)


def test_units_and_rotations_of_a_view_change_nothing():
    pairs = correlated()
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(7, 7)))[0]
    moved = Pairs(pairs.image @ Q * 1e4 + 3, pairs.text * 1e-3)
    assert_allclose(CFA().fit(pairs).similarity(pairs), CFA().fit(moved).similarity(moved), atol=1e-9)


def test_few_rows_of_many_features_keep_orthonormal_directions():
    """Such a view is described in the space that its rows span."""
    rng = np.random.default_rng(0)
    pairs = Pairs(rng.normal(size=(10, 40)), rng.normal(size=(10, 25)))
    fitted = CFA().fit(pairs)
    X, T = centred(pairs)
    U, s, Vt = np.linalg.svd(X.T @ T / 9)
    assert fitted.n_components_ == 9
    assert_allclose(fitted.covariances_, s[:9], atol=1e-10)
    assert_allclose(np.abs(fitted.image_projection_), np.abs(U[:, :9]), atol=1e-8)
    assert_allclose(np.abs(fitted.text_projection_), np.abs(Vt[:9].T), atol=1e-8)


def test_sparse_text_equals_dense():
    pairs = correlated()
    text = np.maximum(pairs.text - 5, 0)
    dense, sparse = CFA().fit(pairs.image, text), CFA().fit(pairs.image, sp.csr_array(text))
    assert_allclose(sparse.text_projection_, dense.text_projection_, atol=1e-9)


def test_parts_and_the_order_of_rows_give_the_same():
    pairs = correlated()
    whole = CFA().fit(pairs)
    order = np.random.default_rng(1).permutation(300)
    parts = CFA().partial_fit(pairs[order[:100]]).partial_fit(pairs[order[100:]])
    assert_allclose(parts.image_projection_, whole.image_projection_, atol=1e-9)
    assert_allclose(parts.covariances_, whole.covariances_, rtol=1e-10)


def test_too_many_components_are_refused():
    with pytest.raises(ValueError, match="n_components=6 is more than the 5"):
        CFA(6).fit(correlated())
