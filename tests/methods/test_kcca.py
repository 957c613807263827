"""KCCA: the regularised problem of the paper, what it equals with linear kernels, and its landmarks."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import CCA, KCCA, Pairs
from skxmr.datasets import make_multilabel_pairs
from skxmr.methods import _kernel_views
from tests.problems import correlated

FEW = {"max_exact_rows": 0, "random_state": 0}


def positive(n=40, d=6):
    """Views without negative values."""
    pairs = correlated(n=n, d1=d, d2=d)
    return Pairs(abs(pairs.image), abs(pairs.text))


def loops(X, Z, kernel, gamma):
    """The kernels of all pairs of rows, by loops over single numbers."""
    K = np.zeros((len(X), len(Z)))
    for i, x in enumerate(X.tolist()):
        for j, z in enumerate(Z.tolist()):
            dot = sum(a * b for a, b in zip(x, z, strict=True))
            if kernel == "linear":
                K[i, j] = dot
            elif kernel == "cosine":
                K[i, j] = dot / np.sqrt(sum(a * a for a in x) * sum(b * b for b in z))
            elif kernel == "rbf":
                K[i, j] = np.exp(-gamma * sum((a - b) ** 2 for a, b in zip(x, z, strict=True)))
            else:
                K[i, j] = np.exp(-gamma * sum((a - b) ** 2 / (a + b) for a, b in zip(x, z, strict=True)))
    return K


def mean_exponent(X, kernel):
    """The mean over pairs of different rows of what stands in the exponent, without its factor."""
    n = len(X)
    K = loops(X, X, kernel, 1e-3)
    return sum(-1e3 * np.log(K[i, j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))


def centred(K, of_rows):
    """Kernels (m, n) with n rows, centred by those (n, n) of the rows among themselves."""
    n = len(of_rows)
    out = np.zeros_like(K)
    overall = sum(of_rows[i, j] for i in range(n) for j in range(n)) / n**2
    for i in range(len(K)):
        for j in range(n):
            of_column = sum(of_rows[a, j] for a in range(n)) / n
            out[i, j] = K[i, j] - sum(K[i, a] for a in range(n)) / n - of_column + overall
    return out


@pytest.mark.parametrize("kernels", [("rbf", "chi2"), ("cosine", "rbf"), ("chi2", "cosine")])
def test_it_solves_the_papers_regularised_problem(kernels):
    """Its generalised eigenproblem, Hardoon et al.'s with kappa K added to K^2; the weights are those of the rows."""
    pairs = positive()
    new = positive(n=50)[40:]
    fit = KCCA(4, image_kernel=kernels[0], text_kernel=kernels[1], ridge=0.1, correlation_power=0.0).fit(pairs)
    n = len(pairs)
    whole, unseen, penalised = [], [], []
    for name, kernel in zip(("image", "text"), kernels, strict=True):
        X, Z = getattr(pairs, name), getattr(new, name)
        gamma = None if kernel == "cosine" else 1 / mean_exponent(X, kernel)
        if gamma is not None:
            assert_allclose(getattr(fit, f"{name}_gamma_"), gamma)
        K = loops(X, X, kernel, gamma)
        whole.append(centred(K, K))
        unseen.append(centred(loops(Z, X, kernel, gamma), K))
        ridge = 0.1 * np.trace(whole[-1]) / (n - 1)
        penalised.append(whole[-1] @ whole[-1] / (n - 1) + ridge * whole[-1])
    a, b = fit.image_coef_, fit.text_coef_
    # The weights of centred kernels are those less their mean.
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    cross = whole[0] @ whole[1] / (n - 1)
    assert_allclose(a.T @ penalised[0] @ a, np.eye(4), atol=1e-9)
    assert_allclose(b.T @ penalised[1] @ b, np.eye(4), atol=1e-9)
    assert_allclose(cross @ b, penalised[0] @ a * fit.correlations_, atol=1e-9)
    assert_allclose(cross.T @ a, penalised[1] @ b * fit.correlations_, atol=1e-9)
    # No other directions are more correlated.
    smoothers = [K @ np.linalg.inv(K / (n - 1) + 0.1 * np.trace(K) / (n - 1) * np.eye(n)) for K in whole]
    squares = np.linalg.eigvals(smoothers[0] @ smoothers[1] / (n - 1) ** 2).real
    assert_allclose(np.sort(squares)[::-1][:4], fit.correlations_**2, atol=1e-8)
    embedded = fit.transform(new)
    assert_allclose(embedded.image, unseen[0] @ a, atol=1e-9)
    assert_allclose(embedded.text, unseen[1] @ b, atol=1e-9)


