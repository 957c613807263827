import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import Pipeline

from skxmr import CCA, LabelGraph, label_graph
from skxmr.steps import cooccurrence as _cooccurrence
from tests import reference

RNG = np.random.default_rng(0)
Y = (RNG.uniform(size=(60, 7)) < 0.35).astype(int)
# sea implies sky; sky does not imply sea; cat stands alone
ASYMMETRIC = [["sky", "sea"], ["sky"], ["sky"], ["cat"]]


@pytest.mark.parametrize("tau", [0.0, 0.2, 0.4, 1.0])
@pytest.mark.parametrize("p", [0.2, 1.0])
def test_graph_is_equations_6_to_8(tau, p):
    assert_array_equal(label_graph(Y, tau, p), reference.label_graph(Y, tau, p))


@pytest.mark.parametrize("tau", [0.0, 0.3, 1.0])
def test_probabilities_are_equation_6(tau):
    """P(L_i | L_j) itself where it reaches tau, whatever p; a label that never occurs is connected to nothing."""
    labels = np.c_[Y, np.zeros(60, int)]
    found = label_graph(labels, tau, 0.7, kind="probability")
    for i in range(8):
        for j in range(8):
            both, alone = (labels[:, i] & labels[:, j]).sum(), labels[:, j].sum()
            share = both / alone if alone else 0.0
            assert found[i, j] == (1.0 if i == j else share if share >= tau else 0.0)


def test_the_threshold_is_inclusive():
    labels = np.array([[1, 1]] * 2 + [[0, 1]] * 3)  # P(L_0 | L_1) = 2/5
    assert label_graph(labels, 0.4, 0.5)[0, 1] == 0.5
    assert label_graph(labels, np.nextafter(0.4, 1), 0.5)[0, 1] == 0


def test_row_i_receives_from_j_where_j_implies_i():
    graph = LabelGraph(tau=0.9, p=0.5).fit(None, ASYMMETRIC).to_frame()
    assert graph.loc["sky", "sea"] == 0.5 and graph.loc["sea", "sky"] == 0
    flipped = LabelGraph(tau=0.9, p=0.5, transpose=True).fit(None, ASYMMETRIC).to_frame()
    assert_array_equal(flipped, graph.T)


def test_symmetric_normalisation_divides_by_row_sums():
    A = label_graph(Y, 0.3, 0.5)
    D = np.diag(A.sum(axis=1) ** -0.5)
    assert_allclose(label_graph(Y, 0.3, 0.5, normalize="symmetric"), D @ A @ D, rtol=1e-14)
    # the authors' code: D^-1/2 A^T D^-1/2 with D the row sums of A
    assert_allclose(label_graph(Y, 0.3, 0.5, normalize="symmetric", transpose=True), D @ A.T @ D, rtol=1e-14)


@pytest.mark.parametrize("labels", [Y, Y.astype(bool), sp.csr_array(Y), pd.DataFrame(Y)])
def test_every_form_of_labels_gives_the_same_graph(labels):
    assert_array_equal(label_graph(labels, 0.3, 0.5), label_graph(Y, 0.3, 0.5))


def test_identity_and_given_matrices():
    assert_array_equal(label_graph(Y, kind="identity"), np.eye(7))
    given = RNG.uniform(size=(7, 7))
    assert_array_equal(label_graph(Y, kind=given), given)
    assert_array_equal(label_graph(Y, kind=sp.csr_array(given)), given)
    named = pd.DataFrame([[1, 0.5, 0], [0, 1, 0], [0.2, 0, 1]], index=list("bca"), columns=list("bca"))
    reordered = label_graph([["a"], ["b"], ["c"]], kind=named)
    assert_array_equal(reordered, named.loc[list("abc"), list("abc")])


def test_permuting_the_labels_permutes_the_graph():
    order = RNG.permutation(7)
    assert_array_equal(label_graph(Y[:, order], 0.3, 0.5), label_graph(Y, 0.3, 0.5)[np.ix_(order, order)])


