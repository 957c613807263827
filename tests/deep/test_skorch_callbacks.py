"""Callbacks of skorch work with their defaults: they monitor one minus the score that chooses the epoch."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback, Checkpoint, EarlyStopping

from skxmr import SCAN, Pairs, Regions
from skxmr.datasets import make_captioned_scenes
from tests.deep.toy import Toy

LONG = {"max_epochs": 20, "lr": 0.05, "schedule": "constant"}  # long enough that the last epoch is not the best


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Checkpoint saves its files in the working directory."""
    monkeypatch.chdir(tmp_path)


class Watch(Callback):
    """Keep what the history holds after every epoch, and the weights of the network."""

    def __init__(self):
        self.seen = []
        self.states = []

    def on_epoch_end(self, net, **kwargs):
        self.seen.append({key: value for key, value in net.history[-1].items() if key != "batches"})
        self.states.append({name: weight.clone() for name, weight in net.module_.state_dict().items()})


def test_the_loss_of_validation_is_recorded_before_callbacks_of_users_run(small):
    watch = Watch()
    fitted = Toy(**LONG, callbacks=[watch]).fit(*small)
    maps = fitted.history_["validation_map"]
    assert_allclose([row["valid_loss"] for row in watch.seen], 1 - maps, rtol=1e-12)
    best = [value > maps[:epoch].max() for epoch, value in enumerate(maps) if epoch]
    assert [row["valid_loss_best"] for row in watch.seen] == [True, *best]
    assert 0 < sum(best) < 19  # otherwise this would say little
    assert not [name for name in fitted.history_ if name.startswith("valid_")]


@pytest.mark.filterwarnings("ignore:2 validation rows choose the epoch")
def test_the_mean_recall_chooses_for_methods_that_compare_pairs():
    made = make_captioned_scenes(20, random_state=0)
    pairs = Pairs(Regions(made.regions, mask=made.mask), made.sentences, image_index=made.image_index)
    watch = Watch()
    callbacks = [watch, EarlyStopping(), Checkpoint(load_best=True)]
    fitted = SCAN(8, word_width=4, batch_size=20, max_epochs=3, random_state=0, callbacks=callbacks).fit(pairs)
    assert_allclose([row["valid_loss"] for row in watch.seen], 1 - fitted.history_["validation_mr"], rtol=1e-12)


def test_early_stopping_counts_epochs_that_are_not_better(small):
    """skorch's default: 5 epochs without an improvement of 1e-4, relative to the loss."""
    fitted = Toy(max_epochs=200, lr=0.05, callbacks=[EarlyStopping()]).fit(*small)
    losses = 1 - fitted.history_["validation_map"]
    best = misses = 0
    for epoch, loss in enumerate(losses):
        if epoch == 0 or loss < losses[best] * (1 - 1e-4):
            best, misses = epoch, 0
        else:
            misses += 1
        if misses == 5:
            break
    assert len(losses) == epoch + 1 < 200


def test_checkpoint_saves_the_epoch_that_is_kept(small, tmp_path):
    pairs, labels = small
    fitted = Toy(**LONG, callbacks=[Checkpoint()]).fit(pairs, labels)
    assert {file.name for file in tmp_path.iterdir()} == {"params.pt", "optimizer.pt", "criterion.pt", "history.json"}
    saved = torch.load(tmp_path / "params.pt")
    for name, weight in fitted.network_.state_dict().items():
        assert torch.equal(saved[name], weight)
    assert fitted.best_epoch_ < 20


def test_loading_the_best_checkpoint_changes_nothing(small):
    """The same weights as without it, of the best epoch, and the whole history."""
    pairs, labels = small
    watch = Watch()
    plain = Toy(**LONG).fit(pairs, labels)
    fitted = Toy(**LONG, callbacks=[watch, Checkpoint(load_best=True)]).fit(pairs, labels)
    for name, weight in watch.states[fitted.best_epoch_ - 1].items():
        assert torch.equal(fitted.network_.state_dict()[name], weight)
    assert fitted.best_epoch_ == plain.best_epoch_ < 20
    columns = plain.history_.columns.drop("seconds")
    assert fitted.history_[columns].equals(plain.history_[columns])
    assert_array_equal(fitted.encode_text(pairs), plain.encode_text(pairs))


@pytest.mark.parametrize("callback", [EarlyStopping(load_best=True), Checkpoint(load_best=True)])
def test_fits_with_callbacks_are_pickled_and_repeated(small, callback):
    pairs, labels = small
    fitted = Toy(max_epochs=5, callbacks=[callback]).fit(pairs, labels)
    copied = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(copied.encode_image(pairs), fitted.encode_image(pairs))
    assert_array_equal(copied.fit(pairs, labels).encode_image(pairs), fitted.encode_image(pairs))


@pytest.mark.parametrize(
    "callback", [EarlyStopping(), EarlyStopping, Checkpoint(), ("stop", EarlyStopping("validation_map"))]
)
def test_without_validation_rows_the_way_out_is_named(small, callback):
    with pytest.raises(ValueError, match=r"with validation_fraction=0 there are no validation rows; .* 'train_loss'"):
        Toy(validation_fraction=0, callbacks=[callback]).fit(*small)
    watched = EarlyStopping("train_loss", patience=2, threshold=10.0)
    assert len(Toy(validation_fraction=0, max_epochs=50, callbacks=[watched]).fit(*small).history_) < 50


def test_our_early_stopping_stops_as_skorchs_does(small):
    """Neither asks for more than an improvement of the score that chooses, however small."""
    ours = Toy(max_epochs=200, lr=0.05, early_stopping=3).fit(*small)
    callback = EarlyStopping("validation_map", patience=3, threshold=0, lower_is_better=False)
    theirs = Toy(max_epochs=200, lr=0.05, callbacks=[callback]).fit(*small)
    assert len(ours.history_) == len(theirs.history_) == ours.best_epoch_ + 3
    assert np.array_equal(ours.encode_text(small[0]), theirs.encode_text(small[0]))


@pytest.mark.parametrize("name", ["progress", "schedule", "selection", "clip", "early_stopping"])
def test_users_name_their_callbacks_as_they_like(small, name):
    watch = Watch()
    Toy(early_stopping=3, callbacks=[(name, watch)]).fit(*small)
    assert len(watch.seen) == 4


def test_hooks_of_a_single_callback_are_called(small):
    """A hook may be set on the callback itself, without a class of its own."""
    called = []
    callback = Callback()
    callback.on_epoch_end = lambda net, **kwargs: called.append("epoch")
    callback.on_batch_end = lambda net, **kwargs: called.append("batch")
    Toy(max_epochs=2, batch_size=96, callbacks=[callback]).fit(*small)
    assert called == ["batch", "epoch"] * 2
