"""Covariances by blocks, parts and merges are those of all rows at once; few rows give the same answers rotated."""

import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skxmr import CCA, MLCCA, PLS, Pairs, SemanticMatching
from skxmr._data.precision import EPS
from skxmr._linalg import moments as _moments
from skxmr._linalg import rotation as _rotation
from skxmr._linalg.moments import Moments, covariances

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)) + 3
T = RNG.normal(size=(50, 3)) * (RNG.uniform(size=(50, 3)) < 0.5)


def forms(matrix):
    return matrix, sp.csr_array(matrix)


def assert_equal_covariances(found, x, t, **tolerance):
    assert_allclose(found.image_mean, x.mean(axis=0), **tolerance)
    assert_allclose(found.text_mean, t.mean(axis=0), **tolerance)
    joint = np.cov(x, t, rowvar=False)
    d = x.shape[1]
    for part, wanted in ((found.xx, joint[:d, :d]), (found.tt, joint[d:, d:]), (found.xt, joint[:d, d:])):
        assert_allclose(part, wanted, **tolerance)


@pytest.mark.parametrize("x", forms(X))
@pytest.mark.parametrize("t", forms(T))
@pytest.mark.parametrize("size", [None, 7])
def test_covariances_are_those_of_numpy(x, t, size):
    assert_equal_covariances(Moments(4, 3).update(x, t, size).finish(), X, T, atol=1e-12)


@pytest.mark.parametrize("x", forms(X))
@pytest.mark.parametrize("t", forms(T))
def test_parts_and_merges_are_the_whole(x, t):
    parts = [slice(0, 2), slice(2, 30), slice(30, 50)]
    streamed = Moments(4, 3)
    for rows in parts:
        streamed.update(x[rows], t[rows])
    assert_equal_covariances(streamed.covariances(), X, T, atol=1e-12)
    assert streamed.n == 50
    first, second, third = (Moments(4, 3).update(x[rows], t[rows]) for rows in parts)
    merged = third.merge(first.merge(second))  # in any order
    assert_equal_covariances(merged.finish(), X, T, atol=1e-12)


def test_covariances_leave_the_sums_alone():
    sums = Moments(4, 3).update(X, T)
    sums.covariances().xx[:] = 0
    assert_equal_covariances(sums.covariances(), X, T, atol=1e-12)


@pytest.mark.parametrize("drift", [0.0, 30.0])
def test_wide_float32_views_lose_no_digits_to_offsets(drift):
    """Rows whose mean wanders are the hard case: one pilot mean for all of them would not do."""
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(3000, 100)) + np.linspace(30, 30 + drift, 3000)[:, None]).astype(np.float32)
    t = (x[:, :70] + rng.normal(size=(3000, 70))).astype(np.float32)
    found, exact = covariances(x, t), covariances(x.astype(np.float64), t.astype(np.float64))
    assert found.xx.dtype == np.float64
    for part, wanted in zip(found, exact, strict=True):
        assert_allclose(part, wanted, rtol=0, atol=2e-6 * max(1.0, np.abs(wanted).max()))


def test_inputs_stay_as_they_are_and_are_never_copied_whole():
    rng = np.random.default_rng(2)
    x, t = rng.normal(size=(40_000, 80)).astype(np.float32), rng.normal(size=(40_000, 70)).astype(np.float32)
    before = x.copy()
    tracemalloc.start()
    CCA(5).fit(x, t)
    fitted = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    model = CCA(5).fit(x[:2000], t[:2000])
    small = tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    embedded = model.encode_image(x)
    encoded = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_array_equal(x, before)
    assert fitted < x.nbytes / 4  # twenty times the rows, and no more memory than
    assert fitted < 4 * small
    assert embedded.dtype == np.float32
    assert encoded < embedded.nbytes + x.nbytes / 4


