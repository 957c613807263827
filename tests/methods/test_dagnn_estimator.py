"""DAGNN as users meet it; its equations are in test_dagnn.py."""

import concurrent.futures
import multiprocessing
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline

from skxmr import DAGNN, LabelGraph, Pairs, load_word_vectors
from skxmr._data.kinds import memory_map
from skxmr.datasets import make_multilabel_pairs
from skxmr.deep.batches import PairsDataset
from skxmr.deep.callbacks import DivergenceError

TINY = {"n_components": 8, "hidden": 16, "width": 8, "n_layers": 2, "max_epochs": 2, "batch_size": 54}
TINY |= {"pretrain_text": False, "random_state": 0}
CV = KFold(2, shuffle=True, random_state=0)


def tiny(**options):
    return DAGNN(**TINY | options)


def test_it_learns_and_annotates(small):
    pairs, labels = small
    fitted = tiny(max_epochs=25, lr=4e-3, dropout=0.1, input_dropout=0.0).fit(pairs, labels)
    assert fitted.score(pairs, labels) > (labels @ labels.T > 0).mean() + 0.2
    best = [names[0] for names in fitted.annotate(image=pairs.image, k=1, threshold=-np.inf)]
    assert labels[np.arange(120), best].mean() > labels.mean() + 0.2
    assert fitted.classifiers_.shape == (8, 8)


def test_a_subclass_may_have_a_constructor_of_its_own(small):
    """It has no parameters of the label graph, so none of them was changed."""

    class Narrow(DAGNN):
        def __init__(self, width=8):
            super().__init__(**TINY | {"width": width})

    pairs, labels = small
    fitted = clone(Narrow()).fit(pairs, labels)
    assert fitted.get_params() == {"width": 8}
    assert_array_equal(fitted.encode_text(pairs), tiny().fit(pairs, labels).encode_text(pairs))


@pytest.mark.parametrize(
    ("options", "terms", "critic"),
    [
        ({}, {"classification", "invariance", "adversary"}, "DualGAN"),
        ({"w_cla": 0}, {"invariance", "adversary"}, "DualGAN"),
        ({"alpha": 0}, {"classification", "adversary"}, "DualGAN"),
        ({"w_adv": 0}, {"classification", "invariance"}, "NoneType"),
        ({"discriminator": None}, {"classification", "invariance"}, "NoneType"),
        ({"discriminator": "embedding"}, {"classification", "invariance", "adversary"}, "EmbeddingCritic"),
    ],
)
def test_ablations_leave_out_what_they_say(small, options, terms, critic):
    fitted = tiny(**options).fit(*small)
    known = {"classification", "invariance", "adversary"}
    assert known & set(fitted.history_) == terms
    assert type(fitted.network_.critic).__name__ == critic
    weights = {"classification": 1, "invariance": 0.5, "adversary": 0.02}
    total = sum(weights[name] * fitted.history_[name] for name in terms)
    assert_allclose(fitted.history_["loss"], total, rtol=1e-5)


@pytest.mark.parametrize("options", [{"classifier": "linear"}, {"aggregate": "linear", "n_layers": 1}, {"gnn": "gat"}])
def test_other_label_networks(small, options):
    fitted = tiny(**options).fit(*small)
    kind = type(fitted.network_.classifiers).__name__
    assert kind == ("FreeClassifiers" if "classifier" in options else "MultiHopGNN")
    assert fitted.classifiers_.shape == (8, 8) and np.isfinite(fitted.classifiers_).all()


def test_without_the_classification_term_there_are_no_classifiers(small):
    pairs, labels = small
    fitted = tiny(w_cla=0).fit(pairs, labels)
    with pytest.raises(AttributeError, match="not trained"):
        fitted.annotate(image=pairs.image)


