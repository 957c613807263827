"""JRL: its objective and its votes as loops, rows without labels, special cases, what changes nothing."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import JFSSL, JRL, LCFS, Pairs
from skxmr._linalg.rotation import as_it_is
from skxmr.datasets import make_multilabel_pairs
from skxmr.methods import _neighbor_graphs as graphs
from skxmr.methods import jrl
from tests.reference import neighbour_votes


def data(n=40, unlabelled=0):
    pairs, labels = make_multilabel_pairs(n, n_image_features=6, n_text_features=5, n_labels=3, random_state=1)
    # Counts of words are often at the same distance; then the order of the rows counts.
    jitter = np.random.default_rng(0).uniform(size=pairs.text.shape) / 10
    labels[labels.sum(axis=1) == 0, 0] = 1
    labels[:unlabelled] = 0
    return pairs.replace(text=pairs.text + jitter), labels


def nearest(view, k):
    """1 for rows of which one is among the k nearest of the other, number by number."""
    n = len(view)
    W = np.zeros((n, n))
    for i in range(n):
        squares = [(sum((a - b) ** 2 for a, b in zip(view[i], view[j], strict=True)), j) for j in range(n) if j != i]
        for _, j in sorted(squares)[:k]:
            W[i, j] = W[j, i] = 1
    return W


def objective(views, labels, weights, selection, graph, pairing, k):
    """The paper's objective, number by number, with the smoothing of the lengths."""
    n = len(labels)
    known = [i for i in range(n) if labels[i].any()]
    Y = labels - labels[known].mean(axis=0)
    total = 0.0
    predictions = []
    for view, W in zip(views, weights, strict=True):
        X = view[known] - view[known].mean(axis=0)
        for i, row in zip(known, X, strict=True):
            for j in range(Y.shape[1]):
                total += 0.5 * (sum(row * W[:, j]) - Y[i, j]) ** 2 / (len(known) - 1)
        scale = math.sqrt(sum(x**2 for row in X for x in row) / (len(known) - 1) / X.shape[1])
        for row in W:
            total += selection * math.sqrt(sum((scale * w) ** 2 for w in row) + 1e-8)
        P = (view - view.mean(axis=0)) @ W
        predictions.append(P)
        edges = nearest(view, k)
        degrees = edges.sum(axis=1)
        for i in range(n):
            for j in range(n):
                apart = P[i] / math.sqrt(degrees[i]) - P[j] / math.sqrt(degrees[j])
                # The Laplacian counts every edge once, the loop twice.
                total += graph * 0.5 * 0.5 * edges[i, j] * sum(apart**2) / n
    for i in range(n):
        total += pairing * 0.5 * sum((predictions[0][i] - predictions[1][i]) ** 2) / (n - 1)
    return total


def of(fitted):
    return [fitted.image_projection_.copy(), fitted.text_projection_.copy()]


@pytest.mark.parametrize(("graph", "pairing", "unlabelled"), [(0.5, 0.0, 0), (0.0, 0.7, 6), (0.3, 0.4, 0), (2, 1, 6)])
def test_no_weight_can_be_changed_to_lower_the_objective(graph, pairing, unlabelled):
    pairs, labels = data(24, unlabelled)
    views = pairs.image, pairs.text
    constants = 2e-3, graph, pairing, 4
    options = {"graph": graph, "pairing": pairing, "n_neighbors": 4}
    fitted = JRL(selection=2e-3, tol=0, max_iter=2000, **options).fit(pairs, labels)
    weights = of(fitted)
    least = objective(views, labels, weights, *constants)
    assert fitted.image_selected_.all() and fitted.text_selected_.all()
    assert_allclose(fitted.objective_[-1], least, rtol=1e-9)
    rng = np.random.default_rng(0)
    # The objective is convex, so that directions at random are as good as all single weights.
    for _ in range(8):
        directions = [rng.normal(size=W.shape) for W in weights]
        slopes = []
        for step in (-1e-5, 1e-5):
            moved = [W + step * own for W, own in zip(weights, directions, strict=True)]
            slopes.append((objective(views, labels, moved, *constants) - least) / 1e-5)
        # On both sides of a minimum it rises, as far as a curve can be told from its tangent.
        assert min(slopes) > -1e-6
        assert max(slopes) < 1e-2


