import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import cross_decomposition

from skxmr import CCA, Pairs
from skxmr._linalg import moments as _moments
from tests.problems import correlated


def test_correlations_and_scores_equal_scikit_learns():
    pairs = correlated()
    ours = CCA(n_components=4, ridge=0, correlation_power=0).fit(pairs)
    theirs = cross_decomposition.CCA(n_components=4, tol=1e-12, max_iter=100_000).fit(pairs.image, pairs.text)
    u, v = ours.transform(pairs.image, pairs.text)
    a, b = theirs.transform(pairs.image, pairs.text)
    assert_allclose(ours.correlations_, [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(4)], atol=1e-6)
    for mine, other in ((u, a), (v, b)):
        assert_allclose([abs(np.corrcoef(mine[:, k], other[:, k])[0, 1]) for k in range(4)], 1, atol=1e-6)


def test_variates_have_unit_variance_and_are_uncorrelated():
    pairs = correlated()
    fitted = CCA(ridge=0, correlation_power=0).fit(pairs)
    u, v = fitted.transform(pairs.image, pairs.text)
    assert_allclose(np.cov(u, rowvar=False), np.eye(5), atol=1e-10)
    assert_allclose(np.cov(v, rowvar=False), np.eye(5), atol=1e-10)
    assert_allclose(u.T @ v / (len(u) - 1), np.diag(fitted.correlations_), atol=1e-10)


@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_ridge_solves_the_regularised_eigenproblem(ridge):
    pairs = correlated()
    X, T = pairs.image - pairs.image.mean(axis=0), pairs.text - pairs.text.mean(axis=0)
    S_xx, S_tt, S_xt = X.T @ X / 299, T.T @ T / 299, X.T @ T / 299
    S_xx += ridge * np.trace(S_xx) / 7 * np.eye(7)
    S_tt += ridge * np.trace(S_tt) / 5 * np.eye(5)
    joint = np.block([[np.zeros((7, 7)), S_xt], [S_xt.T, np.zeros((5, 5))]])
    values = scipy.linalg.eigh(joint, scipy.linalg.block_diag(S_xx, S_tt), eigvals_only=True)
    fitted = CCA(ridge=ridge).fit(pairs)
    assert_allclose(fitted.correlations_, values[::-1][:5], atol=1e-12)
    assert_allclose(fitted.image_weights_.T @ S_xx @ fitted.image_weights_, np.eye(5), atol=1e-10)


def test_correlation_power_scales_the_projections():
    pairs = correlated()
    plain, scaled = (CCA(correlation_power=power).fit(pairs) for power in (0, 2))
    assert_allclose(scaled.transform(pairs).text, plain.transform(pairs).text * plain.correlations_**2, rtol=1e-10)


def test_signs_are_deterministic():
    pairs = correlated()
    fitted = CCA().fit(pairs)
    largest = fitted.image_weights_[np.abs(fitted.image_weights_).argmax(axis=0), np.arange(5)]
    assert (largest > 0).all()
    shuffled = np.random.default_rng(1).permutation(len(pairs))
    assert_allclose(CCA().fit(pairs[shuffled]).image_weights_, fitted.image_weights_, atol=1e-10)


def test_an_invertible_map_of_the_features_changes_nothing():
    pairs = correlated()
    mixed = pairs.replace(image=pairs.image @ np.random.default_rng(2).normal(size=(7, 7)) + 3)
    a, b = (CCA(ridge=0).fit(p) for p in (pairs, mixed))
    assert_allclose(a.correlations_, b.correlations_, atol=1e-10)
    assert_allclose(np.abs(a.transform(pairs).text), np.abs(b.transform(mixed).text), atol=1e-8)


def test_the_scale_of_a_column_does_not_matter_without_a_ridge():
    pairs = correlated()
    scaled = pairs.replace(image=pairs.image * [1, 1e-9, 1, 1e6, 1, 1, 1e-4])
    assert_allclose(CCA(ridge=0).fit(scaled).correlations_, CCA(ridge=0).fit(pairs).correlations_, atol=1e-9)


