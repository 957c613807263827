"""Encoders of raw images and texts that are trained together with a deep method."""

import copy
import pickle
import threading
import weakref

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils import check_random_state
from torch import nn

from skxmr import ACMR, ALGCN, DAGNN, DCCA, DSCMR, IGNN, L2GCN, Pairs
from skxmr._data.labels import encode_labels
from skxmr.deep.split import unsplit
from skxmr.features import ImageFeatures, PadToSquare
from skxmr.metrics import cross_modal_map
from skxmr.nn import Batch
from skxmr.nn.device import initialising
from skxmr.nn.objective import Objective

from .drawn import Bag, drawn, encoders, picture_network

SMALL = {"n_components": 4, "hidden": 8, "max_epochs": 2, "batch_size": 16, "random_state": 0, "device": "cpu"}
PLAIN = SMALL | {
    "optimizer": torch.optim.SGD, "weight_decay": 0.0, "schedule": "constant", "dropout": 0.0, "input_dropout": 0.0,
}  # fmt: skip
METHODS = (ACMR, ALGCN, DAGNN, DCCA, DSCMR, IGNN, L2GCN)


def small(cls, **given):
    """Return a method with few units."""
    names = cls._get_param_names()
    return cls(**{name: value for name, value in ({"width": 8} | SMALL).items() if name in names} | given)


def states(model):
    found = {}
    for name in ("network_", "image_encoder_", "text_encoder_"):
        for key, value in getattr(model, name).state_dict().items():
            found[f"{name}.{key}"] = value.to_dense().numpy()
    return found


def assert_same_states(a, b):
    found = states(a)
    assert found.keys() == states(b).keys()
    for key, value in states(b).items():
        assert_array_equal(found[key], value, err_msg=key)


# Threads that other tests have left behind.
BEFORE = set()


@pytest.fixture(autouse=True)
def threads_before():
    """Remember which threads there are when a test begins."""
    BEFORE.clear()
    BEFORE.update(threading.enumerate())


def readers():
    """Return the threads that read ahead."""
    new = set(threading.enumerate()) - BEFORE
    return [thread for thread in new if thread.name.startswith("ThreadPoolExecutor")]


@pytest.fixture
def paths(tmp_path):
    """The pictures as PNG files."""
    files = []
    for i, pixels in enumerate(drawn()[0]):
        files.append(tmp_path / f"{i}.png")
        Image.fromarray(pixels).save(files[-1])
    return files


# What is learned.


def test_two_steps_equal_those_of_a_plain_loop():
    """The same modules, the same batches and two rates of plain gradient descent give the same weights."""
    pictures, texts, labels = drawn(32)
    own = encoders()
    model = DSCMR(**PLAIN | {"max_epochs": 1, "lr": 0.05, "standardize": False}, encoder_lr=0.2, **own)
    before = copy.deepcopy(own)
    model.fit(pictures, texts, labels)

    seeds = check_random_state(0).randint(2**31, size=4).tolist()
    pixels = torch.stack([PadToSquare(8)(Image.fromarray(picture)) for picture in pictures])
    tokens = nn.utils.rnn.pad_sequence([own["text_encoder"].transform(text) for text in texts], batch_first=True)
    image, text = before["image_encoder"], before["text_encoder"]
    with initialising(seeds[1]):
        views = Pairs(np.zeros((32, 16)), np.zeros((32, 5)))
        network, objective, _ = model._build(unsplit(views, encode_labels(labels)))
    order = torch.randperm(32, generator=torch.Generator().manual_seed(seeds[2]))
    slow = [*network.parameters()]
    fast = [*image.parameters(), *text.parameters()]
    for batch in order.split(16):
        outputs = network(image(pixels[batch]), text(tokens[batch]))
        terms = objective.terms(outputs, Batch(pixels, tokens, torch.tensor(labels[batch]).float()))
        objective.total(terms).backward()
        with torch.no_grad():
            for weights, rate in ((slow, 0.05), (fast, 0.2)):
                for weight in weights:
                    if weight.grad is not None:
                        weight -= rate * weight.grad
                        weight.grad = None

    expected = {"network_": network, "image_encoder_": image, "text_encoder_": text}
    for name, module in expected.items():
        for key, value in module.state_dict().items():
            assert_allclose(getattr(model, name).state_dict()[key], value, atol=1e-6, err_msg=f"{name}.{key}")
    assert not torch.equal(model.image_encoder_[0].weight, own["image_encoder"][0].weight)


