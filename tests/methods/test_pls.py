import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.cross_decomposition import PLSCanonical

from skxmr import PLS, Pairs
from skxmr.methods import _linear, pls
from skxmr.methods._linear import covariances_of
from tests import reference
from tests.problems import correlated


@pytest.mark.parametrize("scale", [True, False])
def test_equals_scikit_learns_plscanonical(scale):
    pairs = correlated()
    ours = PLS(n_components=4, scale=scale).fit(pairs)
    theirs = PLSCanonical(n_components=4, scale=scale, algorithm="svd").fit(pairs.image, pairs.text)
    u, v = ours.transform(pairs.image, pairs.text)
    a, b = theirs.transform(pairs.image, pairs.text)
    assert_allclose(u, a, atol=1e-6)
    assert_allclose(v, b, atol=1e-6)
    assert_allclose(ours.image_weights_, theirs.x_weights_, atol=1e-6)
    assert_allclose(ours.text_loadings_, theirs.y_loadings_, atol=1e-6)


def test_deflating_the_covariances_is_deflating_the_data():
    pairs = correlated()
    X, T = pairs.image - pairs.image.mean(axis=0), pairs.text - pairs.text.mean(axis=0)
    xi, omega = reference.pls_by_deflating_data(X, T, 5)
    u, v = PLS(scale=False).fit(pairs).transform(pairs.image, pairs.text)
    assert_allclose(u, xi, atol=1e-9)
    assert_allclose(v, omega, atol=1e-9)


def test_scores_of_a_view_are_orthogonal():
    pairs = correlated()
    u = PLS().fit(pairs).encode_image(pairs.image)
    assert_allclose(u.T @ u, np.diag(np.einsum("ij,ij->j", u, u)), atol=1e-8)


def test_wide_views_take_the_iterative_path():
    """Above 64 columns the leading pair comes from Lanczos; it must be the one of the dense decomposition."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 6))
    pairs = Pairs(hidden @ rng.normal(size=(6, 90)), hidden @ rng.normal(size=(6, 70)) + rng.normal(size=(200, 70)))
    ours = PLS(n_components=4).fit(pairs)
    theirs = PLSCanonical(n_components=4, algorithm="svd").fit(pairs.image, pairs.text)
    assert_allclose(ours.encode_image(pairs), theirs.transform(pairs.image), atol=1e-6)


def test_sparse_text_equals_dense():
    pairs = correlated()
    text = np.maximum(pairs.text - 5, 0)
    dense, sparse = PLS().fit(pairs.image, text), PLS().fit(pairs.image, sp.csr_array(text))
    assert_allclose(sparse.text_projection_, dense.text_projection_, atol=1e-9)


@pytest.mark.parametrize("scale", [True, False])
def test_fewer_rows_than_features_and_constant_columns(scale):
    rng = np.random.default_rng(0)
    image = np.hstack([rng.normal(size=(10, 30)), np.full((10, 2), 0.1), np.zeros((10, 1))])
    fitted = PLS(scale=scale).fit(image, rng.normal(size=(10, 12)))
    assert 1 <= fitted.n_components_ <= 9
    out = fitted.encode_image(image)
    assert np.isfinite(out).all() and np.abs(out).max() < 1e3
    assert np.abs(fitted.image_projection_[-3:]).max() < 1e-6


def test_columns_of_very_different_scales():
    pairs = correlated()
    image = pairs.image * [1, 1e-10, 1, 1e6, 1, 1, 1e-4]
    theirs = PLSCanonical(n_components=3, algorithm="svd").fit(image, pairs.text)
    assert_allclose(PLS(n_components=3).fit(image, pairs.text).encode_image(image), theirs.transform(image), atol=1e-6)


def test_the_number_of_components_is_bounded_unless_it_is_asked_for():
    """Each takes its own passes over the covariances, which for wide views would take minutes."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(300, 140))
    pairs = Pairs(image, image + 0.1 * rng.normal(size=image.shape))
    every = PLS(140).fit(pairs)
    found = PLS().fit(pairs)
    assert every.n_components_ == 140 and found.n_components_ == 128
    assert_allclose(found.image_weights_, every.image_weights_[:, :128], atol=1e-12)
    parts = PLS().partial_fit(pairs[:150]).partial_fit(pairs[150:])
    assert parts.n_components_ == 128


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("rows", [20, 45, 80])
def test_few_rows_equal_the_deflation_of_the_data(rows, scale):
    """Views of at most half as many rows as features are rotated, here none, one or both."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(rows, 9))
    X = hidden @ rng.normal(size=(9, 70)) + rng.normal(size=(rows, 70)) + 3
    T = hidden @ rng.normal(size=(9, 100)) + rng.normal(size=(rows, 100))
    u, v = PLS(8, scale=scale).fit(X, T).transform(X, T)
    X, T = ((view - view.mean(axis=0)) / (view.std(axis=0, ddof=1) if scale else 1) for view in (X, T))
    xi, omega = reference.pls_by_deflating_data(X, T, 8)
    assert_allclose(u, xi, atol=1e-8)
    assert_allclose(v, omega, atol=1e-8)


@pytest.mark.parametrize("s", [1e-10, 1e-12, 1e-16, 1e-20])
def test_the_unit_of_few_rows_does_not_matter(s):
    """Nor do columns without any variance, which stay such in every unit."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(20, 4))
    X = hidden @ rng.normal(size=(4, 50)) + 0.5 * rng.normal(size=(20, 50))
    T = hidden @ rng.normal(size=(4, 30)) + 0.5 * rng.normal(size=(20, 30))
    for image in (X, np.hstack([X, np.full((20, 2), 3.0)])):
        plain, other = PLS(3).fit(image, T), PLS(3).fit(image * s, T)
        expected = plain.encode_image(image)
        assert_allclose(other.encode_image(image * s), expected, atol=1e-9 * np.abs(expected).max())
        assert_allclose(other.image_mean_, (image * s).mean(axis=0), rtol=0, atol=1e-13 * s)