def test_the_objective_falls_with_every_iteration():
    fitted = JRL(selection=0.05, graph=0.5, pairing=0.5, tol=0, max_iter=60).fit(*data(unlabelled=10))
    assert fitted.n_iter_ == len(fitted.objective_) == 60
    assert (np.diff(fitted.objective_) < 1e-12).all()


def test_without_graph_pairing_and_votes_it_is_lcfs_without_its_trace_norm():
    pairs, labels = data()
    wanted = LCFS(coupling=0, selection=0.03).fit(pairs, labels)
    found = JRL(graph=0, pairing=0, selection=0.03, n_votes=None).fit(pairs, labels)
    for a, b in zip(of(found), of(wanted), strict=True):
        assert_allclose(a, b, atol=1e-12)
    assert_allclose(found.similarity(pairs), wanted.similarity(pairs), atol=1e-12)


def test_pairing_is_the_graph_between_views_of_rows_that_share_a_label_with_themselves_only():
    pairs, _ = data()
    wanted = JFSSL(intra=0, inter=0.4, selection=1e-3, tol=0, max_iter=100).fit(pairs, np.arange(40))
    # The mean over 40 pairs, where that of covariances is over one pair fewer.
    options = {"graph": 0, "pairing": 0.4 * 39 / 40, "selection": 1e-3, "tol": 0, "max_iter": 100}
    found = JRL(**options).fit(pairs, np.arange(40))
    for a, b in zip(of(found), of(wanted), strict=True):
        assert_allclose(a, b, atol=1e-9)


def test_pairing_brings_the_predictions_of_a_row_together():
    pairs, labels = data()
    apart = []
    for pairing in (0.0, 1.0, 10.0):
        P, Q = JRL(pairing=pairing, graph=0, n_votes=None).fit(pairs, labels).transform(pairs.image, pairs.text)
        apart.append(((P - Q) ** 2).sum())
    assert apart[0] > apart[1] > apart[2]


def test_rows_without_labels_are_learned_from():
    pairs, labels = data(unlabelled=10)
    options = {"selection": 1e-3, "n_neighbors": 5}
    known = JRL(**options).fit(pairs[10:], labels[10:])
    every = JRL(**options).fit(pairs, labels)
    assert every.n_labelled_ == known.n_labelled_ == 30
    assert len(every.voter_rows_) == 60
    assert np.abs(every.image_projection_ - known.image_projection_).max() > 1e-4
    # Neither graph nor pairing: only their means count, which the predictions are centred by.
    options |= {"graph": 0, "pairing": 0}
    a, b = JRL(**options).fit(pairs[10:], labels[10:]), JRL(**options).fit(pairs, labels)
    assert_allclose(a.image_projection_, b.image_projection_, atol=1e-12)
    tags = [[str(j) for j in np.flatnonzero(row)] for row in labels]
    assert_array_equal(JRL(**options).fit(pairs, tags).image_projection_, b.image_projection_)


@pytest.mark.parametrize("seed", range(3))
def test_rows_without_labels_raise_map_where_few_have_labels(seed):
    pairs, labels = make_multilabel_pairs(300, n_labels=4, random_state=seed)
    held_out = slice(150, 300)
    given = labels.copy()
    given[30:] = 0
    few = JRL(n_votes=10).fit(pairs[:30], given[:30]).score(pairs[held_out], labels[held_out])
    all_rows = JRL(n_votes=10).fit(pairs[:150], given[:150]).score(pairs[held_out], labels[held_out])
    assert all_rows > few + 0.02


@pytest.mark.parametrize("k", [1, 7, 500])
def test_neighbours_of_both_views_vote(k):
    pairs, labels = data(unlabelled=5)
    fitted = JRL(n_votes=k).fit(pairs, labels)
    rows = []
    for name in ("image", "text"):
        X = getattr(pairs, name) - getattr(fitted, f"{name}_mean_")
        rows.append(X @ getattr(fitted, f"{name}_projection_"))
    stacked = np.vstack([rows[0][5:], rows[1][5:]])
    both = np.vstack([labels[5:], labels[5:]])
    image, text = fitted.transform(pairs.image, pairs.text)
    for i in range(0, 40, 3):
        assert_allclose(image[i, :3], neighbour_votes(rows[0][i], stacked, both, k), atol=1e-7)
        assert_allclose(text[i, :3], neighbour_votes(rows[1][i], stacked, both, k), atol=1e-7)
    # The cosine is the product of the votes.
    assert_allclose(fitted.similarity(pairs), image[:, :3] @ text[:, :3].T, atol=1e-12)
    assert_allclose(np.linalg.norm(image, axis=1), 1, atol=1e-12)
    assert_array_equal(fitted.decision_function(pairs.image), image[:, :3])
    assert fitted.annotate(text=pairs.text[:4], k=1) == [[label] for label in text[:4, :3].argmax(axis=1)]


