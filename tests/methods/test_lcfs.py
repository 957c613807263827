import math

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import LCFS, Pairs
from skxmr.datasets import make_multilabel_pairs


def data(n=60, seed=1):
    return make_multilabel_pairs(n, n_image_features=6, n_text_features=5, n_labels=3, random_state=seed)


def objective(views, labels, weights, selection, coupling):
    """The paper's objective, number by number, with the smoothing of both penalties."""
    n = len(labels)
    Y = labels - labels.mean(axis=0)
    total = 0.0
    predictions = []
    for view, W in zip(views, weights, strict=True):
        X = view - view.mean(axis=0)
        predictions.append(X @ W)
        for i in range(n):
            for j in range(Y.shape[1]):
                total += 0.5 * (predictions[-1][i, j] - Y[i, j]) ** 2 / (n - 1)
        scale = math.sqrt(sum(x**2 for row in X for x in row) / (n - 1) / X.shape[1])
        for row in W:
            total += selection * math.sqrt(sum((scale * w) ** 2 for w in row) + 1e-8)
    P = np.hstack(predictions) / math.sqrt(n - 1)
    for s in np.linalg.svd(P, compute_uv=False):
        total += coupling * math.sqrt(s**2 + 1e-6)
    return total


def of(fitted):
    return [fitted.image_projection_.copy(), fitted.text_projection_.copy()]


@pytest.mark.parametrize(("selection", "coupling"), [(1e-3, 0.0), (1e-3, 0.02), (3e-3, 0.1)])
def test_no_weight_can_be_changed_to_lower_the_objective(selection, coupling):
    pairs, labels = data()
    views = pairs.image, pairs.text
    fitted = LCFS(selection=selection, coupling=coupling, tol=0, max_iter=2000).fit(pairs, labels)
    weights = of(fitted)
    least = objective(views, labels, weights, selection, coupling)
    assert fitted.image_selected_.all() and fitted.text_selected_.all()
    assert_allclose(fitted.objective_[-1], least, rtol=1e-9)
    for side in (0, 1):
        for place in np.ndindex(*weights[side].shape):
            slopes = []
            for step in (-1e-5, 1e-5):
                moved = [W.copy() for W in weights]
                moved[side][place] += step
                slopes.append((objective(views, labels, moved, selection, coupling) - least) / 1e-5)
            # On both sides of a minimum it rises, as far as a curve can be told from its tangent.
            assert min(slopes) > -1e-6


def test_the_objective_falls_with_every_iteration():
    fitted = LCFS(selection=0.05, coupling=0.05, tol=0, max_iter=60).fit(*data())
    assert fitted.n_iter_ == len(fitted.objective_) == 60
    assert (np.diff(fitted.objective_) < 1e-12).all()


def test_without_penalties_it_is_least_squares():
    pairs, labels = data()
    fitted = LCFS(selection=1e-9, coupling=0).fit(pairs, labels)
    for view, W in zip((pairs.image, pairs.text), of(fitted), strict=True):
        wanted = np.linalg.lstsq(view - view.mean(axis=0), labels - labels.mean(axis=0), rcond=None)[0]
        assert_allclose(W, wanted, atol=1e-6)


def test_features_that_tell_nothing_are_left_out():
    rng = np.random.default_rng(0)
    labels = (rng.uniform(size=(400, 3)) < 0.4).astype(float)
    image = np.hstack([labels @ rng.normal(size=(3, 5)) + 0.3 * rng.normal(size=(400, 5)), rng.normal(size=(400, 9))])
    text = np.hstack([rng.normal(size=(400, 9)), labels @ rng.normal(size=(3, 4)) + 0.3 * rng.normal(size=(400, 4))])
    fitted = LCFS(selection=0.1).fit(image, text, labels)
    assert not fitted.image_selected_[5:].any() and not fitted.text_selected_[:9].any()
    assert fitted.image_selected_[:5].sum() >= 3 and fitted.text_selected_[9:].sum() >= 3
    assert_array_equal(fitted.image_projection_.any(axis=1), fitted.image_selected_)
    # What is left out is not looked at.
    changed = image.copy()
    changed[:, 5:] = 7
    assert_allclose(fitted.similarity(changed, text), fitted.similarity(image, text), atol=1e-12)