def test_labels_never_or_always_on():
    labels = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 1]])
    with_neighbours = label_graph(labels, 0.9, 0.5)
    assert_array_equal(with_neighbours, [[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])


def test_isolated_labels_are_reported():
    graph = LabelGraph(tau=0.9).fit(None, ASYMMETRIC)
    assert graph.isolated_.tolist() == ["cat"] and graph.n_edges_ == 1
    assert graph.classes_.tolist() == ["cat", "sea", "sky"]
    with pytest.warns(UserWarning, match="connects no two labels"):
        LabelGraph().fit(None, ["art", "music", "art"])
    assert len(LabelGraph(kind="identity").fit(None, ["art", "music"]).isolated_) == 2


@pytest.mark.parametrize("kind", ["cooccurrence", "probability"])
@pytest.mark.parametrize(
    "labels", [["art", "music", "art"], np.eye(5, dtype=int), [["sea"], ["sky"], []], [["sea"], ["sea"]]]
)
def test_no_tau_is_advised_where_no_row_has_two_labels(labels, kind):
    with pytest.warns(UserWarning, match="at tau=0.4 the label graph connects no two labels; ") as caught:
        LabelGraph(kind=kind).fit(None, labels)
    (warning,) = caught
    assert "lower tau" not in str(warning.message)
    assert "no row has two labels, so no tau above 0 connects any. Use the graph 'identity'" in str(warning.message)


@pytest.mark.parametrize("n", [3, 7, 1234])
def test_the_tau_that_is_advised_connects_labels(n):
    """One of n rows with "sea" has "sky", and as many others have "sky"."""
    labels = [["sea", "sky"], *[["sea"]] * (n - 1), *[["sky"]] * (n - 1)]
    with pytest.warns(UserWarning, match=r"connects no two labels; lower tau to at most [\d.e-]+, or use") as caught:
        LabelGraph(tau=0.5).fit(None, labels)
    advised = float(str(caught[0].message).split("at most ")[1].split(",")[0])
    assert 0.99 / n < advised <= 1 / n
    assert LabelGraph(tau=advised).fit(None, labels).n_edges_ == 2


def test_ten_thousand_labels_stay_sparse():
    import tracemalloc

    n, c = 3000, 10_000
    rows = np.repeat(np.arange(n), 5)
    labels = sp.csr_array((np.ones(5 * n), (rows, RNG.integers(c, size=5 * n))), shape=(n, c))
    labels.data[:] = 1
    tracemalloc.start()
    graph = LabelGraph(tau=0.3, normalize="symmetric").fit(None, labels)
    assert tracemalloc.get_traced_memory()[1] < 40e6  # a dense n x c array would take 240 MB, c x c 800 MB
    tracemalloc.stop()
    assert sp.issparse(graph.matrix_) and graph.matrix_.shape == (c, c)
    assert graph.to_frame().shape == (c, c)
    picked = graph.matrix_[[0, 5, 9]].toarray()
    assert (picked[np.arange(3), [0, 5, 9]] > 0).all()
    with pytest.raises(ValueError, match="tau=0 connects every pair of 10000 labels"):
        label_graph(labels, 0.0)


def test_sparse_graph_equals_dense_graph():
    wide = (RNG.uniform(size=(400, 520)) < 0.01).astype(int)
    assert_array_equal(label_graph(wide, 0.3, 0.5).toarray(), reference_fast(wide, 0.3, 0.5))
    assert _cooccurrence._DENSE < 520


def reference_fast(Y, tau, p):
    with np.errstate(invalid="ignore", divide="ignore"):
        P = np.nan_to_num((Y.T @ Y) / Y.sum(axis=0))
    A = p * (P >= tau)
    np.fill_diagonal(A, 1)
    return A


def test_step_attaches_a_graph_of_the_training_labels_only(small):
    pairs, labels = small
    step = LabelGraph(tau=0.3).fit(pairs[:80], labels[:80])
    attached = step.transform(pairs[80:]).label_graph
    assert_array_equal(attached.matrix_, label_graph(labels[:80], 0.3))
    step.fit(pairs, labels)  # a refit does not reach what was attached before
    assert_array_equal(attached.matrix_, label_graph(labels[:80], 0.3))
    assert_array_equal(LabelGraph(tau=0.3).fit_transform(pairs, labels).label_graph.matrix_, step.matrix_)
    assert pairs.label_graph is None


def test_step_in_a_pipeline_is_harmless_to_methods_without_a_graph(small):
    pairs, labels = small
    piped = Pipeline([("graph", LabelGraph()), ("model", CCA())]).set_output(transform="pandas").fit(pairs, labels)
    assert piped.score(pairs, labels) == CCA().fit(pairs, labels).score(pairs, labels)
    assert piped.transform(pairs).label_graph is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau": 1.1}, "tau .* must be in .0, 1."),
        ({"tau": -0.1}, "tau"),
        ({"tau": np.nan}, "tau"),
        ({"tau": "0.4"}, "tau must be a number"),
        ({"p": 0}, "p must be > 0"),
        ({"p": -1}, "p must be > 0"),
        ({"p": np.inf}, "p must be > 0"),
        ({"kind": "random"}, "kind must be one of"),
        ({"normalize": "rows"}, "normalize must be one of"),
        ({"kind": None}, "kind must be one of"),
        ({"kind": np.full((7, 7), "x")}, "must hold real numbers"),
        ({"kind": np.eye(7) * 1j}, "must hold real numbers"),
        ({"kind": np.ones((7, 7, 7))}, "has shape"),
        ({"kind": np.zeros((7, 7)), "normalize": "symmetric"}, "row 0 .* sums to 0"),
        ({"transpose": "yes"}, "transpose must be True or False"),
        ({"kind": np.eye(3)}, "has shape .3, 3. but there are 7 labels"),
        ({"kind": -np.eye(7)}, "weights of 0 or more"),
        ({"kind": np.full((7, 7), np.nan)}, "finite"),
        ({"kind": pd.DataFrame(np.eye(7), columns=list("abcdefg"))}, "must be named by the labels"),
    ],
)
def test_bad_parameters_are_named(options, message):
    for call in (lambda: label_graph(Y, **options), lambda: LabelGraph(**options).fit(None, Y)):
        with pytest.raises(ValueError, match=message):
            call()


def test_bad_input_is_named(small):
    pairs, labels = small
    with pytest.raises(ValueError, match="requires y"):
        LabelGraph().fit(pairs)
    with pytest.raises(ValueError, match="labels has 119 rows"):
        LabelGraph().fit(pairs, labels[1:])
    with pytest.raises(TypeError, match="wrap the views"):
        LabelGraph().fit(pairs.image, labels)
    with pytest.raises(TypeError, match="wrap the views"):
        LabelGraph().fit(pairs, labels).transform((pairs.image, pairs.text))
