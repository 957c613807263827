import copy
import pickle
import signal
from functools import partial

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from skxmr._data.labels import encode_labels
from skxmr.deep.callbacks import DivergenceError
from skxmr.deep.split import split_rows
from skxmr.metrics import cross_modal_map
from skxmr.nn.objective import Objective
from skxmr.testing import retriever_checks
from tests.deep.toy import Toy, ToyObjective, forget_interrupts

# Half of the rows, with which some checks refit, are enough to hold out a part of them.
TWO_EPOCHS = Toy(max_epochs=2, validation_fraction=0.4)


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in retriever_checks(TWO_EPOCHS)])
def test_our_checks(check):
    check()


def test_training_learns(small):
    pairs, labels = small
    fitted = Toy(max_epochs=30).fit(pairs, labels)
    shared = (labels @ labels.T > 0).mean()
    assert fitted.score(pairs, labels) > shared + 0.2


def test_history_tells_every_term_and_both_maps(small):
    fitted = Toy(max_epochs=3).fit(*small)
    history = fitted.history_
    assert history["epoch"].tolist() == [1, 2, 3]
    assert {"loss", "classification", "likelihood", "seconds"} <= set(history)
    assert_allclose(history["loss"], history["classification"] + 0.2 * history["likelihood"], rtol=1e-5)
    means = (history["validation_i2t_map"] + history["validation_t2i_map"]) / 2
    assert_allclose(history["validation_map"], means)


class Measured(Objective):
    """Terms whose names end as what skorch notes beside a value."""

    def label_count(self, outputs, batch):
        return (outputs["image"] - outputs["text"]).square().mean()

    def second_best(self, outputs, batch):
        return outputs["classifiers"].square().mean()


def test_history_has_a_column_for_a_term_of_any_name(small):
    class Named(Toy):
        def _build(self, split):
            objective = Measured({"label_count": 1.0, "second_best": 0.5})
            return super()._build(split)._replace(objective=objective)

    history = Named(max_epochs=2).fit(*small).history_
    maps = ["validation_i2t_map", "validation_t2i_map", "validation_map"]
    assert set(history) == {"epoch", "loss", "label_count", "second_best", "seconds", *maps}
    assert_allclose(history["loss"], history["label_count"] + 0.5 * history["second_best"], rtol=1e-5)


def test_the_best_epoch_is_kept(small):
    pairs, labels = small
    fitted = Toy(max_epochs=12, lr=0.1).fit(pairs, labels)
    best = fitted.history_["validation_map"].argmax()
    assert fitted.best_epoch_ == best + 1
    split = split_of(fitted, pairs, labels)
    held = pairs[split.validation.rows]
    Y = split.validation.labels.matrix
    found = cross_modal_map(fitted.encode_image(held), fitted.encode_text(held), Y)
    assert_allclose(found["map"], fitted.history_["validation_map"][best], rtol=1e-9)


def split_of(fitted, pairs, labels):
    seed = np.random.RandomState(fitted.random_state).randint(2**31)
    return split_rows(pairs, encode_labels(labels), fitted.validation_fraction, seed)


def test_validation_rows_are_never_fitted(small):
    """Whatever stands in the validation rows, the weights of an epoch are the same."""
    pairs, labels = small
    fitted = Toy(max_epochs=1).fit(pairs, labels)
    split = split_of(fitted, pairs, labels)
    held = split.validation.rows
    assert len(held) == 24 and not set(held) & set(split.fitting.rows)
    spoilt = pairs.image.copy()
    spoilt[held] = 9.0
    again = Toy(max_epochs=1).fit(pairs.replace(image=spoilt), labels)
    assert_array_equal(again.encode_text(pairs), fitted.encode_text(pairs))


def test_without_validation_the_last_epoch_is_kept(small):
    fitted = Toy(max_epochs=3, validation_fraction=0).fit(*small)
    assert fitted.best_epoch_ == 3 and "validation_map" not in fitted.history_


def test_early_stopping(small):
    fitted = Toy(max_epochs=200, lr=0.05, early_stopping=3).fit(*small)
    assert len(fitted.history_) == fitted.best_epoch_ + 3 < 200


# Processes of their own import torch, which takes most of the time; threads are what could share a generator.
@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_refits_are_bit_equal_under_every_backend(small, backend):
    pairs, labels = small
    expected = Toy().fit(pairs, labels).encode_image(pairs)
    models = joblib.Parallel(n_jobs=2, backend=backend)(
        joblib.delayed(Toy(random_state=seed).fit)(pairs, labels) for seed in (0, 1, 0, 2)
    )
    assert_array_equal(models[0].encode_image(pairs), expected)
    assert_array_equal(models[2].encode_image(pairs), expected)
    assert not np.array_equal(models[1].encode_image(pairs), expected)


class Shuffled(ToyObjective):
    def terms(self, outputs, batch):
        order = torch.randperm(len(outputs["image"]), generator=self.generator)
        shuffled = (outputs["image"] * outputs["text"][order]).mean()
        return super().terms(outputs, batch) | {"shuffled": shuffled}


