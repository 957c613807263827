"""GMA: the scatters and graphs of both kinds, the eigenproblem of the paper, and what it equals in special cases."""

import dask
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.metrics import pairwise_distances_chunked

from skxmr import CCA, GMA, PLS, Pairs
from skxmr._data.labels import encode_labels
from skxmr.datasets import make_multilabel_pairs
from skxmr.methods import _marginal_graphs as graphs
from tests.methods.test_numerical_rank import fitted, low_rank
from tests.problems import assert_equal_models, chunked, correlated

KINDS = ("lda", "mfa")


def data(n=40):
    pairs, labels = make_multilabel_pairs(n, n_image_features=6, n_text_features=5, n_labels=4, random_state=1)
    # Without an empty row.
    labels[labels.sum(axis=1) == 0, 0] = 1
    # Counts of words are often at the same distance; then the order of the rows counts.
    jitter = np.random.default_rng(0).uniform(size=pairs.text.shape) / 10
    return pairs.replace(text=pairs.text + jitter), labels


def classes(n=40):
    """Labels of which every row has one."""
    return np.random.default_rng(2).integers(4, size=n)


def single_label_scatters(X, y):
    """The paper's scatter matrices, between and within classes, by loops over single numbers."""
    n, d = X.shape
    between = np.zeros((d, d))
    within = np.zeros((d, d))
    for a in range(d):
        for b in range(d):
            for c in set(y.tolist()):
                members = [i for i in range(n) if y[i] == c]
                mean_a, mean_b = (sum(X[i, j] for i in members) / len(members) for j in (a, b))
                all_a, all_b = (sum(X[i, j] for i in range(n)) / n for j in (a, b))
                between[a, b] += len(members) * (mean_a - all_a) * (mean_b - all_b) / (n - 1)
                within[a, b] += sum((X[i, a] - mean_a) * (X[i, b] - mean_b) for i in members) / (n - 1)
    return between, within


def multi_label_scatters(X, Y):
    """The same with weights: a row belongs to each of its m labels with weight 1 / m."""
    n, d = X.shape
    overall = [sum(X[i, a] for i in range(n)) / n for a in range(d)]
    between = np.zeros((d, d))
    within = np.zeros((d, d))
    for label in range(Y.shape[1]):
        w = [Y[i, label] / sum(Y[i]) for i in range(n)]
        mean = [sum(w[i] * X[i, a] for i in range(n)) / sum(w) for a in range(d)]
        for a in range(d):
            for b in range(d):
                between[a, b] += sum(w) * (mean[a] - overall[a]) * (mean[b] - overall[b]) / (n - 1)
                for i in range(n):
                    within[a, b] += w[i] * (X[i, a] - mean[a]) * (X[i, b] - mean[b]) / (n - 1)
    return between, within


def scatter_along(X, edges):
    """Half the mean of the products of distances over edges (i, j)."""
    total = np.zeros((X.shape[1], X.shape[1]))
    for i, j in edges:
        for a in range(X.shape[1]):
            for b in range(X.shape[1]):
                total[a, b] += (X[i, a] - X[j, a]) * (X[i, b] - X[j, b]) / 2 / len(edges)
    return total


def edges_of(X, Y, k1, k2):
    """Edges (i, j) of the penalty and of the intrinsic graph, both ways round, by loops over rows."""
    n = len(X)

    def distance(i, j):
        return sum((X[i, a] - X[j, a]) ** 2 for a in range(X.shape[1]))

    penalty, intrinsic = set(), set()
    for label in range(Y.shape[1]):
        members = [i for i in range(n) if Y[i, label]]
        for i in members:
            near = sorted((distance(i, j), j) for j in members if j != i)[:k1]
            intrinsic |= {(i, j) for _, j in near} | {(j, i) for _, j in near}
        apart = [(distance(i, j), i, j) for i in members for j in range(n) if Y[j].any() and not (Y[i] * Y[j]).any()]
        penalty |= {(i, j) for _, i, j in sorted(apart)[:k2]} | {(j, i) for _, i, j in sorted(apart)[:k2]}
    return penalty, intrinsic