@pytest.mark.parametrize(("dataset", "hops", "batch"), [("mirflickr", 4, 100), ("nuswide", 5, 1024)])
def test_the_constants_of_the_paper(dataset, hops, batch):
    found = DAGNN.paper(dataset, random_state=3).get_params()
    betas = found.pop("optimizer").keywords["betas"]
    expected = {
        "n_components": 1024, "width": 1024, "gnn": "gat", "tau": 0.3, "n_layers": hops, "aggregate": "concat",
        "alpha": 0.2, "temperature": 2.0, "count": True, "w_adv": 0.2, "w_cla": 1.0, "lr": 5e-5, "batch_size": batch,
        "weight_decay": 0.0, "schedule": "constant",
        "hidden": None, "dropout": 0.0, "input_dropout": 0.0, "standardize": False, "pretrain_text": True,
        "discriminator": "reconstruction", "classifier": "gnn", "random_state": 3,
    }  # fmt: skip
    assert betas == (0.5, 0.999) and expected.items() <= found.items()


@pytest.mark.parametrize("dataset", ["mirflickr", "nuswide"])
def test_the_papers_label_graph_depends_on_the_kind_of_layer(dataset):
    found = [DAGNN.paper(dataset, gnn=gnn) for gnn in ("gat", "gcn")]
    assert [(model.tau, model.p) for model in found] == [(0.3, 0.5), (0.4, 0.5)]
    other = DAGNN.paper(dataset, gnn="gcn", tau=0.2, p=0.1)
    assert (other.tau, other.p) == (0.2, 0.1)
    with pytest.raises(ValueError, match="'gnn' parameter of DAGNN must be"):
        DAGNN.paper(dataset, gnn="cnn").fit(np.ones((4, 2)), np.ones((4, 2)), [0, 1, 0, 1])


@pytest.mark.filterwarnings("ignore:.*is now written:FutureWarning")
def test_old_names_give_the_same_numbers(small):
    pairs, labels = small
    tiny = {name: value for name, value in TINY.items() if name != "n_layers"} | {"random_state": 0}
    old = DAGNN(**tiny, n_hops=2, aggregate=False, beta=0.3).fit(pairs, labels)
    new = DAGNN(**tiny, n_layers=2, aggregate="linear", w_adv=0.3).fit(pairs, labels)
    assert_array_equal(old.encode_image(pairs), new.encode_image(pairs))
    assert old.get_params() == new.get_params() and old.beta == 0.3 and old.n_hops == 2


def test_old_names_warn():
    with pytest.warns(FutureWarning, match="beta=0.3 of DAGNN is now written w_adv=0.3"):
        assert DAGNN.paper(beta=0.3).w_adv == 0.3
    with pytest.warns(FutureWarning, match="aggregate=False of DAGNN is now written aggregate='linear'"):
        assert DAGNN(aggregate=False).aggregate == "linear"
    with pytest.warns(FutureWarning, match="n_hops=3 of DAGNN is now written n_layers=3"):
        assert make_pipeline(DAGNN()).set_params(dagnn__n_hops=3)[-1].n_layers == 3


def test_the_paper_fits_and_refuses_unknown_sets(small):
    pairs, labels = small
    paper = DAGNN.paper(n_components=8, width=8, max_epochs=2, batch_size=108, random_state=0)
    fitted = clone(paper).fit(pairs.replace(image=np.abs(pairs.image)), labels)
    assert fitted.network_.critic.to_image[-1].__class__ is torch.nn.ReLU  # images are never negative
    assert fitted.network_.text_input.frozen and fitted.network_.critic.to_text[-2].out_features == 300
    assert fitted.encode_image(np.abs(pairs.image)).min() == 0  # a rectifier ends the paper's encoder
    with pytest.raises(ValueError, match=r"dataset must be one of \['mirflickr', 'nuswide'\]; got 'coco'"):
        DAGNN.paper("coco")


def test_only_the_fitting_rows_are_seen_by_what_learns_from_labels(small):
    """Labels of validation rows decide the epoch, nothing else: with one epoch the weights are the same."""
    pairs, labels = small
    fitted = tiny(max_epochs=1, validation_fraction=0.2).fit(pairs, labels)
    held = held_rows(fitted, pairs, labels)
    spoilt = labels.copy()
    spoilt[held] = np.roll(spoilt[held], 1, axis=1)
    again = tiny(max_epochs=1, validation_fraction=0.2).fit(pairs, spoilt)
    assert_array_equal(again.network_.Q, fitted.network_.Q)
    assert_array_equal(again.network_.A, fitted.network_.A)
    assert_array_equal(again.encode_image(pairs), fitted.encode_image(pairs))


