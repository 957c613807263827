"""What every deep method must do, whatever its idea: limits, searches, selection, equal refits."""

import functools

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline

from skxmr import ACMR, ALGCN, DAGNN, DCCA, DSCMR, DSPE, IGNN, L2GCN, BimodalAE, CorrAE, LabelGraph
from skxmr.datasets import make_multilabel_pairs
from skxmr.deep import options

TINY = {"n_components": 8, "hidden": 16, "max_epochs": 2, "batch_size": 54, "random_state": 0}
OF_LABELS = {"pretrain_text": False}
OF_GRAPHS = OF_LABELS | {"width": 8}
METHODS = {
    "ACMR": ACMR(**TINY | OF_LABELS),
    "ALGCN": ALGCN(**TINY | OF_GRAPHS),
    "BimodalAE": BimodalAE(**TINY),
    "CorrAE": CorrAE(**TINY),
    "DAGNN": DAGNN(**TINY | OF_GRAPHS, n_layers=2),
    "DCCA": DCCA(**TINY),
    "DSCMR": DSCMR(**TINY | OF_LABELS),
    "DSPE": DSPE(**TINY),
    "IGNN": IGNN(**TINY | OF_GRAPHS, n_layers=2),
    "L2GCN": L2GCN(**TINY | OF_GRAPHS, n_layers=2),
}
GRAPH_METHODS = ["ALGCN", "DAGNN", "IGNN", "L2GCN"]
OF_PAIRS = ["BimodalAE", "CorrAE", "DCCA"]
LEARNS_FROM_LABELS = [name for name in METHODS if name not in OF_PAIRS]
# DSPE has no text network that is trained first, and one of its terms always has the weight 1.
OF_LABEL_TERMS = [name for name in LEARNS_FROM_LABELS if name != "DSPE"]
IDEAS = {  # what a user would search
    "ACMR": {"w_adv": [0.0, 1.0]},
    "ALGCN": {"tau": [0.1, 0.4], "p": [0.25, 1.0]},
    "BimodalAE": {"hidden": [8, 16]},
    "CorrAE": {"reconstruct": ["own", "other", "both"]},
    "DAGNN": {"tau": [0.1, 0.4], "p": [0.25, 1.0]},
    "DCCA": {"correlation_power": [0.0, 1.0]},
    "DSCMR": {"alpha": [0.0, 1.0]},
    "DSPE": {"n_violations": [10, None]},
    "IGNN": {"graph": ["similarity", "cooccurrence", "identity"]},
    "L2GCN": {"tau": [0.1, 0.4], "layer": ["l2gcn", "gcn", "gat"]},
}
CV = KFold(2, shuffle=True, random_state=0)
NO_EDGE = "ignore:at tau=.* the label graph connects no two labels"


def make(name, **options):
    from sklearn.base import clone

    return clone(METHODS[name]).set_params(**options)


def all_finite(fitted, pairs):
    views = list(fitted.transform(pairs.image, pairs.text))
    if hasattr(fitted, "annotate"):
        views.append(fitted.decision_function(image=pairs.image))
    if hasattr(type(fitted), "classifiers_"):
        views.append(fitted.classifiers_)
    return all(np.isfinite(view).all() for view in views) and np.isfinite(fitted.history_["loss"]).all()


@pytest.fixture(scope="module")
def learned():
    """A function that fits a method with named labels until it has learned, once."""

    @functools.cache
    def fit(name):
        pairs, labels = make_multilabel_pairs(120, random_state=0)
        frame = pd.DataFrame(labels, columns=[f"tag{j}" for j in range(8)])
        model = make(name, max_epochs=25, lr=4e-3, dropout=0.1, input_dropout=0.0)
        return model.fit(pairs, frame), pairs, frame

    return fit


@pytest.mark.parametrize("name", METHODS)
def test_it_learns(learned, name):
    fitted, pairs, frame = learned(name)
    chance = (frame.to_numpy() @ frame.to_numpy().T > 0).mean()
    assert fitted.score(pairs, frame) > chance + (0.2 if name in LEARNS_FROM_LABELS else 0.1)


