"""What the caller has set in torch, no_grad, autocast or another default dtype, decides nothing here."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skxmr import ACMR, ALGCN, DAGNN, DCCA, DRCL, DSCMR, IGNN, L2GCN, RACG, SCAN, Pairs, Regions, Sentences
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs
from skxmr.metrics._tensors import TensorScores
from skxmr.nn.device import ordinary_torch
from tests.deep.toy import Toy

TINY = {"n_components": 8, "hidden": 16, "max_epochs": 2, "batch_size": 64, "random_state": 0}
GRAPH = TINY | {"width": 8, "n_layers": 2}
EMBEDDING = [
    ACMR(**TINY), ALGCN(**GRAPH, w_reg=0.1), DAGNN(**GRAPH), DCCA(**TINY), DSCMR(**TINY), IGNN(**GRAPH, w_adv=0.1),
    DRCL(**TINY, prior_epochs=2), L2GCN(**GRAPH), DAGNN(**GRAPH | {"batch_size": 108}, gnn="gat", pretrain_text=True),
    DSCMR(**TINY, optimizer="sgd", schedule="cosine", validation_fraction=0.2),
]  # fmt: skip
SETS = {"n_components": 16, "word_width": 8, "batch_size": 20, "max_epochs": 1, "random_state": 0}
COMPARING = {"SCAN": SCAN(**SETS), "RACG": RACG(**SETS, n_heads=4)}


@contextmanager
def default_dtype(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def all_at_once():
    autocast = torch.autocast("cpu", torch.bfloat16)
    with torch.inference_mode(), autocast, default_dtype(torch.float64), torch.device("meta"):
        yield


STATES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    # What is made on this device has no values.
    "device": lambda: torch.device("meta"),
    "all at once": all_at_once,
}


@pytest.fixture(params=STATES)
def state(request):
    return STATES[request.param]


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name != "all at once")) for name in STATES], ids=list(STATES)
)
def state_of_methods(request):
    """Every method is fitted in all states at once; which of them decides something is found by the slow tests."""
    return STATES[request.param]


# Training the text network first takes longest.
MARKS = [[pytest.mark.slow] * bool(getattr(model, "pretrain_text", False)) for model in EMBEDDING]


@pytest.fixture(
    scope="module",
    params=[pytest.param(model, id=f"{type(model).__name__} {i}", marks=MARKS[i]) for i, model in enumerate(EMBEDDING)],
)
def wanted(request):
    """A model that was fitted in the ordinary state."""
    return clone(request.param).fit(*make_multilabel_pairs(120, random_state=0))


def test_a_seeded_fit_has_the_same_bits(small, wanted, state_of_methods):
    pairs, labels = small
    with state_of_methods():
        found = clone(wanted).fit(pairs, labels)
        inside = found.transform(pairs)
    expected = wanted.transform(pairs)
    for transformed in (inside, found.transform(pairs)):
        assert_array_equal(transformed.image, expected.image)
        assert_array_equal(transformed.text, expected.text)
    columns = wanted.history_.columns.drop("seconds")
    assert found.history_[columns].equals(wanted.history_[columns])


@pytest.fixture(scope="module")
def scenes():
    made = make_captioned_scenes(12, random_state=0)
    texts = Sentences(made.tokens, made.tags, made.heads)
    return Pairs(Regions(made.regions, made.boxes, made.mask), texts, image_index=made.image_index)


@pytest.fixture(scope="module", params=COMPARING)
def compared(request, scenes):
    """A model, and its similarities in the ordinary state."""
    model = COMPARING[request.param]
    return model, clone(model).fit(scenes).similarity(scenes)


def test_methods_that_compare_sets_have_the_same_bits(scenes, compared, state_of_methods):
    model, wanted = compared
    with state_of_methods():
        found = clone(model).fit(scenes)
        assert_array_equal(found.similarity(scenes), wanted)
    assert_array_equal(found.similarity(scenes), wanted)


@pytest.fixture(scope="module")
def fitted():
    """Fitted models that tell of labels and of graphs."""
    data = make_multilabel_pairs(120, random_state=0)
    return [model.fit(*data) for model in (DAGNN(**GRAPH), ALGCN(**GRAPH), IGNN(**GRAPH))]


def test_what_a_fitted_model_tells_is_the_same(small, fitted, state):
    pairs, _ = small
    wanted = [model.decision_function(image=pairs.image) for model in fitted]
    graphs = [fitted[1].adaptive_matrix_, fitted[2].learned_graph_]
    with state():
        for model, scores in zip(fitted, wanted, strict=True):
            assert_array_equal(model.decision_function(image=pairs.image), scores)
        assert graphs[0].equals(fitted[1].adaptive_matrix_) and graphs[1].equals(fitted[2].learned_graph_)


@pytest.fixture(scope="module")
def twice():
    pairs, labels = make_multilabel_pairs(120, random_state=0)
    return Toy(warm_start=True).fit(pairs, labels).fit(pairs, labels).encode_text(pairs)


def test_it_goes_on_with_a_network_of_another_state(small, twice, state):
    pairs, labels = small
    with state():
        model = Toy(warm_start=True).fit(pairs, labels)
    assert_array_equal(model.fit(pairs, labels).encode_text(pairs), twice)


def test_the_state_of_the_caller_comes_back(small):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), default_dtype(torch.float64):
        Toy().fit(*small)
        assert not torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")
        with pytest.raises(ValueError, match="labels"):
            Toy().fit(small[0], small[1][1:])
        assert not torch.is_grad_enabled() and torch.get_default_dtype() == torch.float64
    assert torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


def test_the_default_dtype_stays_while_another_thread_is_inside():
    """It belongs to all threads: whoever leaves first must not take it from the other."""
    entered = threading.Event()
    leave = threading.Event()

    def stay():
        with ordinary_torch():
            entered.set()
            leave.wait(10)

    with default_dtype(torch.float64):
        thread = threading.Thread(target=stay)
        with ordinary_torch():
            thread.start()
            assert entered.wait(10)
        assert torch.get_default_dtype() == torch.float32
        leave.set()
        thread.join()
        assert torch.get_default_dtype() == torch.float64


def test_bf16_is_still_what_precision_asks_for(small):
    plain = Toy(precision="float32").fit(*small)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert_array_equal(Toy().fit(*small).encode_text(small[0]), plain.encode_text(small[0]))


def test_measures_of_tensors_are_not_rounded_by_autocast():
    rng = np.random.default_rng(0)
    image, text = (torch.from_numpy(rng.normal(size=(300, 16)).astype(np.float32)) for _ in range(2))
    wanted = TensorScores(image, text, "cosine")[:]
    with torch.autocast("cpu", torch.bfloat16):
        assert_array_equal(TensorScores(image, text, "cosine")[:], wanted)
