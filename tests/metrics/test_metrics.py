import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import average_precision_score, ndcg_score

from skxmr import metrics
from skxmr.metrics import SameRow, SharedLabels, Similarity, _array_scores
from tests import reference

RNG = np.random.default_rng(0)
DTYPES = [np.float64, np.float32]


def tie_free(n, m, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    scores = np.array([rng.permutation(m) for _ in range(n)]) / m - 0.5  # about half are negative
    return scores.astype(dtype), rng.uniform(size=(n, m)) < 0.3


def tied(n, m, levels, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return (rng.integers(levels, size=(n, m)) - 1).astype(dtype), rng.uniform(size=(n, m)) < 0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_average_precision_without_ties_is_the_loop_and_scikit_learns(dtype):
    scores, relevance = tie_free(20, 40, dtype=dtype)
    ap = metrics.average_precision(scores, relevance)
    loop = [reference.average_precision_of_order(r[np.argsort(-s)]) for s, r in zip(scores, relevance, strict=True)]
    assert_allclose(ap, loop, rtol=1e-12)
    sklearns = [average_precision_score(r, s) for s, r in zip(scores, relevance, strict=True)]
    assert_allclose(ap, sklearns, rtol=1e-12)
    assert_allclose(metrics.average_precision(scores, relevance, ties="sklearn"), sklearns, rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_ties_give_the_mean_over_all_orders(levels, dtype):
    scores, relevance = tied(12, 6, levels, seed=levels, dtype=dtype)
    relevance[0] = False
    for k in (None, 1, 2, 4, 6):
        ap = metrics.average_precision(scores, relevance, k=k, denominator="relevant")
        loop = [reference.expected_average_precision(s, r, k) for s, r in zip(scores, relevance, strict=True)]
        assert_allclose(ap, loop, rtol=1e-12)


def test_ties_as_in_scikit_learn():
    scores, relevance = tied(30, 25, 4)
    expected = [average_precision_score(r, s) for s, r in zip(scores, relevance, strict=True)]
    assert_allclose(metrics.average_precision(scores, relevance, ties="sklearn"), expected, rtol=1e-12)


def test_all_scores_equal_reward_nobody():
    """3 relevant of 10 in one tie group: 0.450 by McSherry and Najork, where a lucky order would have 1.0."""
    relevance = np.zeros((1, 10), bool)
    relevance[0, :3] = True
    assert_allclose(metrics.average_precision(np.zeros((1, 10)), relevance), 0.450, atol=5e-4)
    assert_allclose(metrics.average_precision(np.zeros((1, 10)), relevance, ties="sklearn"), 0.3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_order_of_the_gallery_does_not_matter(dtype):
    scores, relevance = tied(10, 50, 5, dtype=dtype)
    shuffled = RNG.permutation(50)
    assert_allclose(
        metrics.average_precision(scores, relevance),
        metrics.average_precision(scores[:, shuffled], relevance[:, shuffled]),
        rtol=1e-12,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", ["cosine", "inner", "euclidean"])
@pytest.mark.parametrize(("n", "m", "d"), [(1, 5, 64), (1, 9, 7), (3, 5, 33), (200, 371, 10), (64, 693, 128)])
def test_equal_gallery_rows_tie_in_every_shape(n, m, d, metric, dtype):
    """BLAS rounds the columns of one product differently, by their place; equal rows must score equally still."""
    rng = np.random.default_rng(m)
    query, distinct = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(m // 3 + 1, d)).astype(dtype)
    which = rng.integers(len(distinct), size=m)
    scores = Similarity(query, distinct[which], metric)[:]
    for item in range(len(distinct)):
        copies = scores[:, which == item]
        assert (copies == copies[:, :1]).all()
    relevance = rng.uniform(size=(n, m)) < 0.3
    shuffled = rng.permutation(m)
    assert_allclose(
        metrics.average_precision(Similarity(query, distinct[which], metric), relevance),
        metrics.average_precision(Similarity(query, distinct[which][shuffled], metric), relevance[:, shuffled]),
        rtol=1e-12,
    )


def test_five_equal_items_share_all_ranks():
    query, item = RNG.normal(size=(2, 1, 64))
    for relevant in range(5):
        ap = metrics.average_precision(Similarity(query, np.repeat(item, 5, axis=0)), np.eye(5)[[relevant]])
        assert_allclose(ap, np.mean(1 / np.arange(1, 6)))


def test_rows_that_differ_in_one_bit_are_told_apart():
    for dtype in DTYPES:
        X = np.repeat(RNG.integers(2, size=(1, 40)).astype(dtype), 41, axis=0)
        X[np.arange(40), np.arange(40)] += 1
        twice = np.vstack([X, X])
        first, inverse = _array_scores._distinct(_array_scores._hashes(twice))
        assert len(first) == 41
        assert_array_equal(twice[first][inverse], twice)
        assert _array_scores._distinct(_array_scores._hashes(X)) == (None, None)


@pytest.mark.parametrize(("dtype", "offset"), [(np.float32, 1e3), (np.float64, 1e8)])
def test_a_common_offset_does_not_change_euclidean_rankings(dtype, offset):
    query, gallery = RNG.normal(size=(2, 30, 8)).round(3)
    relevance = RNG.uniform(size=(30, 30)) < 0.3
    moved = Similarity((query + offset).astype(dtype), (gallery + offset).astype(dtype), "euclidean")
    exact = -((query[:, None] - gallery) ** 2).sum(axis=2)
    ap, expected = (metrics.average_precision(scores, relevance) for scores in (moved, exact))
    assert_allclose(ap, expected, atol=0.02)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_are_nearest_and_squared_distances_are_never_negative(dtype):
    query = (3 * RNG.normal(size=(40, 30))).astype(dtype)
    near = query * (1 + 8 * np.finfo(dtype).eps)
    gallery = np.concatenate([near, query])
    scores = Similarity(query, gallery, "euclidean")[:]
    assert scores.dtype == dtype
    assert (scores <= 0).all()
    assert_array_equal(scores.argmax(axis=1), np.arange(40, 80))
    assert_array_equal(scores[:, 40:].diagonal(), 0)
    exact = -((query.astype(np.longdouble)[:, None] - gallery) ** 2).sum(axis=2)
    assert_allclose(scores, exact.astype(np.float64), rtol=1e-6 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_cosines_neither_overflow_nor_vanish(scale):
    query, gallery = RNG.normal(size=(2, 9, 5)).astype(np.float32)
    scaled = Similarity(query * np.float32(scale), gallery * np.float32(scale))[:]
    assert_allclose(scaled, Similarity(query, gallery)[:], atol=1e-6)


def test_embeddings_without_dimensions_tie_everywhere():
    scores = Similarity(np.zeros((3, 0)), np.zeros((4, 0)))
    assert_array_equal(scores[:], np.zeros((3, 4)))
    assert metrics.hit_at_k(scores, np.eye(3, 4), k=1) == 0.25


def test_negative_scores_count_like_any_other():
    assert_allclose(metrics.average_precision([[0.5, -0.1, -0.2]], [[0, 1, 1]]), (1 / 2 + 2 / 3) / 2)
    scores, relevance = tie_free(5, 30)
    assert_array_equal(metrics.average_precision(scores, relevance), metrics.average_precision(scores - 9, relevance))


def test_minus_zero_ties_with_zero():
    for dtype in DTYPES:
        assert_allclose(metrics.average_precision(np.array([[0.0, -0.0]], dtype), np.array([[False, True]])), 0.75)


def test_float32_and_float64_agree_on_the_same_numbers():
    scores, relevance = tied(20, 60, 30, dtype=np.float32)
    assert_allclose(
        metrics.average_precision(scores, relevance),
        metrics.average_precision(scores.astype(np.float64), relevance),
        rtol=1e-14,
    )


def test_queries_without_relevant_items_are_left_out():
    scores, relevance = tie_free(6, 10)
    relevance[2] = False
    ap = metrics.average_precision(scores, relevance)
    assert np.isnan(ap[2]) and np.isfinite(np.delete(ap, 2)).all()
    assert_allclose(metrics.mean_average_precision(scores, relevance), np.delete(ap, 2).mean())
    assert_allclose(
        metrics.recall_at_k(scores, relevance, 3), np.nanmean(metrics.recall_at_k(scores, relevance, 3, average=False))
    )


def test_nothing_relevant_anywhere_is_an_error():
    for call in (
        metrics.mean_average_precision,
        lambda s, r: metrics.hit_at_k(s, r, 1),
        lambda s, r: metrics.precision_scope(s, r, [1]),
    ):
        with pytest.raises(ValueError, match="no query has a relevant item"):
            call(np.eye(3), np.zeros((3, 3), bool))


def test_map_at_k_states_its_denominator():
    scores, relevance = np.array([[5.0, 4, 3, 2, 1]]), np.array([[1, 0, 1, 1, 1]])
    assert_allclose(metrics.average_precision(scores, relevance, k=3), (1 + 2 / 3) / 3)
    assert_allclose(metrics.average_precision(scores, relevance, k=3, denominator="relevant"), (1 + 2 / 3) / 4)
    assert_allclose(metrics.average_precision([[2, 1.0]], [[1, 1]], k=1), 1)  # a perfect ranking has 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_cut_off_measures_are_means_over_orders(k, dtype):
    scores, relevance = tied(15, 6, 3, seed=k, dtype=dtype)
    relevance[:, 0] = True
    for s, r in zip(scores, relevance, strict=True):
        one = (s[None], r[None], k)

        def found(order, r=r):
            return sum(r[i] for i in order[:k])

        assert_allclose(metrics.precision_at_k(*one), reference.over_orders(s, found) / k, rtol=1e-12)
        assert_allclose(metrics.recall_at_k(*one), reference.over_orders(s, found) / r.sum(), rtol=1e-12)
        hit = reference.over_orders(s, lambda order, found=found: found(order) > 0)
        assert_allclose(metrics.hit_at_k(*one), hit, rtol=1e-12)


def test_ndcg_with_gains_is_the_mean_over_orders_and_scikit_learns():
    scores, _ = tied(8, 6, 3)
    gains = RNG.integers(4, size=(8, 6)).astype(float)
    gains[:, 0] = 1
    for k in (1, 3, 6, None):
        values = metrics.ndcg_at_k(scores, gains, k, average=False)
        loop = [
            reference.over_orders(s, lambda order, g=g, k=k: reference.ndcg_of_order(g, order, k))
            for s, g in zip(scores, gains, strict=True)
        ]
        assert_allclose(values, loop, rtol=1e-12)
        assert_allclose(values.mean(), ndcg_score(gains, scores, k=k), rtol=1e-12)


def test_precision_scope_is_precision_at_each_scope():
    scores, relevance = tied(9, 30, 12)
    relevance[4] = False
    curve = metrics.precision_scope(scores, relevance, [1, 5, 30])
    assert_allclose(curve, [metrics.precision_at_k(scores, relevance, k) for k in (1, 5, 30)], rtol=1e-12)


def test_map_per_class_averages_the_queries_of_a_class():
    scores, relevance = tie_free(6, 8)
    relevance[:, 0] = True
    ap = metrics.average_precision(scores, relevance)
    labels = ["a", "b", "a", "c", "b", "a"]
    by_class = metrics.map_per_class(scores, relevance, labels)
    assert by_class == pytest.approx({"a": ap[[0, 2, 5]].mean(), "b": ap[[1, 4]].mean(), "c": ap[3]})
    relevance[3] = False
    assert np.isnan(metrics.map_per_class(scores, relevance, labels)["c"])
    tags = pd.DataFrame(np.eye(6, dtype=int)[:, :5], columns=list("vwxyz"))
    assert list(metrics.map_per_class(scores, relevance, tags)) == list("vwxyz")


@pytest.mark.parametrize("dtype", DTYPES)
def test_exclude_self_drops_the_diagonal(dtype):
    scores, relevance = tied(7, 7, 3, dtype=dtype)
    keep = ~np.eye(7, dtype=bool)
    smaller = scores[keep].reshape(7, 6), relevance[keep].reshape(7, 6)
    before = scores.copy(), relevance.copy()
    for measure in (
        metrics.average_precision,
        lambda *a, **k: metrics.hit_at_k(*a, k=2, average=False, **k),
        lambda *a, **k: metrics.ndcg_at_k(*a, average=False, **k),
        lambda *a, **k: metrics.precision_scope(*a, scopes=[1, 6], **k),
    ):
        assert_allclose(measure(scores, relevance, exclude_self=True), measure(*smaller), rtol=1e-12)
    assert_array_equal(scores, before[0])
    assert_array_equal(relevance, before[1])
    with pytest.raises(ValueError, match="k=7 is larger than the gallery"):
        metrics.precision_at_k(scores, relevance, 7, exclude_self=True)
    with pytest.raises(ValueError, match="exclude_self"):
        metrics.average_precision(scores[:3], relevance[:3], exclude_self=True)


@pytest.mark.parametrize("n", [2, 255, 513, 700])
def test_blocks_do_not_change_anything(n):
    """A block holds 256 queries of 1,100 items, and 5 queries are always one block."""
    query, gallery = RNG.normal(size=(n, 4)), RNG.normal(size=(1100, 4))
    Yq, Yg = RNG.integers(2, size=(n, 5)), RNG.integers(2, size=(1100, 5))
    scores, relevance = Similarity(query, gallery), SharedLabels(Yq, Yg)
    parts = [slice(start, start + 5) for start in range(0, n, 5)]
    loop = [metrics.average_precision(Similarity(query[a], gallery), SharedLabels(Yq[a], Yg)) for a in parts]
    for S, R in ((scores, relevance), (scores[:], relevance[:])):
        assert_allclose(metrics.average_precision(S, R), np.concatenate(loop), rtol=1e-12)


def test_similarities_are_the_loops():
    query, gallery = RNG.normal(size=(4, 3)), RNG.normal(size=(5, 3))
    query[0] = 0
    pairs = [(u, v) for u in query for v in gallery]
    cosine = [reference.cosine(u, v) for u, v in pairs]
    assert_allclose(Similarity(query, gallery)[:].ravel(), cosine, atol=1e-14)
    assert_allclose(Similarity(query, gallery, "inner")[:].ravel(), [u @ v for u, v in pairs], atol=1e-14)
    squares = [-sum((u - v) ** 2) for u, v in pairs]
    assert_allclose(Similarity(query, gallery, "euclidean")[:].ravel(), squares, atol=1e-13)
    assert_allclose(Similarity(query, gallery).T[:], Similarity(query, gallery)[:].T, atol=1e-14)


@pytest.mark.parametrize(("m", "c"), [(7, 4), (70, 600), (30_000, 600)])
def test_shared_labels_is_the_loop(m, c):
    """Labels are held as bits, those of more than 512 densely, and those of too many items as a sparse matrix."""
    query, gallery = ([set(row) for row in RNG.integers(c, size=(rows, 4)).tolist()] for rows in (6, m))
    query[0], query[1] = set(), set(range(c))
    loop = np.array([[len(a & b) for b in gallery] for a in query])
    Yq, Yg = (multi_hot(rows, c) for rows in (query, gallery))
    assert_array_equal(SharedLabels(Yq.toarray(), Yg)[:], loop > 0)
    assert_array_equal(SharedLabels(Yq, Yg, graded=True)[2:5], loop[2:5])
    assert_array_equal(SharedLabels(Yq, Yg).T[:9], loop.T[:9] > 0)
    assert SharedLabels(Yq, Yg)[3:3].shape == (0, m)


def multi_hot(rows, c):
    tags = [sorted(row) for row in rows]
    ends = np.cumsum([0, *map(len, tags)])
    return sp.csr_array((np.ones(ends[-1]), np.concatenate(tags).astype(int), ends), shape=(len(rows), c))


def test_labels_of_query_and_gallery_are_matched_by_name():
    relevance = SharedLabels([3, 5, 4], [5, 9, 3, 3])[:]
    assert_array_equal(relevance, [[0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    query, gallery = pd.DataFrame([[1, 0]], columns=["a", "b"]), pd.DataFrame([[0, 1], [1, 0]], columns=["b", "a"])
    assert_array_equal(SharedLabels(query, gallery)[:], [[True, False]])
    with pytest.raises(ValueError, match="must both have label names"):
        SharedLabels([["sky"], ["sea"]], np.eye(2))
    with pytest.raises(ValueError, match="query_labels have 2 columns but gallery_labels have 3"):
        SharedLabels(np.eye(2), np.eye(3))


def test_same_row_relevance_gives_the_reciprocal_rank():
    scores, _ = tie_free(9, 9)
    ranks = [1 + sum(row > row[i]) for i, row in enumerate(scores)]
    assert_allclose(metrics.average_precision(scores, SameRow(9)), 1 / np.array(ranks))
    assert_array_equal(SameRow(4)[1:3], np.eye(4, dtype=bool)[1:3])


def test_cross_modal_map_returns_both_directions_and_counts():
    image, text = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 3))
    labels = [["a"], ["a", "b"], ["b"], [], ["c"], ["c"], ["a"], ["b"]]
    relevance = SharedLabels(labels)
    result = metrics.cross_modal_map(image, text, labels)
    assert result["i2t_skipped"] == result["t2i_skipped"] == 1
    assert_allclose(result["i2t_map"], metrics.mean_average_precision(Similarity(image, text), relevance))
    assert_allclose(result["t2i_map"], metrics.mean_average_precision(Similarity(text, image), relevance))
    assert result["map"] == (result["i2t_map"] + result["t2i_map"]) / 2
    swapped = metrics.cross_modal_map(text, image, labels)
    assert_allclose(swapped["i2t_map"], result["t2i_map"], rtol=1e-12)
    assert metrics.cross_modal_map(image, image)["map"] == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.average_precision(np.ones(3), np.ones(3)), "scores must be 2-D"),
        (lambda: metrics.average_precision(np.ones((2, 3)), np.ones((3, 2))), "scores has shape"),
        (lambda: metrics.average_precision(np.ones((0, 3)), np.ones((0, 3))), "at least one query"),
        (lambda: metrics.average_precision([[np.nan, 1]], [[1, 0]]), "NaN or infinite"),
        (lambda: metrics.average_precision([[1j, 1]], [[1, 0]]), "real numbers"),
        (lambda: metrics.average_precision([[0.1, 1]], [[2, 0]]), "graded gains are for ndcg_at_k"),
        (lambda: metrics.average_precision([[0.1, 1]], [[1, 0]], k=3), "k=3 is larger than the gallery"),
        (lambda: metrics.average_precision([[0.1, 1]], [[1, 0]], k=0), "k must be a positive integer"),
        (lambda: metrics.average_precision([[0.1, 1]], [[1, 0]], k=True), "k must be a positive integer"),
        (lambda: metrics.precision_at_k([[0.1, 1]], [[1, 0]], None), "k must be a positive integer; got None"),
        (lambda: metrics.hit_at_k([[0.1, 1]], [[1, 0]], 1.5), "k must be a positive integer; got 1.5"),
        (lambda: metrics.precision_scope([[0.1, 1]], [[1, 0]], []), "scopes is empty"),
        (lambda: metrics.precision_scope([[0.1, 1]], [[1, 0]], [1, 3]), "each of scopes|larger than the gallery"),
        (lambda: SameRow(2.5), "n must be a positive integer"),
        (lambda: Similarity([[np.nan]], [[1.0]]), "query contains 1 NaN or infinite values; impute or drop them.$"),
        (lambda: metrics.average_precision([[0.1, 1]], [[1, 0]], ties="first"), "ties must be one of"),
        (lambda: metrics.average_precision([[0.1, 1]], [[1, 0]], denominator="k"), "denominator must be one of"),
        (lambda: metrics.average_precision([[0.1, 1]], [[1, 0]], k=1, ties="sklearn"), "not defined for a cut-off"),
        (lambda: metrics.ndcg_at_k([[0.1, 1]], [[-1, 0]]), "gains of 0 or more"),
        (lambda: metrics.map_per_class([[0.1, 1]], [[1, 0]], ["a", "b"]), "labels has 2 rows but there are 1"),
        (lambda: Similarity(np.ones((2, 3)), np.ones((2, 4))), "query has 3 dimensions but gallery has 4"),
        (lambda: Similarity(np.ones((2, 3)), np.ones((2, 3)), "l1"), "metric must be one of"),
        (lambda: metrics.cross_modal_map(np.ones((2, 3)), np.ones((2, 3)), [1, 2, 3]), "labels has 3 rows"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.slow
@pytest.mark.parametrize("n_labels", [24, 1000])
def test_memory_stays_bounded_on_a_large_gallery(n_labels):
    """60 queries against 190,000 items: the score matrix is walked in blocks, wide labels stay sparse."""
    import tracemalloc

    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(60, 32)).astype(np.float32), rng.normal(size=(190_000, 32)).astype(np.float32)
    tags = np.repeat(np.arange(190_060), 2), rng.integers(n_labels, size=2 * 190_060)
    ones = (sp.csr_array((np.ones(2 * 190_060), tags), shape=(190_060, n_labels)) > 0).astype(np.float64)
    tracemalloc.start()
    metrics.mean_average_precision(Similarity(query, gallery), SharedLabels(ones[:60], ones[60:]))
    assert tracemalloc.get_traced_memory()[1] < 400e6
    tracemalloc.stop()