@pytest.mark.parametrize("name", METHODS)
def test_it_can_be_searched(small, name):
    model = make(name, max_epochs=1)
    search = GridSearchCV(model, IDEAS[name], cv=CV, refit=False, error_score="raise").fit(*small)
    assert len(set(search.cv_results_["mean_test_score"])) > 1


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("ACMR", "normalize", False),
        ("ACMR", "hinge", 0.2),
        ("ACMR", "margin", 0.4),
        ("DAGNN", "temperature", 2.0),
        ("DAGNN", "count", True),
        ("DSCMR", "temperature", 2.0),
        ("L2GCN", "temperature", 2.0),
        ("IGNN", "temperature", 2.0),
    ],
)
def test_parameters_of_the_loss_reach_it(small, name, option, value):
    default, changed = (make(name, max_epochs=1, **options).fit(*small) for options in ({}, {option: value}))
    assert abs(default.history_["loss"][0] - changed.history_["loss"][0]) > 1e-4


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [("DAGNN", "temperature", 0), ("DSCMR", "temperature", -1.0), ("DAGNN", "count", "no"), ("ACMR", "normalize", 2)],
)
def test_parameters_of_the_loss_are_checked(small, name, option, value):
    with pytest.raises(ValueError, match=f"'{option}' parameter of {name} must be"):
        make(name, **{option: value}).fit(*small)


@pytest.mark.filterwarnings(NO_EDGE)
@pytest.mark.parametrize("name", METHODS)
class TestLimits:
    def test_one_label_per_row(self, small, name):
        pairs, labels = small
        assert all_finite(make(name).fit(pairs, labels.argmax(axis=1)), pairs)

    def test_one_label_in_all(self, small, name):
        assert all_finite(make(name).fit(small[0], pd.DataFrame({"cat": np.ones(120, int)})), small[0])

    def test_one_label_set_in_all(self, small, name):
        Y = np.tile([1, 0, 1, 1], (120, 1))
        assert all_finite(make(name).fit(small[0], Y), small[0])

    def test_every_row_distinct(self, small, name):
        pairs, _ = small
        Y = np.eye(120, dtype=int)
        if name in LEARNS_FROM_LABELS:  # every label keeps its row, so there is none to hold out
            with pytest.raises(ValueError, match=r"validation_fraction=0\.1"):
                make(name, validation_fraction=0.1).fit(pairs, Y)
        assert all_finite(make(name).fit(pairs, Y), pairs)

    def test_duplicated_rows(self, small, name):
        pairs, labels = small
        rows = [0] * 40 + [1] * 40
        assert all_finite(make(name).fit(pairs[rows], labels[rows]), pairs)

    def test_batches_of_two(self, small, name):
        pairs, labels = small
        options = {"batch_size": 2, "max_epochs": 1}
        if name == "DCCA":
            with pytest.raises(ValueError, match=r"a batch has 2 rows .* but n_components=8"):
                make(name, **options).fit(pairs, labels)
            options["n_components"] = 1
        assert all_finite(make(name, **options).fit(pairs[:21], labels[:21]), pairs)

    def test_rows_without_labels_or_words(self, small, name):
        pairs, labels = small
        text, labels = pairs.text.copy(), labels.copy()
        text[:30], labels[20:50] = 0, 0
        assert all_finite(make(name).fit(pairs.replace(text=text), labels), pairs)

    def test_constant_features(self, small, name):
        pairs, labels = small
        image = pairs.image.copy()
        image[:, :5] = 3.0
        assert all_finite(make(name).fit(pairs.replace(image=image), labels), pairs)

    def test_bf16(self, small, name, monkeypatch):
        """Rounded arithmetic is really used, wherever the tests run, and changes little."""
        monkeypatch.setattr(options, "fast_bfloat16", lambda device: True)
        exact, rounded = (make(name, precision=precision).fit(*small) for precision in ("float32", "bf16"))
        assert all_finite(rounded, small[0])
        change = abs(rounded.history_["loss"] / exact.history_["loss"] - 1)
        assert (change > 0).all() and (change < 0.05).all()


