"""SCRATCH: its objective as a loop, which falls in every step, and parts that no other choice improves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import SCRATCH, Pairs
from skxmr.methods._factorisation import Factorisation, Factors, Weights, rotation


def square(A):
    """The sum of squares, entry by entry."""
    return sum(value**2 for row in np.asarray(A) for value in row)


def difference(A, V, U):
    """``|A - V U|^2``, entry by entry."""
    total = 0.0
    for i in range(len(A)):
        for j in range(len(A[0])):
            total += (A[i, j] - sum(V[i, k] * U[k, j] for k in range(V.shape[1]))) ** 2
    return total


def objective(views, Y, weights, B, R, V, factors):
    """The terms of the paper, one by one."""
    total = difference(B, V, R) + weights.label * difference(Y, V, factors.labels)
    shares = weights.image, 1 - weights.image
    for X, share, U, W in zip(views, shares, factors.views, factors.projections, strict=True):
        total += share * difference(X, V, U) + weights.projection * difference(V, X, W)
        total += weights.penalty * (square(U) + square(W))
    return total + weights.penalty * (square(V) + square(factors.labels))


@pytest.fixture
def made():
    """A problem of 9 items, 3 bits and random parts."""
    rng = np.random.default_rng(0)
    views = [rng.normal(size=(9, 4)), rng.normal(size=(9, 2))]
    Y = (rng.random((9, 3)) < 0.4).astype(float)
    weights = Weights(0.3, 2.0, 0.7, 0.5)
    V = rng.normal(size=(9, 3))
    R = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    B = rng.choice([-1.0, 1.0], (9, 3))
    return Factorisation(views, Y, weights), V, R, B


def test_the_objective_is_the_papers(made):
    problem, V, R, B = made
    factors = problem.factors(V)
    expected = objective(problem.views, problem.Y, problem.weights, B, R, V, factors)
    assert_allclose(problem.objective(B, R, V, factors), expected, rtol=1e-12)


def test_every_part_is_the_best_one_for_the_others(made):
    problem, V, R, B = made
    rng = np.random.default_rng(1)
    factors = problem.factors(V)
    least = problem.objective(B, R, V, factors)
    for _ in range(5):
        near = Factors(
            [U + 0.01 * rng.normal(size=U.shape) for U in factors.views],
            factors.labels + 0.01 * rng.normal(size=factors.labels.shape),
            [W + 0.01 * rng.normal(size=W.shape) for W in factors.projections],
        )
        assert problem.objective(B, R, V, near) > least
        for changed in (
            near._replace(views=factors.views, labels=factors.labels),
            near._replace(views=factors.views, projections=factors.projections),
            near._replace(labels=factors.labels, projections=factors.projections),
        ):
            assert problem.objective(B, R, V, changed) > least
    best = problem.latent(B, R, factors)
    least = problem.objective(B, R, best, factors)
    assert all(problem.objective(B, R, best + 0.01 * rng.normal(size=V.shape), factors) > least for _ in range(5))
    turned = rotation(B, V)
    assert_allclose(turned @ turned.T, np.eye(3), atol=1e-12)
    for _ in range(5):
        other = np.linalg.qr(turned + 0.1 * rng.normal(size=(3, 3)))[0]
        other *= np.sign(np.diag(other.T @ turned))
        assert square(B - V @ other) > square(B - V @ turned)


@pytest.mark.parametrize("parameters", [{}, {"label_weight": 1.0, "projection_weight": 1.0, "penalty": 0.1}])
def test_the_objective_falls_in_every_step(small, parameters):
    fitted = SCRATCH(10, random_state=0, **parameters).fit(*small)
    steps = np.diff(fitted.objectives_.ravel())
    assert (steps <= 1e-9 * fitted.objectives_[0, 0]).all()
    assert fitted.objectives_[-1, -1] < fitted.objectives_[0, 0]


def test_new_rows_are_coded_by_kernels_with_the_anchors(small):
    """Value by value: the kernels with 40 anchors, centred, times the projection."""
    pairs, labels = small
    fitted = SCRATCH(6, n_anchors=40, random_state=0).fit(pairs, labels)
    anchors = fitted.anchors_["text"]
    assert anchors.shape == (40, 30)
    squares = [sum((x - a) ** 2) for x in pairs.text for a in pairs.text]
    gamma = 1 / (np.sum(squares) / (len(pairs) * (len(pairs) - 1)))
    assert_allclose(fitted.gammas_["text"], gamma, rtol=1e-9)
    K = np.array([[np.exp(-gamma * sum((x - a) ** 2)) for a in anchors] for x in pairs.text])
    values = (K - K.mean(axis=0)) @ fitted.projections_["text"]
    assert_array_equal(fitted.encode_text(pairs), np.packbits(values > 0, axis=1))


def test_a_place_and_a_common_scale_of_views_change_nothing(small):
    pairs, labels = small
    expected = SCRATCH(10, random_state=0).fit(pairs, labels)
    moved = Pairs(8 * pairs.image + 5, pairs.text / 4 - 3)
    found = SCRATCH(10, random_state=0).fit(moved, labels)
    assert_array_equal(found.codes_, expected.codes_)
    assert_array_equal(found.encode_text(moved), expected.encode_text(pairs))


def test_it_is_far_above_chance(small):
    pairs, labels = small
    chance = (labels @ labels.T > 0).mean()
    assert SCRATCH(24, random_state=0).fit(pairs, labels).score(pairs, labels) > chance + 0.2


def test_wrong_parameters_are_refused(small):
    for parameters in ({"penalty": 0.0}, {"image_weight": 1.5}, {"n_anchors": 0}):
        with pytest.raises(ValueError, match=next(iter(parameters))):
            SCRATCH(8, **parameters).fit(*small)
