"""What the fast paths of the measures must not change: keys, sorts, tiles, ties and threads."""

import math
import threading
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import metrics
from skxmr.metrics import SharedLabels, Similarity, _gains, _keys
from skxmr.metrics._blocks import per_query
from skxmr.metrics._ranking import Ties
from tests import reference
from tests.problems import labelled_views

RNG = np.random.default_rng(0)


def score_rows(kind, b=4, m=600):
    """Scores with ties, zeros of both signs and, by `kind`, all below 2, up to 1e30, or too far apart to scale."""
    S = RNG.normal(size=(b, m))
    S[:, m // 2 :], S[:, 5:9], S[:, 6] = S[:, : m // 2], 0, -0.0
    if kind == "far":
        S[:, ::2] *= 1e-37
        return S.astype(np.float32)
    return (S * {"cosine": 0.03, "medium": 7, "large": 1e30}[kind]).astype(np.float32)


@pytest.mark.parametrize("kind", ["cosine", "medium", "large", "far"])
def test_keys_rank_as_score_then_relevance(kind):
    S = score_rows(kind)
    R = RNG.uniform(size=S.shape) < 0.5
    keys = _keys.packed_keys(S, R)
    assert keys.dtype == (np.int64 if kind == "far" else np.int32)
    keys.sort(axis=1)
    for row, (s, r) in enumerate(zip(S, R, strict=True)):
        order = np.lexsort((~r, -s))
        assert_array_equal(_keys.relevance_of(keys[row]), r[order])
        assert_array_equal(np.diff(keys[row] >> 1) > 0, np.diff(s[order]) < 0)


@pytest.mark.parametrize("kind", ["cosine", "medium", "large", "far"])
@pytest.mark.parametrize("ties", ["expected", "sklearn"])
@pytest.mark.parametrize("exclude_self", [False, True])
def test_float32_scores_rank_as_their_float64_values(kind, ties, exclude_self):
    S = score_rows(kind, 50, 50)
    R = RNG.uniform(size=S.shape) < 0.4
    options = {"ties": ties, "exclude_self": exclude_self}
    assert_allclose(
        metrics.average_precision(S, R, **options),
        metrics.average_precision(S.astype(np.float64), R, **options),
        rtol=1e-12,
    )


def test_the_own_item_drops_out_under_keys_of_both_widths():
    for kind, width in (("cosine", np.int32), ("far", np.int64)):
        S, R = score_rows(kind, 50, 50), RNG.uniform(size=(50, 50)) < 0.4
        assert _keys.packed_keys(S, R).dtype == width
        others = ~np.eye(50, dtype=bool)
        wanted = metrics.average_precision(S[others].reshape(50, 49), R[others].reshape(50, 49))
        assert_array_equal(metrics.average_precision(S, R, exclude_self=True), wanted)


@pytest.mark.parametrize("metric", ["cosine", "inner", "euclidean"])
def test_zeros_of_both_signs_are_equal(metric):
    """BLAS rounds the columns of one product differently, so equal rows are scored once."""
    query, gallery = (RNG.normal(size=(n, 77)).astype(np.float32) for n in (200, 501))
    gallery[RNG.uniform(size=gallery.shape) < 0.3] = 0.0
    both = Similarity(query, np.concatenate([gallery, np.where(gallery == 0, np.float32(-0.0), gallery)]), metric)[:]
    assert_array_equal(both[:, :501], both[:, 501:])


def test_the_own_item_drops_out_even_below_all_others():
    S = np.full((3, 3), np.nextafter(np.float32(-2), np.float32(0)), np.float32)
    relevance = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1]])
    assert_allclose(metrics.average_precision(S, relevance, exclude_self=True), [np.nan, 0.75, 0.75])


# Few large groups, more groups than are looked up among their neighbours, and a few small ones, which are.
@pytest.mark.parametrize("levels", [2, 5, 300, 100_000])
@pytest.mark.parametrize("k", [None, 1, 70, 999])
def test_tie_groups_have_the_published_sum(levels, k):
    S = RNG.integers(levels, size=(6, 999)).astype(np.float32) / levels
    R = RNG.uniform(size=S.shape) < 0.3
    loop = [reference.tied_average_precision(s, r, k) for s, r in zip(S, R, strict=True)]
    for scores in (S, S.astype(np.float64)):
        assert_allclose(metrics.average_precision(scores, R, k=k, denominator="relevant"), loop, rtol=1e-12)


@pytest.mark.parametrize("size", [2, 8, 9, 17, 400])
@pytest.mark.parametrize("place", [0, 1, 300, -1])
def test_a_lone_group_is_found_wherever_it_is(size, place):
    rng = np.random.default_rng(size)
    S = np.sort(rng.permutation(4096).astype(np.float32).reshape(4, 1024) / 8192)[:, ::-1].copy()
    R = rng.uniform(size=S.shape) < 0.5
    start = place if place >= 0 else 1024 - size
    S[1, start : start + size] = S[1, start]
    # The rows before and after are better and worse but for one item, which would be part of a group across rows.
    S[0], S[0, -1], R[0, -1] = S[0] + 1, S[1, start], True
    S[2], S[2, 0], R[2, 0] = S[2] - 1, S[1, start], False
    S[3] = S[3, 0]
    loop = [reference.tied_average_precision(s, r) for s, r in zip(S, R, strict=True)]
    assert_allclose(metrics.average_precision(S, R), loop, rtol=1e-12)
    assert_allclose(metrics.average_precision(S[:3], R[:3]), loop[:3], rtol=1e-12)


