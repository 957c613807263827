"""Fits that were killed go on from their checkpoint and end at the very same model."""

import pickle
import re
import threading

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EpochScoring, GradientNormClipping

import skxmr
from skxmr import ACMR, DAGNN, DCCA, DRCL, DSCMR, RACG, SCAN, VSEPP, Pairs, Regions, Sentences
from skxmr.datasets import make_captioned_scenes, make_multilabel_pairs
from skxmr.deep import checkpoint as module
from skxmr.deep.checkpoint import Checkpoint, open_checkpoint
from skxmr.testing import all_retrievers

from .drawn import drawn, encoders
from .toy import forget_interrupts

SMALL = {
    "n_components": 8,
    "hidden": 8,
    "width": 8,
    "max_epochs": 4,
    "batch_size": 30,
    "random_state": 0,
    "device": "cpu",
}
SETS = {"n_components": 16, "word_width": 8, "batch_size": 20, "max_epochs": 3, "random_state": 0, "device": "cpu"}


def small(cls, **given):
    names = cls._get_param_names()
    return cls(**{name: value for name, value in SMALL.items() if name in names} | given)


DEEP = [cls for cls in all_retrievers() if issubclass(cls, skxmr.DeepRetriever)]
MODELS = {cls.__name__: small(cls, validation_fraction=0.2) for cls in DEEP} | {
    "no validation": small(DSCMR, validation_fraction=0),
    "early stopping": small(DSCMR, early_stopping=2, validation_fraction=0.2, max_epochs=12, lr=0.03),
    "sgd and cosine": small(DSCMR, optimizer="sgd", schedule="cosine"),
    "constant rate": small(DAGNN, schedule="constant", gnn="gat"),
    "text network first": small(DAGNN, pretrain_text=True),
    "small batches": small(ACMR, batch_size=11),
    "bf16": small(DSCMR, precision="bf16"),
}
# One for each way of training; the others are slow tests.
QUICK = ("DAGNN", "ACMR", "DSCMR", "early stopping", "sgd and cosine")


@pytest.fixture(scope="module")
def data():
    return make_multilabel_pairs(120, random_state=0)


@pytest.fixture(scope="module")
def scenes():
    made = make_captioned_scenes(12, random_state=0)
    texts = Sentences(made.tokens, made.tags, made.heads)
    return Pairs(Regions(made.regions, made.boxes, made.mask), texts, image_index=made.image_index)


class KilledError(BaseException):
    """Stands for the end of a process."""


def killed(monkeypatch, model, *data, after=2):
    """Fit a copy that ends as soon as it has kept the state of some epochs."""
    write = Checkpoint.write
    left = [after]

    def once(self, state):
        write(self, state)
        left[0] -= 1
        if not left[0]:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "write", once)
        with pytest.raises(KilledError):
            clone(model).fit(*data)


def assert_same_fit(found, wanted):
    columns = wanted.history_.columns.drop("seconds")
    assert found.history_[columns].equals(wanted.history_[columns])
    assert found.best_epoch_ == wanted.best_epoch_
    for name in ("network_", "image_encoder_", "text_encoder_"):
        if name in vars(wanted):
            state = getattr(found, name).state_dict()
            for key, value in getattr(wanted, name).state_dict().items():
                assert_array_equal(state[key].to_dense().numpy(), value.to_dense().numpy(), err_msg=key)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in MODELS]
)
def test_a_killed_fit_ends_at_the_same_model(name, data, tmp_path, monkeypatch):
    model = MODELS[name]
    wanted = clone(model).fit(*data)
    model = clone(model).set_params(checkpoint=tmp_path)
    killed(monkeypatch, model, *data)
    (folder,) = tmp_path.iterdir()
    assert re.fullmatch(rf"{type(model).__name__}-\w{{16}}", folder.name)
    found = clone(model).fit(*data)
    assert_same_fit(found, wanted)
    pairs = data[0]
    assert_array_equal(found.transform(pairs).image, wanted.transform(pairs).image)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("cls", [SCAN, RACG, VSEPP])
def test_methods_of_sets_go_on_as_well(cls, scenes, tmp_path, monkeypatch):
    pairs = scenes
    given = SETS | ({"n_heads": 4} if cls is RACG else {})
    if cls is VSEPP:
        pairs = Pairs(np.arange(48.0).reshape(12, 4) % 7, scenes.text, image_index=scenes._image_numbers)
    wanted = cls(**given).fit(pairs)
    killed(monkeypatch, cls(**given, checkpoint=tmp_path), pairs)
    assert_same_fit(cls(**given, checkpoint=tmp_path).fit(pairs), wanted)


def test_encoders_and_their_noise_go_on(tmp_path, monkeypatch):
    data = drawn(40)
    given = encoders()
    image = torch.nn.Sequential(given["image_encoder"], torch.nn.Dropout(0.5))
    image.transform = image[0].transform
    model = small(DSCMR, **given | {"image_encoder": image}, encoder_lr=1e-3)
    wanted = clone(model).fit(*data)
    model = clone(model).set_params(checkpoint=tmp_path)
    killed(monkeypatch, model, *data)
    assert_same_fit(model.fit(*data), wanted)


