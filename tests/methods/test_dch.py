"""DCH: its objective as a loop, which falls in every step, and steps that no other choice improves."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge

from skxmr import DCH, Pairs
from skxmr.methods._ridge_views import RidgeView
from skxmr.methods.dch import _classifier, _set_bits


def objective(B, Y, W, weight_penalty, view_weight, views):
    """The paper's objective, entry by entry; `views` are centred rows, projections and penalties."""
    total = 0.0
    for i in range(len(B)):
        for j in range(Y.shape[1]):
            total += (Y[i, j] - sum(B[i, k] * W[k, j] for k in range(B.shape[1]))) ** 2
        for X, P, _ in views:
            for k in range(B.shape[1]):
                total += view_weight * (B[i, k] - sum(X[i, f] * P[f, k] for f in range(X.shape[1]))) ** 2
    total += weight_penalty * sum(w**2 for w in W.ravel())
    for _, P, penalty in views:
        total += view_weight * penalty * sum(p**2 for p in P.ravel())
    return total


def signs_of(fitted):
    return np.unpackbits(fitted.codes_, axis=1, count=fitted.n_bits_) * 2.0 - 1


def centred(X):
    return X - X.mean(axis=0)


@pytest.mark.parametrize("view_weight", [0.0, 0.3])
def test_the_objective_is_the_papers(small, view_weight):
    pairs, labels = small
    pairs = pairs[:25]
    labels = labels[:25]
    fitted = DCH(5, view_weight=view_weight, weight_penalty=0.7, ridge=0.5, tol=0, random_state=0).fit(pairs, labels)
    views = []
    for name, P in (("image", fitted.image_projection_), ("text", fitted.text_projection_)):
        X = centred(getattr(pairs, name))
        views.append((X, P, 0.5 * (X**2).sum() / X.shape[1]))
    # The projections are those of the last codes, and after the last iteration no bit changed.
    expected = objective(signs_of(fitted), labels, fitted.label_weights_, 0.7, view_weight, views)
    assert_allclose(fitted.objectives_[-1], expected, rtol=1e-10)


@pytest.mark.parametrize("view_weight", [0.0, 1e-5, 0.1, 2.0])
@pytest.mark.parametrize("n_bits", [1, 6, 24])
def test_the_objective_falls_in_every_step(small, view_weight, n_bits):
    fitted = DCH(n_bits, view_weight=view_weight, max_iter=60, tol=0, random_state=0).fit(*small)
    steps = np.diff(fitted.objectives_)
    assert (steps <= 1e-9 * fitted.objectives_[0]).all()
    assert fitted.objectives_[-1] < 0.95 * fitted.objectives_[0]
    assert len(fitted.objectives_) == 2 * fitted.n_iter_


def test_no_single_bit_lowers_the_objective_further(small):
    pairs, labels = small
    fitted = DCH(4, view_weight=0.2, ridge=0.5, tol=0, random_state=0).fit(pairs[:20], labels[:20])
    B = signs_of(fitted)
    views = []
    for name, P in (("image", fitted.image_projection_), ("text", fitted.text_projection_)):
        X = centred(getattr(pairs, name)[:20])
        views.append((X, P, 0.0))
    arguments = (labels[:20], fitted.label_weights_, 0.0, 0.2, views)
    least = objective(B, *arguments)
    for i, k in itertools.product(range(20), range(4)):
        flipped = B.copy()
        flipped[i, k] *= -1
        assert objective(flipped, *arguments) >= least - 1e-9


def test_bits_are_set_one_column_after_the_other():
    """As a loop over items and bits with all other bits fixed; a bit with no better choice stays."""
    rng = np.random.default_rng(0)
    first = rng.choice([-1.0, 1.0], (15, 5))
    W = rng.normal(size=(5, 3))
    wanted = rng.normal(size=(15, 5))
    wanted[3] = 0
    B = np.asfortranarray(first)
    assert _set_bits(B, wanted, W @ W.T)
    expected = first.copy()
    for _ in range(10):
        for k in range(5):
            for i in range(15):
                rest = sum(expected[i, m] * sum(W[m] * W[k]) for m in range(5) if m != k)
                value = wanted[i, k] - rest
                if value != 0:
                    expected[i, k] = 1 if value > 0 else -1
    assert_array_equal(B, expected)
    assert not _set_bits(B, wanted, W @ W.T)
    kept = np.ones((2, 2))
    assert not _set_bits(kept, np.zeros((2, 2)), np.zeros((2, 2)))


