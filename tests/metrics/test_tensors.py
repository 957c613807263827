"""Measures of tensors: what arrays give, on whatever device."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import metrics
from skxmr.metrics import SameRow, SharedLabels, Similarity, _precision, _similarity
from tests import reference
from tests.problems import labelled_views

RNG = np.random.default_rng(0)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request, monkeypatch):
    """Tensors on CUDA, or on the CPU as if it were one."""
    torch = pytest.importorskip("torch")
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if request.param == "cpu":
        for module in (_similarity, _precision):
            monkeypatch.setattr(module, "on_device", lambda matrix: isinstance(matrix, torch.Tensor))
    return lambda array: torch.as_tensor(array, device=request.param)


@pytest.mark.parametrize("metric", ["cosine", "inner", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_give_what_arrays_give(metric, dtype, device):
    (query, gallery), labels = labelled_views(n=300, dtype=dtype)
    gallery[7] = 0
    gallery[50:100] = gallery[:50]
    arrays, tensors = Similarity(query, gallery, metric), Similarity(device(query), device(gallery), metric)
    atol = 1e-4 if dtype == np.float32 else 1e-12
    assert_allclose(tensors[:7].cpu(), arrays[:7], atol=atol)
    assert_array_equal(tensors[:][:, 50:100].cpu(), tensors[:][:, :50].cpu())
    for relevance in (SharedLabels(*labels), SharedLabels(*map(device, labels)), SameRow(300)):
        for options in ({}, {"k": 9}, {"k": 9, "denominator": "relevant"}, {"exclude_self": True}, {"ties": "sklearn"}):
            wanted = metrics.average_precision(arrays, relevance, **options)
            found = metrics.average_precision(tensors, relevance, **options)
            assert_allclose(found, wanted, atol=atol)  # float32 products round differently: neighbours may swap
            assert_allclose(np.nansum(found) / 300, np.nansum(wanted) / 300, atol=1e-6)
    pairs = metrics.cross_modal_map(query, gallery, labels[1], metric=metric)
    assert metrics.cross_modal_map(device(query), device(gallery), labels[1], metric=metric) == pytest.approx(
        pairs, abs=1e-6
    )
    assert_allclose(metrics.hit_at_k(tensors, SameRow(300), 5), metrics.hit_at_k(arrays, SameRow(300), 5), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_are_nearest_among_tensors(dtype, device):
    query = RNG.normal(size=(40, 30)).astype(dtype)
    gallery = np.concatenate([query * (1 + 8 * np.finfo(dtype).eps), query])
    scores = Similarity(device(query), device(gallery), "euclidean")[:].cpu().numpy()
    assert scores.dtype == dtype
    assert (scores <= 0).all()
    assert_array_equal(scores.argmax(axis=1), np.arange(40, 80))
    assert_array_equal(scores[:, 40:].diagonal(), 0)


def test_tied_score_tensors_give_the_mean_over_orders(device):
    from skxmr.metrics import _tensors

    scores, relevance = RNG.integers(3, size=(8, 6)), RNG.uniform(size=(8, 6)) < 0.5
    relevance[0] = False
    for S in (scores, scores.astype(np.float32)):
        for R in (relevance, device(relevance), device(relevance.astype(int))):
            ap = metrics.average_precision(device(S), R, k=4, denominator="relevant")
            loop = [reference.expected_average_precision(s, r, 4) for s, r in zip(scores, relevance, strict=True)]
            assert_allclose(ap, loop, rtol=1e-12)
            blocks = _tensors.average_precision(device(S), R, 4, "expected", "relevant", False, block=12)
            assert_array_equal(blocks, ap)
    with pytest.raises(ValueError, match="NaN or infinite"):
        metrics.average_precision(device(np.array([[np.nan, 1.0]])), np.eye(1, 2))


def test_bad_tensors_are_named_as_arrays_are(device):
    good = device(np.ones((2, 3)))
    with pytest.raises(ValueError, match="gallery contains 1 NaN or infinite values"):
        Similarity(good, device(np.array([[1.0, np.nan, 1.0]])))
    with pytest.raises(ValueError, match="gallery contains 2 NaN or infinite values"):
        Similarity(good, device(np.array([[np.inf, 1.0, 1.0], [1.0, np.nan, 1.0]])))
    with pytest.raises(ValueError, match="query has 3 dimensions but gallery has 4"):
        Similarity(good, device(np.ones((2, 4))))
    with pytest.raises(ValueError, match=r"query must be 2-D .* shape \(\)"):
        Similarity(good[0, 0], good)
    with pytest.raises(ValueError, match="query must be 2-D"):
        Similarity(good[0], good)
    with pytest.raises(TypeError, match="gallery is a ndarray but the other side is a tensor"):
        Similarity(good, np.ones((2, 3)))
    with pytest.raises(ValueError, match="query is a complex tensor"):
        Similarity(good * 1j, good)
    with pytest.raises(ValueError, match="gallery is a sparse tensor"):
        Similarity(good, good.to_sparse())
    with pytest.raises(ValueError, match="graded gains are for ndcg_at_k"):
        metrics.average_precision(good @ good.T, SharedLabels(np.eye(2, dtype=int), graded=True))


def test_float64_may_exceed_float32(device):
    query, gallery = np.array([[1e300, 0.0]]), np.array([[1e300, 1e300], [-1.0, 0.0]])
    assert_allclose(Similarity(device(query), device(gallery))[:].cpu(), [[0.5**0.5, -1.0]])


def test_relevance_of_tensors_may_be_a_list(device):
    S = device(np.array([[0.9, 0.5], [0.1, 0.2]]))
    assert_array_equal(metrics.average_precision(S, [[0, 1], [1, 0]]), [0.5, 0.5])


def test_different_rows_stay_apart_and_zeros_of_both_signs_together(device):
    """-2 and 1.9999999 are each other's complement, bit by bit."""
    gallery = np.array([[-2.0], [np.nextafter(np.float32(2), np.float32(0))], [0.0], [-0.0]], np.float32)
    scores = Similarity(device(np.ones((1, 1), np.float32)), device(gallery), "inner")
    assert_array_equal(scores[:].cpu(), gallery.T)
    assert len(scores._scores._keys) == 3


def test_tensors_on_the_cpu_are_arrays():
    torch = pytest.importorskip("torch")
    views, labels = labelled_views()
    tensors = [torch.as_tensor(view) for view in views]
    scores = Similarity(*tensors)
    assert isinstance(scores[:], np.ndarray) and np.shares_memory(scores.gallery, tensors[1].numpy())
    wanted = metrics.average_precision(Similarity(*views), SharedLabels(*labels))
    assert_array_equal(metrics.average_precision(scores, SharedLabels(*map(torch.as_tensor, labels))), wanted)
    half = Similarity(tensors[0].bfloat16().requires_grad_(), tensors[1])
    assert half[:].dtype == np.float32
