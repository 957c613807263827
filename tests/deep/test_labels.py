import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skxmr import ALGCN, DAGNN, IGNN, LabelGraph, Pairs, label_graph
from skxmr._data.labels import encode_labels
from skxmr.deep.label_graphs import fitted_graph
from skxmr.deep.label_vectors import statistical_label_vectors
from skxmr.deep.labels import LabelRetriever
from skxmr.deep.split import unsplit
from skxmr.nn.losses import cosine
from tests.deep.toy import Toy, ToyNetwork

TAGS = [["sky", "sea"], ["sky"], ["cat"], ["sky", "sea"], ["cat", "sofa"]] * 24


class ReadableNetwork(ToyNetwork):
    def label_classifiers(self):
        return self.classifiers


class Readable(Toy, LabelRetriever):
    def _build(self, split):
        learner = super()._build(split)
        learner.network.__class__ = ReadableNetwork
        return learner


def graph_of(pairs, labels, normalize="none", **changed):
    """The graph of a method with these parameters; its defaults are those of the step."""
    model = ALGCN(**changed)
    own = LabelGraph(model.tau, model.p, model.graph, normalize)
    return fitted_graph(unsplit(pairs, labels), own, model._changed_graph_parameters(), "ALGCN")


def test_scores_are_cosines_with_the_classifiers(small):
    pairs, labels = small
    fitted = Readable().fit(pairs, labels)
    Z = fitted.network_.classifiers
    assert_array_equal(fitted.classifiers_, Z)
    for name, encode in (("image", fitted.network_.encode_image), ("text", fitted.network_.encode_text)):
        rows = getattr(pairs, name)[:7]
        expected = cosine(encode(Z.new_tensor(rows)), Z)
        assert_allclose(fitted.decision_function(**{name: rows}), expected, atol=1e-6)
        alone = Pairs(**{name: rows})
        assert_allclose(fitted.decision_function(alone), expected, atol=1e-6)
        assert_allclose(fitted.decision_function(**{name: alone}), expected, atol=1e-6)


def test_annotations_are_the_best_labels_by_name(small):
    pairs, _ = small
    fitted = Readable().fit(pairs, TAGS)
    scores = fitted.decision_function(text=pairs.text[:9])
    for row, names in zip(scores, fitted.annotate(text=pairs.text[:9], k=3, threshold=-np.inf), strict=True):
        assert names == [fitted.classes_[j] for j in np.argsort(-row)[:3]]
    assert len(fitted.annotate(image=pairs.image[:2], k=4, threshold=-np.inf)[0]) == 4


def test_learned_annotations_beat_chance(small):
    pairs, labels = small
    fitted = Readable(max_epochs=40).fit(pairs, labels)
    hits = [labels[i, tags[0]] for i, tags in enumerate(fitted.annotate(image=pairs.image, k=1, threshold=-np.inf))]
    assert np.mean(hits) > labels.mean() + 0.2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, p: m.decision_function(), "either image= or text="),
        (lambda m, p: m.decision_function(p.image, p.text), "either image= or text="),
        (lambda m, p: m.annotate(image=p.image, k=0), "k must be a positive integer or None; got 0"),
        (lambda m, p: m.annotate(image=p.image, k=True), "k must be a positive integer or None; got True"),
        (
            lambda m, p: m.annotate(image=p.image, threshold="0.5"),
            "threshold must be a number, a mapping .*; got '0.5'",
        ),
        (
            lambda m, p: m.annotate(image=p.image, threshold=float("nan")),
            "threshold must be a number, a mapping .*; got nan",
        ),
        (lambda m, p: m.decision_function(p), r"image is a Pairs of both views.* pass image=pairs\.image or text="),
        (lambda m, p: m.annotate(text=p), "text is a Pairs of both views, and one of them is wanted"),
        (lambda m, p: m.annotate(text=Pairs(p.image)), "text is a Pairs without texts"),
    ],
)
def test_bad_input_is_named(small, call, message):
    with pytest.raises(ValueError, match=message):
        call(Readable(max_epochs=1).fit(*small), small[0])