@pytest.mark.parametrize("frozen", ["rate", "weights"])
def test_a_frozen_encoder_gives_the_fit_of_its_features(frozen):
    """Bit for bit, embeddings and weights; batch statistics stay those of the given module."""
    pictures, texts, labels = drawn()
    own = encoders()
    if frozen == "weights":
        for encoder in own.values():
            encoder.requires_grad_(False)
    model = DAGNN(**SMALL, width=8, encoder_lr=0.0 if frozen == "rate" else 0.1, **own).fit(pictures, texts, labels)
    image = ImageFeatures(own["image_encoder"], prepare=PadToSquare(8)).transform(pictures)
    parts = []
    for start in (0, 32):
        bags = [own["text_encoder"].transform(text) for text in texts[start : start + 32]]
        parts.append(own["text_encoder"](nn.utils.rnn.pad_sequence(bags, batch_first=True)).detach().numpy())
    text = np.concatenate(parts)
    expected = DAGNN(**SMALL, width=8).fit(image, text, labels)
    assert_array_equal(model.encode_image(pictures), expected.encode_image(image))
    assert_array_equal(model.encode_text(texts), expected.encode_text(text))
    assert model.n_features_ == expected.n_features_ == {"image": 16, "text": 5}
    assert_array_equal(model.get_feature_names_out(), expected.get_feature_names_out())
    pd.testing.assert_frame_equal(model.history_.drop(columns="seconds"), expected.history_.drop(columns="seconds"))
    for name, given in own.items():
        for key, value in given.state_dict().items():
            assert torch.equal(getattr(model, f"{name}_").state_dict()[key], value), key


@pytest.mark.parametrize("cls", METHODS)
def test_every_method_trains_encoders(cls):
    pictures, texts, labels = drawn()
    own = encoders()
    model = small(cls, validation_fraction=0.4, **own).fit(pictures, texts, labels)
    assert not torch.equal(model.image_encoder_[0].weight, own["image_encoder"][0].weight)
    assert not torch.equal(model.text_encoder_.vectors.weight, own["text_encoder"].vectors.weight)
    embedded = model.transform(Pairs(pictures, texts))
    assert np.isfinite(embedded.image).all() and np.isfinite(embedded.text).all()
    assert 0 < model.score(pictures, texts, labels) <= 1


def test_one_view_may_have_an_encoder_and_the_other_features():
    pictures, _, labels = drawn()
    model = DSCMR(**SMALL, image_encoder=picture_network()).fit(pictures, labels.astype(float), labels)
    assert not hasattr(model, "text_encoder_")
    assert model.similarity(pictures[:3], labels[:5].astype(float)).shape == (3, 5)
    model.set_params(image_encoder=None).fit(labels.astype(float), labels.astype(float), labels)
    assert not hasattr(model, "image_encoder_")
    assert model.encode_image(labels.astype(float)).shape == (60, 4)


def test_the_best_epoch_is_that_of_the_encoders_as_well():
    """After the fit, the validation rows score what the best epoch scored, not what the last one did."""
    pictures, texts, labels = drawn(90)
    model = DSCMR(**SMALL | {"max_epochs": 12}, encoder_lr=0.3, validation_fraction=0.3, early_stopping=3, **encoders())
    model.fit(pictures, texts, labels)
    scores = model.history_["validation_map"]
    assert model.best_epoch_ < len(scores) and scores.iloc[-1] != scores.max()
    pairs = Pairs(np.zeros((90, 1)), np.zeros((90, 1)))
    seed = check_random_state(0).randint(2**31, size=4)[0]
    held = clone(model).set_params(image_encoder=None, text_encoder=None)._split(pairs, encode_labels(labels), seed)
    rows = held.validation.rows
    image = model.encode_image([pictures[i] for i in rows])
    text = model.encode_text([texts[i] for i in rows])
    assert_allclose(cross_modal_map(image, text, labels[rows])["map"], scores.max(), atol=1e-6)