def held_rows(fitted, pairs, labels):
    from skxmr._data.labels import encode_labels
    from skxmr.deep.split import split_rows

    seed = np.random.RandomState(fitted.random_state).randint(2**31)
    split = split_rows(pairs, encode_labels(labels), fitted.validation_fraction, seed)
    return np.isin(np.arange(len(pairs)), split.validation.rows)


class TestLabelVectors:
    names = tuple(f"tag{j}" for j in range(8))

    @pytest.fixture
    def named(self, small):
        return small[0], pd.DataFrame(small[1], columns=self.names)

    def test_arrays_frames_and_files_are_the_same(self, named, tmp_path):
        vectors = np.random.default_rng(0).normal(size=(8, 5)).round(3)
        file = tmp_path / "vectors.txt"
        lines = [f"{name} {' '.join(map(str, row))}" for name, row in zip(self.names, vectors, strict=True)]
        file.write_text("\n".join(lines))
        shuffled = pd.DataFrame(vectors, index=self.names).iloc[::-1]
        assert_array_equal(load_word_vectors(file, self.names), vectors)
        for given in (vectors, vectors.tolist(), shuffled, file, str(file)):
            fitted = tiny(label_embedding=given, max_epochs=1).fit(*named)
            assert_array_equal(fitted.network_.Q, torch.as_tensor(vectors, dtype=torch.float32))

    def test_a_mat_file_is_in_the_order_of_the_labels_whether_they_have_names_or_not(self, small, named, tmp_path):
        vectors = np.random.default_rng(0).normal(size=(8, 5))
        scipy.io.savemat(tmp_path / "vectors.mat", {"inp": vectors})
        for rows in (small, named):
            fitted = tiny(label_embedding=tmp_path / "vectors.mat").fit(*rows)
            assert_array_equal(fitted.network_.Q, torch.as_tensor(vectors, dtype=torch.float32))

    def test_the_default_comes_from_the_labels(self, named):
        fitted = tiny().fit(*named)
        assert fitted.network_.Q.shape == (8, 8)
        assert_allclose(torch.linalg.vector_norm(fitted.network_.Q, dim=1), 1, rtol=1e-6)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (np.ones((7, 3)), r"label_embedding has shape \(7, 3\) .* there are 8 labels"),
            (np.ones(8), r"label_embedding has shape \(8,\)"),
            (np.full((8, 3), "a"), "real numbers"),
            (np.ones((8, 0)), r"shape \(8, 0\)"),
            ([[1.0]] * 7 + [[1.0, 2.0]], "its rows differ in length"),
            (np.where(np.eye(8) == 1, np.nan, 1.0)[:, :1], r"label_embedding holds NaN or infinity .* \['tag0'\]"),
            (pd.DataFrame(np.ones((7, 2)), index=names[1:]), r"no row for the labels \['tag0'\]"),
        ],
    )
    def test_what_does_not_fit_is_named(self, named, given, message):
        with pytest.raises(ValueError, match=message):
            tiny(label_embedding=given).fit(*named)

    def test_labels_without_word_vectors_are_named(self, named, tmp_path):
        file = tmp_path / "vectors.txt"
        file.write_text("sky 1 2\n")
        with pytest.raises(ValueError, match="no vector for the labels"):
            tiny(label_embedding=file).fit(*named)
        with pytest.raises(FileNotFoundError, match="does not exist"):
            tiny(label_embedding=tmp_path / "nothing.vec").fit(*named)

    @pytest.mark.parametrize(
        "how",
        [
            lambda Y: Y,
            lambda Y: pd.DataFrame(Y),
            lambda Y: Y.argmax(axis=1),
            lambda Y: pd.DataFrame(Y).rename(columns=str),
            lambda Y: Y.argmax(axis=1).astype(str),
        ],
        ids=["array", "frame", "ids", "frame of a CSV", "strings"],
    )
    def test_running_numbers_are_no_words(self, small, tmp_path, how):
        file = tmp_path / "vectors.txt"
        file.write_text("".join(f"{i} 1 {i}\n" for i in range(8)))
        with pytest.raises(ValueError, match=r"vectors\.txt.*searched for the names of the labels.*DataFrame"):
            tiny(label_embedding=file).fit(small[0], how(small[1]))