def test_regressions_are_those_of_scikit_learn(small):
    pairs, labels = small
    B = np.random.default_rng(0).choice([-1.0, 1.0], (len(pairs), 6))
    expected = Ridge(alpha=0.7, fit_intercept=False).fit(B, labels).coef_.T
    assert_allclose(_classifier(B, labels.astype(float), 0.7), expected, atol=1e-10)
    view = RidgeView(pairs.image, "image", 0.5, 1e-16)
    # Without its mean, the target has no intercept.
    expected = Ridge(alpha=view.penalty).fit(pairs.image, B).coef_.T
    assert_allclose(view.projection(view.fit(B)), expected, atol=1e-10)


@pytest.mark.parametrize("sparse", [False, True])
def test_few_rows_of_many_features(sparse):
    """The regression is then solved in coordinates of the rows, with the same answer."""
    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, 40)) * (rng.random((10, 40)) < 0.5)
    B = rng.choice([-1.0, 1.0], (10, 3))
    view = RidgeView(sp.csr_array(X) if sparse else X, "text", 0.5, 1e-16)
    P = view.projection(view.fit(B))
    penalty = 0.5 * (centred(X) ** 2).sum() / 40
    expected = np.linalg.solve(centred(X).T @ centred(X) + penalty * np.eye(40), centred(X).T @ B)
    assert_allclose(P, expected, atol=1e-9)
    assert_allclose(view.predict(view.fit(B)), centred(X) @ expected, atol=1e-9)


def test_codes_tell_the_labels_that_they_are_learned_from():
    """Also where no view does: items of different labels have no code in common, and W reads off the label."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 4
    pairs = Pairs(rng.normal(size=(40, 6)), rng.normal(size=(40, 5)))
    fitted = DCH(8, view_weight=0.0, random_state=0).fit(pairs, labels)
    codes = [set(fitted.codes_[labels == c].ravel().tolist()) for c in range(4)]
    assert len(set.union(*codes)) == sum(map(len, codes))
    assert_array_equal((signs_of(fitted) @ fitted.label_weights_).argmax(axis=1), labels)


def test_a_place_and_a_common_scale_of_views_change_nothing(small):
    pairs, labels = small
    expected = DCH(10, random_state=0).fit(pairs, labels)
    moved = Pairs(8 * pairs.image + 5, pairs.text / 4 - 3)
    found = DCH(10, random_state=0).fit(moved, labels)
    assert_array_equal(found.codes_, expected.codes_)
    assert_array_equal(found.encode_text(moved), expected.encode_text(pairs))


def test_it_is_far_above_chance(small):
    pairs, labels = small
    chance = (labels @ labels.T > 0).mean()
    assert DCH(24, random_state=0).fit(pairs, labels).score(pairs, labels) > chance + 0.2


def test_bits_that_still_change_are_announced(small):
    with pytest.warns(ConvergenceWarning, match="after max_iter=1 iterations; raise"):
        DCH(24, max_iter=1, random_state=0).fit(*small)


def test_iterations_end_where_the_objective_hardly_falls(small):
    early = DCH(16, view_weight=1.0, tol=0.02, random_state=0).fit(*small)
    late = DCH(16, view_weight=1.0, tol=0.0, max_iter=100, random_state=0).fit(*small)
    assert early.n_iter_ < late.n_iter_
    assert_array_equal(early.objectives_, late.objectives_[: 2 * early.n_iter_])
    ends = late.objectives_[1::2]
    falls = (ends[:-1] - ends[1:]) / ends[1:]
    assert falls[early.n_iter_ - 2] <= 0.02 < falls[: early.n_iter_ - 2].min(initial=1.0)


def test_a_view_that_does_not_vary_is_named(small):
    pairs, labels = small
    with pytest.raises(ValueError, match="text does not vary"):
        DCH(8, random_state=0).fit(pairs.replace(text=np.ones((len(pairs), 3))), labels)