@pytest.mark.parametrize("landmarks", [None, 300])
@pytest.mark.parametrize("sparse", [False, True])
def test_linear_kernels_are_cca(landmarks, sparse):
    pairs = correlated(d1=6, d2=6)
    pairs = pairs.replace(text=sp.csr_array(pairs.text)) if sparse else pairs
    options = {} if landmarks is None else FEW | {"n_landmarks": landmarks}
    found = KCCA(5, image_kernel="linear", text_kernel="linear", ridge=0.02, **options).fit(pairs)
    wanted = CCA(5, ridge=0.02 * 6).fit(pairs)
    assert_allclose(found.correlations_, wanted.correlations_, atol=1e-9)
    outside, inside = found.transform(pairs[:50]), wanted.transform(pairs[:50])
    assert_allclose(abs(outside.image), abs(inside.image), atol=1e-7)
    assert_allclose(abs(outside.text), abs(inside.text), atol=1e-7)
    assert_allclose(found.similarity(pairs), wanted.similarity(pairs), atol=1e-7)


def test_all_rows_as_landmarks_are_exact():
    pairs = correlated(n=80)
    exact = KCCA(6).fit(pairs)
    found = KCCA(6, n_landmarks=80, **FEW).fit(pairs)
    assert_allclose(found.correlations_, exact.correlations_, atol=1e-8)
    assert_allclose(found.similarity(pairs), exact.similarity(pairs), atol=1e-6)


def test_landmarks_are_rows_of_both_views_and_come_close():
    pairs, labels = make_multilabel_pairs(200, random_state=0)
    exact = KCCA(8).fit(pairs)
    found = KCCA(8, n_landmarks=100, **FEW).fit(pairs)
    assert found.image_rows_.shape == (100, pairs.image.shape[1])
    assert found.image_coef_.shape == found.text_coef_.shape == (100, 8)
    assert found.image_gamma_ == exact.image_gamma_
    chosen = [int(np.flatnonzero((pairs.image == row).all(axis=1))[0]) for row in found.image_rows_]
    assert_array_equal(pairs.text[chosen], found.text_rows_)
    assert abs(found.score(pairs, labels) - exact.score(pairs, labels)) < 0.02
    again = KCCA(8, n_landmarks=100, **FEW).fit(pairs)
    assert_array_equal(again.image_coef_, found.image_coef_)
    other = KCCA(8, n_landmarks=100, max_exact_rows=0, random_state=1).fit(pairs)
    assert not np.array_equal(other.image_rows_, found.image_rows_)


def test_rows_that_change_after_fit_do_not_change_the_model():
    pairs = correlated(n=30)
    fit = KCCA(2).fit(pairs)
    query = pairs.image.copy()
    wanted = fit.encode_image(query)
    pairs.image[:] = 0
    assert_array_equal(fit.encode_image(query), wanted)


def test_rows_beyond_max_exact_rows_are_approximated():
    pairs = correlated(n=30)
    assert len(KCCA(2, max_exact_rows=30, n_landmarks=9).fit(pairs).image_rows_) == 30
    assert len(KCCA(2, max_exact_rows=29, n_landmarks=9).fit(pairs).image_rows_) == 9


def test_blocks_of_rows_change_nothing(monkeypatch):
    pairs = correlated(n=60)
    whole = KCCA(3, n_landmarks=20, **FEW).fit(pairs)
    monkeypatch.setattr(_kernel_views, "_ROWS", 7)
    parts = KCCA(3, n_landmarks=20, **FEW).fit(pairs)
    assert_allclose(parts.image_coef_, whole.image_coef_, rtol=1e-6, atol=1e-8)
    assert_allclose(parts.encode_text(pairs), whole.encode_text(pairs), atol=1e-9)


def test_units_rotations_and_the_order_of_rows_change_nothing():
    """The kernel is as wide as the rows are far apart."""
    pairs = correlated(n=80)
    wanted = KCCA(5).fit(pairs).similarity(pairs)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(7, 7)))[0]
    for moved in (
        pairs.replace(image=1e-3 * pairs.image + 5),
        pairs.replace(text=1e4 * pairs.text),
        pairs.replace(image=pairs.image @ rotation),
    ):
        assert_allclose(KCCA(5).fit(moved).similarity(moved), wanted, atol=1e-8)
    order = np.random.default_rng(0).permutation(80)
    shuffled = KCCA(5).fit(pairs[order])
    assert_allclose(shuffled.similarity(pairs), wanted, atol=1e-8)
    largest = shuffled.image_coef_[abs(shuffled.image_coef_).argmax(axis=0), np.arange(5)]
    assert (largest > 0).all()