class TestGraph:
    def test_a_step_equals_the_parameters(self, small):
        pairs, labels = small
        own = tiny(tau=0.2, p=0.25).fit(pairs, labels)
        step = Pipeline([("labelgraph", LabelGraph(tau=0.2, p=0.25)), ("model", tiny(validation_fraction=0))])
        by_step = step.fit(pairs, labels)
        own = tiny(tau=0.2, p=0.25, validation_fraction=0).fit(pairs, labels)
        assert_array_equal(by_step.transform(pairs).image, own.transform(pairs).image)

    def test_searches_over_tau_and_p(self, small):
        grid = {"tau": [0.1, 0.3], "p": [0.25, 1.0]}
        options = {"cv": CV, "refit": False, "error_score": "raise"}
        search = GridSearchCV(tiny(max_epochs=1), grid, **options).fit(*small)
        assert len(set(search.cv_results_["mean_test_score"])) > 2
        step = Pipeline([("labelgraph", LabelGraph()), ("model", tiny(max_epochs=1))])
        grid = {f"labelgraph__{name}": values for name, values in grid.items()}
        by_step = GridSearchCV(step, grid, **options).fit(*small)
        assert len(set(by_step.cv_results_["mean_test_score"])) > 2

    def test_both_at_once_are_refused(self, small):
        pairs, labels = small
        attached = LabelGraph(tau=0.3).fit_transform(pairs, labels)
        with pytest.raises(ValueError, match=r"tau of DAGNN would have no effect; .* labelgraph__tau"):
            tiny(tau=0.2).fit(attached, labels)
        other = LabelGraph().fit_transform(pairs, labels[:, :5])
        with pytest.raises(ValueError, match="the attached label graph has 5 labels"):
            tiny().fit(other, labels)

    def test_rows_of_the_graph_that_are_empty_are_named(self, small):
        graph = np.eye(8)
        graph[2, 2] = 0
        for gnn in ("gcn", "gat"):
            with pytest.raises(ValueError, match=r"row 2 of the .*label graph"):
                tiny(gnn=gnn, graph=graph).fit(*small)

    def test_a_linear_classifier_has_no_graph(self, small):
        with pytest.warns(UserWarning, match="tau, p: no effect with classifier"):
            tiny(classifier="linear", tau=0.2, p=0.3).fit(*small)

    def test_the_paper_behind_a_step(self, small):
        pairs, labels = small
        attached = LabelGraph(tau=np.float64(0.3)).fit_transform(pairs, labels)
        paper = DAGNN.paper(n_components=8, width=8, max_epochs=1, batch_size=50, pretrain_text=False)
        with pytest.raises(ValueError, match=r"leave the defaults here: tau=0\.4"):
            paper.fit(attached, labels)
        paper.set_params(tau=np.float64(0.4)).fit(attached, labels)

    def test_p_means_nothing_to_attention(self, small):
        pairs, labels = small
        plain = tiny(gnn="gat").fit(pairs, labels)
        with pytest.warns(UserWarning, match="p has no effect"):
            other = tiny(gnn="gat", p=0.9).fit(pairs, labels)
        assert_array_equal(other.encode_text(pairs), plain.encode_text(pairs))

    def test_the_identity_graph_is_no_propagation(self, small):
        """Then a label's classifier depends on its own vector only."""
        network = tiny(graph="identity").fit(*small).network_
        Q = network.Q.clone()
        Q[3:] = 0
        assert_allclose(network.classifiers(Q, network.A)[:3], network.classifiers(network.Q, network.A)[:3], atol=1e-6)
        H = network.Q
        hops = []
        for layer in network.classifiers.layers:
            H = torch.nn.functional.leaky_relu(H @ layer.weight, 0.2)
            hops.append(H)
        assert_allclose(network.classifiers.output(torch.cat(hops, 1)), network.label_classifiers(), atol=1e-6)

    @pytest.mark.parametrize("gnn", ["gcn", "gat"])
    def test_many_labels_are_propagated_sparsely(self, gnn):
        pairs, _ = make_multilabel_pairs(60, random_state=0)
        labels = sp.csr_array(np.random.default_rng(0).uniform(size=(60, 600)) < 0.05, dtype=int)
        fitted = tiny(gnn=gnn, max_epochs=1, validation_fraction=0).fit(pairs, labels)
        A, network = fitted.network_.A, fitted.network_
        assert A.is_sparse and fitted.classifiers_.shape == (600, 8)
        assert_allclose(network.classifiers(network.Q, A.to_dense()), network.label_classifiers(), atol=1e-5)


