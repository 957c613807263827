import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import _linalg

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("rank", [5, 3])
def test_whitener_inverts_the_metric(rank):
    A = RNG.normal(size=(5, rank))
    S = A @ A.T
    K = _linalg.whitener(S.copy())
    assert K.triangular == (rank == 5)
    identity = K.whiten(S @ K.unwhiten(np.eye(rank)))
    assert_allclose(identity, np.eye(rank), atol=1e-9)


def test_nearly_singular_metrics_are_not_trusted_to_cholesky():
    S = np.diag([1.0, 1.0, 1e-17])
    assert not _linalg.whitener(S.copy()).triangular
    assert _linalg.whitener(S).unwhiten(np.eye(2)).shape == (3, 2)


def test_leading_pair_is_that_of_the_svd():
    for shape in ((5, 8), (90, 80)):
        S = RNG.normal(size=shape)
        u, s, v = _linalg.leading_pair(S, 0.0)
        U, values, Vt = np.linalg.svd(S)
        assert_allclose(s, values[0], rtol=1e-12)
        assert_allclose(abs(u @ U[:, 0]), 1, atol=1e-9)
        assert_allclose(abs(v @ Vt[0]), 1, atol=1e-9)
    assert _linalg.leading_pair(np.zeros((3, 3)), 0.0) is None


def test_a_failing_divide_and_conquer_is_replaced(monkeypatch):
    A = RNG.normal(size=(6, 4))
    original = scipy.linalg.svd

    def failing(a, **options):
        if options.get("lapack_driver") != "gesvd":
            raise np.linalg.LinAlgError("SVD did not converge")
        return original(a, **options)

    monkeypatch.setattr(scipy.linalg, "svd", failing)
    U, s, Vt = _linalg._svd(A)
    assert_allclose(U * s @ Vt, A, atol=1e-12)


def test_signs_make_the_largest_entry_positive():
    assert_array_equal(_linalg.signs(np.array([[1.0, -3], [-2, 1]])), [-1, -1])
    assert len(_linalg.signs(np.zeros((3, 0)))) == 0