def paper_solution(pairs, scatters, ridge, alpha, mu, gamma, k):
    """The paper's eigenproblem of both views together, with its weights as they are; directions in paired columns."""
    X, T = pairs.image - pairs.image.mean(axis=0), pairs.text - pairs.text.mean(axis=0)
    d, n = X.shape[1], len(X)
    (A_x, B_x), (A_t, B_t) = scatters
    B_x = B_x + ridge * np.trace(X.T @ X) / (n - 1) / d * np.eye(d)
    B_t = B_t + ridge * np.trace(T.T @ T) / (n - 1) / T.shape[1] * np.eye(T.shape[1])
    Z = alpha * X.T @ T / (n - 1)
    values, V = scipy.linalg.eigh(np.block([[A_x, Z], [Z.T, mu * A_t]]), scipy.linalg.block_diag(B_x, gamma * B_t))
    V = V[:, ::-1]
    related = np.einsum("ij,ij->j", V[:d], Z @ V[d:]) > 0
    image, text = V[:d, related][:, :k], V[d:, related][:, :k]
    sign = np.sign(image[abs(image).argmax(axis=0), range(k)])
    return values[::-1][related][:k], image * sign, text * sign


def assert_solves(model, pairs, scatters, k=4):
    """Want a fit to be the solution of the paper's eigenproblem, in which weights have no units."""
    X, T = pairs.image - pairs.image.mean(axis=0), pairs.text - pairs.text.mean(axis=0)
    (A_x, B_x), (A_t, B_t) = scatters
    alpha = model.alpha * np.trace(A_x) / np.sqrt(((X.T @ T / (len(X) - 1)) ** 2).sum())
    mu = model.mu * np.trace(A_x) / np.trace(A_t)
    gamma = model.gamma * np.trace(B_x) / np.trace(B_t)
    values, image, text = paper_solution(pairs, scatters, model.ridge, alpha, mu, gamma, k)
    assert_allclose(model.eigenvalues_[:k], values, atol=1e-10)
    assert_allclose(model.image_weights_[:, :k], image, atol=1e-8)
    assert_allclose(model.text_weights_[:, :k], text, atol=1e-8)
    assert_allclose(model.text_projection_[:, :k], text * values**model.eigenvalue_power, atol=1e-8)


WEIGHTS = [{}, {"alpha": 3.0, "mu": 0.5, "gamma": 2.0, "ridge": 0.01, "eigenvalue_power": 1.0}, {"mu": 0.0}]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_lda_solves_the_papers_problem_with_one_label_per_row(weights):
    pairs, _ = data()
    y = classes()
    scatters = [single_label_scatters(X, y) for X in (pairs.image, pairs.text)]
    assert_solves(GMA(**weights).fit(pairs, y), pairs, scatters)


def test_lda_weighs_several_labels_of_a_row():
    pairs, labels = data()
    assert (labels.sum(axis=1) > 1).any()
    scatters = [multi_label_scatters(X, labels) for X in (pairs.image, pairs.text)]
    for X, (between, within) in zip((pairs.image, pairs.text), scatters, strict=True):
        assert_allclose(between + within, np.cov(X, rowvar=False), atol=1e-12)
    assert_solves(GMA().fit(pairs, labels), pairs, scatters)


def test_the_weights_of_several_labels_are_the_scatters_of_the_paper_for_one_label():
    pairs, _ = data()
    y = classes()
    for a, b in zip(
        single_label_scatters(pairs.image, y), multi_label_scatters(pairs.image, np.eye(4)[y]), strict=True
    ):
        assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(("k1", "k2"), [(3, 7), (1, 1), (100, 10_000)])
def test_mfa_solves_the_papers_problem(several, k1, k2):
    pairs, labels = data(30)
    labels = labels if several else np.eye(4, dtype=int)[classes(30)]
    scatters = []
    for X in (pairs.image, pairs.text):
        penalty, intrinsic = edges_of(X, labels, k1, k2)
        scatters.append((scatter_along(X, penalty), scatter_along(X, intrinsic)))
    fit = GMA(kind="mfa", n_neighbors=k1, n_marginal_pairs=k2, ridge=0.1).fit(pairs, labels)
    assert_solves(fit, pairs, scatters)