@pytest.mark.filterwarnings("ignore:at tau=.* the label graph connects no two labels")
@pytest.mark.parametrize(
    "options",
    [
        {"gnn": "gcn"},
        {"gnn": "gat"},
        pytest.param({"pretrain_text": True, "batch_size": "auto"}, marks=pytest.mark.slow),
    ],
)
class TestLimits:
    def fit(self, options, pairs, labels, **more):
        fitted = tiny(**options | more).fit(pairs, labels)
        assert all(
            np.isfinite(view).all() for view in (*fitted.transform(pairs.image, pairs.text), fitted.classifiers_)
        )
        return fitted

    def test_one_label_per_row(self, small, options):
        pairs, labels = small
        assert self.fit(options, pairs, labels.argmax(axis=1)).network_.A.shape == (8, 8)

    def test_one_label_in_all(self, small, options):
        self.fit(options, small[0], pd.DataFrame({"cat": np.ones(120, int)}))

    def test_no_neighbours_and_labels_that_never_occur(self, small, options):
        pairs, labels = small
        never = np.c_[labels, np.zeros(120, int)]
        assert_array_equal(self.fit(options, pairs, never, tau=1.0).network_.A, np.eye(9))

    def test_duplicated_rows(self, small, options):
        pairs, labels = small
        self.fit(options, pairs[[0] * 40 + [1] * 40], labels[[0] * 40 + [1] * 40])

    def test_batches_of_two(self, small, options):
        pairs, labels = small
        self.fit(options, pairs[:21], labels[:21], batch_size=2, max_epochs=1)

    def test_rows_without_labels_or_words(self, small, options):
        pairs, labels = small
        text = pairs.text.copy()
        labels = labels.copy()
        text[:30], labels[20:50] = 0, 0
        self.fit(options, pairs.replace(text=text), labels)


def test_a_batch_larger_than_the_rows_is_told(small):
    with pytest.warns(UserWarning, match=r"batch_size=500 but there are 120 rows to fit") as caught:
        tiny(batch_size=500, max_epochs=1).fit(*small)
    if hasattr(DAGNN, "set_callbacks"):  # scikit-learn 1.9 wraps fit once more
        assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny(batch_size="auto", max_epochs=1).fit(*small)