def test_thresholds_of_tags_are_those_of_the_trained_encoders():
    """They are chosen on scores of the validation rows, which a frozen encoder would give otherwise."""
    pictures, texts, labels = drawn(90)
    shared = SMALL | {"max_epochs": 6, "validation_fraction": 0.3}
    model = DSCMR(**shared, encoder_lr=0.1, **encoders()).fit(pictures, texts, labels)
    vectors = model._vectors(np.array(texts, object), "text")[:]
    features = ImageFeatures(model.image_encoder_, prepare=PadToSquare(8)).transform(pictures)
    seed = check_random_state(0).randint(2**31, size=4)[0]
    split = DSCMR(**shared)._split(Pairs(features, vectors), encode_labels(labels), seed)
    other = copy.deepcopy(model)
    other._finish(split)
    for name, expected in other.tag_thresholds_.items():
        assert_array_equal(model.tag_thresholds_[name], expected)


def test_equal_seeds_give_equal_fits_and_torchs_generator_is_not_moved():
    """Also where an encoder has dropout of torch, and whatever the number of threads."""
    pictures, texts, labels = drawn()
    own = encoders()
    own["image_encoder"].append(nn.Dropout(0.5))
    state = torch.random.get_rng_state()
    models = []
    for seed, threads in ((1, None), (2, 3)):
        torch.manual_seed(seed)
        state = torch.random.get_rng_state()
        models.append(DSCMR(**SMALL, n_jobs=threads, **own).fit(pictures, texts, labels))
        assert torch.equal(torch.random.get_rng_state(), state)
    assert_same_states(*models)


@pytest.mark.slow
def test_pretrained_texts_learn_from_what_the_encoder_makes_before_training():
    pictures, texts, labels = drawn()
    model = DAGNN(**SMALL, width=8, pretrain_text=True, **encoders()).fit(pictures, texts, labels)
    assert model.encode_text(texts).shape == (60, 4)


# Raw items of every kind.


def test_paths_and_arrays_are_the_same_images(paths):
    pictures, texts, labels = drawn()
    own = encoders()
    by_array = DSCMR(**SMALL, **own).fit(pictures, texts, labels)
    by_path = DSCMR(**SMALL, **own).fit(paths, texts, labels)
    assert_same_states(by_array, by_path)
    strings = pd.Series([str(path) for path in paths])
    assert_array_equal(by_path.encode_image(strings), by_array.encode_image([Image.fromarray(p) for p in pictures]))


def test_token_ids_need_no_transform():
    pictures, texts, labels = drawn()
    own = encoders()
    tokens = [own["text_encoder"].transform(text).tolist() for text in texts]
    plain = nn.EmbeddingBag(5, 5, mode="mean", padding_idx=0)
    plain.load_state_dict(own["text_encoder"].vectors.state_dict())
    model = DSCMR(**SMALL, **own).fit(pictures, texts, labels)
    other = DSCMR(**SMALL, **own | {"text_encoder": plain}).fit(pictures, tokens, labels)
    assert_array_equal(other.encode_text(tokens), model.encode_text(texts))


class Collated(Bag):
    """A bag whose batch is a dict, as of the tokenizers of transformers."""

    def collate(self, tokens):
        padded = nn.utils.rnn.pad_sequence(tokens, batch_first=True)
        return {"ids": padded, "weights": (padded > 0).float()}

    def forward(self, ids, weights):
        vectors = nn.functional.embedding(ids, self.vectors.weight)
        return (vectors * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)


def test_collate_may_make_a_dict():
    pictures, texts, labels = drawn()
    own = encoders()
    collated = Collated()
    collated.load_state_dict(own["text_encoder"].state_dict())
    model = DSCMR(**PLAIN, **own).fit(pictures, texts, labels)
    other = DSCMR(**PLAIN, **own | {"text_encoder": collated}).fit(pictures, texts, labels)
    assert_allclose(other.encode_text(texts), model.encode_text(texts), atol=1e-5)


