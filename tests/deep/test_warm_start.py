"""warm_start: what goes on from the last fit, and which parameters would then have no effect."""

import warnings
from dataclasses import field

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skxmr import ACMR, ALGCN, DAGNN, DCCA, DRCL, DSCMR, IGNN, L2GCN, RACG, SCAN, LabelGraph, Pairs, Regions, Sentences
from skxmr.datasets import make_captioned_scenes
from skxmr.nn import Dropout
from tests.deep.toy import Toy, ToyNetwork

TINY = {"n_components": 8, "hidden": 16, "max_epochs": 1, "batch_size": 64, "random_state": 0, "warm_start": True}
GRAPH = TINY | {"width": 8, "n_layers": 2}
SETS = {
    "n_components": 16, "word_width": 8, "lr": 1e-3, "batch_size": 20, "max_epochs": 1, "schedule": "constant",
    "random_state": 0, "warm_start": True,
}  # fmt: skip
VECTORS = np.random.default_rng(0).normal(size=(8, 8))

# A model, what is changed after its first fit, and what the error must say of it.
WITHOUT_EFFECT = [
    (DAGNN(**GRAPH), {"tau": 0.1}, "tau=0.1 would have no effect; it was 0.4"),
    (DAGNN(**GRAPH), {"p": 0.9}, "p=0.9 would have no effect; it was 0.5"),
    (DAGNN(**GRAPH), {"graph": "identity"}, "graph='identity' would have no effect; it was 'cooccurrence'"),
    (DAGNN(**GRAPH), {"graph": np.eye(8)}, "another graph would have no effect"),
    (DAGNN(**GRAPH, label_embedding=VECTORS), {"label_embedding": VECTORS + 1}, "another label_embedding would have"),
    (DAGNN(**GRAPH), {"label_embedding": VECTORS}, "another label_embedding would have no effect"),
    (DAGNN(**GRAPH), {"standardize": True}, "standardize=True would have no effect; it was 'view'"),
    (DAGNN(**GRAPH), {"dropout": 0.1}, "dropout=0.1 would have no effect; it was 0.5"),
    (DAGNN(**GRAPH), {"input_dropout": 0.0}, "input_dropout=0.0 would have no effect; it was 0.3"),
    (DAGNN(**GRAPH), {"tau": 0.1, "dropout": 0.1}, "dropout=0.1, tau=0.1 would have no effect; they were 0.5, 0.4"),
    (ALGCN(**GRAPH), {"gamma": 0.1}, "gamma=0.1 would have no effect; it was 0.5"),
    (ALGCN(**GRAPH), {"w_reg": 0.1}, "w_reg=0.1 would have no effect; it was 0.0"),
    (IGNN(**GRAPH), {"threshold": 0.9}, "threshold=0.9 would have no effect; it was 0.4"),
    (L2GCN(**GRAPH), {"tau": 0.1}, "tau=0.1 would have no effect"),
    (DSCMR(**TINY), {"activation": "relu"}, "activation='relu' would have no effect; it was 'gelu'"),
    (DSCMR(**TINY, standardize=True), {"standardize": "view"}, "standardize='view' would have no effect; it was True"),
    (DRCL(**TINY, prior_epochs=1), {"prior_epochs": 2}, "prior_epochs=2 would have no effect; it was 1"),
    (DRCL(**TINY, prior_epochs=1), {"prior_lr": 0.1}, "prior_lr=0.1 would have no effect; it was None"),
    (ACMR(**TINY), {"normalize": False}, "normalize=False would have no effect; it was True"),
    (ACMR(**TINY), {"strength": 9.0}, "strength=9.0 would have no effect; it was 1.0"),
    (DCCA(**TINY), {"cca_ridge": 9.0}, "cca_ridge=9.0 would have no effect; it was 0.1"),
    (DCCA(**TINY), {"correlation_power": 0.0}, "correlation_power=0.0 would have no effect; it was 1.0"),
]
WITH_EFFECT = [
    (DAGNN(**GRAPH), {"alpha": 0.1, "temperature": 0.5, "w_adv": 0.5, "count": True, "w_cla": 2.0}),
    (DAGNN(**GRAPH), {"lr": 1e-4, "max_epochs": 2, "schedule": "constant", "weight_decay": 0.0, "optimizer": "sgd"}),
    (DAGNN(**GRAPH), {"validation_fraction": 0.3, "batch_size": 16, "random_state": 3, "early_stopping": 5}),
    (ALGCN(**GRAPH), {"rate_factor": 100.0}),
    (DRCL(**TINY, prior_epochs=1), {"mixing": 0.5, "alpha": 1.0, "beta": 1.0, "text_lr": 1e-2}),
    (ACMR(**TINY), {"k": 1, "hinge": 0.1, "margin": 1.0}),
    (DCCA(**TINY), {"ridge": 1e-2}),
]