def in_blocks(X, Z, **options):
    for start in range(0, X.shape[0], 3):
        yield from pairwise_distances_chunked(X[start : start + 3], Z, **options)


@pytest.mark.parametrize("distances", [pairwise_distances_chunked, in_blocks])
def test_graphs_join_the_rows_that_loops_join_and_rows_without_labels_join_none(monkeypatch, distances):
    """Counts of words are often at the same distance: then the first rows count."""
    pairs, labels = make_multilabel_pairs(40, n_text_features=5, n_labels=4, random_state=1)
    labels[:5] = 0
    Y = encode_labels(labels).matrix
    penalty, intrinsic = edges_of(pairs.text, labels, 3, 7)
    monkeypatch.setattr(graphs, "pairwise_distances_chunked", distances)
    for X in (pairs.text, sp.csr_array(pairs.text)):
        found = graphs.penalty_graph(X, Y, 7)
        assert set(zip(*found.nonzero(), strict=True)) == penalty
        assert found[:5].nnz == 0
        assert set(zip(*graphs.intrinsic_graph(X, Y, 3).nonzero(), strict=True)) == intrinsic


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_one_label_for_all_rows_leaves_cca(kind, ridge):
    """Nothing lies between labels, all rows are joined within them, and the eigenvalues are the correlations."""
    pairs = correlated(n=100)
    wanted = CCA(ridge=ridge).fit(pairs)
    found = GMA(kind=kind, ridge=ridge, n_neighbors=100, eigenvalue_power=1.0).fit(pairs, ["same"] * 100)
    assert_allclose(found.eigenvalues_ / found.eigenvalues_[0], wanted.correlations_ / wanted.correlations_[0])
    assert_allclose(found.similarity(pairs), wanted.similarity(pairs), atol=1e-10)


