"""R@k with several sentences per image, median ranks, groups, and re-ranking."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import metrics
from skxmr.metrics import Reranked, SameGroup, SharedLabels, Similarity, _reranking


def problem(n=30, each=5, d=8, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(n, d)).astype(dtype)
    index = np.repeat(np.arange(n), each)
    text = (image[index] + rng.normal(size=(n * each, d)) * 1.5).astype(dtype)
    return image, text, index


def first_by_loop(scores, relevant):
    """The mean over all orders of equal scores of the rank of the first relevant item."""
    ranks = []
    for order in itertools.permutations(range(len(scores))):
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order)):
            ranks.append(1 + next(place for place, item in enumerate(order) if relevant[item]))
    return np.mean(ranks)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_rank_is_its_mean_over_the_orders_of_ties(dtype):
    rng = np.random.default_rng(0)
    S = rng.integers(3, size=(40, 6)).astype(dtype)
    R = rng.uniform(size=S.shape) < 0.4
    R[0] = False
    found = metrics.first_rank(S, R)
    assert np.isnan(found[0])
    assert_allclose(found[1:], [first_by_loop(s, r) if r.any() else np.nan for s, r in zip(S[1:], R[1:], strict=True)])
    assert_allclose(metrics.median_rank(S, R), np.nanmedian(found))


def test_first_ranks_without_ties_are_positions():
    S = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.1, 0.5, 0.9]])
    assert_array_equal(metrics.first_rank(S, [[1, 0, 0], [0, 0, 1], [1, 1, 0]]), [1, 3, 2])
    assert_array_equal(metrics.first_rank(S, np.eye(3), exclude_self=True), [np.nan] * 3)


def recalls_by_loop(S, image_index, ks):
    """Image queries: a hit is any own sentence; text queries: the own image."""
    found = {}
    for k in ks:
        i2t = [np.isin(np.argsort(-s)[:k], np.flatnonzero(image_index == i)).any() for i, s in enumerate(S)]
        t2i = [image_index[j] in np.argsort(-s)[:k] for j, s in enumerate(S.T)]
        found |= {f"i2t_r{k}": np.mean(i2t), f"t2i_r{k}": np.mean(t2i)}
    return found


@pytest.mark.parametrize("ks", [(1, 5, 10), (2,)])
def test_recalls_are_the_loops(ks):
    image, text, index = problem()
    scores, relevance = Similarity(image, text), SameGroup(np.arange(30), index)
    found = metrics.retrieval_recalls(scores, relevance, ks)
    loop = recalls_by_loop(scores[:], index, ks)
    assert_allclose([found[name] for name in loop], list(loop.values()))
    assert_allclose(found["mr"], np.mean(list(loop.values())))
    assert_allclose(found["i2t_median_rank"], metrics.median_rank(scores, relevance))
    assert_allclose(found["t2i_median_rank"], metrics.median_rank(scores.T, relevance.T))
    assert metrics.retrieval_recalls(scores[:], relevance[:], ks) == found  # given as arrays
    for k in ks:
        assert_allclose(found[f"i2t_r{k}"], metrics.hit_at_k(scores, relevance, k))


def test_folds_are_runs_of_images_with_their_texts():
    image, text, index = problem()
    rng = np.random.default_rng(1)
    order = rng.permutation(len(text))  # the texts of a run need not stand together
    text, index = text[order], index[order]
    S, relevance = Similarity(image, text), SameGroup(np.arange(30), index)
    found = metrics.retrieval_recalls(S, relevance, folds=3)
    parts = []
    for rows in np.arange(30).reshape(3, 10):
        of = np.isin(index, rows)
        parts.append(metrics.retrieval_recalls(S[:][rows][:, of], SameGroup(rows, index[of])))
    assert_allclose([found[name] for name in parts[0]], np.mean([list(part.values()) for part in parts], axis=0))
    assert metrics.retrieval_recalls(sp.csr_array(S[:]), relevance, folds=3) == pytest.approx(found)
    assert found["mr"] > metrics.retrieval_recalls(S, relevance)["mr"]  # a tenth of the gallery is easier


def test_groups_are_relevance_by_class():
    groups, gallery = ["b", "a", "c"], ["a", "a", "c", "b"]
    relevance = SameGroup(groups, gallery)
    assert relevance.shape == (3, 4)
    assert_array_equal(relevance[:], SharedLabels(groups, gallery)[:])
    assert_array_equal(relevance.T[1:3], relevance[:].T[1:3])
    assert_array_equal(SameGroup([3, 5], np.array([5, 3, 7]))[0:1], [[False, True, False]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda S, R: metrics.retrieval_recalls(S, R, []), "ks is empty"),
        (lambda S, R: metrics.retrieval_recalls(S, R, [1, 0]), "each of ks must be a positive integer"),
        (
            lambda S, R: metrics.retrieval_recalls(S, R, [1, 3]),
            "ks holds 3, but text-to-image retrieval ranks 2 images",
        ),
        (
            lambda S, R: metrics.retrieval_recalls(S.T, R.T, [3]),
            "ks holds 3, but image-to-text retrieval ranks 2 texts",
        ),
        (lambda S, R: metrics.retrieval_recalls(S, R, [1], folds=3), "folds=3, but 2 images cannot be cut"),
        (lambda S, R: metrics.retrieval_recalls(S, np.zeros((2, 4)), [1]), "no query has a relevant item"),
        (lambda S, R: metrics.median_rank(S, np.zeros((2, 4))), "no query has a relevant item"),
        (lambda S, R: metrics.first_rank(S * np.nan, R), "scores contains NaN"),
        (lambda S, R: SameGroup([[1]], [1]), r"query_groups has shape \(1, 1\)"),
        (lambda S, R: SameGroup([1], []), r"gallery_groups has shape \(0,\)"),
        (lambda S, R: SameGroup([1], ["a"]), "pass both as integers or both as strings"),
        (lambda S, R: SameGroup([1.5], [1]), "groups are integers or strings"),
        (lambda S, R: Reranked(S, 5), "k=5 is larger than the gallery"),
        (lambda S, R: Reranked(S * np.nan, 2), "scores contains NaN"),
        (lambda S, R: Reranked(S[0], 1), "scores must be 2-D"),
        (lambda S, R: Reranked(S[:0], 1), "at least one query"),
        (
            lambda S, R: metrics.retrieval_recalls(S, np.eye(2, 4), [2], folds=2),
            "image-to-text .* images 0 to 0 ranks 1 texts",
        ),
        (lambda S, R: metrics.retrieval_recalls(S, R, [2], folds=2), "text-to-image .* ranks 1 images; .* fewer folds"),
    ],
)
def test_bad_input_is_named(call, message):
    S, R = np.arange(8.0).reshape(2, 4), np.ones((2, 4))
    with pytest.raises(ValueError, match=message):
        call(S, R)


def reranked_by_loop(S, k):
    """Eqs. 24 to 27: the first k texts of an image, by the place that the image has among all images for the text."""
    out = S.copy()
    for i, row in enumerate(S):
        first = np.argsort(-row, kind="stable")[:k]
        place = [int((S[:, j] > S[i, j]).sum()) for j in first]
        better = first[np.argsort(place, kind="stable")]
        out[i, better] = row[first]
    return out


@pytest.mark.parametrize("k", [1, 4, 60])
@pytest.mark.parametrize("levels", [None, 4])
def test_reranking_is_the_loop(k, levels):
    S = np.random.default_rng(0).normal(size=(25, 60)).astype(np.float32)
    S = S if levels is None else np.round(S * levels) / levels
    wanted = reranked_by_loop(S, k)
    found = Reranked(S, k)
    assert_array_equal(found[:], wanted)
    assert_array_equal(found[3:7], wanted[3:7])
    best = _reranking._best_items(S, k)
    assert_array_equal(_reranking._best_items(S, k, block=130), best)
    assert_array_equal(_reranking._places(S.T, best, block=130), _reranking._places(S.T, best))
    assert_array_equal(np.sort(wanted, axis=1), np.sort(S, axis=1))  # the scores stay, their owners change
    assert_array_equal(found.T, S.T)  # the way back keeps its order
    if k == 1:
        assert_array_equal(wanted, S)


def test_reranking_of_a_similarity_does_not_depend_on_rounding():
    image, text, _ = problem(50, 4, 64)
    similarity = Similarity(image, text)
    forward, backward = similarity[:], similarity.T[:].T
    assert_allclose(forward, backward, atol=1e-6)
    found = Reranked(similarity, 8)
    exact = Reranked(forward.astype(np.float64), 8)
    assert (found.place == exact.place).mean() > 0.99 and (found.candidates == exact.candidates).mean() > 0.99


def test_reranking_helps_where_texts_are_near_to_all_images():
    rng = np.random.default_rng(0)
    S = rng.normal(size=(200, 200)) * 0.3 + np.eye(200) + 1.5 * (np.arange(200) % 10 == 0)
    relevance = np.eye(200, dtype=bool)
    before, after = (metrics.hit_at_k(scores, relevance, 1) for scores in (S, Reranked(S, 40)))
    assert after > before + 0.3


def test_scores_that_were_given_are_not_written_to():
    S = np.random.default_rng(0).normal(size=(5, 9))
    kept = S.copy()
    Reranked(S, 4)[:]
    assert_array_equal(S, kept)