class Shuffling(Toy):
    def _build(self, split):
        learner = super()._build(split)
        weights = {**learner.objective.weights, "shuffled": 1.0}
        return learner._replace(objective=Shuffled(weights))


def test_an_objective_has_a_generator_of_its_own(small):
    before = torch.get_rng_state()
    first, second = (Shuffling(max_epochs=2, random_state=0).fit(*small) for _ in range(2))
    other = Shuffling(max_epochs=2, random_state=1).fit(*small)
    assert_array_equal(first.history_["shuffled"], second.history_["shuffled"])
    assert (first.history_["shuffled"] != other.history_["shuffled"]).any()
    assert_array_equal(torch.get_rng_state(), before)


def test_global_generators_are_untouched(small):
    np.random.seed(3)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    Toy().fit(*small)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert_array_equal(np.random.get_state()[1], states[1])


def test_blocks_at_encoding_do_not_matter(small):
    """Rows are encoded by the 4,096, of which there are two blocks here."""
    pairs, labels = small
    fitted = Toy(max_epochs=1).fit(pairs, labels)
    many = fitted.encode_image(np.tile(pairs.image, (35, 1)))
    assert len(many) == 4200
    assert_allclose(many, np.tile(fitted.encode_image(pairs), (35, 1)), atol=1e-6)


def test_streamed_text_equals_resident_text(small):
    pairs, labels = small
    sparse = pairs.replace(text=sp.csr_array(pairs.text))
    assert_array_equal(Toy().fit(sparse, labels).encode_text(pairs), Toy().fit(pairs, labels).encode_text(pairs))


def grid_search(small, n_jobs=None):
    cv = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(TWO_EPOCHS, {"lr": [0.01, 0.1]}, cv=cv, n_jobs=n_jobs, error_score="raise")
    return search.fit(*small)


def test_pickles_and_copies_leave_the_model_alone(small):
    fitted = Toy(max_epochs=1).fit(*small)
    network = fitted.network_
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert fitted.network_ is network and copied.network_ is not network
        assert_array_equal(copied.transform(small[0]).text, fitted.transform(small[0]).text)


def test_a_search_can_be_pickled(small):
    search = grid_search(small)
    copied = pickle.loads(pickle.dumps(search))
    assert_array_equal(copied.transform(small[0]).image, search.transform(small[0]).image)


# Most of its time is the import of torch in the other processes.
@pytest.mark.slow
def test_a_search_in_processes_scores_what_one_process_scores(small):
    searches = [grid_search(small), grid_search(small, n_jobs=2)]
    assert_array_equal(*(search.cv_results_["mean_test_score"] for search in searches))


@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
def test_schedules(small, schedule):
    rates = []

    class Watch(Callback):
        def on_batch_begin(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    Toy(schedule=schedule, callbacks=[Watch()]).fit(*small)
    assert len(rates) == 12
    assert {
        "constant": rates == [0.01] * 12,
        "cosine": rates[0] == 0.01 and rates[-1] < 0.001 and rates == sorted(rates, reverse=True),
        "onecycle": max(rates) > 0.025 and rates[-1] < 0.002,
    }[schedule]


@pytest.fixture
def interrupt(monkeypatch):
    """Ctrl-C in the middle of a training step of the given epoch; three batches an epoch."""
    forget_interrupts()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
    original = ToyObjective.terms

    def during(epoch):
        calls = []

        def interrupted(self, outputs, batch):
            calls.append(1)
            if len(calls) == 3 * epoch - 1:
                signal.raise_signal(signal.SIGINT)
            return original(self, outputs, batch)

        monkeypatch.setattr(ToyObjective, "terms", interrupted)

    yield during
    signal.signal(signal.SIGINT, before)


def test_the_first_interrupt_keeps_the_best_epoch_and_the_second_raises(small, interrupt, monkeypatch):
    pairs, labels = small
    interrupt(3)
    fitted = Toy(max_epochs=50).fit(pairs, labels)
    assert 1 <= fitted.best_epoch_ <= 2 and fitted.encode_text(pairs).shape == (120, 6)
    assert fitted.history_["epoch"].tolist() == [1, 2] and fitted.history_.notna().all(axis=None)
    interrupt(3)
    with pytest.raises(KeyboardInterrupt):  # so that a grid search can be stopped
        Toy(max_epochs=50).fit(pairs, labels)
    forget_interrupts()
    interrupt(3)
    assert Toy(max_epochs=50).fit(pairs, labels).best_epoch_ <= 2


def test_an_interrupt_inside_a_callback_of_ours_is_one(small, monkeypatch):
    forget_interrupts()
    original, calls = LRScheduler.on_batch_end, []

    def interrupted(self, net, **kwargs):
        calls.append(1)
        if len(calls) == when:
            raise KeyboardInterrupt
        original(self, net, **kwargs)

    monkeypatch.setattr(LRScheduler, "on_batch_end", interrupted)
    when = 7  # three batches an epoch
    assert Toy(schedule="cosine").fit(*small).best_epoch_ <= 2
    forget_interrupts()
    when = len(calls) + 2
    with pytest.raises(KeyboardInterrupt):
        Toy(schedule="cosine").fit(*small)


def test_an_interrupt_before_any_epoch_raises(small, interrupt):
    interrupt(1)
    model = Toy()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*small)
    assert vars(model) == vars(Toy())  # nothing is half written