def test_a_memory_map_is_read_in_blocks(tmp_path):
    rng = np.random.default_rng(3)
    x, t = rng.normal(size=(20_000, 80)).astype(np.float32), rng.normal(size=(20_000, 70)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    tracemalloc.start()
    streamed = CCA(5).fit(mapped, t)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 3
    assert_array_equal(streamed.image_weights_, CCA(5).fit(x, t).image_weights_)


@pytest.mark.parametrize("x", forms(X))
def test_grouped_sums(x):
    E = (RNG.uniform(size=(50, 2)) < 0.4).astype(float)
    assert_allclose(_moments.grouped_sums(x, X.mean(axis=0), sp.csr_array(E)), (X - X.mean(axis=0)).T @ E, atol=1e-12)


@pytest.mark.parametrize("view", forms(T))
def test_scatter_is_the_weighted_sum_of_outer_products(view):
    mean, weights = T.mean(axis=0), RNG.uniform(size=50)
    loop = sum(weights[i] * np.outer(T[i] - mean, T[i] - mean) for i in range(50))
    assert_allclose(_moments.scatter(view, mean, weights), loop, atol=1e-12)


def test_mirror_fills_the_upper_triangle():
    A = RNG.normal(size=(1100, 1100))
    S = A + A.T
    assert_array_equal(_moments.mirror(np.tril(S)), S)


@pytest.mark.parametrize("method", [CCA(4), PLS(4), SemanticMatching()])
@pytest.mark.parametrize("sparse", [False, True])
def test_partial_fit_is_one_fit_of_all_rows(method, sparse, small):
    pairs, labels = small
    pairs = pairs.replace(text=sp.csr_array(np.maximum(pairs.text, 0))) if sparse else pairs
    whole = method.fit(pairs, labels).transform(pairs)
    for rows in (slice(0, 20), slice(20, 90), slice(90, len(pairs))):
        start = rows.start == 0
        method = type(method)(**method.get_params()) if start else method
        method.partial_fit(pairs[rows], labels[rows])
    parts = method.transform(pairs)
    assert_allclose(parts.image, whole.image, atol=1e-9)
    assert_allclose(parts.text, whole.text, atol=1e-9)


@pytest.mark.parametrize("method", [CCA(4), PLS(4), SemanticMatching()])
def test_after_fit_a_part_does_not_pass_for_all_rows(method, small):
    """`fit` keeps no sums, so partial_fit would forget the rows of fit."""
    pairs, labels = small
    method = clone(method).fit(pairs[:50], labels[:50])
    before = method.transform(pairs).text
    with pytest.raises(ValueError, match="partial_fit cannot go on from fit, which kept no sums of its rows"):
        method.partial_fit(pairs[50:], labels[50:])
    assert_array_equal(method.transform(pairs).text, before)
    in_parts = clone(method).partial_fit(pairs[:50], labels[:50]).partial_fit(pairs[50:], labels[50:])
    whole = clone(method).fit(pairs, labels)
    assert_allclose(in_parts.transform(pairs).text, whole.transform(pairs).text, atol=1e-9)
    in_parts.fit(pairs, labels)
    assert_array_equal(in_parts.transform(pairs).text, whole.transform(pairs).text)
    with pytest.raises(ValueError, match="cannot go on from fit"):
        in_parts.partial_fit(pairs, labels)
    with pytest.raises(ValueError, match="cannot go on from fit"):
        pickle.loads(pickle.dumps(whole)).partial_fit(pairs, labels)


def test_parts_of_other_widths_are_refused(small):
    pairs, labels = small
    for method in (CCA(), PLS(), SemanticMatching()):
        method.partial_fit(pairs, labels)
        before = method.transform(pairs).image
        with pytest.raises(ValueError, match="image has 3 features but 20 were seen"):
            method.partial_fit(pairs.replace(image=pairs.image[:, :3]), labels)
        assert_array_equal(method.transform(pairs).image, before)


def test_labels_of_later_parts_must_be_known(small):
    pairs, _ = small
    tags = [["sea", "sky"] if i % 3 else ["sky"] for i in range(len(pairs))]
    model = SemanticMatching().partial_fit(pairs, tags)
    expected = SemanticMatching().fit(Pairs(np.tile(pairs.image, (2, 1)), np.tile(pairs.text, (2, 1))), tags * 2)
    assert_allclose(model.partial_fit(pairs, tags).encode_text(pairs), expected.encode_text(pairs), atol=1e-9)
    fewer = [["sky"] for _ in tags]
    assert model.partial_fit(pairs, fewer).encode_text(pairs).shape == (len(pairs), 2)
    with pytest.raises(ValueError, match=r"labels holds \['sun'\], which the first part did not"):
        model.partial_fit(pairs, [["sun"] for _ in tags])
    with pytest.raises(ValueError, match="labels of one form"):
        model.partial_fit(pairs, np.ones((len(pairs), 2), int))


def test_given_models_cannot_go_on(small):
    from sklearn.linear_model import Ridge

    with pytest.raises(ValueError, match="set image and text to None, or call fit"):
        SemanticMatching(image=Ridge()).partial_fit(*small)


@pytest.mark.parametrize("method", [CCA(), MLCCA(), SemanticMatching()])
@pytest.mark.parametrize("sparse", [False, True])
def test_few_rows_whose_products_overflow_are_refused(method, sparse):
    """Rotated, they would look as if no row differed from another."""
    image = RNG.normal(size=(10, 40)) * 1e200
    pairs = Pairs(sp.csr_array(image) if sparse else image, RNG.normal(size=(10, 30)))
    with pytest.raises(ValueError, match="covariances of image and text overflow; scale the features down"):
        method.fit(pairs, np.eye(10, 2, dtype=int) + np.eye(10, 2, -2, dtype=int))


@pytest.mark.parametrize("method", [CCA(), CCA(ridge=1e-3), MLCCA(), SemanticMatching()])
@pytest.mark.parametrize("sparse", [False, True])
def test_few_rows_give_the_same_answers_rotated(method, sparse, monkeypatch):
    rng = np.random.default_rng(4)
    hidden = rng.normal(size=(30, 3))
    image = hidden @ rng.normal(size=(3, 90)) + rng.normal(size=(30, 90)) + 1
    text = np.maximum(hidden @ rng.normal(size=(3, 70)) + rng.normal(size=(30, 70)), 0)
    image[:, 3] = 2.0  # constant
    pairs, labels = Pairs(image, sp.csr_array(text) if sparse else text), (hidden > 0.3).astype(int)
    dual = method.fit(pairs, labels).transform(pairs)
    for module in ("cca", "mlcca", "_label_models"):
        monkeypatch.setattr(f"skxmr.methods.{module}.rotated", _rotation.as_it_is)
    primal = method.fit(pairs, labels).transform(pairs)
    k = 3 if isinstance(method, SemanticMatching) else 5
    assert_allclose(dual.image[:, :k], primal.image[:, :k], atol=1e-7)
    assert_allclose(dual.text[:, :k], primal.text[:, :k], atol=1e-7)


def test_rotated_rows_keep_their_inner_products():
    view = RNG.normal(size=(10, 40))
    found = _rotation.rotated(view, EPS)
    assert_allclose(found.rows @ found.basis.T + found.mean, view, atol=1e-12)
    assert_allclose(found.basis.T @ found.basis, np.eye(9), atol=1e-12)
    same = np.ones((3, 10))
    assert _rotation.rotated(same, EPS).rows.shape == (3, 1)
    assert_allclose(_rotation.rotated(same, EPS).rows, 0, atol=1e-12)


def test_a_memory_map_that_was_cut_off_is_refused(tmp_path):
    file = tmp_path / "x.npy"
    np.save(file, RNG.normal(size=(5000, 4)))
    mapped = np.load(file, mmap_mode="r")
    text = RNG.normal(size=(5000, 3))
    model = CCA().fit(mapped[10:4000], text[10:4000])  # a part is a map, too
    with file.open("r+b") as out:
        out.truncate(100_000)
    for call in (lambda: CCA().fit(mapped, text), lambda: model.encode_image(mapped[4990:])):
        with pytest.raises(ValueError, match=r"image is a memory map .* 'x.npy', which has only 100000 now"):
            call()
    assert model.encode_image(mapped[:10]).shape == (10, 3)  # these rows are still there


def test_covariances_that_do_not_fit_into_memory_are_named():
    with pytest.raises(MemoryError, match=r"views with 8388608 and 3 features do not fit into memory; .*TruncatedSVD"):
        Moments(2**23, 3)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_the_sums_without_a_part_are_those_of_the_other_rows(sparse, offset):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)) + offset
    T = sp.csr_array((rng.uniform(size=(60, 3)) < 0.3).astype(float))
    X = sp.csr_array(X) if sparse else X
    part = Moments(5, 3).update(X[:20], T[:20])
    everything = Moments(5, 3).update(X, T)
    found = everything.without(part).finish()
    expected = Moments(5, 3).update(X[20:], T[20:]).finish()
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-9, atol=1e-11)
    assert_allclose(everything.finish().xx, Moments(5, 3).update(X, T).finish().xx, rtol=0, atol=0)
