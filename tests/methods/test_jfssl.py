"""JFSSL: its objective as loops, LCFS as a special case, what changes nothing, and its graphs."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import JFSSL, LCFS, Pairs
from skxmr._linalg.rotation import as_it_is
from skxmr.datasets import make_multilabel_pairs
from skxmr.methods import _neighbor_graphs as graphs
from skxmr.methods import jfssl


def data(n=40, seed=1):
    pairs, labels = make_multilabel_pairs(n, n_image_features=6, n_text_features=5, n_labels=3, random_state=seed)
    # Counts of words are often at the same distance; then the order of the rows counts.
    jitter = np.random.default_rng(0).uniform(size=pairs.text.shape) / 10
    return pairs.replace(text=pairs.text + jitter), labels


def near(view, k):
    """The weights of the rows of a view that are near each other, number by number."""
    n = len(view)
    squares = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in view] for x in view]
    chosen = set()
    for i in range(n):
        others = sorted((squares[i][j], j) for j in range(n) if j != i)
        chosen |= {(i, j) for _, j in others[:k]}
    width = sum(squares[i][j] for i, j in chosen) / len(chosen)
    W = np.zeros((n, n))
    for i, j in chosen:
        W[i, j] = W[j, i] = math.exp(-squares[i][j] / (2 * width))
    return W


def objective(views, labels, weights, selection, intra, inter, k):
    """The paper's objective, number by number, with the smoothing of the lengths."""
    n = len(labels)
    Y = labels - labels.mean(axis=0)
    total = 0.0
    predictions = []
    for view, W in zip(views, weights, strict=True):
        X = view - view.mean(axis=0)
        P = X @ W
        predictions.append(P)
        for i in range(n):
            for j in range(Y.shape[1]):
                total += 0.5 * (P[i, j] - Y[i, j]) ** 2 / (n - 1)
        scale = math.sqrt(sum(x**2 for row in X for x in row) / (n - 1) / X.shape[1])
        for row in W:
            total += selection * math.sqrt(sum((scale * w) ** 2 for w in row) + 1e-8)
        edges = near(view, k)
        for i in range(n):
            for j in range(n):
                total += intra * edges[i, j] / edges.sum() * 0.5 * sum((P[i] - P[j]) ** 2)
    shared = labels @ labels.T
    for i in range(n):
        for j in range(n):
            total += inter * shared[i, j] / shared.sum() * 0.5 * sum((predictions[0][i] - predictions[1][j]) ** 2)
    return total


def of(fitted):
    return [fitted.image_projection_.copy(), fitted.text_projection_.copy()]


@pytest.mark.parametrize(("intra", "inter"), [(0.5, 0.0), (0.0, 0.7), (0.3, 0.4)])
def test_no_weight_can_be_changed_to_lower_the_objective(intra, inter):
    pairs, labels = data(24)
    views = pairs.image, pairs.text
    constants = 2e-3, intra, inter, 4
    fitted = JFSSL(selection=2e-3, intra=intra, inter=inter, n_neighbors=4, tol=0, max_iter=2000).fit(pairs, labels)
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
    fitted = JFSSL(selection=0.05, intra=0.5, inter=0.5, tol=0, max_iter=60).fit(*data())
    assert fitted.n_iter_ == len(fitted.objective_) == 60
    assert (np.diff(fitted.objective_) < 1e-12).all()


@pytest.mark.parametrize("n", [60, 12])
def test_without_graphs_it_is_lcfs_without_its_trace_norm(n):
    pairs, labels = make_multilabel_pairs(n, n_image_features=30, n_labels=3, random_state=1)
    wanted = LCFS(coupling=0, selection=0.03).fit(pairs, labels)
    found = JFSSL(intra=0, inter=0, selection=0.03).fit(pairs, labels)
    assert_allclose(found.objective_, wanted.objective_, rtol=1e-12)
    for a, b in zip(of(found), of(wanted), strict=True):
        assert_allclose(a, b, atol=1e-12)
    assert_array_equal(found.image_selected_, wanted.image_selected_)
    assert not found.image_selected_.all()
    assert_allclose(found.similarity(pairs), wanted.similarity(pairs), atol=1e-10)


def test_a_graph_within_a_view_brings_near_rows_together():
    pairs, labels = data()
    edges = near(pairs.image, 4)
    spreads = []
    for intra in (0.0, 1.0, 10.0):
        P = JFSSL(selection=1e-4, intra=intra, inter=0, n_neighbors=4).fit(pairs, labels).encode_image(pairs)
        apart = ((P[:, None] - P[None]) ** 2).sum(axis=2)
        # In units of the distances of all rows, because all predictions become smaller.
        spreads.append((edges * apart).sum() / edges.sum() / apart.mean())
    assert spreads[0] > spreads[1] > spreads[2]