def ids(cases):
    return [f"{type(case[0]).__name__} {','.join(case[1])}" for case in cases]


@pytest.mark.parametrize(("model", "changed", "message"), WITHOUT_EFFECT, ids=ids(WITHOUT_EFFECT))
def test_a_parameter_without_effect_is_refused(small, model, changed, message):
    model = clone(model).fit(*small)
    before = model.encode_text(small[0])
    with pytest.raises(ValueError, match="warm_start=True") as caught:
        model.set_params(**changed).fit(*small)
    assert message in str(caught.value) and "warm_start=False" in str(caught.value)
    assert_array_equal(model.encode_text(small[0]), before)
    model.set_params(warm_start=False).fit(*small)


@pytest.mark.parametrize(("model", "changed"), WITH_EFFECT, ids=ids(WITH_EFFECT))
def test_what_concerns_training_may_change(small, model, changed):
    model = clone(model).fit(*small)
    before = model.encode_text(small[0])
    model.set_params(**changed).fit(*small)
    assert np.abs(model.encode_text(small[0]) - before).max() > 0


def test_after_a_refusal_the_old_value_is_accepted(small):
    model = DAGNN(**GRAPH).fit(*small)
    with pytest.raises(ValueError, match="tau"):
        model.set_params(tau=0.1).fit(*small)
    model.set_params(tau=0.4).fit(*small)


def test_a_value_that_gives_the_same_network_is_accepted(small):
    """On these rows the threshold decides on no edge; and equal vectors may be another object."""
    pairs, labels = small
    model = DAGNN(**GRAPH, label_embedding=VECTORS).fit(pairs, labels)
    model.set_params(tau=0.4 + 1e-9, label_embedding=VECTORS.copy()).fit(pairs, labels)
    model.set_params(label_embedding=pd.DataFrame(VECTORS)).fit(pairs, labels)


def test_other_rows_are_no_other_parameters(small):
    """The label graph, label vectors and scaling of the last fit stay, as documented."""
    pairs, labels = small
    model = DAGNN(**GRAPH | {"batch_size": 60}, validation_fraction=0).fit(pairs[:60], labels[:60])
    network = model.network_
    model.fit(pairs[60:], labels[60:])
    assert_array_equal(model.network_.A, network.A)
    assert_array_equal(model.network_.image_input.mean, network.image_input.mean)
    with pytest.raises(ValueError, match=r"tau=0\.1 would have no effect"):
        model.set_params(tau=0.1).fit(pairs[60:], labels[60:])


def test_columns_in_another_order_are_refused(small):
    pairs, labels = small
    image = pd.DataFrame(pairs.image).add_prefix("x")
    model = DSCMR(**TINY).fit(image, pairs.text, labels)
    model.fit(image, pairs.text, labels).fit(pairs, labels)
    with pytest.raises(ValueError, match=r"the columns of image, \['x\d+', .*are not those of the last fit, \['x0', "):
        model.fit(image, pairs.text, labels).fit(image[image.columns[::-1]], pairs.text, labels)
    model.set_params(warm_start=False).fit(image[image.columns[::-1]], pairs.text, labels)