def test_an_image_of_several_texts_is_encoded_once():
    pictures, texts, labels = drawn()
    own = encoders()
    seen = []
    usual = own["image_encoder"].transform
    own["image_encoder"].transform = lambda image: seen.append(1) or usual(image)
    index = np.arange(60) // 3
    pairs = Pairs(pictures[:20], texts, image_index=index)
    frozen = DSCMR(**SMALL, encoder_lr=0, **own).fit(pairs, labels)
    assert len(seen) == 20
    expected = DSCMR(**SMALL, encoder_lr=0, **own).fit([pictures[i] for i in index], texts, labels)
    assert_array_equal(frozen.encode_text(texts), expected.encode_text(texts))
    trained = DSCMR(**SMALL, **own).fit(pairs, labels)
    assert trained.encode_image(pairs).shape == (60, 4)


# What scikit-learn does with estimators.


def test_searches_and_clones():
    pictures, texts, labels = drawn()
    own = encoders()
    model = DSCMR(**SMALL, **own)
    assert clone(model).image_encoder is not own["image_encoder"]
    search = GridSearchCV(model, {"encoder_lr": [0.0, 0.05]}, cv=2).fit(Pairs(pictures, texts), labels)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.image_encoder_ is not None
    # A search has no effect on what it was given.
    assert own["image_encoder"][1].num_batches_tracked == 0


def test_a_fit_goes_on_with_the_encoders_of_the_last_one():
    pictures, texts, labels = drawn()
    own = encoders()
    model = DSCMR(**SMALL, warm_start=True, encoder_lr=0.05, **own).fit(pictures, texts, labels)
    first = copy.deepcopy(model)
    model.set_params(encoder_lr=0.0).fit(pictures, texts, labels)
    assert len(model.history_) == 4
    assert torch.equal(model.image_encoder_[0].weight, first.image_encoder_[0].weight)
    assert not torch.equal(model.network_.to_labels.weight, first.network_.to_labels.weight)
    model.set_params(encoder_lr=0.05).fit(pictures, texts, labels)
    assert not torch.equal(model.image_encoder_[0].weight, first.image_encoder_[0].weight)
    with pytest.raises(ValueError, match="another image_encoder would have no effect"):
        model.set_params(image_encoder=picture_network().apply(_zeroed)).fit(pictures, texts, labels)
    with pytest.raises(ValueError, match="image_encoder has other weights than that of the last fit"):
        model.set_params(image_encoder=picture_network(norm=False)).fit(pictures, texts, labels)


def _zeroed(module):
    for weight in module.parameters():
        nn.init.zeros_(weight)


def test_pickles_hold_the_encoders():
    pictures, texts, labels = drawn()
    model = DSCMR(**SMALL, **encoders()).fit(pictures, texts, labels)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.encode_image(pictures), model.encode_image(pictures))
    assert_array_equal(again.encode_text(texts), model.encode_text(texts))


# Reading ahead.


def test_a_broken_file_is_named_and_the_threads_end(paths):
    _, texts, labels = drawn()
    paths[41].write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"row 41 of image, .*41\.png"):
        DSCMR(**SMALL, n_jobs=3, **encoders()).fit(paths, texts, labels)
    assert readers() == []


def test_an_error_in_training_ends_the_threads_and_leaves_the_model_unfitted():
    pictures, texts, labels = drawn()
    own = encoders()
    usual = own["image_encoder"].transform
    seen = []

    def failing(image):
        seen.append(1)
        # The first 60 are looked at before training.
        if len(seen) > 100:
            raise OSError("the disk is gone")
        return usual(image)

    own["image_encoder"].transform = failing
    model = DSCMR(**SMALL, n_jobs=2, **own)
    with pytest.raises(OSError, match="the disk is gone") as caught:
        model.fit(pictures, texts, labels)
    assert "The transform of image_encoder was given row" in caught.value.__notes__[0]
    assert readers() == []
    assert not hasattr(model, "network_") and not hasattr(model, "image_encoder_")


def test_threads_end_where_a_step_fails(monkeypatch):
    """Although the error, which is still held, refers to the step and so to the batches that were read ahead."""
    pictures, texts, labels = drawn()

    def failing(self, outputs, batch):
        raise ArithmeticError("no such loss")

    monkeypatch.setattr(Objective, "terms", failing)
    with pytest.raises(ArithmeticError, match="no such loss") as caught:
        DSCMR(**SMALL, n_jobs=2, **encoders()).fit(pictures, texts, labels)
    assert caught.value.__traceback__ is not None
    assert readers() == []