def test_a_graph_between_the_views_brings_rows_of_equal_labels_together():
    pairs, labels = data()
    shared = labels @ labels.T
    apart = []
    for inter in (0.0, 1.0, 10.0):
        P, Q = JFSSL(selection=1e-4, intra=0, inter=inter).fit(pairs, labels).transform(pairs.image, pairs.text)
        apart.append((shared * ((P[:, None] - Q[None]) ** 2).sum(axis=2)).sum())
    assert apart[0] > apart[1] > apart[2]


def test_the_views_are_learned_together_only_if_joined():
    pairs, labels = data()
    other = pairs.replace(text=pairs.text[:, ::-1] ** 2)
    for inter, same in ((0.0, True), (0.1, False)):
        a = JFSSL(inter=inter, selection=0.001, tol=0, max_iter=50).fit(pairs, labels)
        b = JFSSL(inter=inter, selection=0.001, tol=0, max_iter=50).fit(other, labels)
        assert np.allclose(a.image_projection_, b.image_projection_, atol=1e-9) == same


def test_units_of_the_views_and_the_order_of_rows_change_nothing():
    pairs, labels = data()
    wanted = JFSSL(n_neighbors=5).fit(pairs, labels)
    order = np.random.default_rng(0).permutation(40)
    moved = Pairs(pairs.image * 1e3 + 5, pairs.text * 1e-4)
    found = JFSSL(n_neighbors=5).fit(moved[order], labels[order])
    assert_allclose(found.similarity(moved), wanted.similarity(pairs), atol=1e-7)
    assert_array_equal(found.image_selected_, wanted.image_selected_)


def test_sparse_text_and_float32_give_the_same():
    pairs, labels = data()
    pairs = pairs.replace(text=np.maximum(pairs.text, 0))
    wanted = JFSSL(n_neighbors=5).fit(pairs, labels)
    found = JFSSL(n_neighbors=5).fit(pairs.replace(text=sp.csr_array(pairs.text)), labels)
    assert_allclose(found.text_projection_, wanted.text_projection_, atol=1e-9)
    single = JFSSL(n_neighbors=5).fit(pairs.replace(image=pairs.image.astype(np.float32)), labels)
    assert_allclose(single.image_projection_, wanted.image_projection_, atol=1e-5)


def test_few_rows_are_solved_in_the_space_that_they_span(monkeypatch):
    rng = np.random.default_rng(0)
    pairs, labels = Pairs(3 * rng.normal(size=(20, 50)), rng.normal(size=(20, 15))), np.arange(20) % 3
    fitted = JFSSL(n_neighbors=3, selection=0.02).fit(pairs, labels)
    monkeypatch.setattr(jfssl, "rotated", as_it_is)
    whole = JFSSL(n_neighbors=3, selection=0.02).fit(pairs, labels)
    assert_allclose(fitted.objective_, whole.objective_, rtol=1e-8)
    assert_allclose(fitted.image_projection_, whole.image_projection_, atol=1e-8)
    assert not fitted.image_selected_.all()


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_are_joined_with_their_nearest_ones(sparse):
    X = data(30)[0].text
    rows = graphs.centred(sp.csr_array(X) if sparse else X)
    assert_allclose(graphs.near_rows(rows, 4).toarray(), near(X, 4), atol=1e-8)
    assert_array_equal(graphs.joined_rows(rows, 4).toarray(), near(X, 4) > 0)


def test_equal_rows_are_joined_as_near_as_can_be():
    X = np.repeat(np.arange(5.0), 3)[:, None]
    graph = graphs.near_rows(X, 2).toarray()
    wanted = np.kron(np.eye(5), 1 - np.eye(3))
    assert_array_equal(graph, wanted)
    assert_array_equal(graphs.joined_rows(X, 2).toarray(), wanted)


def test_more_neighbours_than_rows_are_all_rows():
    pairs, labels = data(10)
    few, many = (JFSSL(n_neighbors=k, selection=1e-3).fit(pairs, labels) for k in (9, 50))
    assert_array_equal(few.image_projection_, many.image_projection_)


def test_rows_without_labels_are_joined_with_no_other_view():
    pairs, labels = data()
    labels[:5] = 0
    fitted = JFSSL(selection=1e-3, n_neighbors=4, tol=0, max_iter=400).fit(pairs, labels)
    least = objective((pairs.image, pairs.text), labels, of(fitted), 1e-3, 0.1, 1.0, 4)
    assert_allclose(fitted.objective_[-1], least, rtol=1e-9)


@pytest.mark.parametrize("options", [{"intra": -1}, {"inter": -1}, {"n_neighbors": 0}])
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        JFSSL(**options).fit(*data())