def test_sums_of_late_reciprocals_are_exact():
    start, size = np.array([0, 10, 99_990, 60_000]), np.array([5, 2, 2, 30_000])
    groups = Ties(np.zeros(4, int), start, size, np.zeros(4), np.ones(4))
    loop = [math.fsum(1 / (s + t) for t in range(1, g + 1)) / g for s, g in zip(start, size, strict=True)]
    assert_allclose(_gains._expected_gains(groups, 10**6), loop, rtol=1e-15)


def test_the_published_sum_is_the_mean_over_orders():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        scores, relevant = rng.integers(3, size=6), rng.uniform(size=6) < 0.5
        for k in (None, 1, 3):
            wanted = reference.expected_average_precision(scores, relevant, k)
            assert_allclose(reference.tied_average_precision(scores, relevant, k), wanted, rtol=1e-12)


@pytest.mark.parametrize("metric", ["cosine", "inner", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiles_do_not_change_scores(metric, dtype):
    """4,500 distinct rows, each twice, take two tiles and two passes; 3,000 rows take one of each."""
    (query, gallery), _ = labelled_views(m=9000, d=20, dtype=dtype)
    gallery[9] = 0
    gallery[4500:] = gallery[:4500]
    tiled = Similarity(query, gallery, metric)[:]
    parts = [Similarity(query, part, metric)[:] for part in np.split(gallery, 3)]
    assert tiled.dtype == dtype
    assert_allclose(tiled, np.concatenate(parts, axis=1), atol=2e-5 if dtype == np.float32 else 1e-12)
    assert_array_equal(tiled[:, :4500], tiled[:, 4500:])


def test_rows_that_differ_outside_the_sampled_columns_are_told_apart():
    gallery = np.zeros((400, 200))
    gallery[np.arange(200), np.arange(200)] = gallery[np.arange(200, 400), np.arange(200)] = 1
    scores = Similarity(np.eye(200), gallery, "inner")[:]
    assert_array_equal(scores, gallery.T)


def test_one_extreme_row_does_not_spoil_the_cosines():
    (query, gallery), _ = labelled_views(d=6)
    expected = Similarity(query, gallery)[:]
    gallery[3] *= np.float32(1e30)
    gallery[4] *= np.float32(1e-30)
    assert_allclose(Similarity(query, gallery)[:], expected, atol=1e-6)


@pytest.mark.parametrize("c", [1, 8, 9, 33, 64, 65, 200])
def test_common_bits_are_common_labels(c):
    Yq, Yg = RNG.uniform(size=(9, c)) < 0.1, RNG.uniform(size=(30, c)) < 0.1
    Yq[0], Yq[1, -1], Yg[0, -1] = False, True, True
    names = [f"label {i}" for i in range(c)]
    shared = SharedLabels(pd.DataFrame(Yq, columns=names), pd.DataFrame(Yg, columns=names))
    assert_array_equal(shared[:], Yq.astype(int) @ Yg.T.astype(int) > 0)


def test_any_number_of_threads_gives_the_same_bits():
    """600 queries of a gallery of 1,100 items take three blocks."""
    views, labels = labelled_views(n=600, m=1100)
    scores, relevance = Similarity(*views), SharedLabels(*labels)
    one, two = (metrics.average_precision(scores, relevance, n_jobs=jobs) for jobs in (1, 2))
    assert_array_equal(one, two)
    with parallel_config("loky", n_jobs=2):
        assert_array_equal(metrics.average_precision(scores, relevance), one)
    assert_allclose(metrics.average_precision(scores, relevance), one, rtol=1e-5)
    square = (views[1], views[1][::-1].copy(), labels[1])
    assert metrics.cross_modal_map(*square, n_jobs=2) == metrics.cross_modal_map(*square, n_jobs=1)
    for measure in (metrics.precision_at_k, metrics.recall_at_k, metrics.hit_at_k, metrics.ndcg_at_k):
        assert measure(scores, relevance, 9, n_jobs=2) == measure(scores, relevance, 9, n_jobs=1)
    curves = [metrics.precision_scope(scores, relevance, [1, 9], n_jobs=jobs) for jobs in (1, 2)]
    assert_array_equal(*curves)


def test_the_measures_use_the_configured_threads_whatever_the_backend():
    """They share their memory, so loky's processes would not do."""
    views, labels = labelled_views(n=600, m=1100)
    used = set()

    def count(ranking):
        used.add(threading.get_ident())
        return ranking.n_relevant

    with parallel_config("loky", n_jobs=2):
        found = per_query(Similarity(*views), SharedLabels(*labels), count)
    assert threading.get_ident() not in used
    n_relevant = SharedLabels(*labels)[:].sum(axis=1)
    assert_array_equal(found, np.where(n_relevant > 0, n_relevant, np.nan))


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["cosine", "inner", "euclidean"])
def test_the_gallery_is_not_copied(metric):
    """A gallery of 64 MB, and a block of 100 x 500: besides, only tiles, keys and a few numbers per item are held."""
    (query, gallery), labels = labelled_views(100, 8000, 2000)
    tracemalloc.start()
    metrics.average_precision(Similarity(query, gallery[:500], metric), SharedLabels(labels[0], labels[1][:500]))
    tracemalloc.reset_peak()
    scores = Similarity(query, gallery, metric)
    assert tracemalloc.get_traced_memory()[1] < 8e6
    metrics.average_precision(scores, SharedLabels(*labels))
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()