class TestWarmStart:
    def test_it_goes_on_from_the_last_network(self, small):
        pairs, labels = small
        model = tiny(warm_start=True, dropout=0.0, input_dropout=0.0).fit(pairs, labels)
        before = model.encode_text(pairs)
        model.set_params(lr=1e-12, max_epochs=1).fit(pairs, labels)
        assert_allclose(model.encode_text(pairs), before, atol=1e-5)
        model.set_params(lr=1e-3, max_epochs=2).fit(pairs, labels)
        cold = tiny(dropout=0.0, input_dropout=0.0).fit(pairs, labels)
        # The first of the two epochs that were added last.
        assert model.history_["loss"].iloc[-2] < cold.history_["loss"].iloc[0]

    def test_pretrained_text_is_kept(self, small):
        model = tiny(warm_start=True, pretrain_text=True, max_epochs=1, batch_size="auto").fit(*small)
        weights = model.network_.text_input.layers[2].weight.clone()
        model.set_params(random_state=9).fit(*small)
        assert_array_equal(model.network_.text_input.layers[2].weight, weights)
        assert model.network_.text_input.frozen

    def test_another_shape_is_refused(self, small):
        pairs, labels = small
        model = tiny(warm_start=True, max_epochs=1).fit(pairs, labels)
        with pytest.raises(ValueError, match="warm_start=True, but the labels of the last fit had other names"):
            model.fit(pairs, labels[:, :5])
        with pytest.raises(ValueError, match="warm_start=True, but the labels of the last fit had other names"):
            model.fit(pairs, pd.DataFrame(labels, columns=list("abcdefgh")))
        with pytest.raises(ValueError, match="warm_start=True, but widths, labels or the architecture differ"):
            model.set_params(n_components=5).fit(pairs, labels)

    def test_a_view_that_becomes_negative_is_no_obstacle(self, small):
        pairs, labels = small
        model = tiny(warm_start=True, standardize=False).fit(pairs.replace(image=np.abs(pairs.image)), labels)
        assert model.fit(pairs, labels).network_.critic.to_image[-1].__class__ is torch.nn.ReLU


def test_bf16_is_near_float32(small):
    pairs, labels = small
    scores = [
        tiny(precision=name, max_epochs=5).fit(pairs, labels).score(pairs, labels) for name in ("float32", "bf16")
    ]
    assert scores[0] != scores[1] and abs(scores[0] - scores[1]) < 0.03


def watched(init, sources):
    def and_tell(self, *args):
        init(self, *args)
        sources.append(self.image)

    return and_tell


@pytest.mark.parametrize("fraction", [0.2, 0])
def test_a_memory_map_is_fitted_like_an_array(fraction, small, tmp_path, monkeypatch):
    pairs, labels = small
    image = np.memmap(tmp_path / "image", np.float32, "w+", shape=pairs.image.shape)
    image[:] = pairs.image
    pairs = pairs.replace(image=pairs.image.astype(np.float32))
    sources = []
    monkeypatch.setattr(PairsDataset, "__init__", watched(PairsDataset.__init__, sources))
    options = {"validation_fraction": fraction}
    mapped = tiny(**options).fit(Pairs(image, pairs.text), labels)
    assert_array_equal(mapped.encode_text(pairs), tiny(**options).fit(pairs, labels).encode_text(pairs))
    from_map, from_array = (source.view for source in sources)
    assert memory_map(from_map) is not None  # not read into memory
    assert np.shares_memory(from_array.numpy(), pairs.image)  # nor copied


def embedded():
    pairs, labels = make_multilabel_pairs(60, random_state=0)
    return tiny(max_epochs=2, pretrain_text=True).fit(pairs, labels).encode_image(pairs)


@pytest.mark.slow
def test_fresh_processes_give_the_same_bits():
    """As the workers of dask do, or of any scheduler that starts processes of its own."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert_array_equal(pool.submit(embedded).result(timeout=120), embedded())


def test_divergence_is_told_by_term_and_epoch(small):
    with pytest.raises(DivergenceError, match=r"loss term '\w+' became (nan|inf) in epoch 1; no epoch was finished"):
        tiny(optimizer="sgd", lr=1e30, schedule="constant").fit(*small)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gnn": "transformer"}, "gnn"),
        ({"discriminator": "both"}, "discriminator"),
        ({"n_layers": 0}, "n_layers"),
        ({"w_adv": -1}, "w_adv"),
        ({"tau": 1.5}, "tau"),
        ({"p": 0.0}, "p must be > 0"),
        ({"graph": np.eye(3)}, r"the given label graph has shape \(3, 3\) but there are 8 labels"),
        ({"w_cla": 0, "alpha": 0}, "w_cla and alpha are both 0"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"device": "mps"}, "torch finds no MPS"),
        ({"pretrain_text": "yes"}, "pretrain_text"),
    ],
)
def test_bad_parameters_are_named(small, options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options).fit(*small)
