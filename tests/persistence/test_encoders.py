"""Models whose encoders were trained with them, as folders."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import skxmr
from skxmr import DSCMR
from skxmr.features import PadToSquare
from tests.deep.drawn import Bag, drawn, encoders, picture_network
from tests.persistence.foreign import Net

SMALL = {"n_components": 4, "hidden": 8, "max_epochs": 1, "batch_size": 16, "random_state": 0, "device": "cpu"}


def fitted(image_encoder, **given):
    pictures, _, labels = drawn()
    model = DSCMR(**SMALL | given, image_encoder=image_encoder, encoder_lr=0.05)
    return model.fit(pictures, labels.astype(float), labels)


def foreign_network():
    torch.manual_seed(0)
    network = Net(5)
    network.transform = PadToSquare(8)
    return network


def test_a_model_with_encoders_opens_as_it_was_saved(tmp_path):
    """Layers of torch and preparations of the library need no trust; texts and images embed bit for bit as before."""
    pictures, _, labels = drawn()
    model = fitted(picture_network())
    skxmr.save(model, tmp_path)
    again = skxmr.load(tmp_path)
    assert_array_equal(again.encode_image(pictures), model.encode_image(pictures))
    assert again.image_encoder.transform == PadToSquare(8)
    assert torch.equal(again.image_encoder[0].weight, model.image_encoder[0].weight)
    # It can be fitted anew and continued, with an encoder that learns.
    refitted = again.fit(pictures, labels.astype(float), labels)
    assert_array_equal(refitted.encode_image(pictures), model.encode_image(pictures))
    continued = skxmr.load(tmp_path).set_params(warm_start=True).fit(pictures, labels.astype(float), labels)
    assert len(continued.history_) == 2
    assert not torch.equal(continued.image_encoder_[0].weight, model.image_encoder_[0].weight)


def test_layers_and_transforms_of_others_must_be_trusted(tmp_path):
    pictures, texts, labels = drawn()
    own = encoders() | {"image_encoder": foreign_network()}
    model = DSCMR(**SMALL, **own).fit(pictures, texts, labels)
    skxmr.save(model, tmp_path)
    with pytest.raises(TypeError, match=r"tests\.persistence\.foreign\.Net"):
        skxmr.load(tmp_path)
    with pytest.raises(TypeError, match=r"tests\.deep\.drawn\.Bag"):
        skxmr.load(tmp_path, trusted=[Net])
    again = skxmr.load(tmp_path, trusted=[Bag, Net])
    assert_array_equal(again.encode_image(pictures), model.encode_image(pictures))
    assert_array_equal(again.encode_text(texts), model.encode_text(texts))


def test_a_transform_that_would_not_be_found_again_is_refused(tmp_path):
    network = picture_network()
    usual = PadToSquare(8)
    network.transform = lambda image: usual(image)
    with pytest.raises(TypeError, match="define it in a module that can be imported"):
        skxmr.save(fitted(network), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_onnx_files_take_features_only(tmp_path):
    pytest.importorskip("onnxscript")
    with pytest.raises(TypeError, match="image_encoder_, and export_onnx writes networks of features"):
        skxmr.export_onnx(fitted(picture_network()), tmp_path)


@pytest.mark.slow
def test_a_network_by_its_name_is_saved_without_its_code(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    from skxmr.features.encoders import named_encoder

    pictures, _, labels = drawn(12)
    for given in ("efficientnet_lite0", named_encoder("efficientnet_lite0")):
        if not isinstance(given, str):
            given.transform = PadToSquare(32)
        model = DSCMR(**SMALL | {"batch_size": 6}, image_encoder=given, encoder_lr=0.01)
        model.fit(pictures, labels.astype(float), labels)
        skxmr.save(model, tmp_path)
        again = skxmr.load(tmp_path)
        assert again.image_encoder_.transform.side == (224 if isinstance(given, str) else 32)
        assert_array_equal(again.encode_image(pictures), model.encode_image(pictures))
        assert np.isfinite(again.encode_image(pictures)).all()