def test_all_that_are_equally_near_vote():
    pairs, _ = data()
    twice = pairs[np.repeat(np.arange(40), 2)]
    # The first of two equal rows has label 0 or 1, the second one label 2.
    first = (pairs.image[:, 0] > 0).astype(int)
    y = np.column_stack([first, np.full(40, 2)]).ravel()
    order = np.random.default_rng(0).permutation(80)
    options = {"selection": 1e-3, "graph": 0, "n_votes": 1}
    a = JRL(**options).fit(twice, y).encode_image(pairs)
    b = JRL(**options).fit(twice[order], y[order]).encode_image(pairs)
    assert_allclose(a, b, atol=1e-6)
    assert_allclose(a[np.arange(40), first], 0.5, atol=1e-9)
    assert_allclose(a[:, 2], 0.5, atol=1e-9)


def test_units_of_the_views_and_the_order_of_rows_change_nothing():
    pairs, labels = data(unlabelled=5)
    wanted = JRL(n_neighbors=5, n_votes=9).fit(pairs, labels)
    order = np.random.default_rng(0).permutation(40)
    moved = Pairs(pairs.image * 1e3 + 5, pairs.text * 1e-4)
    found = JRL(n_neighbors=5, n_votes=9).fit(moved[order], labels[order])
    assert_allclose(found.similarity(moved), wanted.similarity(pairs), atol=1e-6)
    assert_array_equal(found.image_selected_, wanted.image_selected_)


def test_sparse_text_and_float32_give_the_same():
    pairs, labels = data(unlabelled=5)
    pairs = pairs.replace(text=np.maximum(pairs.text, 0))
    wanted = JRL(n_neighbors=5).fit(pairs, labels)
    found = JRL(n_neighbors=5).fit(pairs.replace(text=sp.csr_array(pairs.text)), labels)
    assert_allclose(found.text_projection_, wanted.text_projection_, atol=1e-9)
    single = JRL(n_neighbors=5).fit(pairs.replace(image=pairs.image.astype(np.float32)), labels)
    assert_allclose(single.image_projection_, wanted.image_projection_, atol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_smoothness_is_that_of_the_normalised_laplacian(sparse):
    X = np.maximum(data(30)[0].text - 1, 0)
    W = nearest(X, 4)
    root = np.sqrt(W.sum(axis=1))
    centred = X - X.mean(axis=0)
    wanted = centred.T @ (np.eye(30) - W / root[:, None] / root) @ centred / 30
    rows = graphs.centred(sp.csr_array(X) if sparse else X)
    assert_allclose(graphs.smoothness(rows, graphs.joined_rows(rows, 4)), wanted, atol=1e-10)


def test_few_rows_are_solved_in_the_space_that_they_span(monkeypatch):
    rng = np.random.default_rng(0)
    pairs, labels = Pairs(3 * rng.normal(size=(20, 50)), rng.normal(size=(20, 15))), [[i % 3] for i in range(20)]
    labels[4] = []
    fitted = JRL(n_neighbors=3, selection=0.03).fit(pairs, labels)
    monkeypatch.setattr(jrl, "rotated", as_it_is)
    whole = JRL(n_neighbors=3, selection=0.03).fit(pairs, labels)
    assert_allclose(fitted.objective_, whole.objective_, rtol=1e-8)
    assert_allclose(fitted.image_projection_, whole.image_projection_, atol=1e-8)
    assert not fitted.image_selected_.all()


def test_a_fit_without_votes_forgets_those_who_voted():
    pairs, labels = data()
    fitted = JRL().fit(pairs, labels).set_params(n_votes=None).fit(pairs, labels)
    assert len(fitted.voter_rows_) == 0
    assert fitted.encode_image(pairs).shape == (40, 3)


def test_labels_of_one_row_are_too_few():
    pairs, labels = data(unlabelled=39)
    with pytest.raises(ValueError, match="JRL has labels for one row of 40 only; pass labels of at least two rows"):
        JRL().fit(pairs, labels)


@pytest.mark.parametrize("options", [{"graph": -1}, {"pairing": -1}, {"n_neighbors": 0}, {"n_votes": 0}])
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        JRL(**options).fit(*data())
