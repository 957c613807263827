import numpy as np
import pytest
import scipy.sparse.linalg
from numpy.testing import assert_allclose

from skxmr._linalg.deflation import Deflation

RNG = np.random.default_rng(0)
SHAPES = [(1, 1), (1, 7), (5, 8), (8, 5), (90, 80), (300, 310), (310, 300)]


def _loading(direction):
    """Return a loading g of a direction u, of which u^T g is 1."""
    other = RNG.normal(size=len(direction)) / np.sqrt(len(direction))
    return direction + 0.3 * (other - direction * (direction @ other))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_leading_pair_is_that_of_the_svd(shape):
    S = RNG.normal(size=shape)
    U, values, Vt = np.linalg.svd(S)
    u, s, v = Deflation(S).leading()
    assert_allclose(s, values[0], rtol=1e-12)
    assert_allclose(abs(u @ U[:, 0]), 1, atol=1e-9)
    assert_allclose(abs(v @ Vt[0]), 1, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_taken_out_is_the_projection_of_the_definition(shape):
    """The Gram matrix follows along, and is formed anew where the covariances become small."""
    S = RNG.normal(size=shape) * np.logspace(0, -9, shape[1])
    deflation = Deflation(S.copy())
    for step in range(min(shape) // 2):
        u, s, v = deflation.leading()
        # A decomposition takes far longer than a step.
        if step % 10 == 0:
            U, values, Vt = np.linalg.svd(S)
            assert_allclose(s, values[0], rtol=1e-9)
            assert_allclose(abs(u @ U[:, 0]), 1, atol=1e-9)
            assert_allclose(abs(v @ Vt[0]), 1, atol=1e-9)
        g = _loading(u)
        d = _loading(v)
        deflation.take_out(u, g, v, d)
        # (I - g u^T) S (I - v d^T)
        S = S - np.outer(g, u @ S)
        S = S - np.outer(S @ v, d)


def test_covariances_whose_squares_vanish_are_found():
    S = RNG.normal(size=(5, 8))
    u, s, _ = Deflation(S * 1e-200).leading()
    wanted = Deflation(S).leading()
    assert_allclose(s, wanted[1] * 1e-200)
    assert_allclose(abs(u @ wanted[0]), 1)


def test_nothing_is_left_of_a_matrix_of_low_rank():
    assert Deflation(np.zeros((3, 4))).leading() is None
    S = np.outer(np.arange(1.0, 5), np.ones(3))
    deflation = Deflation(S)
    u, _, v = deflation.leading()
    deflation.take_out(u, u, v, v)
    assert deflation.leading() is None


def test_a_pair_that_lanczos_does_not_find_is_found(monkeypatch):
    """Nearly equal eigenvalues may not converge."""

    def fails(*args, **kwargs):
        raise scipy.sparse.linalg.ArpackNoConvergence("no convergence", np.zeros(0), np.zeros((300, 0)))

    S = RNG.normal(size=(300, 310))
    wanted = Deflation(S.copy()).leading()
    monkeypatch.setattr(scipy.sparse.linalg, "eigsh", fails)
    found = Deflation(S).leading()
    assert_allclose(found[1], wanted[1])
    assert_allclose(abs(found[0] @ wanted[0]), 1)