@pytest.mark.parametrize(
    "options",
    [
        {"early_stopping": 2, "lr": 0.05},
        {"callbacks": [EarlyStopping(monitor="train_loss", patience=2, threshold=10.0)]},
    ],
)
def test_early_stopping_is_no_interrupt(small, monkeypatch, options):
    forget_interrupts()
    for _ in range(2):
        assert len(Toy(max_epochs=200, **options).fit(*small).history_) < 200


def test_a_callback_that_stops_at_once_leaves_no_model(small):
    class Stop(Callback):
        def on_batch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(ValueError, match="a callback stopped the training before any epoch was finished"):
        Toy(callbacks=[Stop()]).fit(*small)


def test_divergence_names_the_term_and_the_epoch(small, monkeypatch):
    original = ToyObjective.terms
    calls = []

    def failing(self, outputs, batch):
        calls.append(1)
        terms = original(self, outputs, batch)
        return terms | {"likelihood": terms["likelihood"] * (np.nan if len(calls) > threshold else 1)}

    monkeypatch.setattr(ToyObjective, "terms", failing)
    threshold = 7  # three batches an epoch
    with pytest.warns(UserWarning, match=r"'likelihood' became nan in epoch 3; the weights of epoch [12] are kept"):
        fitted = Toy().fit(*small)
    assert fitted.best_epoch_ <= 2
    calls.clear()
    threshold = 1
    with pytest.raises(DivergenceError, match="'likelihood' became nan in epoch 1; no epoch was finished"):
        clone(fitted).fit(*small)


def test_weights_that_explode_unseen_by_the_loss_are_told(small):
    """The last step of an epoch is judged by the validation rows alone."""
    with pytest.raises(DivergenceError, match=r"became nan in epoch 1; no epoch was finished"):
        Toy(optimizer="sgd", lr=1e30, schedule="constant").fit(*small)
    with pytest.warns(UserWarning, match="validation_map became nan in epoch 2; the weights of epoch 1 are kept"):
        Toy(optimizer="sgd", lr=1e30, schedule="constant", batch_size=96).fit(*small)


def test_views_beyond_float32_are_refused(small):
    pairs, labels = small
    image = pairs.image.copy()
    image[3, 3] = 1e39
    with pytest.raises(ValueError, match=r"image holds 1.0e\+39, which is infinite in float32"):
        Toy().fit(pairs.replace(image=image), labels)
    fitted = Toy(max_epochs=1).fit(pairs, labels)
    with pytest.raises(ValueError, match="infinite in float32"):
        fitted.encode_image(image)


def test_one_cycle_leaves_the_users_optimiser_alone(small):
    found = []

    class Watch(Callback):
        def on_batch_begin(self, net, **kwargs):
            found.append(net.optimizer_.param_groups[0]["betas"])

    Toy(optimizer=partial(torch.optim.Adam, betas=(0.5, 0.9)), callbacks=[Watch()]).fit(*small)
    assert set(found) == {(0.5, 0.9)}
    Toy(optimizer=torch.optim.Adagrad, max_epochs=np.int64(2)).fit(*small)


def test_automatic_epochs_make_about_as_many_steps():
    for n, batch, epochs in ((2750, "auto", 60), (10_621, "auto", 30), (1956, "auto", 60), (200_000, 1024, 10)):
        assert Toy(max_epochs="auto", batch_size=batch)._options(n, torch.device("cpu")).max_epochs == epochs


def test_the_default_dtype_of_torch_does_not_matter(small):
    pairs, labels = small
    torch.set_default_dtype(torch.float64)
    try:
        fitted = Toy().fit(pairs, labels)
    finally:
        torch.set_default_dtype(torch.float32)
    assert fitted.encode_image(pairs).dtype == np.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "meta"}, "device must be"),
        ({"early_stopping": 3, "validation_fraction": 0.0}, "early_stopping needs validation rows"),
        ({"device": "cuda"}, "torch finds no CUDA"),
        ({"device": "gpu"}, "device must be"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"batch_size": 1}, "batch_size"),
        ({"schedule": "linear"}, "schedule"),
        ({"precision": "fp16"}, "precision"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"validation_fraction": 0.01}, "can hold out 1 rows"),
        ({"optimizer": "adagrad"}, "optimizer"),
        ({"dropout": 1.0}, "dropout"),
        ({"device": "cuda:9"}, "torch finds"),
    ],
)
def test_bad_parameters_are_named(small, options, message):
    if options == {"device": "cuda"} and torch.cuda.is_available():
        pytest.skip("there is CUDA")
    with pytest.raises(ValueError, match=message):
        Toy(**options).fit(*small)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_equals_the_cpu(small):
    pairs, labels = small
    scores = [Toy(device=device, max_epochs=10).fit(pairs, labels).score(pairs, labels) for device in ("cpu", "cuda")]
    assert_allclose(scores[0], scores[1], atol=0.05)  # dropout masks come from another generator there