def test_more_weight_selects_fewer_features():
    pairs, labels = make_multilabel_pairs(200, random_state=0)
    n_selected = []
    for selection in (0.1, 0.2, 0.3):
        n_selected.append(int(LCFS(selection=selection).fit(pairs, labels).image_selected_.sum()))
    assert n_selected[0] > n_selected[1] > n_selected[2] > 0


def test_coupling_makes_predictions_of_lower_rank():
    pairs, labels = make_multilabel_pairs(200, random_state=0)
    ranks = []
    for coupling in (0.0, 0.2, 0.4):
        fitted = LCFS(coupling=coupling, selection=0.001).fit(pairs, labels)
        both = np.hstack(fitted.transform(pairs.image, pairs.text)) / math.sqrt(199)
        ranks.append(int((np.linalg.svd(both, compute_uv=False) > 0.01).sum()))
    assert ranks[0] > ranks[1] > ranks[2] > 0


def test_the_views_are_learned_together_only_if_coupled():
    pairs, labels = data()
    other = pairs.replace(text=pairs.text[:, ::-1] ** 2)
    for coupling, same in ((0.0, True), (0.1, False)):
        a = LCFS(coupling=coupling, selection=0.001, tol=0, max_iter=50).fit(pairs, labels)
        b = LCFS(coupling=coupling, selection=0.001, tol=0, max_iter=50).fit(other, labels)
        assert np.allclose(a.image_projection_, b.image_projection_, atol=1e-9) == same


def test_units_of_the_views_and_the_order_of_rows_change_nothing():
    pairs, labels = data()
    wanted = LCFS().fit(pairs, labels)
    order = np.random.default_rng(0).permutation(60)
    moved = Pairs(pairs.image * 1e3 + 5, pairs.text * 1e-4)
    found = LCFS().fit(moved[order], labels[order])
    assert_allclose(found.similarity(moved), wanted.similarity(pairs), atol=1e-8)
    assert_array_equal(found.image_selected_, wanted.image_selected_)


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_features_that_do_not_vary_are_not_selected(constant):
    pairs, labels = data()
    wider = pairs.replace(image=np.hstack([pairs.image, np.full((60, 1), constant)]))
    fitted = LCFS().fit(wider, labels)
    assert not fitted.image_selected_[6]
    assert np.isfinite(fitted.encode_image(wider)).all()


def test_sparse_text_and_parts_and_float32_give_the_same():
    pairs, labels = data()
    pairs = pairs.replace(text=np.maximum(pairs.text, 0))
    wanted = LCFS().fit(pairs, labels)
    found = LCFS().fit(pairs.replace(text=sp.csr_array(pairs.text)), labels)
    assert_allclose(found.text_projection_, wanted.text_projection_, atol=1e-9)
    parts = LCFS().partial_fit(pairs[:25], labels[:25]).partial_fit(pairs[25:], labels[25:])
    assert_allclose(parts.text_projection_, wanted.text_projection_, atol=1e-9)
    single = LCFS().fit(pairs.replace(image=pairs.image.astype(np.float32)), labels)
    assert_allclose(single.image_projection_, wanted.image_projection_, atol=1e-5)


def test_fewer_rows_than_features():
    rng = np.random.default_rng(0)
    pairs, labels = Pairs(3 * rng.normal(size=(20, 50)), rng.normal(size=(20, 15))), np.arange(20) % 3
    fitted = LCFS().fit(pairs, labels)
    # In parts, a view is not described in the space that its rows span.
    parts = LCFS().partial_fit(pairs[:10], labels[:10]).partial_fit(pairs[10:], labels[10:])
    assert_allclose(fitted.objective_, parts.objective_, rtol=1e-8)
    assert_allclose(fitted.image_projection_, parts.image_projection_, atol=1e-8)
    assert_array_equal(fitted.image_selected_, parts.image_selected_)
    assert not fitted.image_selected_.all()


@pytest.mark.parametrize("options", [{"coupling": -1}])
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        LCFS(**options).fit(*data())