@pytest.mark.parametrize("rows", [20, 60])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_columns_whose_squares_overflow_are_refused(rows, form):
    """With few rows, which are rotated, as with many."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 50))
    X[:, 3] *= 1e200
    with pytest.raises(ValueError, match="the covariances of image and text overflow; scale the features down"):
        PLS(3).fit(rng.normal(size=(rows, 30)), form(X))


def test_no_covariance_is_an_error():
    with pytest.raises(ValueError, match="PLS finds no component: image or text does not vary"):
        PLS().fit(np.ones((9, 3)), np.arange(18.0).reshape(9, 2))


def test_asking_for_too_many_components_is_an_error():
    with pytest.raises(ValueError, match="n_components=6 is more than the 5"):
        PLS(n_components=6).fit(correlated())


def test_a_refit_that_stops_halfway_keeps_the_model(monkeypatch):
    pairs = correlated()
    model = PLS(3).fit(pairs)
    before = model.transform(pairs)

    def stops(matrix):
        raise KeyboardInterrupt

    monkeypatch.setattr(np.linalg, "pinv", stops)
    with pytest.raises(KeyboardInterrupt):
        model.fit(pairs.replace(image=2 * pairs.image[:, :5] + 3))
    assert_allclose(model.transform(pairs).image, before.image)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize(
    "kind", [np.asarray, sp.csr_array, lambda X: X.astype(np.float32)], ids=["dense", "CSR", "float32"]
)
def test_views_of_many_features_equal_scikit_learns(scale, kind):
    """They are solved in the space of their rows, as the other closed forms do, and constant columns get weight 0."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(40, 5))
    text = np.maximum(hidden @ rng.normal(size=(5, 5000)) + rng.normal(size=(40, 5000)) - 1, 0) * rng.uniform(
        1, 9, 5000
    )
    text[:, 7] = 3.0
    text[:, 8] = 0.0
    image = hidden @ rng.normal(size=(5, 12)) + rng.normal(size=(40, 12))
    ours = PLS(3, scale=scale).fit(image, kind(text))
    theirs = PLSCanonical(3, scale=scale, algorithm="svd").fit(image, text)
    atol = 1e-4 if kind(text).dtype == np.float32 else 1e-6
    assert_allclose(
        ours.encode_image(image), theirs.transform(image), atol=atol * np.abs(theirs.transform(image)).max()
    )
    wanted = theirs.transform(image, text)[1]
    assert_allclose(ours.encode_text(kind(text)), wanted, atol=atol * np.abs(wanted).max())
    assert_allclose(ours.text_weights_, theirs.y_weights_, atol=atol)
    assert_allclose(ours.text_loadings_, theirs.y_loadings_, atol=10 * atol)
    assert_allclose(ours.text_weights_[7:9], 0, atol=1e-12)
    assert_allclose(ours.text_mean_, text.mean(axis=0), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [True, False])
def test_hashed_texts_of_very_many_features(scale):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(40, 6))
    text = sp.random_array((40, 2**18), density=2e-4, format="csr", rng=rng)
    for a, b in ((image, text), (text, text)):
        fitted = PLS(2, scale=scale).fit(a, b)
        assert fitted.image_weights_.shape == (a.shape[1], 2) and fitted.text_projection_.shape == (b.shape[1], 2)
        u, v = fitted.encode_image(a), fitted.encode_text(b)
        assert np.isfinite(u).all() and (np.diag(u.T @ v) > 0).all()
        assert_allclose(np.linalg.norm(fitted.image_weights_, axis=0), 1, rtol=1e-6)
        assert_allclose(np.diag(u.T @ v) / 39, fitted.covariances_, rtol=1e-6)


@pytest.mark.parametrize(
    ("n_components", "dtype", "tried"),
    [(6, np.float32, [False]), (None, np.float32, [False, True]), (6, np.float64, [True]), (None, np.float64, [True])],
)
def test_products_are_exact_only_where_the_number_of_components_needs_it(n_components, dtype, tried, monkeypatch):
    """Products of float32 views in float64 take twice the time."""
    asked = []

    def spy(views, exact):
        asked.append(exact)
        return covariances_of(views, exact)

    for module in (_linear, pls):
        monkeypatch.setattr(module, "covariances_of", spy)
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 30))
    image = hidden @ rng.normal(size=(30, 80))
    text = hidden @ rng.normal(size=(30, 70))
    found = PLS(n_components).fit(image.astype(dtype), text.astype(dtype))
    assert asked == tried
    assert found.n_components_ == (n_components or 30)
    exact = PLS(n_components).fit(image, text)
    assert_allclose(found.similarity(image, text), exact.similarity(image, text), atol=1e-4)