def test_every_moment_of_a_kill_gives_the_same(data, tmp_path, monkeypatch):
    wanted = small(DRCL).fit(*data)
    model = small(DRCL, checkpoint=tmp_path)
    for _ in range(4):
        # Each fit is killed after one more epoch; the last one after all of them.
        killed(monkeypatch, model, *data, after=1)
    assert_same_fit(model.fit(*data), wanted)


def test_drawn_seeds_are_kept(data, tmp_path, monkeypatch):
    model = small(DSCMR, checkpoint=tmp_path, random_state=None, keep_checkpoint=True)
    np.random.seed(0)
    wanted = small(DSCMR, random_state=None).fit(*data)
    np.random.seed(0)
    killed(monkeypatch, model, *data)
    np.random.seed(1)
    assert_same_fit(model.fit(*data), wanted)


def test_a_kept_checkpoint_is_the_result(data, tmp_path, monkeypatch):
    model = small(DSCMR, checkpoint=str(tmp_path), keep_checkpoint=True)
    wanted = clone(model).fit(*data)
    monkeypatch.setattr(torch.autograd, "backward", None)
    found = clone(model).set_params(verbose=0).fit(*data)
    assert_same_fit(found, wanted)
    assert len(list(tmp_path.iterdir())) == 1


def test_an_interrupted_fit_goes_on(data, tmp_path, monkeypatch):
    wanted = small(DSCMR).fit(*data)
    model = small(DSCMR, checkpoint=tmp_path)
    score = module.Checkpoint.write

    def interrupt(self, state):
        score(self, state)
        if len(state["history"]) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "write", interrupt)
        forget_interrupts()
        first = clone(model).fit(*data)
    forget_interrupts()
    assert len(first.history_) == 2
    assert_same_fit(model.fit(*data), wanted)


def test_a_fit_that_continues_another_goes_on(data, tmp_path, monkeypatch):
    model = small(DSCMR, warm_start=True).fit(*data)
    again = pickle.loads(pickle.dumps(model))
    wanted = pickle.loads(pickle.dumps(model)).fit(*data)
    again.set_params(checkpoint=tmp_path)
    before = pickle.loads(pickle.dumps(again))
    write = Checkpoint.write

    def once(self, state):
        write(self, state)
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "write", once)
        with pytest.raises(KilledError):
            again.fit(*data)
    assert_same_fit(before.fit(*data), wanted)


def test_other_rows_and_parameters_have_other_folders(data, tmp_path, monkeypatch):
    pairs, labels = data
    model = small(DSCMR, checkpoint=tmp_path)
    killed(monkeypatch, model, pairs, labels)
    killed(monkeypatch, clone(model).set_params(lr=0.01), pairs, labels)
    killed(monkeypatch, model, pairs[::-1], labels[::-1])
    killed(monkeypatch, model, pairs.replace(groups=np.arange(120) // 2), labels)
    assert len(list(tmp_path.iterdir())) == 4
    # What has no effect on the weights changes nothing.
    clone(model).set_params(n_jobs=2).fit(pairs, labels)
    assert len(list(tmp_path.iterdir())) == 3


def test_equal_fits_at_the_same_time_do_not_meet(data, tmp_path):
    model = small(DSCMR, checkpoint=tmp_path)
    wanted = small(DSCMR).fit(*data)
    labels = skxmr._data.labels.encode_labels(data[1])
    with open_checkpoint(model, data[0], labels):
        assert_same_fit(clone(model).fit(*data), wanted)
        assert len(list(tmp_path.iterdir())) == 1
    fits = [clone(model) for _ in range(3)]
    threads = [threading.Thread(target=fit.fit, args=data) for fit in fits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fit in fits:
        assert_same_fit(fit, wanted)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_clones_of_a_search_do_not_meet(data, tmp_path):
    grid = {"lr": [1e-3, 1e-3, 1e-2]}
    wanted = GridSearchCV(small(DSCMR), grid, cv=2).fit(*data)
    found = GridSearchCV(small(DSCMR, checkpoint=tmp_path), grid, cv=2, n_jobs=2).fit(*data)
    assert_array_equal(found.cv_results_["mean_test_score"], wanted.cv_results_["mean_test_score"])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def kept(data, tmp_path, monkeypatch):
    """A model, and the file of its state."""
    model = small(DCCA, checkpoint=tmp_path)
    killed(monkeypatch, model, *data)
    (file,) = tmp_path.glob("*/state.pt")
    return model, file


def changed(file, **about):
    state = torch.load(file, weights_only=True)
    state["about"].update(about)
    torch.save(state, file)


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"version of torch": "1.0"}, "version of torch was 1.0, is 2"),
        ({"parameter lr": "x"}, "other parameter lr"),
        ({"rows": "x"}, "other rows"),
        ({"class": "skxmr.Other"}, "class was skxmr.Other, is skxmr.methods.dcca.DCCA"),
    ],
)
def test_a_checkpoint_of_another_fit_is_refused_by_name(kept, data, about, told):
    model, file = kept
    changed(file, **about)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=f"state.pt' is of another fit: {told}"):
        model.fit(*data)
    assert file.read_bytes() == before