def test_an_attached_graph_is_a_parameter(small):
    pairs, labels = small
    model = DAGNN(**GRAPH)
    Pipeline([("graph", LabelGraph(tau=0.1)), ("model", model)]).fit(pairs, labels)
    Pipeline([("graph", LabelGraph(tau=0.1)), ("model", model)]).fit(pairs[:90], labels[:90])
    for other in (LabelGraph(tau=0.05), LabelGraph(kind="identity")):
        with pytest.raises(ValueError, match="another attached label graph would have no effect"):
            Pipeline([("graph", other), ("model", model)]).fit(pairs, labels)
    with pytest.raises(ValueError, match="another attached label graph would have no effect"):
        model.fit(pairs, labels)


def test_methods_that_ignore_the_graph_do_not_mind_it(small):
    model = DSCMR(**TINY)
    for tau in (0.4, 0.05):
        Pipeline([("graph", LabelGraph(tau=tau)), ("model", model)]).fit(*small)


@pytest.mark.slow
@pytest.mark.parametrize("model", [SCAN(**SETS), RACG(**SETS, n_heads=4)], ids=["SCAN", "RACG"])
@pytest.mark.parametrize("changed", [{"min_count": 15}, {"dropout": 0.4}, {"standardize": True}], ids=str)
def test_methods_that_compare_sets_refuse_them_too(model, changed):
    made = make_captioned_scenes(12, random_state=0)
    images = Regions(made.regions, made.boxes, made.mask)
    pairs = Pairs(images, Sentences(made.tokens, made.tags, made.heads), image_index=made.image_index)
    model = clone(model).fit(pairs)
    ((name, value),) = changed.items()
    with pytest.raises(ValueError, match=f"{name}={value} would have no effect; it was"):
        model.set_params(**changed).fit(pairs)
    model.set_params(**clone(model).set_params(**SETS).get_params() | {name: type(model)().get_params()[name]})
    model.set_params(margin=0.4, clip=1.0).fit(pairs)


class OfUsers(Toy):
    """A method of a user, with a parameter that its network keeps and one that only the objective knows."""

    sharpness: float = 1.0
    n_components: int = field(default=6, kw_only=False)

    def _build(self, split):
        learner = super()._build(split)
        learner.network.extra = Scaled(self.sharpness)
        return learner


class Scaled(torch.nn.Module):
    def __init__(self, sharpness):
        super().__init__()
        self._sharpness = sharpness


def test_the_methods_of_users_are_seen_through(small):
    model = OfUsers(warm_start=True).fit(*small)
    model.fit(*small)
    with pytest.raises(ValueError, match=r"sharpness=2\.0 would have no effect; it was 1\.0"):
        model.set_params(sharpness=2.0).fit(*small)


def test_the_check_is_silent_and_draws_nothing(small):
    model = Toy(warm_start=True, dropout=0.0).fit(*small)
    state = torch.random.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(lr=1e-3).fit(*small)
    assert_array_equal(torch.random.get_rng_state(), state)
    assert isinstance(model.network_, ToyNetwork) and isinstance(model.network_.image[0], Dropout)


def test_epochs_count_on(small):
    pairs, labels = small
    model = Toy(warm_start=True, max_epochs=3).fit(pairs, labels)
    first = model.history_
    model.set_params(max_epochs=2).fit(pairs, labels)
    history = model.history_
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert history[:3].equals(first)
    assert model.best_epoch_ == 4 + history["validation_map"][3:].argmax()
    model.set_params(validation_fraction=0).fit(pairs, labels)
    assert model.best_epoch_ == 7 == len(model.history_)
    assert model.history_["validation_map"].isna().tolist() == [False] * 5 + [True] * 2
    assert Toy(max_epochs=3).fit(pairs, labels).fit(pairs, labels).history_["epoch"].tolist() == [1, 2, 3]
    model.set_params(warm_start=False).fit(pairs, labels)
    assert model.best_epoch_ == 2 == len(model.history_)
