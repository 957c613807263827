import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose, assert_array_equal

from skxmr._linalg import solvers as _linalg

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


def test_eigenpairs_that_lapack_does_not_find_at_first_are_found(monkeypatch):
    """Its fastest method fails on some matrices with many equal eigenvalues."""

    def fails(*args, **kwargs):
        raise np.linalg.LinAlgError("no convergence")

    monkeypatch.setattr(scipy.linalg, "eigh_tridiagonal", fails)
    S = np.diag([1.0, 3.0, 3.0, 0.0, -2.0])
    values, vectors = _linalg.leading_eigenpairs(S, 3)
    assert_allclose(values, [3, 3, 1])
    assert_allclose(S @ vectors, vectors * values, atol=1e-12)


@pytest.mark.parametrize(("d", "k"), [(1, 1), (2, 1), (3, 1), (5, 2), (40, 3), (40, 20), (90, 1)])
def test_leading_eigenpairs_are_those_of_the_whole_decomposition(d, k):
    A = RNG.normal(size=(d, d))
    for S in (A @ A.T, A @ np.diag(np.arange(d) > d - k - 1.0) @ A.T, np.eye(d)):  # any, singular, all equal
        values, vectors = _linalg.leading_eigenpairs(S, k)
        assert_allclose(values, np.linalg.eigvalsh(S)[::-1][:k], atol=1e-12 * d)
        assert_allclose(S @ vectors, vectors * values, atol=1e-11 * d)
        assert_allclose(vectors.T @ vectors, np.eye(k), atol=1e-11)


def test_whitening_rows_is_whitening_columns_of_the_transpose():
    A, B = RNG.normal(size=(5, 5)), RNG.normal(size=(3, 5))
    for S in (A @ A.T, A[:, :3] @ A[:, :3].T):
        K = _linalg.whitener(S.copy())
        assert_allclose(K.whiten_rows(B.copy()), K.whiten(B.T.copy()).T, atol=1e-12)
        assert_allclose(K.whiten_rows(np.asfortranarray(B)), K.whiten(B.T.copy()).T, atol=1e-12)


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
