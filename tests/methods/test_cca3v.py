import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from skxmr import CCA, CCA3V
from skxmr.datasets import make_multilabel_pairs
from tests import reference
from tests.problems import correlated


def data(d1=6, d2=5, n=60, seed=1):
    return make_multilabel_pairs(n, n_image_features=d1, n_text_features=d2, n_labels=4, random_state=seed)


def weights(fitted):
    return fitted.image_weights_, fitted.text_weights_, fitted.label_weights_


@pytest.mark.parametrize(("d1", "d2"), [(6, 5), (13, 3), (3, 13)])
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_it_is_the_generalised_eigenproblem_of_three_views(d1, d2, ridge):
    """With 13 features, a view has more directions than both others together."""
    pairs, labels = data(d1, d2)
    fitted = CCA3V(ridge=ridge).fit(pairs, labels)
    values, wanted = reference.joint_directions((pairs.image, pairs.text, labels), ridge)
    k = min(d1, d2)
    assert_allclose(fitted.eigenvalues_, values[:k], atol=1e-12)
    sign = np.sign(wanted[0][abs(wanted[0]).argmax(axis=0), range(len(values))])
    for own, other in zip(weights(fitted), wanted, strict=True):
        assert_allclose(own, (other * sign)[:, :k], atol=1e-8)


def test_projections_lie_as_near_one_another_as_the_eigenvalue_says():
    """The mean squared distances of the three projections of an item sum to 3 less the eigenvalue."""
    pairs, labels = data()
    fitted = CCA3V(ridge=0).fit(pairs, labels)
    views = [view - view.mean(axis=0) for view in (pairs.image, pairs.text, labels)]
    for k in range(5):
        a, b, c = (view @ own[:, k] for view, own in zip(views, weights(fitted), strict=True))
        distances, variance = 0.0, 0.0
        for i in range(60):
            distances += ((a[i] - b[i]) ** 2 + (a[i] - c[i]) ** 2 + (b[i] - c[i]) ** 2) / 59
            variance += (a[i] ** 2 + b[i] ** 2 + c[i] ** 2) / 59
        assert_allclose(distances, 3 - fitted.eigenvalues_[k], atol=1e-10)
        assert_allclose(variance, 1, atol=1e-10)


@pytest.mark.parametrize("ridge", [0.0, 0.2])
@pytest.mark.parametrize("make", [np.ones, lambda shape: np.eye(shape[1])[np.zeros(shape[0], int)]])
def test_two_views_are_cca(ridge, make):
    pairs = correlated()
    with pytest.warns(UserWarning, match="no label varies, so that CCA3V relates images with texts only"):
        fitted = CCA3V(ridge=ridge, eigenvalue_power=0).fit(pairs, make((300, 3)))
    cca = CCA(ridge=ridge, correlation_power=0).fit(pairs)
    assert_allclose(fitted.eigenvalues_, 1 + cca.correlations_, atol=1e-12)
    assert_allclose(fitted.image_weights_, cca.image_weights_ / np.sqrt(2), atol=1e-9)
    assert_allclose(fitted.text_weights_, cca.text_weights_ / np.sqrt(2), atol=1e-9)
    assert not fitted.label_weights_.any()
    assert_allclose(fitted.similarity(pairs), cca.similarity(pairs), atol=1e-9)


def test_a_third_view_that_repeats_the_texts_changes_no_direction():
    """Each component then has twice the weight on what text and labels share, and the order stays."""
    rng = np.random.default_rng(0)
    labels = (rng.normal(size=(200, 4)) > 0).astype(float)
    image = labels @ rng.normal(size=(4, 7)) + rng.normal(size=(200, 7))
    fitted = CCA3V(ridge=0, eigenvalue_power=0).fit(image, labels, labels)
    cca = CCA(ridge=0, correlation_power=0).fit(image, labels)
    # The largest eigenvalue of [[0, r, r], [r, 0, 1], [r, 1, 0]], plus 1.
    assert_allclose(fitted.eigenvalues_, 1.5 + np.sqrt(0.25 + 2 * cca.correlations_**2), atol=1e-10)
    assert_allclose(fitted.text_weights_, fitted.label_weights_, atol=1e-10)
    lengths = np.linalg.norm(cca.image_weights_, axis=0)
    own = np.linalg.norm(fitted.image_weights_, axis=0)
    assert_allclose(fitted.image_weights_ / own, cca.image_weights_ / lengths, atol=1e-9)


def test_the_power_of_the_eigenvalues_scales_the_projections():
    pairs, labels = data()
    plain = CCA3V(eigenvalue_power=0).fit(pairs, labels)
    scaled = CCA3V().fit(pairs, labels)
    for own, other in zip(
        plain.transform(pairs.image, pairs.text), scaled.transform(pairs.image, pairs.text), strict=True
    ):
        assert_allclose(other, own * plain.eigenvalues_**4, rtol=1e-10)