def test_a_few_of_many_components_are_the_first_of_all():
    """A small n_components takes the eigenvectors of a Gram matrix instead of the SVD."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(400, 12))
    pairs = Pairs(*(hidden @ rng.normal(size=(12, d)) + rng.normal(size=(400, d)) for d in (30, 40)))
    few, every = CCA(n_components=6).fit(pairs), CCA().fit(pairs)
    assert_allclose(few.correlations_, every.correlations_[:6], atol=1e-12)
    assert_allclose(few.image_weights_, every.image_weights_[:, :6], atol=1e-8)
    assert_allclose(few.text_weights_, every.text_weights_[:, :6], atol=1e-8)


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_fewer_rows_than_features(ridge):
    rng = np.random.default_rng(0)
    pairs = Pairs(rng.normal(size=(10, 40)), rng.normal(size=(10, 25)))
    fitted = CCA(ridge=ridge).fit(pairs)
    out = fitted.transform(pairs)
    assert fitted.n_components_ == 9
    assert np.isfinite(out.image).all() and np.isfinite(out.text).all()
    assert (np.diff(fitted.correlations_) <= 1e-12).all() and fitted.correlations_.max() <= 1
    if ridge == 0:
        assert_allclose(fitted.correlations_, 1, atol=1e-9)  # ten points in 40 dimensions always align


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_constant_and_duplicated_columns(ridge):
    pairs = correlated()
    image = np.hstack([pairs.image, np.full((300, 2), 7.0), pairs.image[:, :2]])
    fitted = CCA(ridge=ridge).fit(image, pairs.text)
    assert np.isfinite(fitted.image_weights_).all()
    assert (np.diff(fitted.correlations_) <= 1e-12).all()
    if ridge == 0:
        assert_allclose(fitted.correlations_, CCA(ridge=0).fit(pairs).correlations_, atol=1e-8)


def test_a_view_that_never_varies_is_an_error():
    with pytest.raises(ValueError, match="CCA finds no component: image or text does not vary"):
        CCA(ridge=0).fit(np.ones((9, 3)), np.arange(18.0).reshape(9, 2))


def test_two_rows():
    fitted = CCA(ridge=0).fit([[0.0, 1], [2, 5]], [[1.0], [3]])
    assert_allclose(fitted.correlations_, [1], atol=1e-9)


def test_empty_text_rows_are_finite():
    pairs = correlated()
    text = np.maximum(pairs.text - pairs.text.mean(axis=0), 0)
    text[:20] = 0
    assert np.isfinite(CCA().fit(pairs.image, sp.csr_array(text)).score(pairs.image, sp.csr_array(text)))


def test_sparse_text_is_never_densified(monkeypatch):
    pairs = correlated()
    text = sp.csr_array(np.maximum(pairs.text, 5) - 5)
    dense = CCA().fit(pairs.image, text.toarray())
    monkeypatch.setattr(sp.csr_array, "toarray", forbid_wide(sp.csr_array.toarray, len(pairs)))
    sparse = CCA().fit(pairs.image, text)
    assert_allclose(sparse.image_weights_, dense.image_weights_, atol=1e-10)
    assert_allclose(sparse.encode_text(text), dense.encode_text(text), atol=1e-10)


def forbid_wide(toarray, n):
    def checked(self, *args, **kwargs):
        assert self.shape[0] != n, "a view was densified"
        return toarray(self, *args, **kwargs)

    return checked


@pytest.mark.parametrize("shift", [0.0, 30.0])
def test_float32_is_solved_in_float64(shift):
    pairs = correlated(n=2000)
    single = Pairs((pairs.image + shift).astype(np.float32), (pairs.text + shift).astype(np.float32))
    exact = CCA(ridge=1e-4).fit(Pairs(single.image.astype(np.float64), single.text.astype(np.float64)))
    fitted = CCA(ridge=1e-4).fit(single)
    assert fitted.image_weights_.dtype == np.float64
    assert_allclose(fitted.correlations_, exact.correlations_, rtol=0, atol=1e-6)


def test_covariances_are_summed_in_blocks(monkeypatch):
    pairs = correlated(n=2500)
    whole = CCA().fit(pairs)
    monkeypatch.setattr(_moments, "_block_rows", lambda X, T: 7)
    assert_allclose(CCA().fit(pairs).image_weights_, whole.image_weights_, atol=1e-11)


def test_labels_do_not_change_what_is_learned(small):
    pairs, labels = small
    assert_array_equal(CCA().fit(pairs, labels).image_projection_, CCA().fit(pairs).image_projection_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 6}, "n_components=6 is more than the 5"),
        ({"n_components": 0}, "n_components"),
        ({"n_components": 2.5}, "n_components"),
        ({"ridge": -1}, "ridge"),
        ({"ridge": "auto"}, "ridge"),
        ({"correlation_power": -1}, "correlation_power"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        CCA(**options).fit(correlated())