def test_an_interrupt_ends_the_threads_and_keeps_the_best_epoch(monkeypatch):
    pictures, texts, labels = drawn()
    usual = Objective.terms
    seen = []

    def interrupted(self, outputs, batch):
        seen.append(1)
        if len(seen) == 10:
            raise KeyboardInterrupt
        return usual(self, outputs, batch)

    monkeypatch.setattr(Objective, "terms", interrupted)
    model = DSCMR(**SMALL | {"max_epochs": 50}, n_jobs=2, **encoders()).fit(pictures, texts, labels)
    assert len(model.history_) == 2
    assert readers() == []


@pytest.mark.parametrize("threads", [1, 4])
def test_few_batches_are_in_memory_together(threads):
    pictures, texts, labels = drawn(400)
    alive = weakref.WeakSet()
    most = []
    own = encoders()

    def collate(tensors):
        batch = torch.stack(tensors)
        alive.add(batch)
        most.append(len(alive))
        return batch

    own["image_encoder"].collate = collate
    DSCMR(**SMALL | {"batch_size": 8}, n_jobs=threads, **own).fit(pictures, texts, labels)
    # 13 batches before training, and 100 in it.
    assert len(most) == 113
    assert max(most) <= max(3, threads) + 2


# What is refused.


@pytest.mark.parametrize(
    ("changed", "image", "error"),
    [
        ({"image_encoder": nn.Flatten()}, None, "image_encoder has no attribute `transform`"),
        ({"text_encoder": nn.EmbeddingBag(5, 5)}, None, "text_encoder has no attribute `transform`"),
        ({"image_encoder": "vgg99"}, None, "image_encoder"),
        ({"encoder_lr": -1.0}, None, "encoder_lr"),
        ({}, np.zeros((60, 5)), "paths, PIL images, or arrays"),
        ({}, pd.DataFrame({"path": ["a"] * 60}), "pass one column"),
    ],
)
def test_what_cannot_be_encoded_is_refused(changed, image, error):
    pictures, texts, labels = drawn()
    with pytest.raises(ValueError, match=error):
        DSCMR(**SMALL | encoders() | changed).fit(pictures if image is None else image, texts, labels)


class OneNumber(nn.Module):
    transform = PadToSquare(8)

    def forward(self, images):
        return images.mean()


def test_an_encoder_must_return_vectors():
    pictures, texts, labels = drawn()
    with pytest.raises(TypeError, match=r"image_encoder returns a tensor of shape \(\); .* \(n, d\) is wanted"):
        DSCMR(**SMALL, **encoders() | {"image_encoder": OneNumber()}).fit(pictures, texts, labels)


def test_tensors_of_different_shapes_are_refused():
    pictures, texts, labels = drawn()
    own = encoders()
    own["image_encoder"].transform = lambda image: torch.from_numpy(np.asarray(image).transpose(2, 0, 1) / 255.0)
    with pytest.raises(ValueError, match="make all of one shape"):
        DSCMR(**SMALL, **own).fit(pictures, texts, labels)


# A network by its name.


@pytest.mark.slow
def test_a_network_by_its_name_is_that_of_image_features():
    pytest.importorskip("efficientnet_lite_pytorch")
    pictures, texts, labels = drawn(12)
    shared = SMALL | {"batch_size": 6, "max_epochs": 1, "text_encoder": Bag()}
    frozen = DSCMR(**shared, image_encoder="efficientnet_lite0", encoder_lr=0.0).fit(pictures, texts, labels)
    assert frozen.n_features_["image"] == 1280
    features = ImageFeatures("efficientnet_lite0").transform(pictures)
    assert_array_equal(frozen._vectors(np.array(pictures, object), "image")[:], features)
    tuned = DSCMR(**shared, image_encoder="efficientnet_lite0", encoder_lr=0.01).fit(pictures, texts, labels)
    before = frozen.image_encoder_.network._conv_stem.weight
    assert not torch.equal(tuned.image_encoder_.network._conv_stem.weight, before)