class _Executed:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "code", "list", "format", "bit"])
def test_damaged_files_are_refused_and_never_executed(kept, data, damage, capsys):
    model, file = kept
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-900])
    elif damage in ("empty", "text"):
        file.write_text("" if damage == "empty" else "no state")
    elif damage == "bit":
        weights = next(iter(torch.load(file, weights_only=True)["network"].values())).numpy().tobytes()
        content = file.read_bytes()
        assert content.count(weights) > 0
        file.write_bytes(content.replace(weights, bytes([weights[0] ^ 1]) + weights[1:]))
    elif damage == "format":
        torch.save(torch.load(file, weights_only=True) | {"format": 99}, file)
    else:
        torch.save({"state": _Executed()} if damage == "code" else [1, 2], file)
    with pytest.raises(ValueError, match=r"checkpoint: .*state.pt' cannot be read \(.*\); delete it"):
        model.fit(*data)
    assert "executed" not in capsys.readouterr().out


def test_a_full_disk_costs_the_checkpoint_and_not_the_fit(kept, data, monkeypatch):
    model, file = kept
    wanted = clone(model).set_params(checkpoint=None).fit(*data)
    before = file.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    model.set_params(keep_checkpoint=True)
    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.warns(UserWarning, match=r"checkpoint in .* could not be written \(.*No space left"):
        assert_same_fit(model.fit(*data), wanted)
    assert file.read_bytes() == before
    assert {path.name for path in file.parent.iterdir()} <= {"state.pt", "lock"}


def test_what_cannot_be_kept_is_refused(data, tmp_path):
    with pytest.raises(ValueError, match="what this callback remembers cannot be restored; leave one of both out"):
        small(DSCMR, checkpoint=tmp_path, callbacks=[EpochScoring("f1")]).fit(*data)
    with pytest.raises(ValueError, match=r"the content of optimizer=<function .*> cannot be told"):
        small(DSCMR, checkpoint=tmp_path, optimizer=lambda *a, **k: torch.optim.Adam(*a)).fit(*data)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OSError, match=r"checkpoint='.*file' is no folder to write in"):
        small(DSCMR, checkpoint=file).fit(*data)


class Counting(Callback):
    """A callback that says what it remembers."""

    epochs = 0

    def on_epoch_end(self, net, **kwargs):
        self.epochs += 1

    def state_dict(self):
        return {"epochs": self.epochs}

    def load_state_dict(self, state):
        self.epochs = state["epochs"]


def test_callbacks_that_can_be_restored_go_on(data, tmp_path, monkeypatch):
    killed(monkeypatch, small(DSCMR, checkpoint=tmp_path, callbacks=[Counting()]), *data)
    counting = Counting()
    small(DSCMR, checkpoint=tmp_path, callbacks=[counting]).fit(*data)
    assert counting.epochs == 4


def test_a_saved_model_does_not_name_the_folder(data, tmp_path):
    model = small(DSCMR, checkpoint=tmp_path / "kept", keep_checkpoint=True).fit(*data)
    skxmr.save(model, tmp_path / "model")
    found = skxmr.load(tmp_path / "model")
    assert found.checkpoint is None
    assert_same_fit(found, model)


def test_a_killed_search_goes_on_within_a_fit(data, tmp_path, monkeypatch):
    candidates = [("DSCMR", small(DSCMR, random_state=None), {"lr": [1e-3, 1e-2]}), ("CCA", skxmr.CCA(3), {})]
    given = {"budget_s": None, "min_rows": 30, "random_state": 0}
    wanted = skxmr.AutoRetriever(candidates, **given).fit(*data)
    auto = skxmr.AutoRetriever(candidates, **given, cache=tmp_path)
    killed(monkeypatch, auto, *data, after=3)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1
    found = auto.fit(*data)
    assert found.best_score_ == wanted.best_score_ and found.best_params_ == wanted.best_params_
    assert_array_equal(found.transform(data[0]).image, wanted.transform(data[0]).image)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_search_with_a_cache_takes_candidates_with_callbacks(data, tmp_path):
    candidates = [("DSCMR", small(DSCMR, callbacks=[GradientNormClipping(1.0)]), {})]
    auto = skxmr.AutoRetriever(candidates, budget_s=None, min_rows=30, random_state=0, cache=tmp_path).fit(*data)
    assert auto.cv_results_["status"].tolist() == ["done"] * len(auto.cv_results_["status"])


def test_a_fit_that_fails_before_the_first_epoch_leaves_nothing(data, tmp_path):
    with pytest.raises(ValueError, match="early_stopping needs validation rows"):
        small(DSCMR, checkpoint=tmp_path, early_stopping=2, validation_fraction=0).fit(*data)
    assert list(tmp_path.iterdir()) == []