@pytest.mark.parametrize(
    "name",
    [name if name in ("ACMR", "DAGNN") else pytest.param(name, marks=pytest.mark.slow) for name in OF_LABEL_TERMS],
)
def test_text_of_the_paper_and_other_parameters_fit(small, name):
    """Methods of pairs alone have no constants of their papers."""
    pairs, labels = small
    paper = type(METHODS[name]).paper(n_components=4, max_epochs=1, batch_size=50, random_state=0)
    sizes = {"hidden": 8, "width": 8} if name in GRAPH_METHODS else {"hidden": 8}
    paper.set_params(**{key: value for key, value in sizes.items() if paper.get_params()[key] is not None})
    fitted = paper.fit(pairs.replace(image=np.abs(pairs.image)), labels)
    assert all_finite(fitted, pairs)
    assert getattr(fitted.network_.text_input, "frozen", False) == paper.pretrain_text
    assert len(fitted.history_) == 1 and fitted.encode_text(pairs).shape[1] == 4
    if name in ("DAGNN", "IGNN", "L2GCN"):
        real, fake = fitted.network_.text_input.layers[-1], fitted.network_.critic.to_text[-1]
        assert repr(real) == repr(fake) == "LeakyReLU(negative_slope=0.2)"
    with pytest.raises(ValueError, match="dataset must be one of"):
        type(METHODS[name]).paper("imagenet")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name != "DAGNN")) for name in OF_LABEL_TERMS]
)
def test_text_may_be_pretrained(small, name):
    fitted = make(name, pretrain_text=True, max_epochs=1, batch_size=108).fit(*small)
    assert fitted.network_.text_input.frozen


@pytest.mark.parametrize("name", METHODS)
def test_warm_start_goes_on(small, name):
    pairs, labels = small
    model = make(name, warm_start=True, validation_fraction=0).fit(pairs, labels)
    first = model.encode_image(pairs)
    model.set_params(lr=1e-12, max_epochs=1).fit(pairs, labels)
    assert_allclose(model.encode_image(pairs), first, atol=1e-4)


@pytest.mark.parametrize("name", GRAPH_METHODS)
class TestGraphMethods:
    def test_they_annotate(self, learned, name):
        fitted, pairs, frame = learned(name)
        best = [names[0] for names in fitted.annotate(text=pairs.text, k=1, threshold=-np.inf)]
        right = np.mean([frame.iloc[i][tag] for i, tag in enumerate(best)])
        assert right > frame.to_numpy().mean() + 0.2
        assert fitted.classifiers_.shape == (8, 8)

    def test_an_attached_graph_is_used(self, small, name):
        pairs, labels = small
        graph = np.eye(8) + 0.3 * np.eye(8, k=1)
        step = Pipeline([("graph", LabelGraph(kind=graph)), ("model", make(name))]).fit(pairs, labels)
        own = make(name, graph=graph).fit(pairs, labels)
        assert_array_equal(step[-1].encode_image(pairs), own.encode_image(pairs))
        with pytest.raises(ValueError, match=f"graph of {name} would have no effect"):
            make(name, graph="identity").fit(LabelGraph().fit_transform(pairs, labels), labels)

    def test_a_graph_of_another_size_is_refused(self, small, name):
        with pytest.raises(ValueError, match=r"the given label graph has shape \(3, 3\) but there are 8 labels"):
            make(name, graph=np.eye(3)).fit(*small)

    def test_the_order_of_the_labels_does_not_matter(self, small, name):
        """With the same starting point: a pass of the network in float64 gives permuted scores."""
        pairs, labels = small
        order = np.random.default_rng(0).permutation(8)
        vectors = np.random.default_rng(1).normal(size=(8, 5))
        options = {"validation_fraction": 0, "max_epochs": 1, "lr": 1e-12}
        a = make(name, label_embedding=vectors, **options).fit(pairs, labels)
        b = make(name, label_embedding=vectors[order], **options).fit(pairs, labels[:, order])
        learned = getattr(b.network_.classifiers, "B", None)
        if learned is not None:  # its random start has an order of its own
            learned.copy_(a.network_.classifiers.B[order][:, order])
        assert_allclose(b.classifiers_, a.classifiers_[order], atol=1e-5)


@pytest.mark.parametrize("name", ["L2GCN", "IGNN", "ACMR"])
def test_without_the_adversary_there_is_no_critic(small, name):
    without, with_it = make(name, w_adv=0.0).fit(*small), make(name, w_adv=0.5).fit(*small)
    assert without.network_.critic is None and "adversary" not in without.history_
    assert with_it.network_.critic is not None and "adversary" in with_it.history_


@pytest.mark.parametrize("name", OF_LABEL_TERMS)
def test_weights_that_leave_nothing_to_learn_are_refused(small, name):
    weights = [key for key in ("w_cla", "w_soft", "alpha", "beta") if key in make(name).get_params()]
    with pytest.raises(ValueError, match=r"(are both|are all) 0"):
        make(name, **dict.fromkeys(weights, 0.0)).fit(*small)