@pytest.mark.parametrize("normalize", ["none", "symmetric"])
def test_the_graph_is_the_steps_or_the_retrievers_own(small, normalize):
    pairs, Y = small
    labels = encode_labels(Y)
    own = graph_of(pairs, labels, normalize, tau=0.2)
    assert_allclose(own, label_graph(Y, 0.2, 0.5, normalize=normalize), rtol=1e-6)
    for on_step in ("none", "symmetric"):
        attached = LabelGraph(tau=0.2, normalize=on_step).fit_transform(pairs, Y)
        if (on_step, normalize) != ("symmetric", "none"):
            assert_allclose(graph_of(attached, labels, normalize), own)


@pytest.mark.parametrize("changed", [{"tau": 0.2}, {"p": 0.25}, {"graph": "identity"}, {"graph": np.eye(8)}])
def test_parameters_without_effect_are_refused(small, changed):
    pairs, Y = small
    attached = LabelGraph(tau=0.2).fit_transform(pairs, Y)
    name = {"graph": "kind"}.get(next(iter(changed)), next(iter(changed)))
    with pytest.raises(ValueError, match=f"would have no effect; .* labelgraph__{name}"):
        graph_of(attached, encode_labels(Y), **changed)


@pytest.mark.parametrize("method", [ALGCN, IGNN])
@pytest.mark.parametrize("graph", ["coocurrence", None, 3.0])
def test_an_unknown_graph_is_named_by_the_parameter_of_the_method(small, method, graph):
    with pytest.raises(ValueError, match=f"The 'graph' parameter of {method.__name__} must be a str among"):
        method(graph=graph).fit(*small)


@pytest.mark.parametrize("changed", [{"p": 0.0}, {"graph": np.zeros((8, 8))}, {"graph": [[1.0], [1.0, 2.0]]}])
def test_messages_about_the_graph_name_no_parameter_of_the_step(small, changed):
    with pytest.raises(ValueError, match=r"^(p must be > 0|((row 0|the rows) of )?the given label graph)") as caught:
        DAGNN(**changed).fit(*small)
    assert "kind" not in str(caught.value) and "normalize=" not in str(caught.value)


def test_a_graph_of_other_labels_is_refused(small):
    pairs, Y = small
    attached = LabelGraph(tau=0.2).fit_transform(pairs, Y)
    with pytest.raises(ValueError, match="the attached label graph has 8 labels"):
        graph_of(attached, encode_labels(TAGS))


def test_labels_that_occur_together_get_near_vectors():
    labels = encode_labels(TAGS)
    vectors = statistical_label_vectors(labels)
    assert_allclose(np.linalg.norm(vectors, axis=1), 1)
    near = vectors @ vectors.T
    cat, sea, sky, sofa = (labels.names.tolist().index(name) for name in ("cat", "sea", "sky", "sofa"))
    assert near[sky, sea] > 0.3 > near[sky, cat] and near[cat, sofa] > near[cat, sea]


def test_label_vectors_of_labels_that_never_meet_or_never_occur():
    alone = statistical_label_vectors(encode_labels(np.eye(5, 4)))
    assert_allclose(np.abs(alone @ alone.T), np.eye(4), atol=1e-12)
    assert statistical_label_vectors(encode_labels(TAGS), d=2).shape == (4, 2)
    many = statistical_label_vectors(encode_labels(np.eye(6, 9)), d=4)
    assert many.shape == (9, 4)
    assert_allclose(np.linalg.norm(many, axis=1), 1)


def test_leading_factors_of_a_sparse_matrix_are_those_of_the_dense_one():
    labels = encode_labels((np.random.default_rng(0).uniform(size=(400, 60)) < 0.1).astype(int))
    dense = statistical_label_vectors(labels, d=8)
    sparse = statistical_label_vectors(labels, d=8, dense=10)
    assert_allclose(sparse, dense, atol=1e-5)
    assert_array_equal(statistical_label_vectors(labels, d=8, dense=10), sparse)  # from a fixed start