@pytest.mark.parametrize("options", [{}, FEW | {"n_landmarks": 40}])
def test_sparse_equals_dense_and_float32_is_close_to_float64(options):
    pairs = correlated(n=80)
    text = np.maximum(pairs.text - 5, 0)
    wanted = KCCA(4, **options).fit(pairs.image, text)
    sparse = KCCA(4, **options).fit(pairs.image, sp.csr_array(text))
    assert_allclose(sparse.encode_text(sp.csr_array(text)), wanted.encode_text(text), atol=1e-8)
    single = KCCA(4, **options).fit(pairs.image.astype(np.float32), text.astype(np.float32))
    assert_allclose(single.correlations_, wanted.correlations_, atol=1e-5)
    assert single.encode_text(text.astype(np.float32)).dtype == np.float32
    assert single.text_rows_.dtype == np.float32
    assert single.text_coef_.dtype == np.float64


def test_a_callable_is_the_kernel_of_two_rows():
    pairs = correlated(n=30)

    def dot(a, b):
        return float(a @ b)

    named = KCCA(3, image_kernel="linear", text_kernel="linear").fit(pairs)
    found = KCCA(3, image_kernel=dot, text_kernel=dot).fit(pairs)
    assert_allclose(found.similarity(pairs), named.similarity(pairs), atol=1e-9)
    assert found.image_gamma_ is None


def test_a_given_gamma_is_used():
    pairs = positive()
    for kernel in ("rbf", "chi2"):
        wanted = KCCA(3, image_kernel=kernel).fit(pairs)
        assert_allclose(wanted.image_gamma_, 1 / mean_exponent(pairs.image, kernel))
        found = KCCA(3, image_kernel=kernel, image_gamma=wanted.image_gamma_).fit(pairs)
        assert_array_equal(found.image_coef_, wanted.image_coef_)
        assert KCCA(3, image_kernel=kernel, image_gamma=9.0).fit(pairs).image_gamma_ == 9.0


def test_values_that_do_not_suit_the_chi_squared_kernel_are_named():
    pairs = positive()
    model = KCCA(2, image_kernel="chi2", text_kernel="chi2")
    with pytest.raises(ValueError, match="text_kernel='chi2' needs a dense view, but text is sparse; call toarray"):
        model.fit(pairs.image, sp.csr_array(pairs.text))
    with pytest.raises(ValueError, match="image_kernel='chi2' needs values that are not negative, but image holds -"):
        model.fit(-pairs.image, pairs.text)
    with pytest.raises(ValueError, match="image_kernel='chi2' needs values that are not negative"):
        model.fit(pairs).encode_image(-pairs.image)


@pytest.mark.parametrize("options", [{}, FEW | {"n_landmarks": 20}])
@pytest.mark.parametrize("kernel", ["rbf", "linear", "cosine"])
def test_views_that_do_not_vary_have_no_component(options, kernel):
    pairs = correlated(n=30)
    with pytest.raises(ValueError, match="KCCA finds no component: image or text does not vary"):
        KCCA(image_kernel=kernel, **options).fit(np.full((30, 3), 0.1), pairs.text)


def test_repeated_rows_two_rows_and_empty_texts():
    pairs = correlated(n=30)
    repeated = KCCA(5).fit(pairs[np.r_[:30, :30]])
    assert_allclose(repeated.similarity(pairs), KCCA(5).fit(pairs).similarity(pairs), atol=0.05)
    assert KCCA(image_kernel="linear").fit([[0.0, 1], [2, 5]], [[1.0], [3]]).n_components_ == 1
    text = np.maximum(pairs.text - 5, 0)
    text[:9] = 0
    for kernel in ("rbf", "cosine", "chi2"):
        assert np.isfinite(KCCA(3, text_kernel=kernel).fit(pairs.image, text).encode_text(text)).all()


def test_the_number_of_components():
    pairs = correlated(n=100)
    assert KCCA().fit(pairs).n_components_ == 64
    assert KCCA().fit(pairs[:20]).n_components_ == 19
    with pytest.raises(ValueError, match="n_components=100 is more than the 99 that min"):
        KCCA(100).fit(pairs)
    with pytest.raises(ValueError, match="n_components=10 is more than the 9 that min"):
        KCCA(10, n_landmarks=9, **FEW).fit(pairs)
    with pytest.warns(UserWarning, match="KCCA finds 5 of 9 components"):
        assert KCCA(9, image_kernel="linear", text_kernel="linear").fit(pairs).n_components_ == 5


@pytest.mark.parametrize(
    "options",
    [
        {"n_components": 0},
        {"image_kernel": "poly"},
        {"text_kernel": None},
        {"image_gamma": 0},
        {"ridge": 0},
        {"correlation_power": -1},
        {"max_exact_rows": -1},
        {"n_landmarks": 1},
    ],
)
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        KCCA(**options).fit(correlated(n=20))