def test_an_invertible_map_of_the_features_changes_nothing_without_a_ridge():
    pairs, labels = data()
    mixed = pairs.replace(image=pairs.image @ np.random.default_rng(2).normal(size=(6, 6)) + 3)
    a, b = (CCA3V(ridge=0).fit(p, labels) for p in (pairs, mixed))
    assert_allclose(a.eigenvalues_, b.eigenvalues_, atol=1e-10)
    assert_allclose(a.similarity(pairs), b.similarity(mixed), atol=1e-8)


def test_scale_and_rotation_change_nothing_with_a_ridge():
    pairs, labels = data()
    Q = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))[0]
    moved = pairs.replace(image=pairs.image @ Q * 1e3 - 5, text=pairs.text * 1e-3)
    assert_allclose(
        CCA3V().fit(pairs, labels).similarity(pairs), CCA3V().fit(moved, labels).similarity(moved), atol=1e-9
    )


def test_the_order_of_rows_and_labels_does_not_matter():
    pairs, labels = data()
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(60), rng.permutation(4)
    a = CCA3V().fit(pairs, labels)
    b = CCA3V().fit(pairs[rows], labels[rows][:, columns])
    assert_allclose(a.image_projection_, b.image_projection_, atol=1e-9)
    assert_allclose(a.label_weights_[columns], b.label_weights_, atol=1e-9)


def test_labels_matter():
    """A weak feature that tells the labels is ahead of a strong one that does not."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    shared, told = rng.normal(size=400), y - 0.5
    image = np.column_stack([shared, told]) + 0.5 * rng.normal(size=(400, 2))
    text = np.column_stack([shared, told]) + 0.5 * rng.normal(size=(400, 2))
    assert abs(CCA(1).fit(image, text).image_weights_[:, 0]).argmax() == 0
    assert abs(CCA3V(1).fit(image, text, y).image_weights_[:, 0]).argmax() == 1


def test_sparse_text_is_never_densified(monkeypatch):
    pairs, labels = data(d2=30, n=100)
    text = sp.csr_array(np.maximum(pairs.text, 0))
    dense = CCA3V().fit(pairs.image, text.toarray(), labels)
    whole = sp.csr_array.toarray

    def checked(self, *args, **kwargs):
        assert self.shape != (100, 30), "a view was densified"
        assert self.shape[0] != 100, "a view was densified"
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(sp.csr_array, "toarray", checked)
    sparse = CCA3V().fit(pairs.image, text, labels)
    assert_allclose(sparse.text_projection_, dense.text_projection_, atol=1e-10)


def test_blocks_of_rows_give_the_same(monkeypatch):
    from skxmr.methods import _label_sums

    pairs, labels = data(n=100)
    whole = CCA3V().fit(pairs, labels)
    monkeypatch.setattr(_label_sums, "_ROWS", 7)
    assert_allclose(CCA3V().fit(pairs, labels).image_weights_, whole.image_weights_, atol=1e-11)


def test_float32_is_close_to_float64():
    pairs, labels = data(d1=80, d2=70, n=400)
    single = pairs.replace(image=pairs.image.astype(np.float32), text=pairs.text.astype(np.float32))
    fitted = CCA3V().fit(single, labels)
    assert fitted.image_weights_.dtype == np.float64
    assert_allclose(fitted.eigenvalues_, CCA3V().fit(pairs, labels).eigenvalues_, atol=1e-5)


@pytest.mark.parametrize("kind", ["multi-hot", "ids", "tags"])
def test_parts_of_the_rows_give_the_same(kind):
    pairs, labels = data()
    if kind == "ids":
        labels = labels.argmax(axis=1)
    elif kind == "tags":
        labels = [[f"label {j}" for j in np.flatnonzero(row)[::-1]] for row in labels]
    whole = CCA3V().fit(pairs, labels)
    parts = CCA3V()
    for rows in (slice(30), slice(30, 47), slice(47, 60)):
        parts.partial_fit(pairs[rows], labels[rows])
    assert parts.n_samples_seen_ == 60
    assert_allclose(parts.eigenvalues_, whole.eigenvalues_, atol=1e-11)
    assert_allclose(parts.image_projection_, whole.image_projection_, atol=1e-9)
    assert_allclose(parts.label_weights_, whole.label_weights_, atol=1e-9)


def test_parts_with_new_labels_are_refused():
    pairs, _ = data()
    model = CCA3V().partial_fit(pairs[:30], [["a", "b"][i % 2] for i in range(30)])
    with pytest.raises(ValueError, match=r"labels holds .'c'., which the first part did not"):
        model.partial_fit(pairs[30:], ["c"] * 30)


def test_a_failed_fit_leaves_the_last_model_as_it_was():
    pairs, labels = data()
    model = CCA3V().fit(pairs, labels)
    before = model.encode_image(pairs)
    with pytest.raises(ValueError, match="CCA3V finds no component"):
        model.fit(np.ones((60, 6)), pairs.text, labels)
    assert_allclose(model.encode_image(pairs), before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 6}, "n_components=6 is more than the 5"),
        ({"ridge": -1}, "ridge"),
        ({"eigenvalue_power": -1}, "eigenvalue_power"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        CCA3V(**options).fit(*data())