def test_a_label_for_every_row_and_a_large_alpha_leave_the_covariance_of_the_pairs():
    pairs = correlated(n=100)
    found = GMA(alpha=1e7, eigenvalue_power=0.0).fit(pairs, np.arange(100))
    U, _, Vt = np.linalg.svd((pairs.image - pairs.image.mean(axis=0)).T @ (pairs.text - pairs.text.mean(axis=0)))
    for weights, wanted in ((found.image_weights_, U[:, :5]), (found.text_weights_, Vt.T)):
        cosines = np.einsum("ij,ij->j", weights / np.linalg.norm(weights, axis=0), wanted)
        assert_allclose(abs(cosines), 1, atol=1e-6)
    first = PLS(1, scale=False).fit(pairs).image_weights_[:, 0]
    assert_allclose(found.image_weights_[:, 0] / np.linalg.norm(found.image_weights_[:, 0]), first, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_units_offsets_rotations_and_the_order_of_rows_change_nothing(kind):
    pairs, labels = data()
    model = GMA(kind=kind)
    wanted = model.fit(pairs, labels).similarity(pairs)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    for moved in (
        pairs.replace(image=1e-3 * pairs.image + 5),
        pairs.replace(text=1e4 * pairs.text),
        pairs.replace(image=pairs.image @ rotation),
    ):
        assert_allclose(GMA(kind=kind).fit(moved, labels).similarity(moved), wanted, atol=1e-9)
    order = np.random.default_rng(0).permutation(len(pairs))
    assert_allclose(GMA(kind=kind).fit(pairs[order], labels[order]).similarity(pairs), wanted, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_sparse_text_equals_dense_also_with_fewer_rows_than_features(kind):
    pairs, labels = data()
    wide = Pairs(pairs.image @ np.ones((6, 90)) + np.arange(90), np.maximum(np.tile(pairs.text, 30), 0))
    for views in (pairs, wide):
        dense = GMA(kind=kind, ridge=0.5).fit(views, labels)
        sparse = GMA(kind=kind, ridge=0.5).fit(views.replace(text=sp.csr_array(views.text)), labels)
        assert_allclose(sparse.similarity(views), dense.similarity(views), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_is_close_to_float64(kind):
    pairs, labels = data(200)
    single = Pairs(pairs.image.astype(np.float32), pairs.text.astype(np.float32))
    double = Pairs(single.image.astype(np.float64), single.text.astype(np.float64))
    found = GMA(kind=kind).fit(single, labels)
    assert found.image_weights_.dtype == np.float64
    assert_allclose(found.eigenvalues_, GMA(kind=kind).fit(double, labels).eigenvalues_, rtol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_lda_learns_from_parts(sparse):
    pairs, labels = data(200)
    if sparse:
        pairs = pairs.replace(text=sp.csr_array(np.maximum(pairs.text, 0)))
    wanted = GMA().fit(pairs, labels)
    parts = GMA()
    for rows in (slice(0, 90), slice(90, 200)):
        parts.partial_fit(pairs[rows], labels[rows])
    assert_equal_models(parts, wanted, pairs)
    with dask.config.set(scheduler="synchronous"):
        assert_equal_models(GMA().fit(chunked(pairs), labels), wanted, pairs)


def test_labels_of_parts_are_put_in_order():
    pairs, _ = data()
    tags = [["b"], ["a"], ["c", "a"], ["d"]] * 10
    parts = GMA().partial_fit(pairs[:20], tags[:20])
    parts.partial_fit(pairs[20:], [row[::-1] for row in tags[20:]])
    assert_equal_models(parts, GMA().fit(pairs, tags), pairs)


def test_mfa_refuses_rows_that_come_in_parts():
    pairs, labels = data()
    with pytest.raises(ValueError, match=r"partial_fit cannot go with kind='mfa'.* use kind='lda'"):
        GMA(kind="mfa").partial_fit(pairs, labels)
    with pytest.raises(ValueError, match="a dask array cannot go with kind='mfa'"):
        GMA(kind="mfa").fit(chunked(pairs), labels)


@pytest.mark.parametrize(("dtype", "d"), [(np.float64, 12), (np.float32, 300)])
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_mfa_finds_as_many_components_as_the_view_has_directions(dtype, d, ridge):
    """Those of "lda" are tested with the other closed forms."""
    image, text, labels = low_rank(3, d, dtype, n=80)
    for form in (np.asarray, sp.csr_array):
        found, messages = fitted(GMA(5, kind="mfa", ridge=ridge), form(image), text, labels)
        assert found.n_components_ == 3
        assert ["GMA finds 3 of 5 components" in message for message in messages] == [True]


@pytest.mark.parametrize("kind", KINDS)
def test_views_that_do_not_vary_and_labels_that_no_row_has(kind):
    pairs, labels = data()
    with pytest.raises(ValueError, match="GMA finds no component: image or text does not vary"):
        GMA(kind=kind).fit(pairs.replace(image=np.ones((40, 3))), labels)
    empty = np.hstack([labels, np.zeros((40, 1), int)])
    wanted = GMA(kind=kind).fit(pairs, labels)
    assert_allclose(GMA(kind=kind).fit(pairs, empty).similarity(pairs), wanted.similarity(pairs), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_duplicated_and_constant_columns_and_duplicated_rows(kind):
    pairs, labels = data()
    image = np.hstack([pairs.image, pairs.image[:, :2], np.full((40, 2), 7.0)])
    rows = np.r_[:40, :40]
    for ridge in (0.0, 0.3):
        fit = GMA(kind=kind, ridge=ridge).fit(image[rows], pairs.text[rows], labels[rows])
        assert np.isfinite(fit.transform(pairs.replace(image=image)).image).all()


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "pca"},
        {"alpha": 0},
        {"mu": -1},
        {"gamma": 0},
        {"n_neighbors": 0},
        {"n_marginal_pairs": 0},
        {"ridge": -1},
        {"eigenvalue_power": -1},
        {"n_components": 6},
    ],
)
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        GMA(**options).fit(*data())
